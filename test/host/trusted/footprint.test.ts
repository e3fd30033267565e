import assert from "node:assert/strict";
import { afterEach, suite, test } from "node:test";
import { createModelServer } from "../../fake/modelServer.ts";
import { answerBy, closeAll, configure, openBelow } from "../editor.ts";
import { settledPredictor, wakePredictor } from "../predictorStatistics.ts";
import { ghostText, hasUi, type, waitUntil } from "../ui.ts";

suite("low memory", () => {
  afterEach(async () => {
    await configure({ lowMemory: undefined });
    await closeAll();
  });

  test("the mode takes effect at once, forgets no file, and ends with the setting", { skip: !hasUi }, async () => {
    await wakePredictor();
    const before = await settledPredictor();
    const files = before.get("Files");
    assert.match(before.get("Memory") ?? "", /of at most 256 MB/);
    await configure({ lowMemory: "on" });
    await wakePredictor();
    assert.match((await settledPredictor(files)).get("Memory") ?? "", /of at most 64 MB/);
    await configure({ lowMemory: undefined });
    await wakePredictor();
    assert.match((await settledPredictor(files)).get("Memory") ?? "", /of at most 256 MB/);
  });

  test("ghost text comes as ever, but the prompts tell of no other file", { skip: !hasUi }, async () => {
    const prompts: string[] = [];
    const server = await createModelServer({
      complete({ json }) {
        prompts.push(JSON.stringify(json));
        return "invoiceTotal(42);";
      },
    });
    const promptsFor = async (lowMemory: string, line: string) => {
      await configure({ lowMemory });
      await openBelow("src/invoices.ts", 1);
      prompts.length = 0;
      await type(line, { delayMs: 60 });
      await waitUntil("ghost text", ghostText);
      await closeAll();
      return prompts.join("\n");
    };
    try {
      await answerBy(server.url);
      // What the file imports is read beside everything else, and told of by the next prompt at the latest.
      await waitUntil("a prompt with another file", async () =>
        (await promptsFor("off", "const paid = ")).includes("src/types.ts"),
      );
      assert.doesNotMatch(await promptsFor("on", "const unpaid = "), /src\/types\.ts/);
    } finally {
      await answerBy(undefined);
      await server.close();
    }
  });
});

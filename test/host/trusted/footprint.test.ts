import assert from "node:assert/strict";
import { afterEach, suite, test } from "node:test";
import * as vscode from "vscode";
import { createModelServer } from "../../fake/modelServer.ts";
import { answerBy, closeAll, configure, openBelow, openTabs } from "../editor.ts";
import { ghostText, hasUi, press, type, waitUntil } from "../ui.ts";

/** The rows of the predictor's statistics, once it has read everything and has `files` of them, if told. */
const settled = (files?: string) =>
  waitUntil(
    `the predictor to have read ${files ?? "all"} files`,
    async () => {
      await vscode.commands.executeCommand("hotpath.showPredictorStatistics");
      const tab = await waitUntil("the statistics", () =>
        openTabs().find(({ label }) => label.includes("Predictor statistics")),
      );
      assert.ok(tab);
      const document = vscode.workspace.textDocuments.findLast(({ uri }) => uri.scheme === "hotpath-answer");
      const rows = document?.getText().matchAll(/^\| ([^|]+) \| ([^|]+) \|$/gm) ?? [];
      await vscode.window.tabGroups.close(tab);
      const facts = new Map([...rows].map(([, name, value]) => [name!, value!]));
      const now = facts.get("Files");
      return facts.get("State") === "up to date" && now !== "0" && (files ?? now) === now ? facts : undefined;
    },
    { timeoutMs: 60_000 },
  );

/** A sign of a person: the cursor moves by the keyboard. */
const wake = async () => {
  await openBelow("src/products.ts", 1);
  await press("ArrowUp");
};

suite("low memory", () => {
  afterEach(async () => {
    await configure({ lowMemory: undefined });
    await closeAll();
  });

  test("the mode takes effect at once, forgets no file, and ends with the setting", { skip: !hasUi }, async () => {
    await wake();
    const before = await settled();
    const files = before.get("Files");
    assert.match(before.get("Memory") ?? "", /of at most 256 MB/);
    await configure({ lowMemory: "on" });
    await wake();
    assert.match((await settled(files)).get("Memory") ?? "", /of at most 64 MB/);
    await configure({ lowMemory: undefined });
    await wake();
    assert.match((await settled(files)).get("Memory") ?? "", /of at most 256 MB/);
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

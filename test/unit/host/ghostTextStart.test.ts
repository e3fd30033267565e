import assert from "node:assert/strict";
import { test } from "node:test";
import type { InlineCompletionItemProvider, TextDocument } from "vscode";
import { silentLog } from "../../../src/base/log.ts";
import type { GhostTextAnswers } from "../../../src/host/ghostText.ts";
import { createDocument, hands, Uri } from "../../fake/vscodeEditors.ts";

const { startGhostText } = await import("../../../src/host/ghostTextStart.ts");

const document = createDocument(Uri.file("/shop/a.ts"), "") as unknown as TextDocument;
const ask = () => {
  const provider = hands.inlineCompletions() as InlineCompletionItemProvider;
  return provider.provideInlineCompletionItems(document, {} as never, {} as never, {} as never);
};

const setUp = (options: { isEnabled?: boolean; failures?: number } = {}) => {
  const counts = { loads: 0, questions: 0, disposals: 0, again: 0 };
  const errors: string[] = [];
  const answers: GhostTextAnswers = {
    provider: {
      provideInlineCompletionItems() {
        counts.questions++;
        return [];
      },
    },
    showAgain: () => void counts.again++,
    dispose: () => void counts.disposals++,
  };
  const ghostText = startGhostText({
    async load() {
      counts.loads++;
      if (counts.loads <= (options.failures ?? 0)) throw new Error("no such chunk");
      return answers;
    },
    isEnabled: () => options.isEnabled ?? true,
    log: { ...silentLog, error: (message: string) => void errors.push(message) },
  });
  return { ghostText, counts, errors };
};

test("ghost text is loaded once, by the first questions, and every question is answered", async () => {
  const { ghostText, counts } = setUp();
  ghostText.showAgain({} as never);
  assert.deepEqual(counts, { loads: 0, questions: 0, disposals: 0, again: 0 });
  assert.deepEqual(await Promise.all([ask(), ask()]), [[], []]);
  assert.deepEqual(await ask(), []);
  ghostText.showAgain({} as never);
  ghostText.dispose();
  assert.deepEqual(counts, { loads: 1, questions: 3, disposals: 1, again: 1 });
});

test("where ghost text is off nothing is loaded", async () => {
  const { counts } = setUp({ isEnabled: false });
  assert.equal(await ask(), undefined);
  assert.equal(counts.loads, 0);
});

test("what could not be loaded is told in the log, not to VS Code, and tried again", async () => {
  const { counts, errors } = setUp({ failures: 1 });
  assert.equal(await ask(), undefined);
  assert.deepEqual(errors, ["No ghost text: no such chunk"]);
  assert.deepEqual(await ask(), []);
  assert.equal(counts.questions, 1);
});

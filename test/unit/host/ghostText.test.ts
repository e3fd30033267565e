import assert from "node:assert/strict";
import { test } from "node:test";
import type { Position, TextDocument } from "vscode";
import type { CompletionEngine } from "../../../src/completion/engine.ts";
import { silentLog } from "../../../src/base/log.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { EndOfLine, InlineCompletionTriggerKind, Uri } from "../../fake/vscodeEditors.ts";

const { registerGhostText } = await import("../../../src/host/ghostText.ts");

test("an answer that an edit has overtaken is neither given nor counted, though VS Code has not cancelled yet", async () => {
  const clock = createFakeClock();
  const suggestion = { insertText: "two();", replaceAfter: 0, source: "network", origin: "network" } as const;
  const state = { version: 1, lines: ["one();", ""] };
  const document = {
    uri: Uri.file("/shop/a.ts"),
    languageId: "typescript",
    eol: EndOfLine.LF,
    get version() {
      return state.version;
    },
    get lineCount() {
      return state.lines.length;
    },
    lineAt(line: number) {
      const text = state.lines[line];
      if (text === undefined) throw new Error("Illegal value for `line`");
      return { text, range: { end: { line, character: text.length } } };
    },
    offsetAt: ({ line, character }: Position) =>
      state.lines.slice(0, line).reduce((sum, text) => sum + text.length + 1, 0) + character,
    getText: () => state.lines.join("\n"),
  } as unknown as TextDocument;
  const errors: string[] = [];
  const ghostText = registerGhostText({
    engine: () =>
      Promise.resolve({
        suggest() {
          state.lines = ["one();"];
          state.version++;
          return Promise.resolve(suggestion);
        },
      } as unknown as CompletionEngine),
    acceptance: {
      isRest: () => assert.fail("nothing is shown"),
      shown: () => assert.fail("nothing is shown"),
    } as never,
    clock,
    ledger: createLedger({ clock }),
    isEnabled: () => true,
    showDelayMs: () => 0,
    log: { ...silentLog, error: (message: string) => void errors.push(message) },
  });
  const answer = await ghostText.provider.provideInlineCompletionItems(
    document,
    { line: 1, character: 0 } as Position,
    { triggerKind: InlineCompletionTriggerKind.Automatic, selectedCompletionInfo: undefined },
    {
      isCancellationRequested: false,
      onCancellationRequested: () => ({ dispose() {} }),
    },
  );
  assert.equal(answer, undefined);
  assert.deepEqual(errors, []);
  ghostText.dispose();
});

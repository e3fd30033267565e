import assert from "node:assert/strict";
import { test } from "node:test";
import { filterCompletion } from "../../../src/completion/filters.ts";

/**
 * One golden case: its name; the document, the cursor as ‸; what was proposed; the document after accepting, inserted
 * text between ⟦ and ⟧, what it overwrites struck out as ~x~, undefined for nothing shown. More than one line may be
 * shown when nothing follows the cursor on its line, as in the editor.
 */
export type GoldenCase = readonly [name: string, document: string, text: string, shown: string | undefined];

export const testGolden = (languageId: string, cases: readonly GoldenCase[]): void => {
  for (const [name, document, text, shown] of cases) {
    test(`${languageId}: ${name}`, () => {
      const [prefix, suffix] = document.split("‸") as [string, string];
      const multiline = /^[^\S\n]*(?:\r?\n|$)/.test(suffix);
      const result = filterCompletion({ prefix, suffix, text, languageId, multiline });
      const struck = result && suffix.slice(0, result.replaceAfter);
      const actual =
        result && `${prefix}⟦${result.insertText}⟧${struck && `~${struck}~`}${suffix.slice(result.replaceAfter)}`;
      assert.equal(actual, shown);
    });
  }
};

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSpelling } from "../../../src/assistant/spelling.ts";

const spelling = createSpelling(["explain", "review", "preview", "cover", "tests", "fix"], 5);

const rows: readonly (readonly [word: string, expected: string | undefined, why: string])[] = [
  ["explain", "explain", "a known word is itself"],
  ["exlpain", "explain", "two letters swapped"],
  ["eplain", "explain", "a letter missing"],
  ["expplain", "explain", "a letter added"],
  ["explaim", "explain", "a wrong letter"],
  ["preview", "preview", "a known word is not mended into another"],
  ["explains", undefined, "another form of a word is no slip"],
  ["hover", undefined, "short words are as near to others"],
  ["covre", "cover", "but swapped letters are a slip"],
  ["fxi", undefined, "too short to tell"],
  ["eplian", undefined, "two slips"],
  ["qreview", undefined, "two known words are as near"],
];
for (const [word, expected, why] of rows) {
  test(`${word}: ${why}`, () => assert.equal(spelling.correct(word), expected));
}

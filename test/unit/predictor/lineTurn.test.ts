import assert from "node:assert/strict";
import { test } from "node:test";
import { turnedLine, unwrittenUnits } from "../../../src/predictor/lineTurn.ts";
import { firstBreakId } from "../../../src/predictor/vocabulary.ts";

const [same, further, back] = [0, 1, 2].map((kind) => (firstBreakId + kind) << 2) as [number, number, number];
const blank = 3 << 2;

test("a line that is indented like the one above", () => {
  assert.equal(turnedLine("if (a) {\n  b();", same), "\n  ");
  assert.equal(turnedLine("a();", same + blank), "\n\n");
});

test("a line one step further in, in the way of the lines above", () => {
  assert.equal(turnedLine("if (a) {\n    b();\n}\nif (c) {", further), "\n    ");
  assert.equal(turnedLine("if (a) {\n\tb();\n}\n\tif (c) {", further), "\n\t\t");
  assert.equal(turnedLine("/**\n * a\n * b\n */\nif (a) {\n  b();\n}\nif (c) {", further), "\n  ");
});

test("a line further out ends on a level that is there", () => {
  assert.equal(turnedLine("if (a) {\n  for (;;) {\n    b();", back), "\n  ");
  assert.equal(turnedLine("if (a) {\n  b();", back), "\n");
});

test("nothing is known of a step that nobody has made, or further out than the margin", () => {
  assert.equal(turnedLine("a = {", further), undefined);
  assert.equal(turnedLine("a();", back), undefined);
  assert.equal(turnedLine("a();\n  ", same), undefined);
});

/** What of `text` is not written below. */
const unwritten = (text: string, suffix: string): string => text.slice(0, unwrittenUnits(text, suffix));

test("a second line that begins as the one below is written already, the first one is not", () => {
  assert.equal(unwritten("\n  if (x === undefined) return;", "\n  if (x === null) return;\n"), "");
  assert.equal(unwritten(" = 1;\nlet b", "\n\nlet c = 3;"), " = 1;");
  for (const [text, suffix] of [
    ["\n  if (x) return;", "\n    if (x) return;\n"],
    ["\n  use(x);", "\n  if (x) return;\n"],
    [" = 1;", "\n = 2;"],
    ["\n}", ""],
  ] as const)
    assert.equal(unwritten(text, suffix), text);
});

test("a comment that begins as the one below is written already as far as it is the same", () => {
  const below = "\n * @param name of it\n";
  assert.equal(unwritten(" of that.\n * @param name", below), " of that.");
  assert.equal(unwritten("\n//", "\n// The same\n"), "\n//");
  assert.equal(unwritten("\n// The same", "\n// The same line\n"), "");
  for (const text of ["\n *", "\n * @param size", "\n * @returns"]) assert.equal(unwritten(text, below), text);
});

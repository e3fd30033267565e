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

test("the line below the beginning of a comment stands one blank further in", () => {
  assert.equal(turnedLine("if (a) {\n  b();\n  /**", further), "\n   ");
  assert.equal(turnedLine("if (a) {\n  b();\n  /** That. */", further), "\n    ");
});

test("a second line that the line below begins with is written already, the first one is not", () => {
  assert.equal(unwritten("\n  if (x", "\n  if (x === null) return;\n"), "");
  assert.equal(unwritten(" = 1;\nlet b", "\n\nlet b = 3;"), " = 1;");
  assert.equal(unwritten("\n}", "\n}"), "");
  for (const [text, suffix] of [
    ["\n  if (x) return;", "\n    if (x) return;\n"],
    ["\n  if (x === undefined", "\n  if (x === null) return;\n"],
    [" = 1;", "\n = 2;"],
    ["\n}", ""],
    ["\n * @param size", "\n * @param name of it\n"],
    ["\n *", "\n * @param name of it\n"],
    ["\n  //", "\n  // The same\n"],
  ] as const)
    assert.equal(unwritten(text, suffix), text);
});

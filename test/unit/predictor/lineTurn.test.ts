import assert from "node:assert/strict";
import { test } from "node:test";
import { isWrittenBelow, turnedLine } from "../../../src/predictor/lineTurn.ts";
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

test("a second line that begins as the one below is written already", () => {
  assert.equal(isWrittenBelow("\n  if (x === undefined) return;", "\n  if (x === null) return;\n"), true);
  assert.equal(isWrittenBelow(" = 1;\nlet b", "\n\nlet c = 3;"), true);
  assert.equal(isWrittenBelow("\n  if (x) return;", "\n    if (x) return;\n"), false);
  assert.equal(isWrittenBelow("\n  use(x);", "\n  if (x) return;\n"), false);
  assert.equal(isWrittenBelow(" = 1;", "\n = 2;"), false);
  assert.equal(isWrittenBelow("\n}", ""), false);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSiblingLines, mostSiblings } from "../../../src/predictor/siblingLines.ts";
import { createTokenBuffer, createVocabulary } from "../../../src/predictor/vocabulary.ts";

/** The texts that begin the lines beside the last one of `text`, which holds its indentation only. */
const beside = (text: string): string[] => {
  const vocabulary = createVocabulary();
  vocabulary.tokenize(text, 0, text.length, true, createTokenBuffer());
  const lineStart = text.lastIndexOf("\n") + 1;
  const ids = createSiblingLines(vocabulary).find(text, lineStart, text.length - lineStart);
  return ids.map((id) => vocabulary.textOf(id));
};

test("finds the lines that are as far in, the nearest first, over deeper and blank ones", () => {
  assert.deepEqual(beside("a();\nif (b) {\n  c();\n\n  d();\n}\n\ne();\n"), ["e", "if", "a"]);
  assert.deepEqual(beside("\ta();\n\tb();\n\t"), ["b", "a"]);
});

test("the head of the block ends the search", () => {
  assert.deepEqual(beside("x {\n  before();\n}\ny {\n  a();\n  b();\n  "), ["b", "a"]);
  assert.deepEqual(beside("x {\n  a();\n    "), []);
  assert.deepEqual(beside(""), []);
});

test("closing brackets stand beside nothing", () => {
  assert.deepEqual(beside("a {\n  b();\n}\n[c].d();\n]\n)\n"), ["[", "a"]);
});

test("finds a few lines of many", () => {
  assert.equal(beside("a();\n".repeat(50)).length, mostSiblings);
});

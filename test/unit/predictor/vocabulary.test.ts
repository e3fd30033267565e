import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createTokenBuffer,
  createVocabulary,
  gapText,
  isBreak,
  lastTokenStart,
  tokenGap,
  tokenId,
  unknownId,
} from "../../../src/predictor/vocabulary.ts";
import { createRandom, randomNoise } from "./randomText.ts";

const read = (text: string): string[] => {
  const vocabulary = createVocabulary();
  const buffer = createTokenBuffer();
  vocabulary.tokenize(text, 0, text.length, true, buffer);
  return Array.from(buffer.tokens.subarray(0, buffer.length), (token) =>
    isBreak(token) ? "\n" : `${gapText[tokenGap(token)] ?? "  "}${vocabulary.textOf(tokenId(token))}`,
  );
};

test("cuts text into parts of identifiers, runs and signs", () => {
  for (const [text, tokens] of [
    ["getFooBar", ["get", "Foo", "Bar"]],
    ["foo_bar2 FOO_BAR", ["foo", "_bar2", " FOO", "_BAR"]],
    ["a === b.c()", ["a", " ===", " b", ".", "c", "(", ")"]],
    ["a\t:=  1", ["a", "\t:", "=", "  1"]],
    ["naïve😀", ["naïve😀"]],
  ] as const) {
    assert.deepEqual(read(text), ["\n", ...tokens], text);
  }
});

test("leaves out blank lines and line ends of any kind", () => {
  assert.deepEqual(read("a\r\n\r\n  b  \n\n\nc"), ["\n", "a", "\n", "b", "\n", "c"]);
});

test("never cuts a surrogate pair", () => {
  const random = createRandom(6);
  for (let round = 0; round < 200; round++) {
    const text = randomNoise(random, 60).toWellFormed();
    for (const token of read(text)) assert.ok(token.isWellFormed());
  }
});

test("finds the token that a cursor stands in", () => {
  for (const [text, typed] of [
    ["foo(bar", "bar"],
    ["foo(", "("],
    ["foo ", ""],
    ["", ""],
    ["getFo", "Fo"],
    ["x ==", "=="],
  ] as const) {
    assert.equal(text.slice(lastTokenStart(text, 0, text.length)), typed);
  }
});

test("forgets a word with its last use and gives its number away again", () => {
  const vocabulary = createVocabulary();
  const buffer = createTokenBuffer();
  vocabulary.tokenize("word", 0, 4, true, buffer);
  const id = tokenId(buffer.tokens[1]!);
  vocabulary.retain(id);
  vocabulary.retain(id);
  vocabulary.release(id);
  assert.equal(vocabulary.textOf(id), "word");
  vocabulary.release(id);
  assert.equal(vocabulary.textOf(id), "");
  vocabulary.tokenize("word", 0, 4, false, buffer);
  assert.equal(tokenId(buffer.tokens[1]!), unknownId);
  vocabulary.tokenize("other", 0, 5, true, buffer);
  assert.equal(tokenId(buffer.tokens[1]!), id);
});

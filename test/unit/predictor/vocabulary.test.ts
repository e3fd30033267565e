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

test("tells how a word starts", () => {
  const vocabulary = createVocabulary();
  const buffer = createTokenBuffer();
  const line = "( if for";
  vocabulary.tokenize(line, 0, line.length, true, buffer);
  const starts = Array.from(buffer.tokens.subarray(0, buffer.length), (token) => {
    const start = vocabulary.starts()[tokenId(token)]!;
    return [String.fromCharCode(start & 0xffff), String.fromCharCode(start >>> 16)];
  });
  assert.deepEqual(starts, [
    ["\0", "\0"],
    ["(", "\0"],
    ["i", "\0"],
    ["f", "o"],
  ]);
});

test("knows a sign again only as long as it is in use", () => {
  const vocabulary = createVocabulary();
  const buffer = createTokenBuffer();
  const idOf = (text: string, learn: boolean): number => {
    vocabulary.tokenize(text, 0, text.length, learn, buffer);
    return tokenId(buffer.tokens[1]!);
  };
  const id = idOf("(", true);
  vocabulary.retain(id);
  assert.equal(idOf("(", false), id);
  vocabulary.release(id);
  assert.equal(idOf("(", false), unknownId);
  assert.equal(idOf("word", true), id);
});

test("has room for as many tokens as there are characters", () => {
  const vocabulary = createVocabulary();
  const buffer = createTokenBuffer();
  const signs = ";(".repeat(4000);
  vocabulary.tokenize(signs, 0, signs.length, true, buffer);
  assert.equal(buffer.length, signs.length + 1);
  assert.equal(vocabulary.textOf(tokenId(buffer.tokens[buffer.length - 1]!)), "(");
  vocabulary.tokenize(`${signs}\n`, 0, signs.length + 1, false, buffer);
  assert.equal(buffer.length, signs.length + 2);
  assert.ok(isBreak(buffer.tokens[buffer.length - 1]!));
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

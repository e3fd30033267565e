import assert from "node:assert/strict";
import { test } from "node:test";
import { createCandidate, createSituation } from "../../../src/predictor/features.ts";
import { createSurroundings } from "../../../src/predictor/surroundings.ts";
import { createTokenBuffer, createVocabulary, gap, tokenId } from "../../../src/predictor/vocabulary.ts";

/** What is described, besides the text's own words. */
const signs = '( [ ) ] } . " // / # * unused\n';

const setUp = (before: string) => {
  const vocabulary = createVocabulary();
  const buffer = createTokenBuffer();
  vocabulary.tokenize(`${before}\n${signs}`, 0, before.length + 1 + signs.length, true, buffer);
  const tokenOf = (word: string): number => {
    vocabulary.tokenize(word, 0, word.length, false, buffer);
    return buffer.tokens[1]!;
  };
  const surroundings = createSurroundings(vocabulary);
  const begin = (text: string): void => {
    vocabulary.tokenize(text, 0, text.length, false, buffer);
    surroundings.begin(buffer.tokens, buffer.length);
  };
  begin(before);
  return {
    surroundings,
    begin,
    tokenOf,
    place: (typed?: string) => {
      const facts = createSituation();
      surroundings.describePlace(typed === undefined ? 0 : tokenOf(typed), facts);
      return facts;
    },
    token: (word: string, typed?: string) => {
      const facts = createCandidate();
      surroundings.describe(tokenOf(word), typed === undefined ? 0 : tokenOf(typed), facts);
      return facts;
    },
    wordsInUse: (half = "", typed?: string) =>
      surroundings
        .wordsInUse(half, typed === undefined ? 0 : tokenOf(typed), gap.none)
        .map((id) => vocabulary.textOf(tokenId(id << 2))),
  };
};

test("tells which bracket is due, and how many the line has opened", () => {
  const { place, token } = setUp("call({\n  list: [one(");
  assert.deepEqual([token(")").closing, token("]").closing, token("}").closing], [1, -1, -1]);
  assert.equal(place().openOnLine, 2);
  assert.equal(setUp("call(one)").place().isOpen, false);
});

test("tells how long ago a word stood, how often, and between what", () => {
  const { token } = setUp("const item = make(item.size);\nother = ");
  const { distance, recentCount, stoodBeforeDot, stoodBehindWord } = token("item");
  assert.deepEqual([distance, recentCount, stoodBeforeDot, stoodBehindWord], [8, 2, true, false]);
  assert.equal(token("unused").distance, 0);
});

test("remembers nothing of an earlier text", () => {
  const { begin, place, token } = setUp('item(\n// "item');
  assert.equal(place().isInComment, true);
  begin("other = ");
  assert.deepEqual([token("item").distance, token("item").recentCount], [0, 0]);
  assert.deepEqual([place().isOpen, place().isInQuotes, place().isInComment], [false, false, false]);
});

test("tells where a line begins how the last one ended, and what lines began with", () => {
  const { place, token } = setUp("add(1);\nadd(2);\nif (a) {\n  ");
  const { turn, isBlank, lastSort, lineEndSort } = place();
  assert.deepEqual([turn, isBlank, lastSort], ["in", false, 0]);
  assert.equal(lineEndSort, setUp("x = {").place().lastSort);
  assert.deepEqual([token("add").beganLines, token("add").beganLast, token("if").beganLast], [2, false, true]);
});

test("names the words in use, those that began lines first where a line begins, and those that go on from what is typed", () => {
  assert.deepEqual(setUp("first(arg);\nsecond(first, more);\n").wordsInUse(), ["second", "first", "more", "arg"]);
  assert.deepEqual(setUp("first(arg);\nsecond(more) + ").wordsInUse(), ["more", "second", "arg", "first"]);
  assert.deepEqual(setUp("total(totals, other, tot").wordsInUse("tot"), ["totals", "total"]);
});

test("tells which words begin the lines beside the one that begins, and names them first, until it has begun", () => {
  const { surroundings, place, token, tokenOf, wordsInUse } = setUp("add(1);\nadd(2);\nif (a) {\n");
  surroundings.beginLine([tokenOf("if"), tokenOf("add"), tokenOf("add")].map(tokenId));
  assert.equal(place().siblings, 3);
  const { beganSiblings, beganNearest } = token("add");
  assert.deepEqual([beganSiblings, beganNearest, token("if").beganNearest], [2, false, true]);
  assert.deepEqual(wordsInUse().slice(0, 2), ["if", "add"]);
  surroundings.push(tokenOf("a"));
  assert.deepEqual([place().siblings, token("add").beganSiblings], [0, 0]);
});

test("names no words where the last one goes on", () => {
  assert.deepEqual(setUp("first(arg);\nget").wordsInUse(), []);
});

test("counts the bracket or quote that was just typed", () => {
  const { place, token } = setUp("call(one");
  const facts = ({ openOnLine, isOpen, isInQuotes }: ReturnType<typeof place>) => [openOnLine, isOpen, isInQuotes];
  assert.deepEqual(facts(place()), [1, true, false]);
  assert.deepEqual(facts(place("[")), [2, true, false]);
  assert.deepEqual(facts(place(")")), [0, false, false]);
  assert.deepEqual(facts(place('"')), [1, true, true]);
  assert.deepEqual([token("]", "[").closing, token(")", "[").closing, token(")", ")").closing], [1, -1, -1]);
  assert.equal(setUp("first([").token(")", "]").closing, 1);
  assert.equal(setUp("one)").place(")").openOnLine, 0);
});

const isInComment = (text: string, typed?: string): boolean => setUp(text).place(typed).isInComment;

test("tells a comment from a directive, an attribute, a private name and a pointer", () => {
  for (const text of ["// one", "x = 1 # one", "# one", " * one", "/* one", "/** one", "a * b // one", "// #one"])
    assert.equal(isInComment(text), true, text);
  for (const text of [
    "#include",
    "#[derive",
    "this.#name",
    'x = "# one',
    "*pointer = ",
    "a * b",
    "a / b",
    "/* one */ two",
    " */",
  ])
    assert.equal(isInComment(text), false, text);
  assert.equal(isInComment("x = 1 ", "//"), true);
  assert.equal(isInComment("/", "*"), true);
  assert.equal(isInComment("x /", "/"), false);
});

test("takes a star for a comment's by where it stands, wherever the cursor is", () => {
  assert.equal(setUp(" *").place().lastSort, setUp("//").place().lastSort);
  assert.notEqual(setUp("a *").place().lastSort, setUp("//").place().lastSort);
  const sorts = ["x", "x *", "x * y"].map((text) => setUp(text).token("*").sort);
  assert.deepEqual(new Set(sorts), new Set([setUp("a *").place().lastSort]));
  assert.equal(setUp("a\n").token("*").sort, setUp("//").place().lastSort);
});

test("names the words in use behind a sign that was typed, and those that began lines only where a line begins", () => {
  assert.deepEqual(setUp("first(arg);\nsecond").wordsInUse("", "("), ["second", "arg", "first"]);
  assert.deepEqual(setUp("first(arg);\n").wordsInUse("", "["), ["arg", "first"]);
});

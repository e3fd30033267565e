import assert from "node:assert/strict";
import { test } from "node:test";
import { stemOf } from "../../../src/tools/stem.ts";
import { createWords, cutIntoWords, entityKinds, maxWordsPerText } from "../../../src/tools/words.ts";

const wordsOf = (text: string, maxUnits = 10_000): string[] => {
  const words = createWords();
  cutIntoWords(words, text, maxUnits);
  return Array.from({ length: words.count }, (_, at) => text.slice(words.starts[at], words.ends[at]));
};

const entitiesOf = (text: string): number => {
  const words = createWords();
  cutIntoWords(words, text, 10_000);
  return words.entities;
};

const quotedOf = (text: string): string[] => {
  const words = createWords();
  cutIntoWords(words, text, 1_000);
  return wordsOf(text).filter((_, at) => words.quoted[at] === 1);
};

test("names are cut at underscores, at capitals and between letters and digits", () => {
  assert.deepEqual(wordsOf("get_user-name"), ["get", "user", "name"]);
  assert.deepEqual(wordsOf("parseURLPath"), ["parse", "URL", "Path"]);
  assert.deepEqual(wordsOf("listURLs of v12beta"), ["list", "URLs", "of", "v", "12", "beta"]);
  assert.deepEqual(wordsOf("HTTP"), ["HTTP"]);
  assert.deepEqual(wordsOf(""), []);
  assert.deepEqual(wordsOf(" .,-"), []);
});

test("accents belong to words, and scripts without spaces give pairs of characters", () => {
  assert.deepEqual(wordsOf("Überprüfe das Café"), ["Überprüfe", "das", "Café"]);
  assert.deepEqual(wordsOf("查询天气 now"), ["查询", "询天", "天气", "now"]);
  assert.deepEqual(wordsOf("天"), ["天"]);
  assert.deepEqual(wordsOf("파일 삭제"), ["파일", "삭제"]);
  assert.deepEqual(wordsOf("a😀b"), ["a", "b"]);
});

test("the same word has the same hash whatever its case and place, and other words have others", () => {
  const hashes = new Map<string, string>();
  const words = createWords();
  const texts = ["Read file", "read FILE äß", "ÄSS readfile", "ab ba aab", "天气 气天"];
  for (const text of texts) {
    cutIntoWords(words, text, 1_000);
    for (let at = 0; at < words.count; at++) {
      const hash = `${words.low[at]}:${words.high[at]}`;
      const word = text.slice(words.starts[at], words.ends[at]).toLowerCase();
      assert.equal(hashes.get(hash) ?? word, word);
      hashes.set(hash, word);
    }
  }
  assert.equal(new Set(hashes.values()).size, hashes.size);
  assert.equal(hashes.size, 10);
});

test("quoted words are marked, words around an apostrophe are not", () => {
  assert.deepEqual(quotedOf("write 'hello world' to it"), ["hello", "world"]);
  assert.deepEqual(quotedOf("don't say it's fine"), []);
  assert.deepEqual(quotedOf("call it 'Ben's notes' now"), ["Ben", "s", "notes"]);
  assert.deepEqual(quotedOf('run `npm test` and "two"'), ["npm", "test", "two"]);
  assert.deepEqual(quotedOf("an open 'quote"), []);
});

test("paths, files, addresses, money and dates are seen, and plain sentences have none of them", () => {
  assert.equal(entitiesOf("look at notes.txt please"), entityKinds.file);
  assert.equal(entitiesOf("what is in /usr/local"), entityKinds.path);
  assert.equal(entitiesOf("open https://localhost"), entityKinds.url);
  assert.equal(entitiesOf("write to ann@home"), entityKinds.email);
  assert.equal(entitiesOf("it costs $12"), entityKinds.money);
  assert.equal(entitiesOf("due 2026-11-20"), entityKinds.date);
  assert.equal(entitiesOf("Stop. Then go on, and/or wait. 3-4 times"), 0);
});

test("a text of any length is cut in bounds", () => {
  const words = createWords();
  cutIntoWords(words, "word ".repeat(100_000), 1_000_000);
  assert.ok(words.count <= maxWordsPerText && words.count > maxWordsPerText / 2);
  assert.deepEqual(wordsOf("alpha beta gamma", 8), ["alpha", "be"]);
});

test("forms of one word share a stem, different words do not", () => {
  for (const group of [
    "create creating created creation creates",
    "file files",
    "copy copies copied copying",
    "list listing lists",
  ]) {
    assert.equal(new Set(group.split(" ").map(stemOf)).size, 1, group);
  }
  for (const pair of ["status stat", "address add", "process pro", "need new", "class cla"]) {
    const [first, second] = pair.split(" ").map(stemOf);
    assert.notEqual(first, second, pair);
  }
});

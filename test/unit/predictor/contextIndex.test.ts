import assert from "node:assert/strict";
import { test } from "node:test";
import { contextOrders, hashContext } from "../../../src/predictor/contextHash.ts";
import { type Block, createContextIndex } from "../../../src/predictor/contextIndex.ts";
import { createTokenBuffer, createVocabulary } from "../../../src/predictor/vocabulary.ts";
import { createRandom, randomSource } from "./randomText.ts";

const setUp = (maxBytes: number) => {
  const vocabulary = createVocabulary();
  const index = createContextIndex(maxBytes, vocabulary);
  const buffer = createTokenBuffer();
  const add = (text: string, file: number) => {
    vocabulary.tokenize(text, 0, text.length, true, buffer);
    const block = index.store(buffer, 0, 0, buffer.length, file);
    if (block) index.link(block);
    return block;
  };
  const newest = (chain: number, context: Int32Array, length: number) => {
    const hashes = new Int32Array(contextOrders.length);
    return hashContext(vocabulary.hashes(), context, 0, length, hashes) > chain
      ? -1
      : index.newest(chain, hashes[chain]!);
  };
  return { vocabulary, index, buffer, add, newest };
};

test("a context's hash tells apart what stands in it, and nothing before", () => {
  const texts = Int32Array.from({ length: 40 }, (_, id) => Math.imul(id + 3, 0x9e3779b1));
  const tokens = Int32Array.from({ length: 12 }, (_, at) => (at + 1) << 2);
  const hashesAt = (changed: number, start: number): { first: number; out: Int32Array } => {
    const out = new Int32Array(contextOrders.length);
    const other = tokens.slice();
    if (changed >= 0) other[changed] = 30 << 2;
    return { first: hashContext(texts, other, start, 10, out), out };
  };
  const plain = hashesAt(-1, 0).out;
  for (const [chain, order] of contextOrders.entries()) {
    for (let back = 1; back <= 8; back++) {
      assert.equal(hashesAt(10 - back, 0).out[chain] !== plain[chain], back <= order, `${order}, ${back}`);
    }
    for (let length = 0; length <= 8; length++) {
      const { first, out } = hashesAt(-1, 10 - length);
      assert.equal(first <= chain, length >= order);
      if (length >= order) assert.equal(out[chain], plain[chain]);
    }
  }
});

test("lists the places of a context, newest first", () => {
  const { index, buffer, add, newest } = setUp(4_000_000);
  for (let file = 1; file <= 3; file++) add("alpha beta gamma", file);
  const chain = contextOrders.indexOf(2);
  const files: number[] = [];
  for (let at = newest(chain, buffer.tokens, 3); at > 0; at = index.older(chain, at)) {
    files.push(index.fileAt(at));
  }
  assert.deepEqual(files, [3, 2, 1]);
});

test("finds exactly what is there after any order of adding and removing", () => {
  const random = createRandom(4);
  const { index, add, vocabulary, newest } = setUp(3_000_000);
  const blocks = new Map<number, Block>();
  for (let round = 0; round < 3000; round++) {
    const file = 1 + random(60);
    const block = blocks.get(file);
    if (block) {
      index.remove(block);
      blocks.delete(file);
    } else {
      const added = add(randomSource(random, ["user", `word${random(40)}`], 1 + random(30)), file);
      if (added) blocks.set(file, added);
    }
    if (round % 100 > 0) continue;
    for (const [owner, { linkedFrom, end }] of blocks) {
      for (let position = linkedFrom; position < end; position++) {
        assert.equal(index.fileAt(position), owner);
      }
      // Each position but the first ones is in its list.
      const at = Math.min(end - 1, linkedFrom + 2);
      if (at <= linkedFrom) continue;
      const chain = contextOrders.indexOf(1);
      let found = newest(chain, index.tokens, at);
      while (found > 0 && found !== at) found = index.older(chain, found);
      assert.equal(found, at);
    }
  }
  for (const block of blocks.values()) index.remove(block);
  assert.equal(index.usedTokens(), 0);
  assert.equal(vocabulary.count(), 0);
});

test("joins freed room when there is none else", () => {
  const { index, buffer, vocabulary } = setUp(1_000_000);
  const fill = (words: number) => {
    const text = "word ".repeat(words);
    vocabulary.tokenize(text, 0, text.length, true, buffer);
    const blocks: Block[] = [];
    for (
      let block = index.store(buffer, 0, 0, buffer.length, 1);
      block;
      block = index.store(buffer, 0, 0, buffer.length, 1)
    ) {
      blocks.push(block);
    }
    return blocks;
  };
  const small = fill(20);
  assert.ok(small.length > 100);
  assert.equal(fill(1000).length, 0);
  for (const block of small) index.remove(block);
  assert.ok(fill(1000).length * 1000 > small.length * 20);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { contextOrders, hashContext } from "../../../src/predictor/contextHash.ts";
import { createLiveText, type LiveText } from "../../../src/predictor/liveText.ts";
import { createTokenBuffer, createVocabulary, type Vocabulary } from "../../../src/predictor/vocabulary.ts";
import { createRandom, randomSource } from "./randomText.ts";

const words = ["user", "order", "cart", "invoice", "session"];

/** The lists that some of a text's contexts lead to, with what stands at their positions, the newest first. */
const listsOf = (live: LiveText, vocabulary: Vocabulary, text: string, step: number): string[] => {
  const buffer = createTokenBuffer();
  vocabulary.tokenize(text, 0, text.length, false, buffer);
  const hashes = new Int32Array(contextOrders.length);
  const lists: string[] = [];
  for (let end = 1; end < buffer.length; end += end < 20 ? 1 : step) {
    const first = hashContext(vocabulary.hashes(), buffer.tokens, 0, end, hashes);
    for (let chain = first; chain < contextOrders.length; chain++) {
      const places: string[] = [];
      let position = live.index.newest(chain, hashes[chain]!);
      for (; position > 0; position = live.index.older(chain, position)) {
        const around = live.index.tokens.subarray(Math.max(0, position - 6), position + 1);
        places.push(around.subarray(around.lastIndexOf(0) + 1).join(" "));
      }
      lists.push(places.join("; "));
    }
  }
  return lists;
};

/** Follows a window with one live text, and compares it with one that was never elsewhere. */
const createFollower = (isBelow: boolean) => {
  const vocabulary = createVocabulary();
  const followed = createLiveText(vocabulary, 300_000, isBelow);
  return (window: string, isCut: boolean, place: string) => {
    followed.follow(window, isCut);
    const fresh = createLiveText(vocabulary, 300_000, isBelow);
    fresh.follow(window, isCut);
    const [known, anew] = [followed, fresh].map((live) => listsOf(live, vocabulary, window, 13));
    assert.ok(window.trim().length < 400 || known!.some((list) => list.includes(";")));
    assert.deepEqual(known, anew, place);
  };
};

/** Moves a window over a text that changes. */
const moveAndCompare = (seed: number, isBelow: boolean) => {
  const random = createRandom(seed);
  const compare = createFollower(isBelow);
  let text = randomSource(random, words, 60);
  for (let step = 0, line = 0; step < 60; step++) {
    const lines = text.split("\n");
    if (random(6) === 0) lines.splice(random(lines.length), random(3), ...randomSource(random, words, 3).split("\n"));
    // Lines of two blanks are borders: what stands above them is the context of pieces that lie far below.
    if (random(12) === 0) lines.splice(random(lines.length), 0, ...Array.from({ length: 60 }, () => "  "));
    text = lines.join("\n");
    line = random(8) === 0 ? random(lines.length) : Math.min(lines.length - 1, line + random(4));
    const at = lines.slice(0, line).join("\n").length + (line > 0 ? 1 : 0);
    const window = isBelow ? text.slice(at, random(5) === 0 ? at + 1000 : undefined) : text.slice(0, at);
    compare(window, isBelow && at + window.length < text.length, `seed ${seed}, step ${step}, line ${line}`);
  }
};

test("however the cursor went, what stands above it is learned as if it had always been there", () => {
  for (let seed = 1; seed <= 3; seed++) moveAndCompare(seed, false);
});

test("so is what stands below it", () => {
  for (let seed = 11; seed <= 16; seed++) moveAndCompare(seed, true);
});

test("so it is when the text below ends where it was cut", () => {
  const compare = createFollower(true);
  const window = randomSource(createRandom(3), words, 30);
  for (const isCut of [true, false, true]) compare(window, isCut, `cut: ${isCut}`);
});

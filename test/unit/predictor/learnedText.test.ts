import assert from "node:assert/strict";
import { test } from "node:test";
import { contextOrders } from "../../../src/predictor/contextHash.ts";
import { createLearnedText, finish, type LearnedText } from "../../../src/predictor/learnedText.ts";
import { createVocabulary } from "../../../src/predictor/vocabulary.ts";
import { createRandom, randomSource } from "./randomText.ts";

const chains = contextOrders.length + 2;
const words = ["user", "order", "cart", "invoice", "session"];

const create = () => createLearnedText(createVocabulary(), 24_000_000);

/** For each file its pieces, and for each token of it the older neighbours in all lists, by file and place in it. */
const layout = (learned: LearnedText) => {
  const { index } = learned;
  const names = new Map<number, string>();
  const positions: number[] = [];
  for (const [path, { pieces }] of learned.files()) {
    let place = 0;
    for (const { blocks = [] } of pieces) {
      for (const { linkedFrom, end } of blocks) {
        for (let position = linkedFrom; position < end; position++) {
          names.set(position, `${path} ${place++}`);
          positions.push(position);
        }
      }
    }
  }
  return {
    pieces: [...learned.files()].map(([path, file]) => [path, file.pieces.map((piece) => ({ ...piece, blocks: 0 }))]),
    lists: positions.map((position) =>
      Array.from({ length: chains }, (_, chain) => names.get(index.older(chain, position)) ?? "").join(),
    ),
  };
};

test("after any edits, pieces and lists are those of a text learned anew", () => {
  for (let seed = 1; seed <= 3; seed++) {
    const random = createRandom(seed);
    const edited = create();
    const other = randomSource(random, words, 200);
    finish(edited.learn("other.ts", other));
    let text = randomSource(random, words, 300);
    finish(edited.learn("file.ts", text));
    for (let round = 0; round < 60; round++) {
      const from = random(text.length);
      const to = Math.min(text.length, from + (random(3) === 0 ? random(900) : random(9)));
      const more = random(4) === 0 ? "" : randomSource(random, words, random(4) === 0 ? 40 : 2);
      text = text.slice(0, from) + more + text.slice(to);
      finish(edited.learn("file.ts", text));
      const fresh = create();
      finish(fresh.learn("other.ts", other));
      finish(fresh.learn("file.ts", text));
      assert.deepEqual(layout(edited), layout(fresh), `seed ${seed}, round ${round}`);
    }
  }
});

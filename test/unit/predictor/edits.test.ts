import assert from "node:assert/strict";
import { test } from "node:test";
import { createPredictor, type Predictor } from "../../../src/predictor/predictor.ts";
import { createRandom, randomNoise, randomSource } from "./randomText.ts";

type Random = (limit: number) => number;
const words = ["user", "order", "cart", "invoice", "session"];

const editOnce = (random: Random, text: string, noise: boolean): { from: number; to: number; text: string } => {
  const from = random(text.length + 1);
  const to = Math.min(text.length, from + (random(3) === 0 ? random(400) : random(12)));
  const inserted = noise
    ? randomNoise(random, random(20))
    : randomSource(random, words, random(random(4) === 0 ? 60 : 4));
  return { from, to, text: random(5) === 0 ? "" : inserted };
};

/** The files in the order of their last change, learned anew. */
const learnAnew = (files: ReadonlyMap<string, string>): Predictor => {
  const fresh = createPredictor({ maxBytes: 24_000_000 });
  for (const [path, text] of files) fresh.index(path, text);
  return fresh;
};

/** Lets the engine forget where the cursor was: what is typed there next says nothing about predictions then. */
const leave = (predictor: Predictor) => predictor.predict("elsewhere.ts", "", "");

const assertAlike = (edited: Predictor, fresh: Predictor, random: Random, files: ReadonlyMap<string, string>) => {
  for (const predictor of [edited, fresh]) leave(predictor);
  const { memoryBytes: _edited, fill: _editedFill, ...known } = edited.stats();
  const { memoryBytes: _fresh, fill: _freshFill, ...anew } = fresh.stats();
  assert.deepEqual(known, anew);
  const paths = [...files.keys(), "d0/new.ts"];
  for (let i = 0; i < 25; i++) {
    const path = paths[random(paths.length)]!;
    const text = files.get(path) ?? randomSource(random, words, 20);
    const at = random(text.length + 1);
    const rest = text.indexOf("\n", at);
    const suffix = random(2) === 0 || rest < 0 ? "" : text.slice(rest);
    const ask = (predictor: Predictor) => {
      leave(predictor);
      return predictor.predict(path, text.slice(0, at), suffix);
    };
    assert.deepEqual(ask(edited), ask(fresh), `${path} at ${at}`);
  }
};

const editAndCompare = (seed: number, rounds: number, maxLines: number, noise: boolean) => {
  const random = createRandom(seed);
  const files = new Map<string, string>();
  const edited = createPredictor({ maxBytes: 24_000_000 });
  const change = (path: string, text: string) => {
    // Text that stays as it was is no change.
    if (files.get(path) === text) return;
    files.delete(path);
    files.set(path, text);
  };
  let path = "d0/f0.ts";
  for (let round = 0; round < rounds; round++) {
    if (random(4) === 0) path = `d${random(2)}/f${random(4)}.ts`;
    const old = files.get(path);
    if (old === undefined || random(25) === 0) {
      const text = randomSource(random, words, random(maxLines));
      edited.index(path, text);
      change(path, text);
    } else if (random(30) === 0) {
      edited.remove(path);
      files.delete(path);
    } else {
      const edit = editOnce(random, old, noise);
      const text = old.slice(0, edit.from) + edit.text + old.slice(edit.to);
      edited.index(path, text);
      change(path, text);
    }
    // Asking in between must leave no trace.
    const source = randomSource(random, words, 10);
    edited.predict("d0/f0.ts", source.slice(0, random(source.length)), "");
    leave(edited);
    if (round % 20 === 19) assertAlike(edited, learnAnew(files), random, files);
  }
};

test("an index after any edits predicts what a fresh one does", () => {
  for (let seed = 1; seed <= 6; seed++) editAndCompare(seed, 100, 120, false);
});

test("so it does for text that nobody would write", () => {
  for (let seed = 11; seed <= 14; seed++) editAndCompare(seed, 100, 60, true);
});

test("typing on, going up and coming back predict what asking afresh does", () => {
  const random = createRandom(31);
  const followed = createPredictor({ maxBytes: 24_000_000 });
  const text = randomSource(random, words, 400);
  let at = 0;
  for (let step = 0; step < 250; step++) {
    at = random(12) === 0 ? random(text.length) : Math.min(text.length, at + random(60));
    const fresh = createPredictor({ maxBytes: 24_000_000 });
    const rest = text.indexOf("\n", at);
    const suffix = rest < 0 ? "" : text.slice(rest);
    const answer = followed.predict("a.ts", text.slice(0, at), suffix);
    // What was typed moves the confidence; the text comes from what is known alone.
    assert.equal(answer?.text, fresh.predict("a.ts", text.slice(0, at), suffix)?.text, `at ${at}`);
  }
});

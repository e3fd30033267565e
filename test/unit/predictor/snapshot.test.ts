import assert from "node:assert/strict";
import { test } from "node:test";
import { createPredictor, type Predictor } from "../../../src/predictor/predictor.ts";
import { createRandom, randomNoise, randomSource } from "./randomText.ts";

const words = ["user", "order", "cart", "invoice"];
const maxBytes = 6_000_000;

const learnSome = (seed: number): Predictor => {
  const random = createRandom(seed);
  const predictor = createPredictor({ maxBytes });
  for (let i = 0; i < 12; i++) {
    predictor.index(`d${i % 3}/f${i}.ts`, randomSource(random, [...words, `own${i}`], 40) + randomNoise(random, 8));
  }
  predictor.index("d0/empty.ts", "");
  predictor.update("d0/empty.ts", { from: 0, to: 0, text: "const added = later();\n" });
  predictor.remove("d1/f1.ts");
  return predictor;
};

const answersOf = (predictor: Predictor, seed: number) => {
  const random = createRandom(seed);
  return Array.from({ length: 100 }, () => {
    const text = randomSource(random, words, 12);
    predictor.predict("elsewhere.ts", "", "");
    return predictor.predict(`d${random(4)}/new.ts`, text.slice(0, random(text.length)), "");
  });
};

test("a restored engine predicts what the one before it did", () => {
  const before = learnSome(3);
  const chunks = before.snapshot();
  const after = createPredictor({ maxBytes });
  after.index("gone.ts", "const obsolete = forgotten();\n");
  assert.equal(after.restore(chunks), true);
  assert.deepEqual([...after.paths()], [...before.paths()]);
  assert.deepEqual(answersOf(after, 8), answersOf(before, 8));
  assert.deepEqual(after.stats().textUnits, before.stats().textUnits);
  assert.deepEqual(after.snapshot(), before.snapshot());
});

test("what was restored can be edited and removed like anything else", () => {
  const random = createRandom(6);
  const text = randomSource(random, words, 200);
  const before = createPredictor({ maxBytes });
  before.index("a.ts", text);
  const after = createPredictor({ maxBytes });
  after.restore(before.snapshot());
  assert.equal(after.update("a.ts", { from: 0, to: 0, text: "x" }), false);
  after.index("a.ts", text);
  assert.equal(after.update("a.ts", { from: 10, to: 12, text: "changed" }), true);
  before.index("a.ts", `${text.slice(0, 10)}changed${text.slice(12)}`);
  assert.deepEqual(answersOf(after, 2), answersOf(before, 2));
  after.remove("a.ts");
  after.predict("elsewhere.ts", "", "");
  assert.deepEqual([after.stats().files, after.stats().vocabulary, after.stats().fill], [0, 0, 0]);
});

test("refuses what is no snapshot, and is empty then", () => {
  const chunks = learnSome(4).snapshot();
  const head = new TextDecoder().decode(chunks[0]);
  const withHead = (text: string) => [new TextEncoder().encode(text), ...chunks.slice(1)];
  for (const damaged of [
    [],
    chunks.slice(1),
    [...chunks, chunks[0]!],
    withHead(""),
    withHead("null"),
    withHead(head.replace('"version":', '"version":1')),
    withHead(head.replace(/"files":\[.*?\]\]/, '"files":[[1]]')),
    ...chunks.map((_, i) => chunks.map((chunk, n) => (n === i ? chunk.subarray(0, chunk.length - 4) : chunk))),
  ]) {
    const predictor = createPredictor({ maxBytes });
    predictor.index("a.ts", "const word = other(word);\n");
    assert.equal(predictor.restore(damaged), false);
    assert.deepEqual([predictor.stats().files, predictor.stats().vocabulary, predictor.stats().fill], [0, 0, 0]);
    predictor.index("b.ts", "const word = other(word);\n");
    assert.ok(predictor.predict("c.ts", "\nconst word = o", ""));
  }
});

test("never throws for damage that only a checksum would show", () => {
  const random = createRandom(12);
  const chunks = learnSome(5).snapshot();
  for (let round = 0; round < 150; round++) {
    const damaged = chunks.map((chunk) => chunk.slice());
    const hit = damaged[1 + random(damaged.length - 1)]!;
    hit[random(hit.length)]! ^= 1 << random(8);
    const predictor = createPredictor({ maxBytes });
    predictor.restore(damaged);
    answersOf(predictor, round);
    for (const path of predictor.paths()) predictor.index(path, "const word = other(word);\n");
    for (const path of predictor.paths()) predictor.remove(path);
    predictor.predict("elsewhere.ts", "", "");
    assert.deepEqual([predictor.stats().files, predictor.stats().vocabulary, predictor.stats().fill], [0, 0, 0]);
  }
});

test("a smaller limit forgets the files changed longest ago, a larger one nothing", () => {
  const random = createRandom(7);
  const predictor = createPredictor({ maxBytes: 12_000_000 });
  const large = createPredictor({ maxBytes: 24_000_000 });
  for (let i = 0; i < 60; i++) {
    const text = `${randomSource(random, words, 150)}\nmarker${i}Call(argument${i}, other${i});\n`;
    predictor.index(`f${i}.ts`, text);
    large.index(`f${i}.ts`, text);
  }
  const files = predictor.stats().files;
  assert.equal(files, 60);
  predictor.setMemoryLimit(24_000_000);
  assert.equal(predictor.stats().files, files);
  assert.deepEqual(answersOf(predictor, 1), answersOf(large, 1));
  predictor.setMemoryLimit(4_000_000);
  const { memoryBytes, maxBytes: limit, files: left } = predictor.stats();
  assert.equal(limit, 4_000_000);
  assert.ok(memoryBytes <= 4_000_000 && left < 60 && left > 5, `${left} files, ${memoryBytes} bytes`);
  assert.ok(predictor.predict("x.ts", "\nmarker59Ca", "")?.text.includes("argument59"));
  assert.ok(!predictor.predict("x.ts", "\nmarker0Ca", "")?.text.includes("argument0,"));
});

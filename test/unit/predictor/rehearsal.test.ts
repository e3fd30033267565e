import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createPredictor } from "../../../src/predictor/predictor.ts";
import { createRehearsal, placesIn } from "../../../src/predictor/rehearsal.ts";
import { createRandom, randomSource } from "./randomText.ts";

const breathe = async () => {};
const untilPowered = async () => {};

test("tries a few lines of a few files of each language, once for each", async () => {
  const random = createRandom(1);
  const texts = new Map<string, string>(
    ["ts", "go"].flatMap((extension) =>
      Array.from({ length: 100 }, (_, i) => [`${i}.${extension}`, randomSource(random, ["user", "cart"], 30)] as const),
    ),
  );
  const tried: string[] = [];
  const rehearse = createRehearsal({
    rehearse: (file, text, at) => {
      assert.ok(texts.get(file)!.replaceAll("\r\n", "\n").endsWith(text) && at >= 0 && at < text.length);
      tried.push(file);
    },
    read: async (file) => texts.get(file),
    breathe,
    untilPowered,
  });
  await rehearse(texts.keys(), () => true);
  assert.ok(tried.length > 300 && tried.length <= 400, `${tried.length}`);
  assert.deepEqual([...new Set(tried.map((file) => file.slice(-2)))], ["ts", "go"]);
  tried.length = 0;
  await rehearse(texts.keys(), () => true);
  assert.equal(tried.length, 0);
});

test("ends when it is told, and goes on there", async () => {
  let tries = 0;
  const rehearse = createRehearsal({
    rehearse: () => void tries++,
    read: async (file) => (file === "a.ts" ? undefined : "const some = text;\n".repeat(30)),
    breathe,
    untilPowered,
  });
  const files = ["a.ts", ...Array.from({ length: 10 }, (_, i) => `${i}.ts`)];
  await rehearse(files, () => tries < 3);
  assert.equal(tries, 3);
  await rehearse(files, () => true);
  assert.equal(tries, 50);
});

test("tries nothing while the machine saves power, nor later if it was ended meanwhile", async () => {
  const done: string[] = [];
  const power = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let isEnded = false;
  const rehearse = createRehearsal({
    rehearse: (file) => void done.push(`try ${file}`),
    async read(file) {
      done.push(`read ${file}`);
      return "const some = text;\n";
    },
    breathe,
    async untilPowered() {
      done.push("wait");
      await power.shift()?.promise;
    },
  });
  const [first, second] = power;
  const ended = rehearse(["a.ts", "b.ts", "c.ts"], () => !isEnded);
  await nextTurn();
  assert.deepEqual(done, ["wait"]);
  first!.resolve();
  await nextTurn();
  assert.deepEqual(done, ["wait", "read a.ts", "wait"]);
  isEnded = true;
  second!.resolve();
  await ended;
  assert.deepEqual(done.slice(3), []);
});

test("learns nothing from a handful of places, however often it is asked", async () => {
  let tries = 0;
  const lines = new Map([["a.go", 5], ...Array.from({ length: 4 }, (_, i) => [`${i}.ts`, 5] as const), ["b.ts", 4]]);
  const rehearse = createRehearsal({
    rehearse: () => void tries++,
    read: async (file) => "const some = text;\n".repeat(lines.get(file)!),
    breathe,
    untilPowered,
  });
  const few = [...lines.keys()].filter((file) => file !== "3.ts");
  await rehearse(few, () => true);
  await rehearse(few, () => true);
  assert.equal(tries, 0);
  await rehearse(lines.keys(), () => true);
  assert.equal(tries, 24);
});

test("places lie within lines that hold something", () => {
  const text = "\n  \nx\n    return value;\n";
  assert.deepEqual(placesIn(text).length, 1);
  for (const at of placesIn(text)) assert.ok(at >= text.indexOf("return") && at < text.length - 2);
  assert.deepEqual(placesIn(""), []);
});

const repeated = Array.from({ length: 60 }, (_, i) => `  register("name${i % 7}", handlers.name${i % 7}, options);`);
// Nothing in it tells what comes next.
const words = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven"];
const single = (seed: number): string[] => {
  const random = createRandom(seed);
  const word = () => words[random(words.length)]! + words[random(words.length)]! + random(900);
  return Array.from({ length: 60 }, () => `${word()} ${word()} ${word()} ${word()}`);
};

const confidenceAfter = (lines: (file: number) => readonly string[], tries: number): number => {
  const predictor = createPredictor({ standardFolder: null });
  const text = (file: number) => `// ${file}\n${lines(file).join("\n")}\n`;
  for (let file = 0; file < 12; file++) predictor.index(`d/${file}.ts`, text(file));
  predictor.index("e/repeated.ts", repeated.join("\n"));
  for (let file = 0; file < tries; file++)
    for (const at of placesIn(text(file))) predictor.rehearse(`d/${file}.ts`, text(file), at, 0.05);
  return predictor.predict("new.ts", `${repeated[3]}\n  register("name4", `, "")!.confidence;
};

test("where files are alike, confidence rises", () => {
  assert.ok(confidenceAfter(() => repeated, 12) > confidenceAfter(() => repeated, 0));
});

test("a file has no say in what is tried on it", () => {
  assert.ok(confidenceAfter(single, 12) <= confidenceAfter(single, 0));
});

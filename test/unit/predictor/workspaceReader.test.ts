import assert from "node:assert/strict";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { createPredictor } from "../../../src/predictor/predictor.ts";
import { createSavedTexts } from "../../../src/predictor/savedTexts.ts";
import { createWorkspaceReader } from "../../../src/predictor/workspaceReader.ts";
import { answerTo, makeFolder, statement } from "./predictorHarness.ts";

/** A reader in this thread that notes what it learns, in order; `fill` is what the engine says of its room. */
const setUp = async (t: TestContext, files: Record<string, string>, fillAfter = Infinity) => {
  const root = await makeFolder(t, files);
  const order: string[] = [];
  const predictor = createPredictor();
  let wait: Promise<void> = Promise.resolve();
  const reader = createWorkspaceReader({
    predictor: {
      ...predictor,
      indexInSteps(file, text) {
        order.push(path.relative(root, file));
        return predictor.indexInSteps(file, text);
      },
      stats: () => ({ ...predictor.stats(), fill: order.length >= fillAfter ? 0.9 : 0.1 }),
    },
    saved: createSavedTexts(1e6, () => Date.now()),
    breathe: () => new Promise((resolve) => void setImmediate(resolve)),
    untilPowered: () => wait,
    onProgress() {},
  });
  return {
    root,
    order,
    reader,
    predictor,
    learn: (...first: readonly string[]) =>
      reader.learnFolders({
        folders: [{ root, exclude: [] }],
        first: first.map((file) => path.join(root, file)),
        readsAbove: false,
        reads: true,
      }),
    pause: (until: Promise<void>) => {
      wait = until;
    },
  };
};

const files = {
  "a.ts": statement("A"),
  "b/b.ts": statement("B"),
  "c/d/one.ts": statement("One"),
  "c/d/two.ts": statement("Two"),
  "c/three.ts": statement("Three"),
};

test("open files are learned first, then those beside them, then the rest", async (t) => {
  const { order, learn } = await setUp(t, files);
  assert.equal(await learn("c/d/two.ts"), true);
  assert.deepEqual(order, ["c/d/two.ts", "c/d/one.ts", "a.ts", "b/b.ts", "c/three.ts"]);
});

test("looking again learns nothing a second time", async (t) => {
  const { order, learn } = await setUp(t, files);
  await learn();
  order.length = 0;
  await learn();
  assert.deepEqual(order, []);
});

test("a file that is being learned when a later call takes over is learned to its end", async (t) => {
  const many = Array.from({ length: 3000 }, (_, i) => `export const value${i} = compute${i}(input, ${i});\n`).join("");
  const { root, reader, learn, predictor } = await setUp(t, { "long.ts": many + statement("Last") });
  const earlier = learn();
  while (predictor.stats().files === 0 && !t.signal.aborted) await new Promise((resolve) => void setImmediate(resolve));
  await Promise.all([learn(), earlier]);
  assert.equal(reader.isReading, false);
  const text = predictor.predict(
    path.join(root, "x.ts"),
    `\nregister("Last", "${answerTo("Last").slice(0, 2)}`,
    "\n",
  )?.text;
  assert.ok(text?.startsWith(answerTo("Last").slice(2)), text);
});

test("while the machine saves power, only open files are learned", async (t) => {
  const { order, learn, pause } = await setUp(t, files);
  const power = Promise.withResolvers<void>();
  pause(power.promise);
  const done = learn("b/b.ts");
  while (order.length === 0) await new Promise((resolve) => void setImmediate(resolve));
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => void setImmediate(resolve));
  assert.deepEqual(order, ["b/b.ts"]);
  power.resolve();
  await done;
  assert.equal(order.length, 5);
});

test("reading pauses when the machine begins to save power", async (t) => {
  const { order, learn, pause } = await setUp(t, files);
  const power = Promise.withResolvers<void>();
  const done = learn();
  while (order.length < 2) await new Promise((resolve) => void setImmediate(resolve));
  pause(power.promise);
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => void setImmediate(resolve));
  assert.ok(order.length < 5);
  power.resolve();
  await done;
  assert.equal(order.length, 5);
});

test("reading ends where the room does, and keeps what was known from before", async (t) => {
  const { order, learn, predictor } = await setUp(t, files, 3);
  await learn("c/d/two.ts");
  assert.deepEqual(order, ["c/d/two.ts", "c/d/one.ts", "a.ts"]);
  // Now the list begins elsewhere, and is not gone through.
  await learn("b/b.ts");
  assert.equal(predictor.stats().files, 4);
});

test("a later call takes over, and clearing ends all", async (t) => {
  const { reader, learn, predictor } = await setUp(t, files);
  const earlier = learn();
  const later = learn();
  assert.deepEqual(await Promise.all([earlier, later]), [false, true]);
  const last = learn();
  reader.clear();
  assert.equal(await last, false);
  assert.equal(predictor.stats().files, 0);
  assert.equal(reader.isReading, false);
});

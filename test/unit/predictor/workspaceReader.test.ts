import assert from "node:assert/strict";
import { mkdir, symlink } from "node:fs/promises";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { createPredictor } from "../../../src/predictor/predictor.ts";
import { createSavedTexts } from "../../../src/predictor/savedTexts.ts";
import { createWorkspaceReader } from "../../../src/predictor/workspaceReader.ts";
import { answerTo, makeFolder, statement } from "./predictorHarness.ts";
import { createRandom, randomSource } from "./randomText.ts";

const isWindows = process.platform === "win32";

/** A reader in this thread that notes what it learns, in order; the engine's room is full after so many files. */
const setUp = async (
  t: TestContext,
  files: Record<string, string>,
  { fillAfter = Infinity, predictor = createPredictor() } = {},
) => {
  const root = await makeFolder(t, files);
  const order: string[] = [];
  const saved = createSavedTexts(1e6, () => Date.now());
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
    saved,
    breathe: () => new Promise((resolve) => void setImmediate(resolve)),
    untilPowered: () => wait,
    onProgress() {},
  });
  return {
    root,
    order,
    reader,
    predictor,
    saved,
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

test("open files are learned first, then those beside them, then the rest, and then the open ones are made the newest", async (t) => {
  const { order, learn } = await setUp(t, files);
  assert.equal(await learn("c/d/two.ts", "a.ts"), true);
  const others = ["c/d/one.ts", "b/b.ts", "c/three.ts"];
  assert.deepEqual(order, ["c/d/two.ts", "a.ts", ...others, "a.ts", "c/d/two.ts"]);
});

test("a walk that is taken over at its end leaves it to the next one to make open files the newest", async (t) => {
  const { order, learn } = await setUp(t, files);
  const open = ["a.ts", "b/b.ts"];
  const earlier = learn(...open);
  const all = Object.keys(files).length;
  while (order.length <= all) await new Promise((resolve) => void setImmediate(resolve));
  assert.equal(await learn(...open), true);
  assert.equal(await earlier, false);
  assert.deepEqual(order.slice(all), ["b/b.ts", "b/b.ts", "a.ts"]);
});

test(
  "a document outside the folders that leads to a file in them obeys their rules",
  { skip: isWindows },
  async (t) => {
    const { root, reader, learn, predictor } = await setUp(t, {
      ".gitignore": "dist/\n",
      "dist/x.ts": "",
      "src/y.ts": "",
    });
    const elsewhere = await makeFolder(t, {});
    for (const name of ["dist/x.ts", "src/y.ts"])
      await symlink(path.join(root, name), path.join(elsewhere, path.basename(name)));
    await symlink(root, path.join(elsewhere, "root"));
    await learn();
    const known = async (document: string, word: string) => {
      await reader.updateDocument(path.join(elsewhere, document), statement(word), undefined, () => true);
      return [...predictor.paths()].includes(path.join(elsewhere, document));
    };
    assert.deepEqual([await known("x.ts", "Ignored"), await known("root/dist/x.ts", "Built")], [false, false]);
    assert.deepEqual([await known("y.ts", "Allowed"), await known("root/src/y.ts", "Source")], [true, true]);
  },
);

test("a new folder has everything looked at again, but not one that nobody reads", async (t) => {
  const { root, reader, learn } = await setUp(t, { ...files, ".gitignore": "dist/\n" });
  await learn();
  for (const name of ["dist/deep", "new"]) await mkdir(path.join(root, name), { recursive: true });
  assert.equal(await reader.refresh([path.join(root, "dist"), path.join(root, "dist/deep")], []), undefined);
  assert.ok(await reader.refresh([path.join(root, "new")], []));
});

test("looking again learns nothing a second time", async (t) => {
  const { order, learn } = await setUp(t, files);
  await learn("a.ts");
  order.length = 0;
  await learn("a.ts");
  assert.deepEqual(order, []);
});

test("what is open counts as newer than what was read after it, also if it was edited lately", async (t) => {
  const { root, learn, predictor, saved } = await setUp(t, {
    "open.ts": 'register("Same", opened());\n',
    "recent.ts": 'register("Same", edited());\n',
    "x/read.ts": 'register("Same", read());\n',
  });
  saved.edited(path.join(root, "open.ts"));
  saved.edited(path.join(root, "recent.ts"));
  await learn("open.ts");
  const [last, before] = [...predictor.paths()].toReversed();
  assert.deepEqual([last, before], [path.join(root, "open.ts"), path.join(root, "recent.ts")]);
  assert.match(predictor.predict(path.join(root, "y/new.ts"), '\nregister("Same", ', "\n")?.text ?? "", /^opened/);
});

test("with little room, what is open is known at the end, and others are forgotten", async (t) => {
  const random = createRandom(1);
  const many = Object.fromEntries(
    Array.from({ length: 30 }, (_, i) => [`f${i}.ts`, randomSource(random, ["user", "cart"], 200)]),
  );
  const { root, learn, predictor } = await setUp(t, many, { predictor: createPredictor({ maxBytes: 1_000_000 }) });
  await learn("f0.ts");
  const known = [...predictor.paths()].map((file) => path.relative(root, file));
  assert.ok(known.includes("f0.ts") && known.length < 30, known.join());
});

test("a document that was edited meanwhile keeps its text", async (t) => {
  const { root, reader, order, learn, predictor } = await setUp(t, files);
  const done = learn("a.ts");
  while (order.length < 3) await new Promise((resolve) => void setImmediate(resolve));
  await reader.updateDocument(path.join(root, "a.ts"), statement("Edited"), undefined, () => true);
  await done;
  assert.equal(order.filter((file) => file === "a.ts").length, 2);
  const rest = predictor.predict(path.join(root, "x.ts"), '\nregister("Edited", "', "\n")?.text;
  assert.ok(rest?.startsWith(answerTo("Edited")), rest);
});

test("a document that is forgotten, closed or cleared while it is judged is not learned", async (t) => {
  const { root, reader, learn, predictor } = await setUp(t, files);
  await learn();
  const file = path.join(root, "a.ts");
  const update = () => reader.updateDocument(file, statement("Thrown"), undefined, () => true);
  const knows = (word: string) =>
    predictor.predict(path.join(root, "x.ts"), `\nregister("${word}", "`, "\n")?.text.startsWith(answerTo(word)) ===
    true;
  await Promise.all([update(), reader.refresh([file], [])]);
  assert.deepEqual([knows("Thrown"), knows("Three")], [false, true]);
  const forgotten = update();
  reader.forget(file);
  await forgotten;
  assert.equal(knows("Thrown"), false);
  const cleared = update();
  reader.clear();
  await cleared;
  assert.equal(knows("Thrown"), false);
  await update();
  assert.equal(knows("Thrown"), true);
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
  assert.equal(new Set(order).size, 5);
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
  const { order, learn, predictor } = await setUp(t, files, { fillAfter: 3 });
  await learn("c/d/two.ts");
  assert.deepEqual(order, ["c/d/two.ts", "c/d/one.ts", "a.ts", "c/d/two.ts"]);
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

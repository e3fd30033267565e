import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { createFillInFile } from "../../../src/host/fillInFile.ts";
import type { FillInFacts } from "../../../src/provider/fillInFacts.ts";
import { createFakeClock } from "../../fake/clock.ts";

const origin = "http://127.0.0.1:8080";
const facts: FillInFacts = { refused: ["infill"], works: "chat", stopsMax: 1, slots: 2, version: "b1" };
const dayMs = 24 * 3_600_000;

const createHarness = async (context: TestContext) => {
  const folder = path.join(await mkdtemp(path.join(os.tmpdir(), "hotpath-")), "storage");
  context.after(() => rm(path.dirname(folder), { recursive: true, force: true }));
  const clock = createFakeClock();
  const warnings: string[] = [];
  const log = { debug() {}, info() {}, warn: (line: string) => void warnings.push(line), error() {} };
  const file = path.join(folder, "fill-in.json");
  return {
    clock,
    folder,
    file,
    warnings,
    open: () => createFillInFile({ folder, clock, log }),
    read: async () => JSON.parse(await readFile(file, "utf8")) as Readonly<Record<string, unknown>>,
  };
};

test("what one session finds the next one knows, and nothing else is left in the folder", async (context) => {
  const { open, read, folder } = await createHarness(context);
  const first = open();
  assert.equal(await first.recall(origin, "m"), undefined);
  first.remember(origin, "m", facts);
  first.remember(origin, "other", { refused: [] });
  assert.deepEqual(await first.recall(origin, "m"), facts);
  await first.settled();
  assert.equal((await read())["version"], 1);
  assert.deepEqual(await readdir(folder), ["fill-in.json"]);
  const second = open();
  assert.deepEqual(await second.recall(origin, "m"), facts);
  assert.deepEqual(await second.recall(origin, "other"), { refused: [] });
  assert.equal(await second.recall("http://127.0.0.1:9", "m"), undefined);
  second.remember(origin, "m", undefined);
  await second.settled();
  assert.equal(await open().recall(origin, "m"), undefined);
  assert.deepEqual(await open().recall(origin, "other"), { refused: [] });
});

test("a damaged file counts as empty and is written anew", async (context) => {
  const { open, file, folder } = await createHarness(context);
  const seed = open();
  seed.remember(origin, "m", facts);
  await seed.settled();
  const whole = await readFile(file, "utf8");
  const damaged = ["", "{", whole.slice(0, -9), "\u0000".repeat(50), "null", "[]", '{"version":1,"entries":5}', "7"];
  for (const text of [...damaged, `${whole.slice(0, -1)},"x":"${"y".repeat(600_000)}"}`]) {
    await writeFile(file, text);
    const memory = open();
    assert.equal(await memory.recall(origin, "m"), undefined, text.slice(0, 40));
    memory.remember(origin, "m", facts);
    await memory.settled();
    assert.deepEqual(await open().recall(origin, "m"), facts, text.slice(0, 40));
  }
  assert.deepEqual(await readdir(folder), ["fill-in.json"]);
});

test("a damaged entry is left out, odd fields are, and the others stay", async (context) => {
  const { open, file, clock, folder } = await createHarness(context);
  const seed = open();
  seed.remember(origin, "x", facts);
  await seed.settled();
  const atMs = clock.dateMs();
  const odd = { refused: ["infill", "telepathy", 7], works: "magic", stopsMax: -1, slots: 1.5, version: 3 };
  const entries = [
    null,
    5,
    { origin, model: "noFacts", atMs },
    { origin, model: 5, atMs, facts },
    { origin, model: "noTime", facts },
    { origin, model: "later", atMs: atMs + 1, facts },
    { origin, model: "refusedIsText", atMs, facts: { refused: "infill" } },
    { origin, model: "odd", atMs, facts: odd },
    { origin, model: "good", atMs, facts },
  ];
  await writeFile(path.join(folder, "fill-in.json"), JSON.stringify({ version: 1, entries }));
  const memory = open();
  for (const model of ["noFacts", "noTime", "later", "refusedIsText"]) {
    assert.equal(await memory.recall(origin, model), undefined, model);
  }
  assert.deepEqual(await memory.recall(origin, "odd"), { refused: ["infill"] });
  assert.deepEqual(await memory.recall(origin, "good"), facts);
  assert.ok((await readFile(file, "utf8")).length > 0);
});

test("a newer release's file is neither read nor overwritten", async (context) => {
  const { open, file, warnings } = await createHarness(context);
  const seed = open();
  seed.remember(origin, "m", facts);
  await seed.settled();
  const newer = JSON.stringify({ version: 2, found: "more" });
  await writeFile(file, newer);
  const memory = open();
  assert.equal(await memory.recall(origin, "m"), undefined);
  memory.remember(origin, "m", facts);
  await memory.settled();
  assert.equal(await readFile(file, "utf8"), newer);
  assert.deepEqual(warnings, []);
  assert.deepEqual(await memory.recall(origin, "m"), facts);
});

test("two windows lose nothing of each other's, and the later finding counts", async (context) => {
  const { open, clock } = await createHarness(context);
  const [one, two] = [open(), open()];
  assert.equal(await one.recall(origin, "a"), undefined);
  assert.equal(await two.recall(origin, "a"), undefined);
  one.remember(origin, "a", facts);
  await one.settled();
  two.remember(origin, "b", facts);
  await two.settled();
  clock.advance(1);
  two.remember(origin, "a", { refused: ["chat"] });
  await two.settled();
  one.remember(origin, "c", facts);
  await one.settled();
  const third = open();
  assert.deepEqual(await third.recall(origin, "a"), { refused: ["chat"] });
  assert.deepEqual(await third.recall(origin, "b"), facts);
  assert.deepEqual(await third.recall(origin, "c"), facts);
});

test("the file is limited: the newest 200 stay, and no name is longer than it may be", async (context) => {
  const { open, clock, read } = await createHarness(context);
  const memory = open();
  for (let number = 0; number < 250; number++) {
    clock.advance(1);
    memory.remember(origin, `m${number}`, facts);
  }
  memory.remember(origin, "m".repeat(501), facts);
  await memory.settled();
  assert.ok(Array.isArray((await read())["entries"]));
  assert.equal(((await read())["entries"] as readonly unknown[]).length, 200);
  assert.equal(await open().recall(origin, "m49"), undefined);
  assert.deepEqual(await open().recall(origin, "m50"), facts);
  assert.equal(await open().recall(origin, "m".repeat(501)), undefined);
});

test("after two weeks it is found anew", async (context) => {
  const { open, clock } = await createHarness(context);
  const memory = open();
  memory.remember(origin, "m", facts);
  await memory.settled();
  clock.advance(14 * dayMs);
  assert.deepEqual(await open().recall(origin, "m"), facts);
  clock.advance(1);
  assert.equal(await open().recall(origin, "m"), undefined);
});

test("a folder that cannot be made is said once, and this session knows all the same", async (context) => {
  const { folder, open, warnings } = await createHarness(context);
  await writeFile(folder, "a file where the folder should be");
  const memory = open();
  memory.remember(origin, "m", facts);
  await memory.settled();
  assert.equal(warnings.length, 1);
  assert.ok(!warnings[0]?.includes("chat"));
  assert.deepEqual(await memory.recall(origin, "m"), facts);
});

test("what a killed window was writing is removed, what another one is writing is not", async (context) => {
  const { open, folder, clock } = await createHarness(context);
  await mkdir(folder);
  const nowSeconds = clock.dateMs() / 1000;
  for (const [name, ageSeconds] of [
    ["fill-in.json.old.tmp", 601],
    ["fill-in.json.new.tmp", 599],
    ["predictor.index.old.tmp", 601],
  ] as const) {
    await writeFile(path.join(folder, name), "{");
    await utimes(path.join(folder, name), nowSeconds - ageSeconds, nowSeconds - ageSeconds);
  }
  await open().recall(origin, "m");
  assert.deepEqual((await readdir(folder)).toSorted(), ["fill-in.json.new.tmp", "predictor.index.old.tmp"]);
});

import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import type { Log } from "../../../src/base/log.ts";
import { keptText, openToolMemory, type ToolMemory } from "../../../src/host/toolMemory.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import type { ToolDefinition } from "../../../src/provider/provider.ts";
import type { LearnedState } from "../../../src/tools/selector.ts";
import { createFakeClock } from "../../fake/clock.ts";

const tools: readonly ToolDefinition[] = Array.from({ length: 40 }, (_, at) => ({
  name: `unit_${at}`,
  description: `Converts unit ${at}.`,
  parameters: {},
}));

/** Opens what a window keeps in `folder`. */
const open = async (storageFolder: string | undefined) => {
  const clock = createFakeClock();
  const logged: string[] = [];
  const note = (message: string) => void logged.push(message);
  const log: Log = { debug: note, info: note, warn: note, error: note };
  const memory = await openToolMemory({ ledger: createLedger({ clock }), clock, log, storageFolder, count: () => 4 });
  return { memory, clock, logged };
};

const makeFolder = async (t: TestContext): Promise<string> => {
  const folder = await mkdtemp(path.join(tmpdir(), "hotpath-tools-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return path.join(folder, "workspace");
};

const ask = (memory: ToolMemory, words: string, ...names: string[]): readonly string[] => {
  const turn = memory.begin({ messages: [{ role: "user", content: words }], tools });
  const declared = (turn.request().tools ?? []).map(({ name }) => name);
  for (const name of names) turn.take({ id: name, name, argumentsJson: "{}" });
  turn.heard("");
  memory.end(turn, true);
  return declared;
};
/** A turn that used this tool, and is over. */
const teach = (memory: ToolMemory, words: string, name: string): void => {
  ask(memory, words, name);
  const turn = memory.begin({
    messages: [
      { role: "user", content: words },
      { role: "assistant", content: "", toolCalls: [{ id: name, name, argumentsJson: "{}" }] },
      { role: "tool", toolCallId: name, toolName: name, content: "ok" },
    ],
    tools,
  });
  turn.heard("Done.");
  memory.end(turn, true);
};

test("what a window learned is there in the next one, written a few seconds later and once", async (t) => {
  const folder = await makeFolder(t);
  const { memory, clock } = await open(folder);
  teach(memory, "tidy the attic", "unit_9");
  teach(memory, "water the roses", "unit_8");
  assert.deepEqual(clock.pending(), [5_000]);
  clock.advance(5_000);
  await memory.finish();
  assert.deepEqual(await readdir(folder), ["toolUse.json"]);
  teach(memory, "sweep the yard", "unit_7");
  assert.deepEqual(clock.pending(), [5_000], "and again after the next lesson");
  const next = await open(folder);
  assert.ok(ask(next.memory, "the attic is not tidy").includes("unit_9"));
});

test("closing the window writes what is not written yet", async (t) => {
  const folder = await makeFolder(t);
  const { memory, clock } = await open(folder);
  await memory.finish();
  await assert.rejects(readFile(path.join(folder, "toolUse.json")), "nothing learned, nothing written");
  teach(memory, "tidy the attic", "unit_9");
  await memory.finish();
  assert.deepEqual(clock.pending(), []);
  assert.match(await readFile(path.join(folder, "toolUse.json"), "utf8"), /"version":1/);
});

test("the file holds words and names, no sentence, no number and nothing like a key", async (t) => {
  const folder = await makeFolder(t);
  const { memory } = await open(folder);
  teach(memory, "zebra apple send sk-or-v1-0a1b2c3d4e5f to /home/maria/secrets.txt", "unit_9");
  await memory.finish();
  const text = await readFile(path.join(folder, "toolUse.json"), "utf8");
  const { words } = JSON.parse(text) as LearnedState;
  const kept = words.map(([word]) => word);
  assert.ok(kept.includes("zebra") && kept.includes("appl"), kept.join());
  assert.deepEqual(kept, kept.toSorted());
  assert.ok(kept.every((word) => /^\p{L}+$/u.test(word)));
  assert.doesNotMatch(text, /0a1b|\/home|sk-or/);
});

test("a file that is damaged, too large or of another version is a fresh start, and is replaced", async (t) => {
  const folder = await makeFolder(t);
  const first = await open(folder);
  teach(first.memory, "tidy the attic", "unit_9");
  await first.memory.finish();
  const file = path.join(folder, "toolUse.json");
  const whole = await readFile(file, "utf8");
  for (const text of [
    "",
    whole.slice(0, -20),
    whole.replace('"version":1', '"version":2'),
    whole.replace("[[", "[[["),
    whole + " ".repeat(1024 * 1024),
  ]) {
    await writeFile(file, text);
    const { memory } = await open(folder);
    assert.ok(!ask(memory, "tidy the attic").includes("unit_9"), text.slice(0, 40));
    teach(memory, "tidy the attic", "unit_7");
    await memory.finish();
    const { tools: names } = JSON.parse(await readFile(file, "utf8")) as LearnedState;
    assert.deepEqual(names, ["unit_7"]);
  }
});

test("a file that would be too large loses the words that were met least", () => {
  const words = Array.from({ length: 8_000 }, (_, at) => {
    const word = String(at)
      .padStart(5, "0")
      .replaceAll(/\d/g, (digit) => "abcdefghij".charAt(Number(digit)));
    return [word, at, Array.from({ length: 48 }, (_unused, pair) => pair)] as const;
  });
  const state: LearnedState = {
    version: 1,
    savedAtMs: 0,
    requests: 1,
    tools: ["a"],
    uses: [1],
    words,
    transitions: [],
  };
  const text = keptText(state);
  assert.ok(text.length <= 1024 * 1024);
  const kept = (JSON.parse(text) as LearnedState).words;
  assert.ok(kept.length >= 2_000);
  assert.ok(kept.every(([, requests]) => requests >= 8_000 - kept.length));
});

test("without a workspace nothing is written, and a folder that cannot be written to costs nothing", async (t) => {
  const { memory, clock } = await open(undefined);
  teach(memory, "tidy the attic", "unit_9");
  assert.deepEqual(clock.pending(), []);
  assert.ok(ask(memory, "is the attic tidy").includes("unit_9"));

  const folder = await makeFolder(t);
  // A file in the place of the folder.
  await writeFile(folder, "");
  await chmod(folder, 0o400);
  const other = await open(folder);
  teach(other.memory, "tidy the attic", "unit_9");
  await other.memory.finish();
  assert.match(other.logged.join(), /^What was learned of tools could not be written: E[A-Z]+$/);
  assert.doesNotMatch(other.logged.join(), /attic/);
});

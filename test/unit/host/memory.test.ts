import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { setImmediate, setTimeout as wait } from "node:timers/promises";
import { silentLog } from "../../../src/base/log.ts";
import { parseSettings } from "../../../src/host/settingsReader.ts";
import type { MemoryView } from "../../../src/memory/describe.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createMemento } from "../../fake/memento.ts";
import { env, person, window } from "../../fake/vscode.ts";

const { createMemory } = await import("../../../src/host/memory.ts");

const setUp = async (
  context: TestContext,
  values: Record<string, unknown> = {},
  remoteName?: string,
  begins = true,
  workerSource = "throw new Error('Nobody has asked for a program')",
) => {
  person.reset();
  env.remoteName = remoteName;
  window.state.focused = true;
  const folder = await mkdtemp(path.join(os.tmpdir(), "hotpath-"));
  const clock = createFakeClock();
  const views: MemoryView[] = [];
  const state = { settings: parseSettings((name) => values[name]).settings.memory };
  let opened = 0;
  let workers = 0;
  const memory = createMemory({
    clock,
    log: silentLog,
    ledger: createLedger({ clock }),
    statusBar: { show: (view: MemoryView) => void views.push(view) } as never,
    settings: () => state.settings,
    connections: {
      transport: () => {
        opened++;
        return Promise.reject(new Error("Nobody has asked for a server"));
      },
      exact: () => Promise.reject(new Error("Nobody has asked for a server")),
    },
    apiKeys: {} as never,
    workerUrl: () => {
      workers++;
      return new URL(`data:text/javascript,${encodeURIComponent(workerSource)}`);
    },
    logUri: { fsPath: folder } as never,
    globalState: createMemento(),
  });
  if (begins) memory.begin();
  context.after(async () => {
    memory.dispose();
    await rm(folder, { recursive: true, force: true });
  });
  const samples = () => memory.monitor.statistics().samples;
  const change = (next: Record<string, unknown>) => {
    const { settings } = parseSettings((name) => next[name]);
    state.settings = settings.memory;
    memory.settingsChanged(settings);
  };
  return { clock, memory, views, folder, samples, change, opened: () => opened, workers: () => workers };
};

const focus = (focused: boolean) => {
  window.state.focused = focused;
  person.fireWindowState({ focused });
};

/** Lets what was loaded or written on the way settle. */
const settled = async (isDone: () => boolean) => {
  while (!isDone()) await setImmediate();
};

test("samples as the settings say, slower while nobody types, and not at all without the focus", async (context) => {
  const { clock, samples, change } = await setUp(context);
  const countIn = (ms: number) => {
    const before = samples();
    clock.advance(ms);
    return samples() - before;
  };
  assert.equal(countIn(60_000), 6);
  clock.advance(80_000);
  assert.equal(countIn(600_000), 10, "idle: once a minute");
  const document = {};
  window.activeTextEditor = { document };
  person.fireTextChange({ document: {} });
  assert.equal(countIn(120_000), 2, "what changes elsewhere is nobody's typing");
  person.fireTextChange({ document });
  assert.equal(countIn(60_000), 6);
  focus(false);
  assert.equal(countIn(3_600_000), 0);
  focus(true);
  change({ "memory.intervalSeconds": 300, "memory.idleIntervalSeconds": 60 });
  assert.equal(countIn(3_600_000), 12, "idle is never faster than at work");
  person.fireTextChange({ document });
  change({ "memory.intervalSeconds": 10 });
  assert.equal(countIn(60_000), 6, "a shorter interval counts at once");
});

test("the indicator names the measured machine in a remote window, and asks no server while none is used", async (context) => {
  const { views, clock, opened } = await setUp(context, {}, "ssh-remote");
  assert.ok(views[0]!.label.startsWith(`Memory of ${os.hostname()}: `));
  clock.advance(600_000);
  await settled(() => views.length > 5);
  assert.equal(opened(), 0);
  assert.match(views.at(-1)!.details.flat().join("\n"), /garbage collection \d/);
});

test("after a minute with samples there is a trend, as an arrow", async (context) => {
  const { clock, views } = await setUp(context);
  clock.advance(70_000);
  await settled(() => views.some(({ text }) => text.startsWith("$(arrow-small-")));
});

test("an alert is one notification, muted for the day it is none, and the log holds figures alone", async (context) => {
  const { clock, memory, folder, change } = await setUp(context, { "memory.alertPercent": 100 });
  change({ "memory.alertPercent": 1, "memory.log": true });
  clock.advance(10_000);
  await settled(() => person.said().length > 0);
  assert.match(person.said()[0]!, /^\d+ % of the memory of this machine is in use \(.* of .*\)\.$/);
  assert.deepEqual(person.shown[0]!.choices, ["Show top processes", "Mute for today"], "no model, nothing to unload");
  assert.deepEqual(memory.monitor.levels().machine, "warning");
  change({ "memory.alertPercent": 100, "memory.log": true });
  clock.advance(10_000);
  change({ "memory.alertPercent": 1, "memory.log": true });
  clock.advance(10_000);
  memory.log("processes", { name0: "/home/me/server --key=abc", bytes0: 5 });
  const file = path.join(folder, "memory", "memory.jsonl");
  let text = "";
  while (!text.includes('"processes"')) {
    text = await readFile(file, "utf8").catch(() => "");
    await setImmediate();
  }
  assert.equal(person.said().length, 1, "the second one comes too soon");
  const kinds = new Set(
    text
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { kind: string }).kind),
  );
  assert.ok(kinds.has("alert") && kinds.has("sample"));
  for (const secret of ["/home", "abc"]) assert.ok(!text.includes(secret), secret);
});

test("alerts that are switched off are only shown in the status bar", async (context) => {
  const { clock, views, change } = await setUp(context, { "memory.alertPercent": 100 });
  change({ "memory.alertPercent": 1, "memory.alerts": false });
  clock.advance(10_000);
  assert.equal(views.at(-1)!.level, "warning");
  await setImmediate();
  assert.deepEqual(person.said(), []);
});

test("one that is disposed before it has begun takes no sample", async (context) => {
  const { clock, memory, samples } = await setUp(context, {}, undefined, false);
  memory.dispose();
  memory.begin();
  clock.advance(60_000);
  assert.equal(samples(), 0);
});

/** Answers as the probe's worker does: a card of 24 GB with 17 GB free, after whatever the question was. */
const cardWorker = `
import { parentPort, workerData } from "node:worker_threads";
if (workerData.servers !== true) throw new Error("another question");
const gpus = [{ name: "NVIDIA GeForce RTX 4090", memoryBytes: ${24 * 2 ** 30}, freeBytes: ${17 * 2 ** 30} }];
parentPort.postMessage({ facts: { cpu: "A processor", physicalCores: 4, gpus, servers: [] } });
`;
/** Lets pass what a sample does behind it, a worker's answer among it. */
const advance = async (clock: { advance(ms: number): void }, ms: number) => {
  for (let passedMs = 0; passedMs < ms; passedMs += 10_000) {
    clock.advance(10_000);
    for (let turn = 0; turn < 20; turn++) await setImmediate();
  }
};
const graphicsIn = (view: MemoryView | undefined) =>
  view?.details.flat().find((line) => line.startsWith("Graphics memory"));

test("tools are asked when a person asks, and what they told stands with its time for an hour", async (context) => {
  const { clock, memory, views, workers } = await setUp(
    context,
    { "memory.alertPercent": 100 },
    undefined,
    true,
    cardWorker,
  );
  await advance(clock, 600_000);
  assert.equal(workers(), 0, "below the threshold nothing is started, however long");
  assert.equal(graphicsIn(views.at(-1)), undefined);
  const reading = await memory.readMachine();
  assert.equal(reading?.physicalCores, 4);
  assert.match(graphicsIn(views.at(-1)) ?? "", /^Graphics memory: 7\.0 GB of 24\.0 GB in use at \d/);
  clock.advance(3_599_000);
  assert.ok(graphicsIn(views.at(-1)));
  clock.advance(61_000);
  assert.equal(graphicsIn(views.at(-1)), undefined, "too old to be of use");
});

test("tools are asked by themselves only while memory is short, and not often", async (context) => {
  const { clock, views, workers, change } = await setUp(
    context,
    { "memory.alertPercent": 100 },
    undefined,
    true,
    cardWorker,
  );
  change({ "memory.alertPercent": 1, "memory.alerts": false });
  clock.advance(10_000);
  await settled(() => graphicsIn(views.at(-1)) !== undefined);
  assert.equal(workers(), 1);
  const first = graphicsIn(views.at(-1));
  const isAsked = () => graphicsIn(views.at(-1)) !== first;
  await advance(clock, 60_000);
  // Were a worker at it, it would have answered by then.
  await wait(500);
  assert.ok(!isAsked());
  await advance(clock, 240_000);
  await settled(isAsked);
});

test("a worker that fails changes nothing of what is shown", async (context) => {
  const { memory, views } = await setUp(context);
  const before = views.at(-1);
  assert.equal(await memory.readMachine(), undefined);
  assert.deepEqual(views.at(-1), before);
});

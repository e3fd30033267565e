import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../src/base/clock.ts";
import { createMemoryMeasurement, createProbe, readTopProcesses } from "../../../src/hardware/probe.ts";
import { createFakeClock } from "../../fake/clock.ts";

const worker = (source: string) => new URL(`data:text/javascript,${encodeURIComponent(source)}`);

test("names this machine's processor, and reads it once", async () => {
  const workerUrl = new URL("../../../src/hardware/probeWorker.ts", import.meta.url);
  const probe = createProbe({ workerUrl, clock: systemClock });
  const facts = await probe();
  assert.ok(facts.cpu.length > 3, facts.cpu);
  assert.ok(facts.physicalCores >= 1);
  assert.equal(await probe(), facts);
});

test("a worker that fails is an error, and the next call tries again", async () => {
  const probe = createProbe({ workerUrl: worker("throw new Error('no facts')"), clock: systemClock });
  await assert.rejects(probe(), /no facts/);
  await assert.rejects(probe(), /no facts/);
});

test("a worker that ends without an answer is an error", async () => {
  const probe = createProbe({ workerUrl: worker("process.exit(0)"), clock: systemClock });
  await assert.rejects(probe(), /without an answer/);
});

test("a worker that hangs is given up at the deadline", async () => {
  const clock = createFakeClock();
  const probe = createProbe({ workerUrl: worker("setInterval(() => {}, 1000)"), clock, timeoutMs: 5000 });
  const pending = probe();
  clock.advance(5000);
  await assert.rejects(pending, /too long/);
});

test("the largest programs come with bare names, largest first", async () => {
  const workerUrl = new URL("../../../src/hardware/probeWorker.ts", import.meta.url);
  const top = await readTopProcesses({ workerUrl, clock: systemClock });
  assert.ok(top.length >= 1 && top.length <= 5);
  assert.ok(
    top.every(({ name, memoryBytes }) => !/[/\\]/.test(name) && memoryBytes > 0),
    JSON.stringify(top),
  );
  assert.deepEqual(
    top,
    top.toSorted((a, b) => b.memoryBytes - a.memoryBytes),
  );
});

test("asking for programs that fails is an error", async () => {
  const options = { workerUrl: worker("throw new Error('no list')"), clock: systemClock };
  await assert.rejects(readTopProcesses(options), /no list/);
});

test("memory's speed is measured in threads of its own", async () => {
  const workerUrl = new URL("../../../src/hardware/probeWorker.ts", import.meta.url);
  const bytesPerSecond = await createMemoryMeasurement({ workerUrl, clock: systemClock })();
  // From an old phone's to a server's with twelve channels; undefined where no memory is free.
  assert.ok(bytesPerSecond === undefined || (bytesPerSecond > 1e8 && bytesPerSecond < 5e12), String(bytesPerSecond));
});

test("the best of several measurements counts", async () => {
  let calls = 0;
  const answers = [20e9, 50e9, 10e9];
  const measure = createMemoryMeasurement({
    clock: systemClock,
    get workerUrl() {
      const facts = answers[calls++];
      return worker(`import { parentPort } from "node:worker_threads"; parentPort.postMessage({ facts: ${facts} });`);
    },
  });
  assert.deepEqual([await measure(), await measure(), await measure()], [20e9, 50e9, 50e9]);
});

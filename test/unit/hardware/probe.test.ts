import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../src/base/clock.ts";
import { createProbe } from "../../../src/hardware/probe.ts";
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

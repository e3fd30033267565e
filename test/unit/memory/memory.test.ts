import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBytes, formatShare } from "../../../src/memory/format.ts";
import { createMemoryMonitor } from "../../../src/memory/monitor.ts";
import { sampleMemory, type MemorySample } from "../../../src/memory/sample.ts";
import { createFakeClock } from "../../fake/clock.ts";

const some = (atMs: number): MemorySample => ({
  atMs,
  hostRssBytes: 1,
  hostHeapBytes: 1,
  hostHeapLimitBytes: 2,
  machineTotalBytes: 4,
  machineAvailableBytes: 2,
});

test("bytes read as people say them", () => {
  for (const [sizeBytes, expected] of [
    [0, "0 bytes"],
    [1023, "1023 bytes"],
    [1024, "1 KB"],
    [182 * 2 ** 20, "182 MB"],
    [9.83 * 2 ** 30, "9.8 GB"],
    [128 * 2 ** 30, "128 GB"],
    [1023.9 * 2 ** 20, "1.0 GB"],
    [-5, "0 bytes"],
  ] as const) {
    assert.equal(formatBytes(sizeBytes), expected);
  }
  assert.equal(formatShare(0.414), "41 %");
});

test("a sample of this machine hangs together", () => {
  const sample = sampleMemory();
  assert.ok(sample.hostRssBytes > 10_000_000);
  assert.ok(sample.hostHeapBytes < sample.hostHeapLimitBytes);
  assert.ok(sample.machineAvailableBytes <= sample.machineTotalBytes);
  assert.ok(sample.hostRssBytes < sample.machineTotalBytes);
});

test("samples at the interval while active, and not at all otherwise", () => {
  const clock = createFakeClock();
  let taken = 0;
  const monitor = createMemoryMonitor({ clock, intervalMs: 1000, sample: () => some(++taken) });
  const seen: number[] = [];
  monitor.onSample(({ atMs }) => seen.push(atMs));
  clock.advance(5000);
  assert.deepEqual(seen, []);
  monitor.setPace("active");
  clock.advance(1000);
  clock.advance(1000);
  assert.deepEqual(seen, [1, 2, 3]);
  monitor.setPace("paused");
  clock.advance(5000);
  assert.equal(taken, 3);
  assert.equal(monitor.latest().atMs, 3);
});

test("being told twice that it is active does not sample twice as often", () => {
  const clock = createFakeClock();
  let taken = 0;
  const monitor = createMemoryMonitor({ clock, intervalMs: 1000, sample: () => some(++taken) });
  monitor.setPace("active");
  monitor.setPace("active");
  clock.advance(1000);
  assert.equal(taken, 2);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultLimits, hostLevel, machineLevel, usedShare, type Level } from "../../../src/memory/levels.ts";
import type { MemorySample } from "../../../src/memory/sample.ts";

const gb = 2 ** 30;
const sample = (more: Partial<MemorySample>): MemorySample => ({
  atMs: 0,
  hostRssBytes: 0.3 * gb,
  hostHeapBytes: 0.1 * gb,
  hostHeapLimitBytes: 4 * gb,
  machineTotalBytes: 100,
  machineAvailableBytes: 60,
  ...more,
});
const walk = (next: (before: Level) => (value: number) => Level, values: readonly number[]): Level[] => {
  let level: Level = "normal";
  return values.map((value) => (level = next(level)(value)));
};

test("the machine's alert begins at 80 % and ends below 75 %", () => {
  const used = (before: Level) => (percent: number) =>
    machineLevel(before, sample({ machineAvailableBytes: 100 - percent }), defaultLimits);
  assert.deepEqual(walk(used, [79, 80, 79, 76, 75, 74, 79, 81]), [
    "normal",
    "warning",
    "warning",
    "warning",
    "warning",
    "normal",
    "normal",
    "warning",
  ]);
  assert.equal(usedShare(sample({ machineTotalBytes: 0 })), 0);
  assert.equal(usedShare(sample({ machineAvailableBytes: 200 })), 0);
});

const host = (before: Level) => (size: number) => hostLevel(before, sample({ hostRssBytes: size * gb }), defaultLimits);

test("the extension host warns at 1 GB, is critical at 2 GB, and comes back a tenth lower", () => {
  assert.deepEqual(walk(host, [0.99, 1, 0.95, 0.89, 2, 1.85, 1.79, 0.5]), [
    "normal",
    "warning",
    "warning",
    "normal",
    "critical",
    "critical",
    "warning",
    "normal",
  ]);
});

test("no limit lies above the heap's cap", () => {
  const at = (heapBytes: number) =>
    hostLevel("normal", sample({ hostHeapBytes: heapBytes, hostHeapLimitBytes: 0.5 * gb }), defaultLimits);
  assert.equal(at(0.37 * gb), "normal");
  assert.equal(at(0.38 * gb), "warning");
  assert.equal(at(0.46 * gb), "critical");
});

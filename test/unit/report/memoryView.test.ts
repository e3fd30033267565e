import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBytes } from "../../../src/memory/format.ts";
import { memoryView, type MemoryReport } from "../../../src/report/memoryView.ts";

const gb = 2 ** 30;
const t = (text: string, ...values: (string | number)[]) =>
  text.replaceAll(/\{(\d)\}/g, (_, index: string) => String(values[Number(index)]));

const report: MemoryReport = {
  statistics: {
    samples: 10,
    hostAverageBytes: 200 * 2 ** 20,
    hostPeakBytes: gb,
    machineAverageShare: 0.4,
    machinePeakShare: 0.86,
    machineAlerts: 2,
    hostWarnings: 1,
    hostCriticals: 1,
  },
  trend: { trend: "increasing", bytesPerHour: 2 ** 20, possibleLeak: false },
  models: [
    { model: "a", sizeBytes: 5 * gb, contextTokens: 8192, usedTokens: 1900, isOurs: true, isInUse: false },
    { model: "b", sizeBytes: 0, isOurs: false, isInUse: false },
    { model: "c.gguf", sizeBytes: gb, isOurs: true, isInUse: true },
  ],
  residency: { hits: 9, misses: 2, evictions: 1, expired: 3, refused: 4 },
  nextUnload: { model: "a", at: "10:42" },
  tip: "Do this.",
};

test("averages, peaks, alerts, the trend, what residency did, and every loaded model", () => {
  const view = memoryView(report, formatBytes, t);
  assert.deepEqual(view.facts, [
    "extension host 200 MB on average, 1.0 GB at most",
    "machine 40 % on average, 86 % at most",
    "extension host increasing by 1 MB an hour",
    "alerts: 2 of the machine, 2 of the extension host",
    "requests that found their model loaded: 9",
    "models loaded: 2",
    "unloaded to make room: 1",
    "unloaded because unused: 3",
    "models refused: 4",
    "Do this.",
  ]);
  assert.deepEqual(view.rows, [
    ["a", "5.0 GB", "8,192 tokens", "1,900 tokens", "unloaded at 10:42 unless it is used"],
    ["b", "–", "–", "–", "loaded by another program"],
    ["c", "1.0 GB", "–", "–", "working"],
  ]);
});

test("what did not happen is not told of", () => {
  const { statistics } = report;
  const calm = {
    ...report,
    statistics: { ...statistics, machineAlerts: 0, hostWarnings: 0, hostCriticals: 0 },
    residency: { hits: 0, misses: 0, evictions: 0, expired: 0, refused: 0 },
    tip: undefined,
  };
  assert.deepEqual(memoryView(calm, formatBytes, t).facts.slice(3), []);
});

test("without a monitor there is nothing to say, and nothing that looks like a number", () => {
  const view = memoryView(undefined, formatBytes, t);
  assert.deepEqual([view.facts, view.rows], [[], []]);
  assert.match(view.empty, /No loaded model/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { alertSentence, describeMemory, type MemoryFacts } from "../../../src/memory/describe.ts";
import { ResidencyError, type ResidencyErrorKind } from "../../../src/memory/modelServer.ts";
import { refusalSentence } from "../../../src/memory/refusalSentence.ts";
import type { MemorySample } from "../../../src/memory/sample.ts";

const gb = 2 ** 30;
const t = (text: string, ...values: (string | number)[]) =>
  text.replaceAll(/\{(\d)\}/g, (_, index: string) => String(values[Number(index)]));

const sample: MemorySample = {
  atMs: 0,
  hostRssBytes: 200 * 2 ** 20,
  hostHeapBytes: 100 * 2 ** 20,
  hostHeapLimitBytes: 4 * gb,
  machineTotalBytes: 16 * gb,
  machineAvailableBytes: 8 * gb,
};
const facts: MemoryFacts = { sample, levels: { machine: "normal", host: "normal" } };
const view = (more: Partial<MemoryFacts> = {}) => describeMemory({ ...facts, ...more }, t);
const lines = (more: Partial<MemoryFacts> = {}) => view(more).details.flat();

test("numbers alone, while nothing else is known", () => {
  assert.deepEqual(view(), {
    text: "200 MB · 50 %",
    level: "normal",
    label: "Memory: extension host 200 MB, machine 50 % in use",
    details: [
      ["Extension host: 200 MB (all extensions together)", "Machine: 8.0 GB of 16.0 GB in use (50 %)"],
      ["Click for what can be done"],
    ],
  });
});

test("the trend stands as an arrow before the host's memory, and in words where there is room", () => {
  const trend = { trend: "increasing", bytesPerHour: 120 * 2 ** 20, possibleLeak: false } as const;
  assert.equal(view({ trend }).text, "$(arrow-small-up)200 MB · 50 %");
  assert.match(view({ trend }).label, /increasing by 120 MB an hour/);
  assert.match(lines({ trend: { ...trend, trend: "decreasing", bytesPerHour: -(2 ** 20) } })[0]!, /decreasing by 1 MB/);
  assert.match(lines({ trend: { ...trend, possibleLeak: true } })[0]!, /keeps growing by 120 MB an hour/);
  assert.match(lines({ trend: { trend: "stable", bytesPerHour: 5, possibleLeak: false } })[0]!, /stable$/);
});

test("the worse of both levels counts, and a screen reader hears it", () => {
  assert.equal(view({ levels: { machine: "warning", host: "normal" } }).level, "warning");
  assert.equal(view({ levels: { machine: "warning", host: "critical" } }).level, "critical");
  assert.match(view({ levels: { machine: "normal", host: "warning" } }).label, /, warning$/);
});

const graphicsIn = (more: Partial<MemoryFacts>) => lines(more).find((text) => text.startsWith("Graphics"));

test("what drivers told of graphics memory stands with its time, and what models take of it beside", () => {
  const graphicsReading = { usedBytes: 7 * gb, totalBytes: 24 * gb, at: "14:05" };
  assert.equal(graphicsIn({ graphicsReading }), "Graphics memory: 7.0 GB of 24.0 GB in use at 14:05");
  assert.equal(
    graphicsIn({ graphicsReading, graphicsUsedBytes: 5 * gb, graphicsTotalBytes: 24 * gb }),
    "Graphics memory: 7.0 GB of 24.0 GB in use at 14:05, 5.0 GB by models",
  );
});

test("what is wrong stands before what could be set", () => {
  const both = view({ tip: "Do this.", batchTip: "coder: set that." }).details;
  assert.deepEqual(both[1], ["Tip: Do this.", "coder: set that."]);
  assert.deepEqual(view({ batchTip: "coder: set that." }).details[1], ["coder: set that."]);
});

test("the tables can be reached where there is a model to look up", () => {
  assert.equal(view().tables, undefined);
  const models = [{ model: "coder", sizeBytes: 0, isOurs: true, isInUse: false }];
  assert.equal(view({ models }).tables, "Show batch and context tables");
});

test("loaded models: size, context in use, who loaded them, when they go", () => {
  const models = [
    { model: "coder", sizeBytes: 5 * gb, contextTokens: 8192, usedTokens: 1900, isOurs: true, isInUse: false },
    { model: "theirs", sizeBytes: 0, contextTokens: 4096, isOurs: false, isInUse: false },
    { model: "busy", sizeBytes: gb, isOurs: false, isInUse: true },
  ];
  assert.deepEqual(view({ models, nextUnload: { model: "coder", at: "10:42" } }).details[1], [
    "coder: 5.0 GB, 1,900 of 8,192 context tokens in use, unloaded at 10:42 unless it is used",
    "theirs: context of 4,096 tokens, loaded by another program",
    "busy: 1.0 GB, working",
  ]);
});

test("graphics memory, activity, a tip and the measured machine are told where they are known", () => {
  const activity = { gcShare: 0.012, longestGcMs: 7.6, machineCpuShare: 0.25, hostCpuCores: 0.1 };
  const found = lines({
    sample: { ...sample, activity },
    graphicsUsedBytes: 5 * gb,
    graphicsTotalBytes: 24 * gb,
    tip: "Do this.",
    remote: "build-box",
  });
  for (const line of [
    "Machine (build-box): 8.0 GB of 16.0 GB in use (50 %)",
    "Processor: 25 %; garbage collection 1.2 %, longest pause 8 ms",
    "Graphics memory: 5.0 GB of 24.0 GB by models",
    "Tip: Do this.",
  ]) {
    assert.ok(found.includes(line), line);
  }
  assert.match(view({ remote: "build-box" }).label, /^Memory of build-box: /);
  assert.ok(lines({ graphicsUsedBytes: gb }).includes("Graphics memory: 1.0 GB by models"));
  assert.ok(lines({ graphicsTotalBytes: gb }).includes("Graphics memory: 1.0 GB"));
});

test("an alert says what is full and how much, in one sentence", () => {
  const of = { of: "machine", level: "warning", sample } as const;
  assert.equal(alertSentence(of, 0, undefined, t), "50 % of the memory of this machine is in use (8.0 GB of 16.0 GB).");
  assert.equal(
    alertSentence(of, 5 * gb, "build-box", t),
    "50 % of the memory of build-box is in use (8.0 GB of 16.0 GB), 5.0 GB of it by loaded models.",
  );
  assert.match(alertSentence({ ...of, of: "host" }, 0, undefined, t), /extension host uses 200 MB/);
});

test("a refusal names the model, the reason and the figures", () => {
  const details = { neededBytes: 20 * gb, limitBytes: 13 * gb, models: ["a", "b"] };
  const sentence = (kind: ResidencyErrorKind) => refusalSentence(new ResidencyError(kind, details), "big", t);
  assert.match(sentence("too-large"), /^big is not loaded: it needs about 20\.0 GB, and one model may take 13\.0 GB/);
  for (const kind of ["in-use", "not-ours", "not-freed"] as const) assert.match(sentence(kind), /^big .*a, b/);
});

test("what a server calls its models is no link where a refusal is told", () => {
  const link = "[x](command:y)\u202E";
  const error = new ResidencyError("not-ours", { neededBytes: 1, models: [link] });
  assert.doesNotMatch(refusalSentence(error, link, t), /[[\]\u202E]/);
});

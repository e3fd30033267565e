import assert from "node:assert/strict";
import { test } from "node:test";
import { person, workspace } from "../../fake/vscode.ts";

const { clearPredictorIndex, rebuildPredictorIndex, statisticsPage } =
  await import("../../../src/commands/predictorIndex.ts");

const stats = {
  files: 12,
  textBytes: 340_000,
  memoryBytes: 30 * 1024 * 1024,
  indexing: false,
  restoredFiles: 10,
  savedBytes: 100 * 1024,
  isWaitingForPower: false,
  asked: 200,
  answered: 50,
  languages: [
    { language: "ts", decided: 40, right: 30, meanConfidence: 0.7 },
    { language: "](x)|<b>", decided: 1, right: 0, meanConfidence: 0.6 },
  ],
};
const suggestions = [
  {
    source: "predictor",
    offered: 40,
    accepted: 10,
    acceptedCharacters: 99,
    shown: 40,
    acceptedInPart: 0,
    undone: 0,
    keptShare: undefined,
    p50Ms: 1,
    p95Ms: 2,
  },
] as const;
const page = (changes: Partial<Parameters<typeof statisticsPage>[0]> = {}) =>
  statisticsPage({ stats, suggestions, isEnabled: true, maxBytes: 256 * 1024 * 1024, ...changes });

test("the statistics say what was learned, how often it answered and was taken, and how honest it is", () => {
  const text = page();
  for (const row of [
    "| State | up to date |",
    "| Files | 12 |",
    "| Of them from the saved index | 10 |",
    "| Memory | 30 MB of at most 256 MB |",
    "| Saved index | 100 KB |",
    "| Answered | 50 (25 %) |",
    "| Accepted | 10 (25 %) |",
    "| ts | 40 | 75 % | 70 % |",
    "| xb | 1 | 0 % | 60 % |",
  ]) {
    assert.ok(text.includes(row), `${row} in\n${text}`);
  }
});

test("before there is anything to say, the page says why", () => {
  assert.match(page({ isEnabled: false }), /switched off/);
  assert.match(page({ stats: undefined }), /first edit/);
  assert.match(page({ stats: { ...stats, problem: "secret words" } }), /stays off\. The log/);
  assert.doesNotMatch(page({ stats: { ...stats, problem: "secret words" } }), /secret/);
  assert.match(page({ stats: { ...stats, languages: [] } }), /Nothing was predicted yet/);
  assert.match(page({ stats: { ...stats, indexing: true } }), /\| State \| learning \|/);
  assert.match(page({ stats: { ...stats, isWaitingForPower: true } }), /waiting for the machine/);
});

test("rebuilding and clearing say what happens, and a predictor that is switched off is left alone", async () => {
  person.reset();
  const calls: string[] = [];
  const feed = {
    rebuild: async () => void calls.push("rebuild"),
    clear: async () => void calls.push("clear"),
    stats: async () => stats,
  };
  const stop = async () => void calls.push("stop");
  await rebuildPredictorIndex(feed, stop, false);
  await rebuildPredictorIndex(feed, stop, true);
  await clearPredictorIndex(feed);
  assert.deepEqual(calls, ["rebuild", "clear"]);
  const said = person.said();
  assert.match(said[0]!, /switched off/);
  assert.match(said[1]!, /reads this workspace again/);
  assert.match(said[2]!, /has forgotten this workspace/);
});

test("rebuilding gives a predictor that stays off another try", async () => {
  person.reset();
  const calls: string[] = [];
  const feed = {
    rebuild: async () => void calls.push("rebuild"),
    stats: async () => ({ ...stats, problem: "out of memory" }),
  };
  await rebuildPredictorIndex(feed, async () => void calls.push("stop"), true);
  assert.deepEqual(calls, ["stop", "rebuild"]);
});

const never = () => Promise.reject(new Error("nothing to rebuild"));

test("in a window without a folder nothing claims to read one", async () => {
  person.reset();
  const folders = workspace.workspaceFolders;
  workspace.workspaceFolders = undefined;
  try {
    await rebuildPredictorIndex({ rebuild: never, stats: never }, never, true);
  } finally {
    workspace.workspaceFolders = folders;
  }
  assert.match(person.said()[0] ?? "", /^No folder is open/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  noToolSelections,
  recallOf,
  toolSelectionRecord,
  toolTokens,
  withToolSelection,
} from "../../../src/tools/toolTally.ts";
import { sampleTools } from "./sampleTools.ts";

const record = (source: "exact" | "words", used: readonly string[]) =>
  toolSelectionRecord({ source, offered: sampleTools, sent: [sampleTools[0]!.id], used });

test("a record tells what was sent, needed and saved", () => {
  const [first, second, ...others] = sampleTools;
  const context = toolSelectionRecord({
    source: "context",
    offered: sampleTools,
    sent: [first!.id, second!.id],
    used: [first!.id, first!.id, others[0]!.id],
  });
  assert.deepEqual(context, {
    source: "context",
    offered: sampleTools.length,
    sent: 2,
    used: 2,
    usedSent: 1,
    promptTokensSaved: others.reduce((sum, tool) => sum + toolTokens(tool), 0),
  });
  assert.ok(context.promptTokensSaved > 100);
});

test("totals add up, and recall is that of all tools that were needed", () => {
  const totals = [
    record("exact", [sampleTools[0]!.id]),
    record("words", [sampleTools[0]!.id, "b", "c"]),
    record("exact", []),
  ].reduce(withToolSelection, noToolSelections);
  assert.equal(totals.selections, 3);
  assert.deepEqual(totals.bySource, { exact: 2, context: 0, learned: 0, words: 1 });
  assert.equal(recallOf(totals), 0.5);
  assert.equal(recallOf(noToolSelections), undefined);
  assert.equal(noToolSelections.selections, 0);
});

test("a tool without parameters has a size", () => {
  assert.equal(toolTokens({ id: "a", name: "abcd", description: "efgh", parameters: undefined }), 2);
});

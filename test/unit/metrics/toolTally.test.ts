import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allToolSelections,
  noToolSelections,
  recallOf,
  withToolSelection,
  type ToolSelectionRecord,
} from "../../../src/metrics/toolTally.ts";

const record = (more: Partial<ToolSelectionRecord>): ToolSelectionRecord => ({
  source: "words",
  calls: 0,
  callsListed: 0,
  searches: 0,
  promptTokensSaved: 0,
  ...more,
});

test("sums are kept for each source, with the recall that it delivered", () => {
  const totals = [
    record({ source: "context", calls: 2, callsListed: 2, promptTokensSaved: 900 }),
    record({ source: "context", calls: 2, callsListed: 1, searches: 1, promptTokensSaved: -100 }),
    record({ calls: 1 }),
    record({ source: "learned" }),
  ].reduce(withToolSelection, noToolSelections);
  assert.deepEqual(totals.bySource.context, { selections: 2, calls: 4, callsListed: 3 });
  assert.equal(recallOf(totals.bySource.context), 0.75);
  assert.equal(recallOf(totals.bySource.words), 0);
  assert.equal(recallOf(totals.bySource.learned), undefined);
  assert.equal(recallOf(totals.bySource.exact), undefined);
  assert.deepEqual([totals.searches, totals.promptTokensSaved], [1, 800]);
  assert.deepEqual(allToolSelections(totals), { selections: 4, calls: 5, callsListed: 3 });
  assert.equal(allToolSelections(noToolSelections).selections, 0);
});

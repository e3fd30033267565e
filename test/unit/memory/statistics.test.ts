import assert from "node:assert/strict";
import { test } from "node:test";
import { fitLine, fitStep, median, medianSlope } from "../../../src/memory/statistics.ts";

const points = (values: readonly number[]) => values.map((y, x) => ({ x, y }));

test("medians and median slopes, also of points at one time", () => {
  assert.equal(median([]), 0);
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(medianSlope(points([0, 2, 4, 100, 8])), 2);
  assert.equal(
    medianSlope([
      { x: 0, y: 0 },
      { x: 0, y: 9 },
      { x: 0, y: -5 },
    ]),
    0,
  );
});

test("a line and a step are found, with what they leave", () => {
  assert.deepEqual(fitLine(points([1, 3, 5, 7])), { slope: 2, squares: 0, memory: 0 });
  assert.ok(fitLine(points([0, 1, 0, 1, 0, 1])).memory < 0);
  assert.ok(fitLine(points([0, 1, 2, 1, 0])).memory > 0);
  assert.deepEqual(fitStep(points([1, 1, 1, 5, 5])), { at: 3, squares: 0, levelSquares: 19.2 });
});

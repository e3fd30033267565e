import assert from "node:assert/strict";
import { test } from "node:test";
import { createHistogram } from "../../../src/metrics/histogram.ts";

test("percentiles of an even spread are right within 5 %", () => {
  const histogram = createHistogram();
  for (let ms = 1; ms <= 1000; ms++) histogram.add(ms);
  for (const [share, expected] of [
    [0.5, 500],
    [0.95, 950],
    [0.99, 990],
  ] as const) {
    const actual = histogram.percentileMs(share)!;
    assert.ok(actual >= expected && actual <= expected * 1.051, `p${share * 100} ${actual}`);
  }
});

test("an empty histogram has no percentile", () => {
  assert.equal(createHistogram().percentileMs(0.5), undefined);
});

test("ignores what is no duration and keeps what is out of range", () => {
  const histogram = createHistogram();
  for (const bad of [Number.NaN, -1, Number.POSITIVE_INFINITY]) histogram.add(bad);
  assert.equal(histogram.count, 0);
  histogram.add(0);
  histogram.add(1e12);
  assert.equal(histogram.count, 2);
  assert.ok(histogram.percentileMs(0.5)! <= 0.011);
});

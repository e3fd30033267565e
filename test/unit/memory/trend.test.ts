import assert from "node:assert/strict";
import { test } from "node:test";
import { assessTrend, type Trend } from "../../../src/memory/trend.ts";
import { createRandom, sizeSeries, type SeriesShape } from "../../fake/sizeSeries.ts";

const runs = 1000;
const seed = 2026;

/** An hour as a busy extension host has it: noise that remembers, and a collector's teeth of 60 MB. */
const hour: SeriesShape = { samples: 120, intervalMs: 30_000, noiseBytes: 6e6, toothBytes: 60e6 };
const every10s: SeriesShape = { ...hour, samples: 360, intervalMs: 10_000 };
const every60s: SeriesShape = { ...hour, samples: 60, intervalMs: 60_000 };
const every5min: SeriesShape = { ...hour, samples: 72, intervalMs: 300_000 };
const irregular: SeriesShape = { ...hour, missing: 0.3, lateness: 0.9 };
const asleep: SeriesShape = { ...hour, gap: { ms: 8 * 3_600_000, isAsleep: true } };
const paused: SeriesShape = { ...hour, gap: { ms: 1_800_000, isAsleep: false } };
const noTeeth: SeriesShape = { ...hour, toothBytes: 0 };
const quiet: SeriesShape = { ...hour, noiseBytes: 3e6 };
const large: SeriesShape = { ...hour, baseBytes: 2e9 };
const shapes = { hour, every10s, every60s, every5min, irregular, asleep, paused, noTeeth, quiet, large };

const step = { bytes: 80e6, at: 0.4 };
const leakBytesPerHour = 120e6;

const assessed = (shape: SeriesShape): readonly Trend[] => {
  const random = createRandom(seed);
  return Array.from({ length: runs }, () => assessTrend(sizeSeries(shape, random)));
};
const leaksIn = (shape: SeriesShape): number => assessed(shape).filter(({ possibleLeak }) => possibleLeak).length;

for (const [name, shape] of Object.entries(shapes)) {
  test(`1,000 flat series are no leak and go nowhere: ${name}`, () => {
    const trends = assessed(shape);
    assert.equal(trends.filter(({ possibleLeak }) => possibleLeak).length, 0);
    const moving = trends.filter(({ trend }) => trend !== "stable").length;
    assert.ok(moving <= 0.01 * runs, `${moving}`);
  });

  test(`of 1,000 series with a step at most 5 % look like a leak: ${name}`, () => {
    const falseAlarms = leaksIn({ ...shape, step });
    assert.ok(falseAlarms <= 0.05 * runs, `${falseAlarms}`);
  });

  test(`of 1,000 leaks of 120 MB an hour at least 98 % are found: ${name}`, () => {
    const trends = assessed({ ...shape, leakBytesPerHour });
    const found = trends.filter(({ possibleLeak }) => possibleLeak);
    assert.ok(found.length >= 0.98 * runs, `${found.length}`);
    assert.ok(found.every(({ trend }) => trend === "increasing"));
    const typical = trends.map(({ bytesPerHour }) => bytesPerHour).toSorted((a, b) => a - b)[runs / 2]!;
    assert.ok(Math.abs(typical - leakBytesPerHour) < 12e6, `${typical}`);
  });
}

test("teeth that last from two minutes to an hour are never a leak", () => {
  for (const minutes of [2, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55]) {
    const samples = minutes * 2;
    const toothStepBytes = [(0.9 * 60e6) / samples, (1.1 * 60e6) / samples] as const;
    assert.equal(leaksIn({ ...hour, noiseBytes: 1e6, toothStepBytes }), 0, `${minutes}`);
  }
});

test("steps of other sizes, at other places, and slower ones", () => {
  for (const other of [
    { bytes: 40e6, at: 0.5 },
    { bytes: 200e6, at: 0.5 },
    { bytes: 150e6, at: 0.8 },
    { bytes: 150e6, at: 0.15 },
    { bytes: 80e6, at: 0.4, samples: 12 },
  ]) {
    const falseAlarms = leaksIn({ ...hour, step: other });
    assert.ok(falseAlarms <= 0.05 * runs, `${JSON.stringify(other)}: ${falseAlarms}`);
  }
});

test("a warm-up that comes to rest is no leak", () => {
  const random = createRandom(seed);
  let alarms = 0;
  for (let run = 0; run < runs; run++) {
    const series = sizeSeries({ ...hour, noiseBytes: 2e6, toothBytes: 20e6 }, random);
    const warm = series.map(({ atMs, bytes }, index) => ({ atMs, bytes: bytes + 200e6 * (1 - Math.exp(-index / 25)) }));
    if (assessTrend(warm).possibleLeak) alarms++;
  }
  assert.ok(alarms <= 0.05 * runs, `${alarms}`);
});

test("a step while the machine slept is no leak", () => {
  assert.ok(leaksIn({ ...asleep, step: { bytes: 80e6, at: 0.5 } }) <= 0.05 * runs);
});

test("after a step only what came since counts", () => {
  const random = createRandom(seed);
  const { trend, bytesPerHour } = assessTrend(
    sizeSeries({ ...hour, noiseBytes: 1e6, toothBytes: 0, step: { bytes: 200e6, at: 0.5 } }, random),
  );
  assert.equal(trend, "stable");
  assert.ok(Math.abs(bytesPerHour) < 10e6, `${bytesPerHour}`);
});

test("memory that comes back is decreasing", () => {
  const trends = assessed({ ...hour, leakBytesPerHour: -120e6 });
  assert.ok(trends.filter(({ trend }) => trend === "decreasing").length >= 0.98 * runs);
});

const at = (atMs: number, bytes: number) => ({ atMs, bytes });
const rising = (samples: number, intervalMs: number) =>
  assessTrend(Array.from({ length: samples }, (_, index) => ({ atMs: index * intervalMs, bytes: 1e9 + index * 5e6 })));

test("few samples say little: a handful is stable, a leak needs 24 and twenty minutes", () => {
  assert.deepEqual(assessTrend([]), { trend: "stable", bytesPerHour: 0, possibleLeak: false });
  assert.equal(rising(4, 60_000).trend, "stable");
  assert.equal(rising(10, 60_000).trend, "increasing");
  assert.equal(rising(23, 60_000).possibleLeak, false);
  assert.equal(rising(24, 60_000).possibleLeak, true);
  assert.equal(rising(110, 10_000).possibleLeak, false);
  assert.equal(rising(122, 10_000).possibleLeak, true);
  assert.equal(Math.round(rising(60, 60_000).bytesPerHour), 300e6);
  for (const samples of [5, 6, 8, 10, 15]) {
    const moving = assessed({ ...hour, samples }).filter(({ trend }) => trend !== "stable").length;
    assert.ok(moving <= 0.12 * runs, `${samples}: ${moving}`);
  }
});

test("odd series: all at one time, out of order, not a number, all equal", () => {
  assert.equal(assessTrend(Array.from({ length: 50 }, () => at(5, 1e9))).trend, "stable");
  const ordered = Array.from({ length: 60 }, (_, index) => at(index * 60_000, 1e9 + index * 5e6));
  assert.deepEqual(assessTrend(ordered.toReversed()), assessTrend(ordered));
  assert.deepEqual(assessTrend([...ordered, at(Number.NaN, 1), at(1, Number.POSITIVE_INFINITY)]), assessTrend(ordered));
  assert.deepEqual(assessTrend(ordered.map(({ atMs }) => at(atMs, 1e9))), {
    trend: "stable",
    bytesPerHour: 0,
    possibleLeak: false,
  });
});

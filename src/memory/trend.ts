import { fitLine, fitStep, median, medianSlope, type Point } from "./statistics.ts";

/** A size at one moment. */
export type SizeSample = { readonly atMs: number; readonly bytes: number };

/** Where a series of sizes goes. */
export type Trend = {
  readonly trend: "increasing" | "decreasing" | "stable";
  /** By a robust slope; after a step, what it has done since. */
  readonly bytesPerHour: number;
  /** It grows steadily and gives nothing back: worth a look, not a proof. */
  readonly possibleLeak: boolean;
};

const stable: Trend = { trend: "stable", bytesPerHour: 0, possibleLeak: false };

const hourMs = 3_600_000;
const fewestSamples = 5;
/** More blocks make the slope no better, and its cost grows with their square. */
const mostBlocks = 32;
const samplesPerBlock = 2;

// The numbers below by simulation: test/unit/memory/trend.test.ts has the series.
const leakSamples = 24;
const leakMs = 20 * 60_000;
const leakBytes = 8 * 2 ** 20;
/** A line counts from so many times the scatter around it on; few blocks scatter little by chance. */
const clearRise = (blocks: number): number => 3 + 9000 / blocks ** 3;
/** A rise that is a smaller part of the level is of no interest. */
const smallestShare = 0.01;
/** A step leaves less than this of what a line leaves unexplained: so it was one. */
const stepShare = 0.92;
/** Falls from this part of the rise on are garbage that was collected. */
const garbageShare = 0.7;
/** What the low points have to have of the slope of the whole. */
const floorShare = 0.4;

const inOrder = (samples: readonly SizeSample[]): readonly SizeSample[] => {
  const usable = samples.filter(({ atMs, bytes }) => Number.isFinite(atMs) && Number.isFinite(bytes));
  return usable.every(({ atMs }, index) => index === 0 || atMs >= usable[index - 1]!.atMs)
    ? usable
    : usable.toSorted((a, b) => a.atMs - b.atMs);
};

/** A sample on the time line without jumps, and on the clock's. */
type TimedPoint = Point & { readonly clockX: number };

/** The samples over hours. Jumps count as one usual interval for `x`, and as what they took for `clockX`. */
const timed = (samples: readonly SizeSample[]): readonly TimedPoint[] => {
  const gapsMs = samples.map(({ atMs }, index) => (index === 0 ? 0 : atMs - samples[index - 1]!.atMs));
  const usualMs = median(gapsMs.slice(1));
  const longestMs = Math.max(10 * usualMs, 180_000);
  let awakeMs = 0;
  return samples.map(({ atMs, bytes }, index) => {
    awakeMs += gapsMs[index]! > longestMs ? usualMs : gapsMs[index]!;
    return { x: awakeMs / hourMs, clockX: (atMs - samples[0]!.atMs) / hourMs, y: bytes };
  });
};

/** The medians of stretches of equal length, without those in which nothing was sampled. */
const blocksOf = (points: readonly TimedPoint[]): readonly TimedPoint[] => {
  const spanHours = points.at(-1)!.x;
  const count = Math.min(mostBlocks, Math.max(fewestSamples, Math.floor(points.length / samplesPerBlock)));
  const blocks: TimedPoint[][] = Array.from({ length: count }, () => []);
  for (const point of points) blocks[Math.min(count - 1, Math.floor((point.x / spanHours) * count))]!.push(point);
  return blocks
    .filter((block) => block.length > 0)
    .map((block) => ({
      x: median(block.map(({ x }) => x)),
      clockX: median(block.map(({ clockX }) => clockX)),
      y: median(block.map(({ y }) => y)),
    }));
};

/**
 * Which time line the series follows: while a machine sleeps nothing grows, while only the sampling was paused
 * everything goes on. Behind a jump longer than all the rest, nobody can say.
 */
const followsClock = (blocks: readonly TimedPoint[]): boolean => {
  const last = blocks.at(-1)!;
  if (last.clockX === last.x || last.clockX > 2 * last.x) return false;
  return fitLine(blocks.map(({ clockX, y }) => ({ x: clockX, y }))).squares < fitLine(blocks).squares;
};

/**
 * The low points of a series: the lowest before the first fall, and where each fall ended. A fall gives back at least
 * `leastFall`, in one sample or in several.
 */
const floorsOf = (points: readonly Point[], leastFall: number): readonly Point[] => {
  const floors: Point[] = [];
  let lowest = points[0]!;
  let highest = points[0]!;
  let isFalling = false;
  for (const point of points) {
    if (isFalling ? point.y - lowest.y > leastFall / 2 : highest.y - point.y > leastFall) {
      if (isFalling || floors.length === 0) floors.push(lowest);
      isFalling = !isFalling;
      lowest = point;
      highest = point;
    }
    if (point.y < lowest.y) lowest = point;
    if (point.y > highest.y) highest = point;
  }
  if (isFalling) floors.push(lowest);
  return floors;
};

type Steady = { readonly perHour: number; readonly rise: number; readonly isClear: boolean };

/** Whether what is left after collecting garbage grows, too. What never falls has no garbage. */
const floorRises = (points: readonly Point[], { perHour, rise }: Steady): boolean => {
  if (floorsOf(points, garbageShare * rise).length === 0) return true;
  // One fall is large enough to matter, so all of its kind count.
  const floors = floorsOf(points, (garbageShare / 2) * rise);
  return medianSlope(floors) >= floorShare * perHour;
};

/** A straight line through the blocks, and whether it is more than chance. */
const steady = (blocks: readonly Point[]): Steady => {
  if (blocks.length < 4) return { perHour: 0, rise: 0, isClear: false };
  const perHour = medianSlope(blocks);
  const rise = perHour * (blocks.at(-1)!.x - blocks[0]!.x);
  const rest = fitLine(blocks);
  const scatter = Math.sqrt(rest.squares / (blocks.length - 2));
  const level = Math.abs(median(blocks.map(({ y }) => y)));
  // Noise that remembers counts for more: there is less of it than there are blocks.
  // A fitted line takes some of that memory away, about as much as is added here.
  const memory = Math.min(0.8, Math.max(0, rest.memory + (1 + 4 * rest.memory) / blocks.length));
  const inflation = Math.sqrt((1 + memory) / (1 - memory));
  const isClear = Math.abs(rise) > Math.max(clearRise(blocks.length) * scatter * inflation, smallestShare * level);
  return { perHour, rise, isClear };
};

/**
 * Tells where sizes go, and whether it looks like a leak: a straight line has to explain the series much better than a
 * level, better than one step, and the low points have to rise with it. Samples may come at any
 * interval, with gaps, in any order; beyond a pass over them the cost is bounded. Fewer than five samples are "stable";
 * a leak needs 24 samples and 20 minutes. A single tooth of a garbage collector that fills the whole series cannot be
 * told from a leak: give it as long a series as there is, an hour or more.
 */
export const assessTrend = (samples: readonly SizeSample[]): Trend => {
  const sorted = inOrder(samples);
  if (sorted.length < fewestSamples || sorted.at(-1)!.atMs <= sorted[0]!.atMs) return stable;
  const points = timed(sorted);
  const awake = blocksOf(points);
  const isClock = followsClock(awake);
  const blocks = isClock ? awake.map(({ clockX, y }) => ({ x: clockX, y })) : awake;
  const line = fitLine(blocks);
  const step = fitStep(blocks);
  const whole = steady(blocks);
  const isStep = step.squares < stepShare * line.squares;
  // What was at another level before says nothing about now.
  const now = isStep && step.squares < step.levelSquares / 2 ? steady(blocks.slice(step.at)) : whole;
  const possibleLeak =
    whole.isClear &&
    whole.rise >= leakBytes &&
    !isStep &&
    points.length >= leakSamples &&
    (points.at(-1)!.x - points[0]!.x) * hourMs >= leakMs &&
    floorRises(isClock ? points.map(({ clockX, y }) => ({ x: clockX, y })) : points, whole);
  const trend = now.isClear ? (now.perHour > 0 ? "increasing" : "decreasing") : "stable";
  return { trend, bytesPerHour: now.perHour, possibleLeak };
};

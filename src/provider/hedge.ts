import type { Clock } from "../base/clock.ts";

/** When and how often a slow completion is sent once more. */
export type HedgingOptions = {
  /** Extra requests as a share of all, 0 to 1, never more at any time. Default 0.059. */
  readonly maxShare?: number;
  /** No extra request before this. Default 25: nobody sees less. */
  readonly floorMs?: number;
  /** What extra requests may cost in 24 hours, in US dollars. Default 0.05. */
  readonly maxUsdPerDay?: number;
};

/** The times to the first token that a server took of late. */
export type FirstTokenWindow = {
  /** Adds one in milliseconds; for an answer that was given up, how long it was waited for. */
  add(durationMs: number): void;
  /** After how long an answer is slow beyond what is usual; undefined: too few were seen. */
  slowMs(): number | undefined;
};

/** Enough to know the slow end, and gone within a morning's typing when the server changes. */
const windowSize = 200;
const minSamples = 20;
// The 95th percentile itself is no good threshold: it lies right at the edge of a tail of 5 %, so that chance puts it on
// either side, and the slow answers that hedging cuts short never show how slow they were. The 90th is known well and
// not touched by either. Half as much again is above what is usual for times that scatter by up to 60 % (the 95th of a
// log-normal distribution with sigma 0.8 is 1.4 times its 90th): test/bench/hedging.bench.ts.
const usualShare = 0.9;
const slowFactor = 1.5;

/** Makes an empty window over the last 200 answers; the histogram forgets nothing, and old times mislead here. */
export const createFirstTokenWindow = (): FirstTokenWindow => {
  const ring = new Float64Array(windowSize);
  let count = 0;
  return {
    add(durationMs) {
      ring[count++ % windowSize] = durationMs;
    },
    slowMs() {
      if (count < minSamples) return undefined;
      const sorted = ring.slice(0, Math.min(count, windowSize)).toSorted();
      return slowFactor * sorted[Math.ceil(usualShare * sorted.length) - 1]!;
    },
  };
};

/** Used where {@link HedgingOptions} name none. */
export const defaultFloorMs = 25;
const defaultMaxShare = 0.059;
const defaultMaxUsdPerDay = 0.05;

/** Leave to send one extra request. */
export type HedgePermit = {
  /** Tells what it cost in the end, instead of what was expected. */
  settle(costUsd: number): void;
};

/** Keeps extra requests to a share of all and to an amount of money. */
export type HedgeBudget = {
  /** Counts a request that might get an extra one. */
  requested(): void;
  /** Takes from the budget; undefined: it is used up. `expectedUsd` undefined: what it will cost is not known. */
  take(expectedUsd: number | undefined): HedgePermit | undefined;
};

/** How much a quiet time can save up for a bad one, in extra requests. */
const maxSaved = 12;
const dayMs = 86_400_000;

/** Makes a full purse and no saved requests, so that a cold start sends none. */
export const createHedgeBudget = (
  clock: Clock,
  { maxShare = defaultMaxShare, maxUsdPerDay = defaultMaxUsdPerDay }: HedgingOptions,
): HedgeBudget => {
  type Charge = { readonly atMs: number; usd: number };
  let saved = 0;
  let charges: Charge[] = [];

  const leftUsd = (): number => {
    const sinceMs = clock.nowMs() - dayMs;
    charges = charges.filter(({ atMs }) => atMs > sinceMs);
    return maxUsdPerDay - charges.reduce((sum, { usd }) => sum + usd, 0);
  };

  return {
    requested() {
      saved = Math.min(maxSaved, saved + maxShare);
    },
    take(expectedUsd) {
      if (saved < 1) return undefined;
      if (expectedUsd !== 0) {
        const left = leftUsd();
        if (left <= 0 || (expectedUsd ?? 0) > left) return undefined;
        // Something of unknown price may take all that is left, but only once at a time.
        expectedUsd ??= left;
      }
      saved--;
      const charge: Charge = { atMs: clock.nowMs(), usd: expectedUsd };
      if (expectedUsd > 0) charges.push(charge);
      return {
        settle(costUsd) {
          if (charge.usd === 0 && costUsd > 0) charges.push(charge);
          charge.usd = costUsd;
        },
      };
    },
  };
};

import { compare, type Finished, type Verdict } from "./comparison.ts";

// The numbers below were chosen by simulation, for several kinds of servers: test/bench/limiter.bench.ts.

/** Requests that are kept for each number of running ones. */
const keptSamples = 16;
/** What a number of running requests is compared with is at most this part of it, or the difference drowns in noise. */
export const referenceShare = 0.8;
/** Fewer running ones than those, down to this part, are added: they took the same, and more of them are surer. */
const pooledShare = 0.4;

/** What is known about a number of running requests. */
export type Level = { readonly requests: readonly Finished[]; readonly learnedAt: number };

/** What requests took, by how many ran. */
export type Levels = {
  get(level: number): Level | undefined;
  /** Adds what a round has shown; `isNew`: what was known before is forgotten. `learnedAt` counts finished requests. */
  keep(level: number, samples: readonly Finished[], learnedAt: number, isNew: boolean): void;
  /** Forgets everything else. */
  keepOnly(level: number, known: Level): void;
  /** Forgets what is known about fewer. */
  forgetBelow(level: number): void;
  clear(): void;
  /** The number that this one is compared with; undefined: nothing is known about fewer. */
  referenceFor(level: number): number | undefined;
  /** Compares a round at `level` with what is known about fewer; undefined: nothing is. */
  compareWithFewer(level: number, samples: readonly Finished[]): Verdict | undefined;
};

/** Makes one that knows nothing. */
export const createLevels = (): Levels => {
  const levels = new Map<number, Level>();
  const referenceFor = (level: number): number | undefined => {
    let best: number | undefined;
    for (const key of levels.keys()) if (key <= referenceShare * level && key > (best ?? 0)) best = key;
    return best;
  };
  return {
    get: (level) => levels.get(level),
    keep(level, samples, learnedAt, isNew) {
      const before = isNew ? [] : (levels.get(level)?.requests ?? []);
      levels.set(level, { requests: [...before, ...samples].slice(-keptSamples), learnedAt });
    },
    keepOnly(level, known) {
      levels.clear();
      levels.set(level, known);
    },
    forgetBelow(level) {
      for (const key of levels.keys()) if (key < level) levels.delete(key);
    },
    clear: () => levels.clear(),
    referenceFor,
    compareWithFewer(level, samples) {
      const reference = referenceFor(level);
      if (reference === undefined) return undefined;
      const known: Finished[] = [];
      for (const [key, { requests }] of levels) {
        if (key === reference || (key < reference && key >= pooledShare * level)) known.push(...requests);
      }
      return compare(samples, level, known, reference);
    },
  };
};

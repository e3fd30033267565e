import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";

/** Something that keeps what can be had again, and can give memory back. What a person made is in no cache. */
export type BudgetedCache = {
  /** Unique; of two that give back equally well, the first by name goes first. */
  readonly name: string;
  /** What it takes now, estimated. Asked every few seconds. */
  sizeBytes(): number;
  /** When it was last of use, by the program's clock; `-Infinity`: never. */
  lastUsedMs(): number;
  /** Drops what is least useful, until at most `toBytes` are left, or as near to that as it can get. */
  shrink(toBytes: number): void;
};

/** One limit for all caches together. */
export type CacheBudget = {
  /** Disposing takes the cache out again, as it is. */
  register(cache: BudgetedCache): Disposable;
  /**
   * Lets caches give back until all together take at most `limitBytes`: the largest and coldest first, each no more than
   * is needed. Returns the bytes that came free.
   */
  keepWithin(limitBytes: number): number;
  sizeBytes(): number;
};

/** Without it, a cache that is used right now would never give back, however large it is. */
const leastAgeMs = 1000;

/**
 * Makes a budget without caches. Each one's place in the order is its bytes times the time since its last use, which is
 * what keeping it has cost for nothing. `nowMs` is never before a `lastUsedMs`, unless a clock is wrong.
 */
export const createCacheBudget = ({ clock }: { clock: Pick<Clock, "nowMs"> }): CacheBudget => {
  const caches = new Set<BudgetedCache>();

  const ranked = () => {
    const nowMs = clock.nowMs();
    const rows = [...caches].map((cache) => {
      const sizeBytes = Math.max(0, cache.sizeBytes());
      const ageMs = Math.max(leastAgeMs, nowMs - cache.lastUsedMs());
      return { cache, sizeBytes, cost: sizeBytes === 0 ? 0 : sizeBytes * ageMs };
    });
    // Compared, not subtracted: what was never used has cost without end, and two of those leave no difference.
    return rows.toSorted((a, b) => {
      if (a.cost !== b.cost) return a.cost > b.cost ? -1 : 1;
      if (a.sizeBytes !== b.sizeBytes) return b.sizeBytes - a.sizeBytes;
      return a.cache.name < b.cache.name ? -1 : 1;
    });
  };

  return {
    register(cache) {
      caches.add(cache);
      return { dispose: () => caches.delete(cache) };
    },
    keepWithin(limitBytes) {
      const rows = ranked();
      const beforeBytes = rows.reduce((sum, row) => sum + row.sizeBytes, 0);
      let totalBytes = beforeBytes;
      for (const { cache, sizeBytes } of rows) {
        const excessBytes = totalBytes - Math.max(0, limitBytes);
        if (excessBytes <= 0) break;
        if (sizeBytes === 0) continue;
        cache.shrink(Math.max(0, sizeBytes - excessBytes));
        totalBytes -= sizeBytes - Math.max(0, cache.sizeBytes());
      }
      return beforeBytes - totalBytes;
    },
    sizeBytes: () => [...caches].reduce((sum, cache) => sum + Math.max(0, cache.sizeBytes()), 0),
  };
};

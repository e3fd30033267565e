/** Counts durations in buckets that grow by 5 %, so that percentiles cost no memory per sample. */
export type Histogram = {
  /** Adds one duration in milliseconds; negative and non-finite values are ignored. */
  add(durationMs: number): void;
  readonly count: number;
  /** The duration that `share` (0..1) of all samples do not exceed, within 5 %; undefined when empty. */
  percentileMs(share: number): number | undefined;
};

const smallestMs = 0.01;
const growth = 1.05;
// 0.01 ms to about 50 minutes.
const bucketCount = 390;

export const createHistogram = (): Histogram => {
  const buckets = new Uint32Array(bucketCount);
  let count = 0;
  return {
    add(durationMs) {
      if (!Number.isFinite(durationMs) || durationMs < 0) return;
      const bucket =
        durationMs <= smallestMs ? 0 : Math.ceil(Math.log(durationMs / smallestMs) / Math.log(growth) - 1e-9);
      const index = Math.min(bucketCount - 1, bucket);
      buckets[index] = (buckets[index] ?? 0) + 1;
      count++;
    },
    get count() {
      return count;
    },
    percentileMs(share) {
      if (count === 0) return undefined;
      const rank = Math.max(1, Math.ceil(share * count));
      let seen = 0;
      for (let index = 0; index < bucketCount; index++) {
        seen += buckets[index] ?? 0;
        if (seen >= rank) return smallestMs * growth ** index;
      }
      return smallestMs * growth ** (bucketCount - 1);
    },
  };
};

/** What a series of sizes is made of; sizes in bytes. */
export type SeriesShape = {
  readonly samples: number;
  readonly intervalMs: number;
  /** Standard deviation of what each sample adds to an autoregressive noise with a factor of 0.8. */
  readonly noiseBytes: number;
  /** How high the teeth of the garbage collector are; 0: none. */
  readonly toothBytes?: number;
  /** How much a tooth rises from one sample to the next, from and to. */
  readonly toothStepBytes?: readonly [number, number];
  readonly leakBytesPerHour?: number;
  /** One step, at this share of the series, that takes so many samples. */
  readonly step?: { readonly bytes: number; readonly at: number; readonly samples?: number };
  /** Share of samples that are missing, and by how much of an interval the others come late at most. */
  readonly missing?: number;
  readonly lateness?: number;
  /** A gap before the middle; whether the leak goes on in it. */
  readonly gap?: { readonly ms: number; readonly isAsleep: boolean };
  readonly baseBytes?: number;
};

/** A generator of numbers in 0..1 that gives the same ones for the same seed (mulberry32). */
export const createRandom = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** A made-up series of memory sizes: noise that remembers, teeth, a leak, a step, gaps. */
export const sizeSeries = (shape: SeriesShape, random: () => number): { atMs: number; bytes: number }[] => {
  const { samples, intervalMs, noiseBytes, toothBytes = 0, leakBytesPerHour = 0, step, gap } = shape;
  const [toothFrom, toothTo] = shape.toothStepBytes ?? [4e6, 10e6];
  const series: { atMs: number; bytes: number }[] = [];
  let noise = (noiseBytes / 0.6) * normal(random);
  let tooth = toothBytes * random();
  let pausedMs = 0;
  let asleepMs = 0;
  for (let index = 0; index < samples; index++) {
    noise = 0.8 * noise + noiseBytes * normal(random);
    tooth += toothFrom + (toothTo - toothFrom) * random();
    if (tooth > toothBytes) tooth = 0;
    if (gap && index === samples >> 1) {
      pausedMs = gap.ms;
      if (gap.isAsleep) asleepMs = gap.ms;
    }
    const late = (shape.lateness ?? 0) * intervalMs * random();
    const atMs = index * intervalMs + pausedMs + late;
    const leak = (leakBytesPerHour * (atMs - asleepMs)) / 3_600_000;
    const stepped = step ? Math.min(1, Math.max(0, (index - step.at * samples) / (step.samples ?? 1))) : 0;
    const bytes = (shape.baseBytes ?? 300e6) + noise + tooth + leak + (step ? step.bytes * stepped : 0);
    if (random() >= (shape.missing ?? 0)) series.push({ atMs: 1.79e12 + atMs, bytes });
  }
  return series;
};

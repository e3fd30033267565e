/** Corrects confidences by what was typed after earlier predictions. */
export type Calibration = {
  /** Looks whether the text before the cursor has decided about the prediction that waits. */
  observe(path: string, prefix: string): void;
  /** Waits for what follows `prefix`, unless an earlier prediction still waits. `chance` is uncorrected. */
  expect(path: string, prefix: string, text: string, chance: number): void;
  /** The corrected chance; it grows with `chance`, and stays within 0..1. */
  correct(chance: number): number;
};

/** What the fitted confidence counts for, as if it had been seen this often; and how much is remembered at most. */
const priorWeight = 20;
const maxWeight = 100;
const maxShift = 1;
/** Text before the cursor that must be the same, so that what follows can be compared. */
const anchorUnits = 200;

export const createCalibration = (): Calibration => {
  let waiting: { path: string; anchor: string; end: number; text: string; chance: number } | undefined;
  // Added to the log odds: below 0 where this workspace is harder to predict than those that were fitted to.
  let shift = 0;
  let weight = priorWeight;

  const correct = (chance: number): number => {
    const odds = (chance / Math.max(1 - chance, 1e-9)) * Math.exp(shift);
    return odds / (1 + odds);
  };

  const decide = (isRight: boolean, chance: number): void => {
    const expected = correct(chance);
    weight = Math.min(maxWeight, weight + expected * (1 - expected));
    shift += ((isRight ? 1 : 0) - expected) / weight;
    shift = Math.max(-maxShift, Math.min(maxShift, shift));
  };

  return {
    observe(path, prefix) {
      if (!waiting) return;
      const { anchor, end, text, chance } = waiting;
      if (path !== waiting.path || prefix.length < end || !prefix.startsWith(anchor, end - anchor.length)) {
        waiting = undefined;
        return;
      }
      const typedUnits = Math.min(prefix.length - end, text.length);
      const agrees = prefix.startsWith(text.slice(0, typedUnits), end);
      if (agrees && typedUnits < text.length) return;
      decide(agrees, chance);
      waiting = undefined;
    },
    expect(path, prefix, text, chance) {
      waiting ??= { path, anchor: prefix.slice(-anchorUnits), end: prefix.length, text, chance };
    },
    correct,
  };
};

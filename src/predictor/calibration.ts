import { languageOf } from "./languageOf.ts";
import { createPendingPrediction } from "./pendingPrediction.ts";

/** Corrects confidences by how earlier predictions turned out, shown or rehearsed, for each language on its own. */
export type Calibration = {
  /** Looks whether the text before the cursor has decided about the prediction that waits. */
  observe(path: string, prefix: string): void;
  /** Waits for what follows `prefix`, unless an earlier prediction still waits. `chance` is uncorrected. */
  expect(path: string, prefix: string, text: string, chance: number): void;
  /** Takes in how a prediction turned out that nobody saw. `chance` is uncorrected. */
  learn(path: string, isRight: boolean, chance: number): void;
  /** Takes in how a prediction of that (corrected) confidence turned out; one that waits for this path is dropped. */
  decide(path: string, isRight: boolean, confidence: number): void;
  /** The corrected chance; it grows with `chance`, and stays within 0..1. */
  correct(path: string, chance: number): number;
};

/** What the fitted confidence counts for, as if it had been seen this often; and how much is remembered at most. */
const priorWeight = 4;
const maxWeight = 20;
const maxShift = 3;
const maxLanguages = 64;

type State = { shift: number; weight: number };

const limit = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));

const shifted = (chance: number, shift: number): number => {
  const odds = (chance / Math.max(1 - chance, 1e-9)) * Math.exp(shift);
  return odds / (1 + odds);
};

export const createCalibration = (): Calibration => {
  const pending = createPendingPrediction();
  // The shift is added to the log odds: below 0 where text is harder to predict than what was fitted to.
  const states = new Map<string, State>();

  const shiftOf = (path: string): number => states.get(languageOf(path))?.shift ?? 0;

  const learn = (path: string, isRight: boolean, chance: number): void => {
    const language = languageOf(path);
    const { shift, weight } = states.get(language) ?? { shift: 0, weight: priorWeight };
    const expected = shifted(chance, shift);
    const newWeight = Math.min(maxWeight, weight + expected * (1 - expected));
    const step = ((isRight ? 1 : 0) - expected) / newWeight;
    // The language used longest ago stands first, and goes first.
    states.delete(language);
    states.set(language, { shift: limit(shift + step, -maxShift, maxShift), weight: newWeight });
    if (states.size > maxLanguages) states.delete(states.keys().next().value!);
  };

  return {
    observe(path, prefix) {
      const outcome = pending.observe(path, prefix);
      if (outcome) learn(path, outcome.isRight, outcome.chance);
    },
    expect: (...prediction) => pending.expect(...prediction),
    learn,
    decide(path, isRight, confidence) {
      pending.drop(path);
      if (confidence >= 0 && confidence <= 1) learn(path, isRight, shifted(confidence, -shiftOf(path)));
    },
    correct: (path, chance) => shifted(chance, shiftOf(path)),
  };
};

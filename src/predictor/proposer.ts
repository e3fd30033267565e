import { confidenceLimits, type Prediction, type Predictor } from "./predictor.ts";
import type { ConfidenceName } from "./predictorMessages.ts";

/**
 * A prediction to show. `isGuess`: it is sure enough for somebody who has stopped typing, and for nobody else. `isUnsure`:
 * it is not worth showing where a model is asked at the same time, which often knows better a moment later.
 */
export type Proposal = Prediction & { readonly isGuess?: boolean; readonly isUnsure?: boolean };

/** Asks the engine for what a person is to see. */
export type Proposer = {
  propose(path: string, prefix: string, suffix: string): Proposal | undefined;
  /** Lets the engine try itself at a place of a learned text, see {@link Predictor.rehearse}. */
  rehearse(path: string, text: string, at: number): void;
};

/** A character, or the sign that begins a comment. */
const loneSign = /^(?:.|\/\/+|##+|--)$/;

/** Proposes as much as the setting wants. */
export const createProposer = (predictor: Predictor, confidence: ConfidenceName): Proposer => {
  const { typing, pausing, besideModel } = confidenceLimits[confidence];
  return {
    rehearse: (path, text, at) => predictor.rehearse(path, text, at, pausing),
    propose(path, prefix, suffix) {
      const prediction = predictor.propose(path, prefix, suffix, pausing);
      if (!prediction) return undefined;
      // A lone sign is typed as quickly as it is read, except by somebody who has stopped to think.
      const isLoneSign = loneSign.test(prediction.text.trim());
      const isGuess = isLoneSign || prediction.confidence < typing;
      return { ...prediction, isGuess, isUnsure: isGuess || prediction.confidence < besideModel };
    },
  };
};

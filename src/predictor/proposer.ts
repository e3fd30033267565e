import { confidenceLimits, type Prediction, type Predictor } from "./predictor.ts";
import type { ConfidenceName } from "./predictorMessages.ts";

/** A prediction to show. `isGuess`: it is sure enough for somebody who has stopped typing, and for nobody else. */
export type Proposal = Prediction & { readonly isGuess?: boolean };

/** Asks the engine for what a person is to see. */
export type Proposer = {
  propose(path: string, prefix: string, suffix: string): Proposal | undefined;
};

/** Proposes as much as the setting wants. */
export const createProposer = (predictor: Predictor, confidence: ConfidenceName): Proposer => {
  const { typing, pausing } = confidenceLimits[confidence];
  return {
    propose(path, prefix, suffix) {
      const prediction = predictor.propose(path, prefix, suffix, [typing, pausing]);
      return prediction && { ...prediction, isGuess: prediction.confidence < typing };
    },
  };
};

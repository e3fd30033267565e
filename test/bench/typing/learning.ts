import type { Clock } from "../../../src/base/clock.ts";
import type { Disposable } from "../../../src/base/disposable.ts";
import { createPredictor } from "../../../src/predictor/predictor.ts";
import type { ConfidenceName } from "../../../src/predictor/predictorMessages.ts";
import type { PredictionSource } from "../../../src/predictor/predictorService.ts";
import { createProposer } from "../../../src/predictor/proposer.ts";
import type { Hole } from "./holes.ts";

export type Learning = {
  /** The predictor as its thread answers. */
  readonly source: PredictionSource;
  /** The hole is typed up to `caret`: it is learned when the typist pauses. */
  typed(hole: Hole, caret: number): void;
};

const predictMs = 0.4;
const learnAfterMs = 700;
// A little less than what the thread is sent.
const prefixUnits = 18_000;
const suffixUnits = 2048;

/** A predictor that has learned the files without their holes. */
export const learnHoles = (holes: readonly Hole[], confidence: ConfidenceName, clock: Clock): Learning => {
  const predictor = createPredictor();
  const proposer = createProposer(predictor, confidence);
  const learn = ({ path, text, end }: Hole, caret: number) =>
    predictor.index(path, text.slice(0, caret) + text.slice(end));
  for (const hole of holes) learn(hole, hole.start);
  let waiting: Disposable | undefined;
  return {
    source: {
      predict: ({ path, prefix, suffix }) => {
        const proposal = proposer.propose(path, prefix.slice(-prefixUnits), suffix.slice(0, suffixUnits));
        return new Promise((resolve) => clock.after(predictMs, () => resolve(proposal)));
      },
      feedback: (outcome) => predictor.feedback(outcome),
    },
    typed(hole, caret) {
      waiting?.dispose();
      waiting = clock.after(learnAfterMs, () => learn(hole, caret));
    },
  };
};

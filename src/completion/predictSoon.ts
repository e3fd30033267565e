import type { Clock } from "../base/clock.ts";
import type { PredictionSource, Proposal } from "../predictor/predictorService.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * What the predictor says; undefined also when it does not answer within `patienceMs`. `onLate` is called with what
 * it has to say later, while `signal` has not fired. Never throws.
 */
export const predictSoon = async (
  predictor: PredictionSource | undefined,
  { path, prefix, suffix }: Snapshot,
  options: {
    readonly clock: Clock;
    readonly patienceMs: number;
    readonly signal: AbortSignal;
    readonly onLate?: (prediction: Proposal) => void;
  },
): Promise<Proposal | undefined> => {
  if (!predictor) return undefined;
  const { clock, patienceMs, signal, onLate } = options;
  const patience = Promise.withResolvers<undefined>();
  let isLate = false;
  const timer = clock.after(patienceMs, () => {
    isLate = true;
    patience.resolve(undefined);
  });
  const predict = async () => {
    const prediction = await predictor.predict({ path, prefix, suffix }, signal);
    if (isLate && prediction && !signal.aborted) onLate?.(prediction);
    return prediction;
  };
  const predicting = predict();
  // When its time is over, nobody else hears of its failure.
  predicting.catch(() => {});
  try {
    const prediction = await Promise.race([predicting, patience.promise]);
    return signal.aborted ? undefined : prediction;
  } catch {
    return undefined;
  } finally {
    timer.dispose();
  }
};

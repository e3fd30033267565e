import type { Clock } from "../base/clock.ts";
import type { PredictionSource, Proposal } from "../predictor/predictorService.ts";
import type { Snapshot } from "./snapshot.ts";

/** What the predictor says; undefined also when it does not answer within `patienceMs`. Never throws. */
export const predictSoon = async (
  predictor: PredictionSource | undefined,
  { path, prefix, suffix }: Snapshot,
  options: { readonly clock: Clock; readonly patienceMs: number; readonly signal: AbortSignal },
): Promise<Proposal | undefined> => {
  if (!predictor) return undefined;
  const { clock, patienceMs, signal } = options;
  const patience = Promise.withResolvers<undefined>();
  const timer = clock.after(patienceMs, () => patience.resolve(undefined));
  try {
    const prediction = await Promise.race([predictor.predict({ path, prefix, suffix }, signal), patience.promise]);
    return signal.aborted ? undefined : prediction;
  } catch {
    return undefined;
  } finally {
    timer.dispose();
  }
};

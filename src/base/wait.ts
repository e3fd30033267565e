import { toAbortError } from "./abort.ts";
import type { Clock } from "./clock.ts";

/** Between parts of a start that must not hold the thread together: long enough for what others have waiting. */
export const betweenTurnsMs = 2;

type Signals = readonly (AbortSignal | undefined)[];

/** Calls back once when one of the signals fires, at once if one has. The result stops listening. */
export const onceAborted = (signals: Signals, onAbort: (reason: unknown) => void): (() => void) => {
  const stop = (): void => {
    for (const signal of signals) signal?.removeEventListener("abort", fire);
  };
  const fire = (): void => {
    stop();
    onAbort(signals.find((signal) => signal?.aborted)?.reason);
  };
  for (const signal of signals) signal?.addEventListener("abort", fire, { once: true });
  if (signals.some((signal) => signal?.aborted)) fire();
  return stop;
};

/**
 * Waits for what ends by itself, but not after one of the signals has fired. What is waited for goes on.
 * @throws `AbortError` when a signal fires, and what the promise rejects with.
 */
export const orAborted = async <T>(promise: Promise<T>, ...signals: Signals): Promise<T> => {
  const aborted = Promise.withResolvers<never>();
  const stop = onceAborted(signals, (reason) => aborted.reject(toAbortError(reason)));
  try {
    return await Promise.race([aborted.promise, promise]);
  } finally {
    stop();
  }
};

/** Waits by the program's clock; not at all for 0 ms or less. @throws `AbortError` as soon as a signal fires. */
export const pause = async (clock: Clock, delayMs: number, ...signals: Signals): Promise<void> => {
  if (delayMs <= 0) return;
  const over = Promise.withResolvers<void>();
  const timer = clock.after(delayMs, over.resolve);
  try {
    await orAborted(over.promise, ...signals);
  } finally {
    timer.dispose();
  }
};

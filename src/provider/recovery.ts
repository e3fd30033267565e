import type { Clock } from "../base/clock.ts";
import { fullJitterMs, retryDelayMs } from "../transport/retry.ts";
import type { FaultPolicy } from "./faultPolicy.ts";
import type { ProviderError } from "./provider.ts";

/** Decides for one call whether a fault is followed by another request. */
export type Recovery = {
  /** How long this call may still wait. The time runs from its first fault on. */
  leftMs(): number;
  /**
   * How long to wait before the next request; undefined: none is sent. After `pauseAll` was called it is 0, because the
   * queue waits for the end of the pause.
   */
  delayAfter(fault: ProviderError, policy: FaultPolicy): number | undefined;
};

/** What a recovery works with. */
export type RecoveryOptions = {
  readonly clock: Clock;
  /** 0..1. */
  readonly random: () => number;
  /** How long this call may spend on trying again. */
  readonly budgetMs: number;
  /** A turn with tools is never asked for twice once the server may have begun with it. */
  readonly hasTools: boolean;
  /** Whether what may be charged is never asked for twice here. Default false. */
  readonly noBilledRetry?: boolean;
  /** Called when the server wants a pause from everybody, whether this call waits for its end or not. */
  readonly pauseAll: (pauseMs: number, fault: ProviderError) => void;
};

/** Long enough for a server that is just being restarted, short enough to be no wait. */
const quickRetry = { baseMs: 250, capMs: 250 };
const slowRetry = { baseMs: 500, capMs: 8_000 };
/** After a refusal for lack of room that names no time. */
const unknownPause = { baseMs: 1_000, capMs: 8_000 };

/** Makes one for one call. */
export const createRecovery = (options: RecoveryOptions): Recovery => {
  const { clock, random, budgetMs, hasTools, noBilledRetry = false, pauseAll } = options;
  let attempts = 0;
  let untilMs: number | undefined;
  let hasBilledFault = false;

  const leftMs = (): number => (untilMs === undefined ? budgetMs : untilMs - clock.nowMs());

  return {
    leftMs,
    delayAfter(fault, policy) {
      const retries = attempts++;
      untilMs ??= clock.nowMs() + budgetMs;
      const { retry, maxAttempts, mayBeBilled } = policy;
      const { retryAfterMs } = fault;
      let pauseMs: number | undefined;
      if (retry === "afterPause") pauseMs = retryAfterMs ?? fullJitterMs(retries, { ...unknownPause, random });
      else if (retry === "backoff") pauseMs = retryAfterMs;
      if (pauseMs !== undefined) pauseAll(pauseMs, fault);

      const isSafe = !hasBilledFault && !(mayBeBilled && (hasTools || noBilledRetry));
      hasBilledFault ||= mayBeBilled;
      if (retry === "no" || attempts >= maxAttempts || !isSafe || budgetMs <= 0) return undefined;
      if (pauseMs !== undefined) return pauseMs <= leftMs() ? 0 : undefined;
      const backoff = retry === "once" ? quickRetry : slowRetry;
      return retryDelayMs({ retries, retryAfterMs, leftMs: leftMs() }, { ...backoff, random });
    },
  };
};

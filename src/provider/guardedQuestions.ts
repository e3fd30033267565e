import type { Clock } from "../base/clock.ts";
import { pause } from "../base/wait.ts";
import type { Breaker } from "../transport/breaker.ts";
import type { ResilienceCounters } from "./counters.ts";
import { faultPolicy, type FaultPolicy } from "./faultPolicy.ts";
import { ProviderError, type CallOptions } from "./provider.ts";
import { createRecovery } from "./recovery.ts";

/** What questions to a server are guarded with. */
export type QuestionOptions = {
  /** The server's, for its faults. */
  readonly origin: string;
  readonly breaker: Breaker;
  readonly clock: Clock;
  readonly counters: ResilienceCounters;
  /** 0..1. */
  readonly random: () => number;
  /** How long one question may spend on trying again. */
  readonly retryBudgetMs: number;
  /** Why nothing is sent for now; undefined: it is. */
  readonly refusal: () => ProviderError | undefined;
  readonly onUnreachable: (fault: ProviderError, policy: FaultPolicy) => void;
  /** Fires at the end of the program. */
  readonly signal?: AbortSignal;
};

/**
 * Guards questions that change nothing and cost nothing: they neither queue nor count for the limit. Of them the breaker
 * hears only that the server cannot be reached: they may be answered from memory, which says nothing of the server.
 */
export const guardQuestions = (options: QuestionOptions) => {
  const { origin, breaker, clock, counters, random, retryBudgetMs, signal: endOfProgram } = options;
  return async <T>(call: CallOptions, question: () => Promise<T>): Promise<T> => {
    let pauseMs = 0;
    const noteMs = (durationMs: number): void => {
      pauseMs = durationMs;
    };
    const recovery = createRecovery({ clock, random, hasTools: false, pauseAll: noteMs, budgetMs: retryBudgetMs });
    const refusal = options.refusal();
    if (refusal) throw refusal;
    for (let attempts = 1; ; attempts++) {
      pauseMs = 0;
      // Undefined while another request tests the server.
      const health = breaker.tryEnter();
      try {
        const answer = await question();
        if (attempts > 1) counters.retriesSucceeded++;
        return answer;
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
        error.origin ??= origin;
        const policy = faultPolicy(error);
        if (error.kind === "unreachable") {
          options.onUnreachable(error, policy);
          health?.[policy.breaker]();
        }
        const delayMs = recovery.delayAfter(error, policy);
        if (delayMs === undefined || breaker.state === "open") throw error;
        await pause(clock, Math.max(delayMs, pauseMs), call.signal, endOfProgram);
        counters.retries++;
      } finally {
        health?.neutral();
      }
    }
  };
};

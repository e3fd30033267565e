import type { ResilienceCounters } from "./counters.ts";
import type { CallOptions, Usage } from "./provider.ts";

/** Gives what servers tell late of one call's requests to those whom it concerns. `T` stands for one request. */
export type LateBill<T> = {
  /** A server has told what this request took. Kept until it is decided whose answer the call gets. */
  told(request: T, usage: Usage): void;
  /** The call gets this request's answer, or its fault; later calls are ignored. */
  decide(request: T | undefined): void;
};

/** Makes one for one call: the caller hears of the request that was its answer, the counters of all others. */
export const createLateBill = <T>(
  { onLateUsage }: CallOptions,
  counters: Pick<ResilienceCounters, "unusedUsd">,
): LateBill<T> => {
  const early: { readonly request: T; readonly usage: Usage }[] = [];
  let decided: { readonly request: T | undefined } | undefined;
  const told = (request: T, usage: Usage): void => {
    if (!decided) early.push({ request, usage });
    else if (request === decided.request) onLateUsage?.(usage);
    else counters.unusedUsd += usage.costUsd ?? 0;
  };
  return {
    told,
    decide(request) {
      if (decided) return;
      decided = { request };
      for (const { request: earlier, usage } of early.splice(0)) told(earlier, usage);
    },
  };
};

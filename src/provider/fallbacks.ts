import { billedBy, faultPolicy, maxBilledRequests } from "./faultPolicy.ts";
import type { ProviderError } from "./provider.ts";

/** What the faults of one request have come to, where there is somebody else to ask. */
export type Fallbacks = {
  /** Requests so far that may be charged. */
  readonly billedRequests: number;
  /**
   * Takes in the fault of a server that gave no output. `next`: another one may be asked; `spent`: not any more, since
   * no further request may be charged; `final`: nobody else would do better, or must not be asked.
   */
  failed(error: ProviderError, origin: string): "next" | "spent" | "final";
  /** Whether the key for this origin was refused, so that nothing else there needs to be asked. */
  isRefused(origin: string): boolean;
  /** The first fault, but rather one of a server that was asked than one that says that nothing was sent. */
  mostUseful(): ProviderError | undefined;
};

/** @param hasTools whether the request offers tools: then nothing that may have been worked on is sent again. */
export const createFallbacks = (hasTools: boolean): Fallbacks => {
  const faults: ProviderError[] = [];
  const refusedOrigins = new Set<string>();
  let billedRequests = 0;
  return {
    get billedRequests() {
      return billedRequests;
    },
    failed(error, origin) {
      const { fallback, mayBeBilled, isOfKey } = faultPolicy(error);
      faults.push(error);
      billedRequests += billedBy(error);
      if (isOfKey) refusedOrigins.add(origin);
      if (!fallback || (mayBeBilled && hasTools)) return "final";
      return billedRequests >= maxBilledRequests ? "spent" : "next";
    },
    isRefused: (origin) => refusedOrigins.has(origin),
    mostUseful: () => faults.find(({ kind }) => kind !== "paused") ?? faults[0],
  };
};

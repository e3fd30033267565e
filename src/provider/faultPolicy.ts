import { codeOf, TransportError } from "../transport/errors.ts";
import type { LimiterOutcome } from "../transport/limiter.ts";
import type { ProviderError } from "./provider.ts";

/** What follows from a fault that came before any text or tool call of the answer. */
export type FaultPolicy = {
  /**
   * `once`: nearly at once; `backoff`: after a wait that grows; `afterPause`: as soon as the server allows requests
   * again, which holds for all of them.
   */
  readonly retry: "no" | "once" | "backoff" | "afterPause";
  /** Requests that one call may send, the first included. */
  readonly maxAttempts: number;
  /** Whether it counts against the server and model. */
  readonly breaker: "failure" | "neutral";
  /** Whether it tells that the server has too much to do. */
  readonly limiter: LimiterOutcome["result"];
  /**
   * The server had begun to work on the answer and may charge for it: at most one more request, and none for a turn
   * with tools, neither here nor at another server.
   */
  readonly mayBeBilled: boolean;
  /** Whether another server or model may succeed with the same request. */
  readonly fallback: boolean;
  /** The fault belongs to the key: a fallback must go to another origin. */
  readonly isOfKey: boolean;
};

/** The fault is the same every time, and says nothing about the server's health. */
const final: FaultPolicy = {
  retry: "no",
  maxAttempts: 1,
  breaker: "neutral",
  limiter: "neutral",
  mayBeBilled: false,
  fallback: true,
  isOfKey: false,
};
const broken: FaultPolicy = { ...final, breaker: "failure" };
const brokenInside: FaultPolicy = { ...broken, mayBeBilled: true };
const again: FaultPolicy = { ...broken, retry: "once", maxAttempts: 2 };
const againInside: FaultPolicy = { ...again, mayBeBilled: true };
const later: FaultPolicy = { ...broken, retry: "backoff", maxAttempts: 3 };

const connectionFault = (fault: TransportError | undefined): FaultPolicy => {
  const kind = fault?.kind;
  if (kind === "refused") return again;
  // HTTP/2 says when a request was not worked on, and those the transport sends again by itself.
  if (codeOf(fault?.cause).startsWith("ERR_HTTP2_")) return brokenInside;
  // Once is once: the transport has done it where a kept-alive connection was to blame.
  if (kind === "reset" || kind === "closed") return fault?.wasResent === true ? broken : again;
  // TLS that fails without a word about certificates is the same every time.
  if (kind === "tls") return final;
  // It took seconds to find out; waiting as long once more helps nobody.
  return broken;
};

const statusFault = (status: number): FaultPolicy => {
  switch (status) {
    // Busy, overloaded: https://openrouter.ai/docs/api/reference/errors-and-debugging (2026-08) for 529.
    case 503:
    case 529:
      return { ...later, limiter: "overloaded" };
    // Time-outs on the way, and gateways whose server is away.
    case 408:
    case 502:
    case 504:
    case 524:
      return later;
    default:
      // The server's own failure: mostly the request is to blame, so once more is enough.
      return { ...later, maxAttempts: 2 };
  }
};

/** One request and one more: whoever pays is never charged for a third that brought nothing. */
export const maxBilledRequests = 2;

/** Requests that may be charged and ended in this fault: its guard has counted them, where it has one. */
export const billedBy = (error: ProviderError): number =>
  Math.max(error.billedRequests, faultPolicy(error).mayBeBilled ? 1 : 0);

/**
 * The one table of what to do about a fault. It holds as long as no text and no tool call of the answer was handed out;
 * after that nothing is ever sent again.
 */
export const faultPolicy = (error: ProviderError): FaultPolicy => {
  const { kind, status, cause } = error;
  const fault = cause instanceof TransportError ? cause : undefined;
  // An error status is an answer by itself; any other fault after the head broke off work that had begun.
  const hasErrorStatus = status !== undefined && status >= 400;
  switch (kind) {
    case "unreachable":
      return connectionFault(fault);
    case "truncated":
      return againInside;
    case "timeout":
      if (hasErrorStatus) return statusFault(status);
      // Slowness is what a deadline measures; another request would only come on top.
      if (fault) return { ...brokenInside, limiter: "overloaded" };
      return againInside;
    case "server-error":
      return hasErrorStatus ? statusFault(status) : againInside;
    case "rate-limited":
      return { ...final, retry: "afterPause", maxAttempts: 3, limiter: "overloaded" };
    case "bad-response":
      if (hasErrorStatus || fault?.kind === "redirect" || fault?.kind === "too-large") return final;
      // A page for people with status 200 comes from something in between, before any model has worked.
      return status === undefined ? brokenInside : broken;
    case "unauthorized":
    case "payment-required":
      return { ...final, isOfKey: true };
    case "moderated":
    case "bad-request":
      return { ...final, fallback: false };
    case "offline":
    case "certificate":
    case "proxy":
    case "paused":
    case "loading":
    case "model-not-found":
    case "context-overflow":
    case "unsupported":
      return final;
  }
};

import { kindOf } from "./runningStream.ts";

// How long a failed server is left alone. A fault that only the user can mend ends when the sources are set anew.
const pauseMsByKind: Readonly<Record<string, number>> = {
  unreachable: 5000,
  offline: 5000,
  paused: 5000,
  proxy: 30_000,
  certificate: 60_000,
  // Another text may well be taken.
  moderated: 2000,
  // Credit is bought in a browser, which tells nobody here.
  "payment-required": 600_000,
  timeout: 5000,
  loading: 5000,
  truncated: 2000,
  "server-error": 3000,
  "bad-response": 10_000,
  "rate-limited": 30_000,
  "context-overflow": 30_000,
  "model-not-found": 60_000,
  "bad-request": 60_000,
  unknown: 10_000,
};

/** How many milliseconds a server is left alone after this fault: what it asks for itself, or what suits the kind. */
export const pauseMsAfter = (error: unknown): number => retryAfterMs(error) ?? pauseMsByKind[kindOf(error)] ?? Infinity;

const retryAfterMs = (error: unknown): number | undefined =>
  error instanceof Error && "retryAfterMs" in error && typeof error.retryAfterMs === "number"
    ? error.retryAfterMs
    : undefined;

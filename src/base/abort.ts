/** True for what an `AbortSignal` throws: a cancellation, never a fault. */
export const isAbortError = (error: unknown): boolean => error instanceof Error && error.name === "AbortError";

/** The error that a cancelled operation rejects with. */
export const abortError = (): DOMException => new DOMException("The operation was cancelled", "AbortError");

/** What a cancelled operation rejects with: the signal's own reason if it is an `AbortError`, never a foreign one. */
export const toAbortError = (reason: unknown): Error =>
  reason instanceof Error && isAbortError(reason) ? reason : abortError();

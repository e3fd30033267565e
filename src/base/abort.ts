/** True for what an `AbortSignal` throws: a cancellation, never a fault. */
export const isAbortError = (error: unknown): boolean => error instanceof Error && error.name === "AbortError";

/** The error that a cancelled operation rejects with. */
export const abortError = (): DOMException => new DOMException("The operation was cancelled", "AbortError");

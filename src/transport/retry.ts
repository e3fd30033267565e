/** How long to wait before a request is sent again. */
export type BackoffOptions = {
  /** The most that the first wait takes; it doubles with every further one. */
  readonly baseMs: number;
  /** No wait takes longer. */
  readonly capMs: number;
  /** 0..1. */
  readonly random: () => number;
};

/**
 * A wait before the retry with this number (from 0), anywhere between nothing and the full back-off: clients that
 * failed together do not come back together.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ "Full Jitter"
 */
export const fullJitterMs = (retry: number, { baseMs, capMs, random }: BackoffOptions): number =>
  random() * Math.min(capMs, baseMs * 2 ** retry);

/** What decides whether a request is sent again, and when. */
export type RetryQuestion = {
  /** Retries so far. */
  readonly retries: number;
  /** How long the server asks to be left alone. */
  readonly retryAfterMs: number | undefined;
  /** What is left of the time that may be spent on trying again. */
  readonly leftMs: number;
};

/**
 * How long to wait before the next try; undefined: not at all, because it would take longer than is left. A server's
 * own wish is kept to the millisecond: asking earlier is refused again, and counts against the account.
 */
export const retryDelayMs = (
  { retries, retryAfterMs, leftMs }: RetryQuestion,
  backoff: BackoffOptions,
): number | undefined => {
  const delayMs = retryAfterMs ?? fullJitterMs(retries, backoff);
  return delayMs <= leftMs ? delayMs : undefined;
};

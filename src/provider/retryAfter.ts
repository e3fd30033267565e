/** The dates that HTTP allows (RFC 9110, 5.6.7) and ISO 8601; `Date.parse` alone would find one in nearly any text. */
const dateText = /^(?:[A-Z][a-z]+, .*\bGMT|\d{4}-\d\d-\d\dT.*)$/;

/** Whoever asks for a longer pause has counted wrong, and nobody would ever ask again. */
const longestMs = 24 * 3_600_000;

const isNumber = (text: string): boolean => /^\d{1,15}(?:\.\d+)?$/.test(text);

/** `Retry-After`: seconds or a date. */
const readDelay = (text: string, nowDateMs: number): number | undefined => {
  if (isNumber(text)) return Number(text) * 1000;
  const dateMs = dateText.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowDateMs);
};

/** `X-RateLimit-Reset`: no standard says whether it is a date in milliseconds, one in seconds, or a number of seconds. */
const readReset = (text: string, nowDateMs: number): number | undefined => {
  if (!isNumber(text)) return undefined;
  const value = Number(text);
  // As seconds, the first limit is in the year 2001 and the second in 5138.
  if (value < 1e9) return value * 1000;
  return Math.max(0, (value < 1e11 ? value * 1000 : value) - nowDateMs);
};

const readAsked = (
  headers: Readonly<Record<string, string>>,
  status: number,
  nowDateMs: number,
): number | undefined => {
  const exact = (headers["retry-after-ms"] ?? "").trim();
  if (isNumber(exact)) return Number(exact);
  const delayMs = readDelay((headers["retry-after"] ?? "").trim(), nowDateMs);
  if (delayMs !== undefined || status !== 429) return delayMs;
  return readReset((headers["x-ratelimit-reset"] ?? "").trim(), nowDateMs);
};

/**
 * How long a server asks to be left alone, in milliseconds, a day at most; undefined when no header says
 * it in a form that is known. `headers` have lower-case names. Only with status 429 does the reset of a limit count: elsewhere it says when a limit
 * starts anew that was not reached.
 */
export const readRetryAfter = (
  headers: Readonly<Record<string, string>>,
  status: number,
  nowDateMs: number,
): number | undefined => {
  const askedMs = readAsked(headers, status, nowDateMs);
  return askedMs === undefined ? undefined : Math.min(askedMs, longestMs);
};

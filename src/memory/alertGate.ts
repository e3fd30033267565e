/** What is remembered of alerts, for all windows: milliseconds since 1970, plain data. */
export type AlertState = {
  readonly mutedUntilMs?: number;
  readonly toldAtMs?: number;
  /** How long nothing is told after {@link AlertState.toldAtMs}. */
  readonly restMs?: number;
  /** Whether what was told was critical. */
  readonly wasCritical?: boolean;
};

const firstRestMs = 10 * 60_000;
const longestRestMs = 60 * 60_000;
/** After so long without an alert the next one is news again. */
const forgottenAfterMs = 4 * 60 * 60_000;

/**
 * Whether somebody may be told now, and what to remember then: after a notification there is none for ten minutes, after
 * the next for twenty, at most for an hour. Undefined: not now. What is worse than what was told comes through.
 */
export const mayTell = (state: AlertState, nowMs: number, isCritical: boolean): AlertState | undefined => {
  const { mutedUntilMs = 0, toldAtMs, restMs = 0, wasCritical = false } = state;
  if (nowMs < mutedUntilMs) return undefined;
  // A clock that was set back must not keep everybody quiet for years.
  const sinceMs = toldAtMs === undefined || toldAtMs > nowMs ? Infinity : nowMs - toldAtMs;
  if (sinceMs < restMs && (wasCritical || !isCritical)) return undefined;
  const isNews = sinceMs > forgottenAfterMs;
  const nextRestMs = isNews ? firstRestMs : Math.min(longestRestMs, 2 * Math.max(restMs, firstRestMs));
  return { toldAtMs: nowMs, restMs: nextRestMs, wasCritical: isCritical };
};

/** Nothing is told until the day is over where this program runs. */
export const mutedForToday = (state: AlertState, nowMs: number): AlertState => {
  const midnight = new Date(nowMs);
  midnight.setHours(24, 0, 0, 0);
  return { ...state, mutedUntilMs: midnight.getTime() };
};

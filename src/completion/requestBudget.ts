import type { Clock } from "../base/clock.ts";

/** Counts requests to servers that charge for them. */
export type RequestBudget = {
  /**
   * Takes one request from the last minute's share; false, and nothing taken, when the share is used up. What is
   * `isSpeculated` gets half of it at most: the rest is for what somebody waits for.
   */
  take(isSpeculated?: boolean): boolean;
};

/** What a server that charges for requests gets at most in a minute: of ghost text, and of next edits. */
export const meteredPerMinute = 20;
const minuteMs = 60_000;

/** Makes a budget of `perMinute` requests in any 60 seconds. */
export const createRequestBudget = (clock: Clock, perMinute: number): RequestBudget => {
  let takenAtMs: number[] = [];
  return {
    take(isSpeculated = false) {
      const nowMs = clock.nowMs();
      takenAtMs = takenAtMs.filter((atMs) => nowMs - atMs < minuteMs);
      if (takenAtMs.length >= (isSpeculated ? perMinute / 2 : perMinute)) return false;
      takenAtMs.push(nowMs);
      return true;
    },
  };
};

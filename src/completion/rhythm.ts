import type { Clock } from "../base/clock.ts";

/** When to ask: how fast somebody types, and how fast the server answers. */
export type Rhythm = {
  /** A key was typed. */
  typed(): void;
  /** A request brought its first text after `ms`. */
  answered(ms: number): void;
  /**
   * How long to wait for a further key before asking, 0 to 120 ms. A server that answers later than the next key comes
   * is asked at once: the answer then mostly agrees with what was typed meanwhile.
   */
  delayMs(): number;
  /** Keys that are typed until an answer comes, 2 to 12. */
  keysAhead(): number;
  /** After so long without a key, 250 to 500 ms, somebody looks at what there is instead of typing on. */
  pauseMs(): number;
};

// Until there are keys to learn from: 60 words a minute.
const usualGapMs = 200;
// A longer gap is thinking, not typing.
const pauseMs = 1000;
const maxDelayMs = 120;
// Most gaps between keys are shorter than twice the usual one.
const gapsInPause = 2;
const newShare = 0.2;

/** Knows nothing yet. */
export const createRhythm = (clock: Clock): Rhythm => {
  let gapMs = usualGapMs;
  let firstTextMs: number | undefined;
  let lastKeyMs = -Infinity;
  let isAfterPause = true;
  return {
    typed() {
      const nowMs = clock.nowMs();
      isAfterPause = nowMs - lastKeyMs >= pauseMs;
      if (!isAfterPause) gapMs += newShare * (nowMs - lastKeyMs - gapMs);
      lastKeyMs = nowMs;
    },
    answered(ms) {
      firstTextMs = firstTextMs === undefined ? ms : firstTextMs + newShare * (ms - firstTextMs);
    },
    delayMs: () =>
      isAfterPause || firstTextMs === undefined ? 0 : Math.min(maxDelayMs, Math.max(0, gapMs * 1.2 - firstTextMs)),
    keysAhead: () => Math.min(12, Math.max(2, Math.ceil((firstTextMs ?? 0) / Math.max(gapMs, 1)) + 1)),
    pauseMs: () => Math.min(500, Math.max(250, gapMs * gapsInPause)),
  };
};

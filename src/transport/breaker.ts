import type { Clock } from "../base/clock.ts";

/** Leave to send one request. Exactly one of the three ends it; later calls are ignored. */
export type BreakerPermit = {
  success(): void;
  failure(): void;
  /** Cancelled, or a fault that says nothing about the server's health. */
  neutral(): void;
};

/** Stops sending to a server and model that keep failing, and tries one request now and then. */
export type Breaker = {
  /** Undefined: do not send. */
  tryEnter(): BreakerPermit | undefined;
  readonly state: "closed" | "open" | "half-open";
  /** How long until one request is let through; 0 when not open. */
  openMs(): number;
  /** Closes it: somebody has learned in another way that the server works again. */
  reset(): void;
};

/** What a breaker is made of. */
export type BreakerOptions = {
  readonly clock: Clock;
  /** Failures in a row that open it. Default 5. */
  readonly failuresToOpen?: number;
  /** How long it stays open the first time. Default 5 000. Doubles with every test request that fails. */
  readonly openMs?: number;
  /** It never stays open longer than this. Default 60 000. */
  readonly maxOpenMs?: number;
  /** 0..1; spreads the test requests of several windows. Default: `Math.random`. */
  readonly random?: () => number;
};

/**
 * Makes a closed breaker. It sets no timers and needs no disposal: the time that it opens again is a moment on the
 * monotonic clock, so setting the computer's date changes nothing.
 */
export const createBreaker = ({
  clock,
  failuresToOpen = 5,
  openMs: firstOpenMs = 5_000,
  maxOpenMs = 60_000,
  random = Math.random,
}: BreakerOptions): Breaker => {
  let failures = 0;
  /** Openings since the last success. */
  let openings = 0;
  /** Undefined: closed. */
  let opensUntilMs: number | undefined;
  /** The one request that tests the server. */
  let probe: object | undefined;
  /** What was sent before the last change of state says nothing about the server as it is now. */
  let era = 0;

  const open = (): void => {
    const nominalMs = Math.min(maxOpenMs, firstOpenMs * 2 ** openings);
    // At most a quarter earlier: enough to spread several windows, and never longer than the limit.
    opensUntilMs = clock.nowMs() + nominalMs * (1 - random() / 4);
    openings++;
    era++;
    probe = undefined;
  };

  const close = (): void => {
    failures = 0;
    openings = 0;
    opensUntilMs = undefined;
    probe = undefined;
    era++;
  };

  const openMs = (): number => (opensUntilMs === undefined ? 0 : Math.max(0, opensUntilMs - clock.nowMs()));

  /** Both kinds of permit end once, and only while the state is the one in which they were given. */
  const permit = (on: BreakerPermit): BreakerPermit => {
    const mine = era;
    let isEnded = false;
    const end = (how: () => void) => (): void => {
      if (isEnded) return;
      isEnded = true;
      if (mine === era) how();
    };
    return {
      success: end(() => on.success()),
      failure: end(() => on.failure()),
      neutral: end(() => on.neutral()),
    };
  };

  return {
    tryEnter() {
      if (opensUntilMs === undefined) {
        return permit({
          success() {
            failures = 0;
          },
          failure() {
            failures++;
            if (failures >= failuresToOpen) open();
          },
          neutral() {},
        });
      }
      if (openMs() > 0 || probe) return undefined;
      probe = {};
      return permit({
        success: close,
        failure: open,
        neutral() {
          probe = undefined;
        },
      });
    },
    get state() {
      if (opensUntilMs === undefined) return "closed";
      return openMs() > 0 ? "open" : "half-open";
    },
    openMs,
    reset: close,
  };
};

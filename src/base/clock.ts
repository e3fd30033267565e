import type { Disposable } from "./disposable.ts";

/** Time as the program sees it, so that tests can move it by hand. */
export type Clock = {
  /** Monotonic milliseconds with a fraction; only differences mean something. */
  nowMs(): number;
  /** Milliseconds since 1970, for what is shown or stored. */
  dateMs(): number;
  /** Calls `callback` once after `delayMs`, 24 days at most; disposing before that cancels it. Never keeps the process alive. */
  after(delayMs: number, callback: () => void): Disposable;
};

/** Node waits one millisecond in the place of any longer time. */
const longestMs = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  dateMs: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(delayMs, longestMs));
    timer.unref();
    return { dispose: () => clearTimeout(timer) };
  },
};

import { type Clock, systemClock } from "../../src/base/clock.ts";

/** The machine's clock, which knows how many timers are set: Node does not list those that are unreferenced. */
export type CountedClock = Clock & {
  /** Timers that are neither due nor disposed. */
  timers(): number;
};

/** `delayOf` says how long a timer really waits, in milliseconds; unless told, as long as it is asked to. */
export const createCountedClock = (delayOf: (delayMs: number) => number = (delayMs) => delayMs): CountedClock => {
  let timersNow = 0;
  return {
    ...systemClock,
    timers: () => timersNow,
    after(delayMs, callback) {
      let isOver = false;
      const end = (): boolean => {
        if (isOver) return false;
        isOver = true;
        timersNow--;
        return true;
      };
      timersNow++;
      const timer = systemClock.after(delayOf(delayMs), () => {
        end();
        callback();
      });
      return {
        dispose() {
          if (end()) timer.dispose();
        },
      };
    },
  };
};

import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";

/** Whether ghost text rests in this window, and for how long. */
export type Snooze = Disposable & {
  /** Milliseconds that are left; `Infinity` until the program ends, undefined when it does not rest. */
  leftMs(): number | undefined;
  /** Lets ghost text rest for `durationMs` from now; `Infinity`: until the program ends. */
  start(durationMs: number): void;
  end(): void;
  /** Calls back when it begins, when another minute is over, and when it ends. */
  onDidChange(listener: () => void): Disposable;
};

const minuteMs = 60_000;

/** Makes one that does not rest. It goes by the wall clock, so that a snooze is over when the machine slept through it. */
export const createSnooze = (clock: Clock): Snooze => {
  const listeners = new Set<() => void>();
  let untilMs: number | undefined;
  let timer: Disposable | undefined;

  const leftMs = () => {
    const left = untilMs === undefined ? 0 : untilMs - clock.dateMs();
    return left > 0 ? left : undefined;
  };
  const changed = () => {
    for (const listener of listeners) listener();
  };
  const tick = () => {
    timer?.dispose();
    const left = leftMs();
    // What is shown is rounded up to minutes, and changes when one of them is over.
    timer = left === undefined || left === Infinity ? undefined : clock.after(left % minuteMs || minuteMs, tick);
    if (left === undefined) untilMs = undefined;
    changed();
  };
  return {
    leftMs,
    start(durationMs) {
      untilMs = clock.dateMs() + durationMs;
      tick();
    },
    end() {
      if (untilMs === undefined) return;
      untilMs = undefined;
      tick();
    },
    onDidChange(listener) {
      listeners.add(listener);
      return { dispose: () => listeners.delete(listener) };
    },
    dispose() {
      timer?.dispose();
      untilMs = undefined;
      listeners.clear();
    },
  };
};

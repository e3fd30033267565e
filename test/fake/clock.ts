import type { Clock } from "../../src/base/clock.ts";

/** A clock that stands still until the test moves it. */
export type FakeClock = Clock & {
  /** Moves on by `ms` and calls what becomes due, in order, timers that those calls set included. */
  advance(ms: number): void;
  /** Resolves when a timer with this delay is running; at once if one is. */
  timer(delayMs: number): Promise<void>;
  /** The delays of the timers that are running now. */
  pending(): readonly number[];
};

/** Starts at 0 ms, and at `dateMs` for {@link Clock.dateMs}. */
export const createFakeClock = (dateMs = Date.UTC(2026, 0, 1)): FakeClock => {
  type Timer = { readonly dueMs: number; readonly delayMs: number; readonly callback: () => void };
  const timers = new Set<Timer>();
  const waiters = new Set<{ readonly delayMs: number; readonly resolve: () => void }>();
  let nowMs = 0;

  return {
    nowMs: () => nowMs,
    dateMs: () => dateMs + nowMs,
    after(delayMs, callback) {
      const timer = { dueMs: nowMs + delayMs, delayMs, callback };
      timers.add(timer);
      for (const waiter of waiters) {
        if (waiter.delayMs !== delayMs) continue;
        waiters.delete(waiter);
        waiter.resolve();
      }
      return { dispose: () => void timers.delete(timer) };
    },
    advance(ms) {
      const endMs = nowMs + ms;
      for (;;) {
        let next: Timer | undefined;
        for (const timer of timers) if (timer.dueMs <= endMs && (!next || timer.dueMs < next.dueMs)) next = timer;
        if (!next) break;
        timers.delete(next);
        nowMs = Math.max(nowMs, next.dueMs);
        next.callback();
      }
      nowMs = endMs;
    },
    timer(delayMs) {
      for (const timer of timers) if (timer.delayMs === delayMs) return Promise.resolve();
      return new Promise((resolve) => {
        waiters.add({ delayMs, resolve });
      });
    },
    pending: () => [...timers].map((timer) => timer.delayMs),
  };
};

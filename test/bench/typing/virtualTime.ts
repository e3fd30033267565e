import type { Clock } from "../../../src/base/clock.ts";

/** Time that passes only when somebody asks for it. */
export type VirtualTime = {
  readonly clock: Clock;
  /** Lets everything happen that is due within `ms`, and all that follows from it in that time. */
  pass(ms: number): Promise<void>;
  /** Gives timers and the time back to the machine. */
  dispose(): void;
};

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * Takes the place of `setTimeout`, `clearTimeout` and `performance.now` in this process, so that a server made for real
 * time keeps this one. Between two timers every promise that is ready runs.
 */
export const createVirtualTime = (): VirtualTime => {
  type Timer = { readonly dueMs: number; readonly number: number; readonly callback: () => void };
  const timers = new Map<number, Timer>();
  const { setTimeout, clearTimeout } = globalThis;
  const realNow = performance.now.bind(performance);
  let nowMs = 0;
  let lastNumber = 0;

  const after = (ms: number, callback: () => void): number => {
    const number = ++lastNumber;
    timers.set(number, { dueMs: nowMs + Math.max(0, ms || 0), number, callback });
    return number;
  };
  const next = (): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers.values()) if (!first || timer.dueMs < first.dueMs) first = timer;
    return first;
  };

  globalThis.setTimeout = ((callback: () => void, ms: number) => after(ms, callback)) as never;
  globalThis.clearTimeout = ((number: number) => void timers.delete(number)) as never;
  performance.now = () => nowMs;

  return {
    clock: {
      nowMs: () => nowMs,
      dateMs: () => nowMs,
      after(ms, callback) {
        const number = after(ms, callback);
        return { dispose: () => void timers.delete(number) };
      },
    },
    async pass(ms) {
      const endMs = nowMs + ms;
      for (;;) {
        await settle();
        const timer = next();
        if (!timer || timer.dueMs > endMs) break;
        timers.delete(timer.number);
        nowMs = Math.max(nowMs, timer.dueMs);
        timer.callback();
      }
      nowMs = endMs;
    },
    dispose() {
      globalThis.setTimeout = setTimeout;
      globalThis.clearTimeout = clearTimeout;
      performance.now = realNow;
      timers.clear();
    },
  };
};

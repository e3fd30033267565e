import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import type { MemorySample } from "./sample.ts";

/** Samples memory at an interval while somebody is looking. */
export type MemoryMonitor = Disposable & {
  /** The newest sample, taken now if there is none yet. */
  latest(): MemorySample;
  /** Stops or restarts the interval; restarting samples at once. */
  setActive(isActive: boolean): void;
  onSample(listener: (sample: MemorySample) => void): Disposable;
};

/** Makes a monitor that is not active yet. It holds one timer while active; dispose it. */
export const createMemoryMonitor = ({
  clock,
  intervalMs,
  sample,
}: {
  clock: Clock;
  intervalMs: number;
  sample: () => MemorySample;
}): MemoryMonitor => {
  const listeners = new Set<(sample: MemorySample) => void>();
  let newest: MemorySample | undefined;
  let timer: Disposable | undefined;
  const tick = () => {
    newest = sample();
    for (const listener of listeners) listener(newest);
    timer = clock.after(intervalMs, tick);
  };
  const stop = () => {
    timer?.dispose();
    timer = undefined;
  };
  return {
    latest: () => (newest ??= sample()),
    setActive(isActive) {
      if (!isActive) stop();
      else if (!timer) tick();
    },
    onSample(listener) {
      listeners.add(listener);
      return { dispose: () => listeners.delete(listener) };
    },
    dispose() {
      stop();
      listeners.clear();
    },
  };
};

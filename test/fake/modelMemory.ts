import type { Clock } from "../../src/base/clock.ts";
import type { LoadedModel, ModelServer } from "../../src/memory/modelServer.ts";
import type { FakeClock } from "./clock.ts";

/** A model server that only loads and unloads, on a clock, and counts. */
export type ModelMemory = ModelServer & {
  readonly models: Map<string, LoadedModel>;
  readonly sizes: Map<string, number>;
  /** What was asked, in order: "list", "load a", "unload a". */
  readonly calls: string[];
  /** The most that was loaded at one moment, a model that is being loaded included. */
  peakBytes(): number;
  usedBytes(): number;
};

/** `freedAfterMs`: how long an unloaded model is still listed. */
export const createModelMemory = ({
  clock,
  loadMs = 0,
  freedAfterMs = 0,
  origin = "http://127.0.0.1:11434",
  onLoad = () => {},
}: {
  clock: Clock;
  loadMs?: number;
  freedAfterMs?: number;
  origin?: string;
  /** Called when a load has begun and counts in {@link ModelMemory.usedBytes}. */
  onLoad?: () => void;
}): ModelMemory => {
  const models = new Map<string, LoadedModel>();
  const loading = new Map<string, number>();
  const sizes = new Map<string, number>();
  const calls: string[] = [];
  let peakBytes = 0;
  const usedBytes = () =>
    [...models.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) +
    [...loading.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0);
  const wait = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const timer = clock.after(ms, resolve);
      signal.addEventListener("abort", () => {
        timer.dispose();
        reject(signal.reason as Error);
      });
    });
  return {
    origin,
    tellsLastUse: true,
    models,
    sizes,
    calls,
    peakBytes: () => peakBytes,
    usedBytes,
    async loaded() {
      calls.push("list");
      return [...models.values()];
    },
    async load(model, signal) {
      calls.push(`load ${model}`);
      const sizeBytes = sizes.get(model) ?? 0;
      loading.set(model, sizeBytes);
      peakBytes = Math.max(peakBytes, usedBytes());
      onLoad();
      try {
        if (loadMs > 0) await wait(loadMs, signal);
        models.set(model, { model, sizeBytes });
      } finally {
        loading.delete(model);
      }
    },
    async unload(model) {
      calls.push(`unload ${model}`);
      if (freedAfterMs === 0) models.delete(model);
      else clock.after(freedAfterMs, () => models.delete(model));
    },
  };
};

/** Lets the clock run in small steps until the promise settles. */
export const runClock = async <T>(clock: FakeClock, promise: Promise<T>, stepMs = 50): Promise<T> => {
  const state = { isSettled: false };
  const settled = () => {
    state.isSettled = true;
  };
  void promise.then(settled, settled);
  for (let step = 0; step < 100_000; step++) {
    for (let turn = 0; turn < 40; turn++) {
      await Promise.resolve();
      if (state.isSettled) return promise;
    }
    clock.advance(stepMs);
  }
  throw new Error("Still not settled");
};

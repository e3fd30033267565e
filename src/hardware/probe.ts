import { Worker } from "node:worker_threads";
import type { Clock } from "../base/clock.ts";
import { lazy } from "../base/lazy.ts";
import type { GpuFacts } from "./gpuReadings.ts";
import type { ServerProcess } from "./serverProcess.ts";

export type { GpuFacts } from "./gpuReadings.ts";

/** What this machine computes with, as its operating system names it. */
export type HardwareFacts = {
  readonly cpu: string;
  readonly physicalCores: number;
  readonly gpus: readonly GpuFacts[];
  /** What macOS lets the graphics processor take of the memory, where somebody has set it. */
  readonly wiredLimitBytes?: number;
};

/** A program that runs, by its bare name: no path, no command line. */
export type ProcessFacts = { readonly name: string; readonly memoryBytes: number };

/** What this machine computes with, and the llama.cpp servers that run on it now, as they were started. */
export type MachineState = HardwareFacts & { readonly servers: readonly ServerProcess[] };

/** What the worker is asked, as its `workerData`; nothing: for the facts. */
export type ProbeQuestion =
  | { readonly topProcesses: number }
  | { readonly memoryBandwidth: true }
  | { readonly servers: true };

/** What the worker answers. */
export type ProbeAnswer<T = HardwareFacts> = { readonly facts: T } | { readonly error: string };

type ProbeOptions = { readonly workerUrl: URL; readonly clock: Clock; readonly timeoutMs?: number };

const ask = async <T>({ workerUrl, clock, timeoutMs = 20_000 }: ProbeOptions, question?: ProbeQuestion): Promise<T> => {
  const worker = new Worker(workerUrl, { name: "hotpath hardware probe", workerData: question });
  const answer = Promise.withResolvers<T>();
  const deadline = clock.after(timeoutMs, () => answer.reject(new Error("The hardware probe took too long")));
  worker.once("message", (message: ProbeAnswer<T>) => {
    if ("facts" in message) answer.resolve(message.facts);
    else answer.reject(new Error(message.error));
  });
  worker.once("error", (error) => answer.reject(error));
  worker.once("exit", () => answer.reject(new Error("The hardware probe ended without an answer")));
  try {
    return await answer.promise;
  } finally {
    deadline.dispose();
    // Nobody waits for it: a worker that is held by a program it waits for ends only with that.
    void worker.terminate();
  }
};

/**
 * Makes a function that reads the machine's facts once, in a worker that ends with its answer: the probe starts
 * programs and reads large tables. Rejects when the probe fails or takes longer than `timeoutMs`; the next call then
 * tries again.
 */
export const createProbe = (options: ProbeOptions): (() => Promise<HardwareFacts>) =>
  lazy(() => ask<HardwareFacts>(options));

/**
 * Makes a function that measures what this machine's memory gives, in bytes a second: for some 100 ms all cores copy.
 * The best of its calls counts, because a busy machine gives less. Undefined where there is too little memory free for
 * it. Only when somebody asks for advice. Rejects as {@link createProbe} does.
 */
export const createMemoryMeasurement = (options: ProbeOptions): (() => Promise<number | undefined>) => {
  let best: number | undefined;
  return async () => {
    const now = await ask<number | undefined>(options, { memoryBandwidth: true });
    if (now !== undefined) best = Math.max(best ?? 0, now);
    return best;
  };
};

/**
 * Reads which programs take most resident memory, the largest first, programs of one name together. Starts a worker
 * and, on most systems, a program in it: only on demand or on an alert. Rejects as {@link createProbe} does.
 */
export const readTopProcesses = (options: ProbeOptions, count = 5): Promise<readonly ProcessFacts[]> =>
  ask<readonly ProcessFacts[]>(options, { topProcesses: count });

/**
 * Reads the machine's facts anew, what is free of its graphics memory among them, and which llama.cpp servers run here.
 * Starts a worker and programs in it, none of which is waited for when it takes too long: only on demand or on an alert.
 * Of the servers' arguments only what {@link ServerProcess} names leaves the worker. Rejects as {@link createProbe} does.
 */
export const readMachineState = (options: ProbeOptions): Promise<MachineState> =>
  ask<MachineState>(options, { servers: true });

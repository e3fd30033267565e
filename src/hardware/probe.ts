import { Worker } from "node:worker_threads";
import type { Clock } from "../base/clock.ts";
import { lazy } from "../base/lazy.ts";

/** What this machine computes with, as its operating system names it. */
export type HardwareFacts = {
  readonly cpu: string;
  readonly physicalCores: number;
  readonly gpus: readonly { readonly name: string; readonly memoryBytes: number | undefined }[];
};

/** What the worker answers. */
export type ProbeAnswer = { readonly facts: HardwareFacts } | { readonly error: string };

/**
 * Makes a function that reads the machine's facts once, in a worker that ends with its answer: the probe starts
 * programs and reads large tables. Rejects when the probe fails or takes longer than `timeoutMs`; the next call then
 * tries again.
 */
export const createProbe = ({
  workerUrl,
  clock,
  timeoutMs = 20_000,
}: {
  workerUrl: URL;
  clock: Clock;
  timeoutMs?: number;
}): (() => Promise<HardwareFacts>) =>
  lazy(async () => {
    const worker = new Worker(workerUrl, { name: "hotpath hardware probe" });
    const answer = Promise.withResolvers<HardwareFacts>();
    const deadline = clock.after(timeoutMs, () => answer.reject(new Error("The hardware probe took too long")));
    worker.once("message", (message: ProbeAnswer) => {
      if ("facts" in message) answer.resolve(message.facts);
      else answer.reject(new Error(message.error));
    });
    worker.once("error", (error) => answer.reject(error));
    worker.once("exit", () => answer.reject(new Error("The hardware probe ended without an answer")));
    try {
      return await answer.promise;
    } finally {
      deadline.dispose();
      await worker.terminate();
    }
  });

import { Worker } from "node:worker_threads";
import { toAbortError } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { orAborted } from "../base/wait.ts";
import type { ScanRequest, ScanResult } from "./scan.ts";
import { ToolError } from "./toolError.ts";

export type ScanOptions = { readonly workerUrl: URL; readonly clock: Clock };

/** Longer than the scan's own limit: reached only while one expression works on one line. */
const graceMs = 3000;
const maxHeapMb = 256;

/**
 * Scans in a worker that lives for this scan alone; cancelling ends it at once, whatever it is doing.
 * @throws {ToolError} `too-slow` where an expression takes too long, `unavailable` where the worker failed.
 * @throws {DOMException} `AbortError` when cancelled.
 */
export const scanInWorker = async (
  { workerUrl, clock }: ScanOptions,
  request: ScanRequest,
  signal: AbortSignal,
): Promise<ScanResult> => {
  if (signal.aborted) throw toAbortError(signal.reason);
  const worker = new Worker(workerUrl, {
    name: "hotpath workspace scan",
    workerData: request,
    resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
  });
  const answer = Promise.withResolvers<ScanResult>();
  const tooSlow = new ToolError("too-slow", "The expression takes too long. Use a simpler one, or plain text.");
  const deadline = clock.after(request.timeoutMs + graceMs, () => answer.reject(tooSlow));
  const failed = () => answer.reject(new ToolError("unavailable", "The workspace could not be searched."));
  worker.once("message", (result: ScanResult) => answer.resolve(result));
  worker.once("error", failed);
  worker.once("exit", failed);
  try {
    return await orAborted(answer.promise, signal);
  } finally {
    deadline.dispose();
    await worker.terminate();
  }
};

import { availableParallelism, freemem } from "node:os";
import { isMainThread, Worker } from "node:worker_threads";

/** Larger than most caches, so that memory is what answers; two of them for each thread. */
const bufferBytes = 24 * 1024 ** 2;
/** More threads than memory channels gain nothing. */
const mostThreads = 8;

/**
 * Copies for `durationMs` and gives bytes a second, read and written. Goes to the helper threads as text, so that they
 * load nothing: it may use nothing of this file.
 */
const copyFor = (sizeBytes: number, durationMs: number): number => {
  const from = Buffer.alloc(sizeBytes, 1);
  const to = Buffer.alloc(sizeBytes, 2);
  // Both are in memory now, and not only promised.
  from.copy(to);
  // Time that this thread computed: on a busy machine it waits for others most of the time. Node tells it since 24.
  const begun = process.threadCpuUsage?.();
  const startMs = performance.now();
  let copied = 0;
  let passedMs = 0;
  do {
    from.copy(to);
    copied += sizeBytes;
    const spent = begun && process.threadCpuUsage(begun);
    passedMs = spent ? (spent.user + spent.system) / 1000 : performance.now() - startMs;
  } while (passedMs < durationMs);
  return (2 * copied) / (passedMs / 1000);
};

/** What several threads can copy at the same time. */
const copyTogether = async (threads: number, durationMs: number): Promise<number> => {
  const call = `(${copyFor.toString()})(${bufferBytes}, ${durationMs})`;
  const source = `require("node:worker_threads").parentPort.postMessage(${call});`;
  const helpers = Array.from({ length: threads }, () => new Worker(source, { eval: true }));
  try {
    const rates = await Promise.all(
      helpers.map(
        (helper) =>
          new Promise<number>((resolve, reject) => {
            helper.once("message", resolve);
            helper.once("error", reject);
            helper.once("exit", () => reject(new Error("A helper ended without an answer")));
          }),
      ),
    );
    return rates.reduce((sum, rate) => sum + rate, 0);
  } finally {
    await Promise.all(helpers.map((helper) => helper.terminate()));
  }
};

const rounds = 3;

/**
 * Measures what this machine's memory gives, in bytes a second: several threads copy at the same time, for
 * `durationMs` in each of three rounds, and the best counts, because other programs only make it slower. Undefined when
 * there is no room for the buffers. Must run in a worker.
 */
export const measureMemory = async (durationMs = 40): Promise<number | undefined> => {
  if (isMainThread) throw new Error("A measurement of memory would hold the main thread");
  const threads = Math.min(mostThreads, availableParallelism());
  if (freemem() < 4 * threads * bufferBytes) return undefined;
  let best = 0;
  for (let round = 0; round < rounds; round++) best = Math.max(best, await copyTogether(threads, durationMs));
  return best;
};

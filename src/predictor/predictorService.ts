import { Worker } from "node:worker_threads";
import type { Log } from "../base/log.ts";
import type { Prediction } from "./predictor.ts";
import type { PredictorAnswer, PredictorRequest, WorkerStats } from "./predictorMessages.ts";

export type { Prediction } from "./predictor.ts";

/** Where the cursor is: `prefix` and `suffix` are all text before and after it. */
export type PredictionRequest = { path: string; prefix: string; suffix: string };

/** Something that predicts the rest of the cursor's line. Undefined: nothing to show, or `signal` was aborted. */
export type PredictionSource = {
  predict(request: PredictionRequest, signal?: AbortSignal): Promise<Prediction | undefined>;
};

export type PredictorStats = WorkerStats & {
  /** Why the predictor stays off; undefined while it can work. */
  problem?: string;
};

export type LearnOptions = {
  /** Globs of files and folders to leave out, relative to each folder, as in `files.exclude`. */
  exclude?: readonly string[];
  /** Absolute paths to learn before all others, such as open files; those outside the folders are left out. */
  first?: readonly string[];
};

/** The embedded predictor in its own thread. Nothing here rejects or throws: a fault means no prediction. */
export type PredictorService = PredictionSource & {
  /**
   * Learns the source files of these folders (absolute paths) in place of those of the last call, and goes on in the
   * background. Reads nothing outside of them, nothing that `.gitignore` or `exclude` leaves out, follows no link.
   */
  learnFolders(folders: readonly string[], options?: LearnOptions): void;
  /** Learns a document's current text in place of its earlier one. Of several that wait, the newest is learned. */
  update(path: string, text: string): void;
  /** Forgets a file, or all files of a folder. */
  forget(path: string): void;
  /** Does not start the thread. */
  stats(): Promise<PredictorStats>;
  /** Ends the thread; predictions that wait become undefined. */
  dispose(): Promise<void>;
};

export type PredictorServiceOptions = {
  /** The file of the worker: `predictorWorker.ts`, or its bundle. */
  workerUrl: URL;
  log: Log;
  /** Called each time the folders of `learnFolders` have been read. */
  onLearned?: () => void;
};

/** What is sent of the text around the cursor, in UTF-16 units; the engine looks at little more. */
const prefixUnits = 16_384;
const prefixStepUnits = 4096;
const suffixUnits = 2048;
const maxStarts = 2;

// The window moves in steps, so that most keys find the text before the line as the last key left it.
const nearPrefix = (prefix: string): string => {
  const excess = prefix.length - prefixUnits - prefixStepUnits;
  return excess <= 0 ? prefix : prefix.slice(Math.ceil(excess / prefixStepUnits) * prefixStepUnits);
};

const nearSuffix = (suffix: string): string => {
  if (suffix.length <= suffixUnits) return suffix;
  const end = suffix.lastIndexOf("\n", suffixUnits);
  return suffix.slice(0, end < 0 ? suffixUnits : end + 1);
};

const nothingLearned: WorkerStats = { files: 0, textBytes: 0, memoryBytes: 0, indexing: false };

/** Prepares the service; the thread starts with the first call that needs it. The caller disposes it. */
export const createPredictorService = ({ workerUrl, log, onLearned }: PredictorServiceOptions): PredictorService => {
  let worker: Worker | undefined;
  let starts = 0;
  let problem: string | undefined;
  let isDisposed = false;
  let nextId = 1;
  const predictions = new Map<number, (prediction: Prediction | undefined) => void>();
  const statsQueries = new Map<number, (stats: WorkerStats) => void>();
  const updates = new Map<string, string>();
  let isUpdating = false;
  let folderRequest: PredictorRequest | undefined;

  const settleAll = (): void => {
    for (const settle of predictions.values()) settle(undefined);
    for (const settle of statsQueries.values()) settle(nothingLearned);
    predictions.clear();
    statsQueries.clear();
  };

  const take = (message: PredictorAnswer): void => {
    switch (message.kind) {
      case "prediction":
        predictions.get(message.id)?.(message.prediction);
        predictions.delete(message.id);
        break;
      case "stats":
        statsQueries.get(message.id)?.(message.stats);
        statsQueries.delete(message.id);
        break;
      case "updated":
        isUpdating = false;
        sendUpdate();
        break;
      case "learned":
        onLearned?.();
        break;
    }
  };

  const fail = (failed: Worker, reason: string): void => {
    if (worker !== failed || isDisposed) return;
    worker = undefined;
    isUpdating = false;
    settleAll();
    void failed.terminate();
    if (starts >= maxStarts) {
      problem = reason;
      updates.clear();
      log.error(`The predictor stopped twice and stays off: ${reason}`);
      return;
    }
    log.warn(`The predictor stopped and is started again: ${reason}`);
    if (folderRequest) post(folderRequest);
    sendUpdate();
  };

  const start = (): Worker | undefined => {
    if (worker || isDisposed || problem !== undefined) return worker;
    starts++;
    const started = new Worker(workerUrl, { name: "hotpath-predictor" });
    started.on("message", take);
    started.on("messageerror", (error) => fail(started, String(error)));
    started.on("error", (error: unknown) => fail(started, error instanceof Error ? error.message : String(error)));
    started.on("exit", (code) => fail(started, `exit code ${code}`));
    worker = started;
    return started;
  };

  const post = (request: PredictorRequest): boolean => {
    const running = start();
    running?.postMessage(request);
    return running !== undefined;
  };

  // One update is on its way at a time: what changes meanwhile waits here, and only its newest text is sent.
  const sendUpdate = (): void => {
    const next = updates.entries().next().value;
    if (isUpdating || !next) return;
    updates.delete(next[0]);
    isUpdating = post({ kind: "update", path: next[0], text: next[1] });
  };

  return {
    learnFolders(folders, { exclude = [], first = [] } = {}) {
      folderRequest = { kind: "learn-folders", folders, exclude, first };
      post(folderRequest);
    },
    update(path, text) {
      if (isDisposed || problem !== undefined) return;
      updates.delete(path);
      updates.set(path, text);
      sendUpdate();
    },
    forget(path) {
      updates.delete(path);
      if (worker) post({ kind: "forget", path });
    },
    predict({ path, prefix, suffix }, signal) {
      if (signal?.aborted) return Promise.resolve(undefined);
      const id = nextId++;
      return new Promise((resolve) => {
        const drop = () => {
          predictions.delete(id);
          resolve(undefined);
        };
        predictions.set(id, (prediction) => {
          signal?.removeEventListener("abort", drop);
          resolve(prediction);
        });
        signal?.addEventListener("abort", drop, { once: true });
        const isSent = post({ kind: "predict", id, path, prefix: nearPrefix(prefix), suffix: nearSuffix(suffix) });
        if (!isSent) {
          predictions.get(id)?.(undefined);
          predictions.delete(id);
        }
      });
    },
    async stats() {
      if (problem !== undefined) return { ...nothingLearned, problem };
      if (!worker) return nothingLearned;
      const id = nextId++;
      const answered = new Promise<WorkerStats>((resolve) => void statsQueries.set(id, resolve));
      post({ kind: "stats", id });
      return answered;
    },
    async dispose() {
      if (isDisposed) return;
      isDisposed = true;
      const ending = worker;
      worker = undefined;
      updates.clear();
      settleAll();
      await ending?.terminate();
    },
  };
};

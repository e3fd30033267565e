import { sep } from "node:path";
import { Worker } from "node:worker_threads";
import { type Clock, systemClock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { LearnedFolder } from "./folderRules.ts";
import type { Proposal } from "./proposer.ts";
import type {
  ConfidenceName,
  LearningProgress,
  Outcome,
  PredictorAnswer,
  PredictorRequest,
  PredictorWorkerData,
  WorkerStats,
} from "./predictorMessages.ts";

export type { LearnedFolder } from "./folderRules.ts";
export type { Proposal } from "./proposer.ts";
export type { ConfidenceName, LearningProgress } from "./predictorMessages.ts";

/** Where the cursor is: `prefix` and `suffix` are all text before and after it. */
export type PredictionRequest = { path: string; prefix: string; suffix: string };

/**
 * Something that predicts the rest of the cursor's line. Undefined: nothing that is worth showing, as sure as the
 * source was told to be, or `signal` was aborted.
 */
export type PredictionSource = {
  predict(request: PredictionRequest, signal?: AbortSignal): Promise<Proposal | undefined>;
  /** Tells what became of a prediction that was shown with this confidence: typed or accepted, or typed away or undone. */
  feedback?(outcome: Outcome): void;
};

export type PredictorStats = WorkerStats & {
  /** Why the predictor stays off; undefined while it can work. */
  problem?: string;
};

export type LearnOptions = {
  /** Absolute paths to learn before all others, such as open files; those outside the folders are left out. */
  first?: readonly string[];
  /** Whether `.gitignore` files above the folders count, up to the root of their repository. Default true. */
  readsAbove?: boolean;
  /** False: the folders' rules count from now on, for documents and what changes, but nothing is read. Default true. */
  reads?: boolean;
};

/** The embedded predictor in its own thread. Nothing here rejects or throws: a fault means no prediction. */
export type PredictorService = PredictionSource & {
  /**
   * Learns the source files of these folders in place of those of the last call, and goes on in the background. Files
   * that did not change since the index was saved are not read. Reads nothing outside of the folders, nothing that
   * `.gitignore` or a folder's `exclude` leaves out, follows no link.
   */
  learnFolders(folders: readonly LearnedFolder[], options?: LearnOptions): void;
  /**
   * Learns a document's current text in place of its earlier one. Of several that wait, the newest is learned. `file`
   * is the file that decides about it where its path names none, such as the notebook of a cell.
   */
  update(path: string, text: string, file?: string): void;
  /** These files may have changed on the disk; of those that are `open` in the editor, its text counts. */
  refresh(paths: readonly string[], open: readonly string[]): void;
  /** Forgets a file, or all files of a folder. */
  forget(path: string): void;
  /** How sure predictions have to be from the next one on. What was learned stays. Does not start the thread. */
  setConfidence(confidence: ConfidenceName): void;
  /** Forgets everything and removes the saved index; resolves when it is gone. Nothing is saved until `learnFolders` reads again. */
  clear(): Promise<void>;
  /** Does not start the thread. */
  stats(): Promise<PredictorStats>;
  /**
   * Saves the index and ends the thread; predictions that wait become undefined. Resolves within two seconds: a thread
   * that still reads or writes a file by then ends with that.
   */
  dispose(): Promise<void>;
};

export type PredictorServiceOptions = {
  /** The file of the worker: `predictorWorker.ts`, or its bundle. */
  workerUrl: URL;
  log: Log;
  /** Memory for what is learned; 256 MiB unless told. */
  maxBytes?: number;
  /** How sure a prediction has to be. Default `balanced`. */
  confidence?: ConfidenceName;
  /** Whether folders are read while the machine runs on its battery; a power saver always pauses it. Default true. */
  readsOnBattery?: boolean;
  /** Absolute path of the file that lets a restart do without reading everything again; undefined: nothing is kept. */
  indexFile?: string | undefined;
  /** Called each time the folders of `learnFolders` have been read, or will not be because the thread stays off. */
  onLearned?: () => void;
  /**
   * Called when the thread has stopped by a fault and is tried once more: what it was told of folders and documents is
   * gone with it, and whoever told it tells it again.
   */
  onLost?: () => void;
  /** Called now and then while folders are read. */
  onProgress?: (progress: LearningProgress) => void;
  /** The system's clock unless told. */
  clock?: Pick<Clock, "after">;
};

const defaultMaxBytes = 256 * 1024 * 1024;
/** What a save may take at the end; VS Code gives all extensions together five seconds. */
const closeWithinMs = 2000;

/** What is sent of the text around the cursor, in UTF-16 units; the engine looks at little more. */
const prefixUnits = 16_384;
const prefixStepUnits = 4096;
const suffixUnits = 2048;
const maxStarts = 2;
// With a larger one, V8 lets what learning leaves behind pile up to 150 MB before it looks.
const resourceLimits = { maxYoungGenerationSizeMb: 8 };

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

const nothingLearned: WorkerStats = {
  files: 0,
  textBytes: 0,
  memoryBytes: 0,
  indexing: false,
  restoredFiles: 0,
  savedBytes: undefined,
  isWaitingForPower: false,
  asked: 0,
  answered: 0,
  languages: [],
};

/** Prepares the service; the thread starts with the first call that needs it. The caller disposes it. */
export const createPredictorService = (options: PredictorServiceOptions): PredictorService => {
  const { workerUrl, log, clock = systemClock } = options;
  let workerData: PredictorWorkerData = {
    maxBytes: options.maxBytes ?? defaultMaxBytes,
    confidence: options.confidence ?? "balanced",
    readsOnBattery: options.readsOnBattery ?? true,
    indexFile: options.indexFile,
  };
  let worker: Worker | undefined;
  let starts = 0;
  let problem: string | undefined;
  let isDisposed = false;
  let nextId = 1;
  const predictions = new Map<number, (prediction: Proposal | undefined) => void>();
  const statsQueries = new Map<number, (stats: WorkerStats) => void>();
  const clearings = new Map<number, () => void>();
  const updates = new Map<string, { text: string; file: string | undefined }>();
  let isUpdating = false;

  const settleAll = (): void => {
    for (const settle of predictions.values()) settle(undefined);
    for (const settle of statsQueries.values()) settle(nothingLearned);
    for (const settle of clearings.values()) settle();
    predictions.clear();
    statsQueries.clear();
    clearings.clear();
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
      case "progress":
        // One that saves before it ends reads on.
        if (!isDisposed) options.onProgress?.(message);
        break;
      case "learned":
        if (!isDisposed) options.onLearned?.();
        break;
      case "cleared":
        clearings.get(message.id)?.();
        clearings.delete(message.id);
        break;
      case "problem":
        log.warn(message.message);
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
      options.onLearned?.();
      return;
    }
    log.warn(`The predictor stopped and is started again: ${reason}`);
    options.onLost?.();
    sendUpdate();
  };

  const start = (): Worker | undefined => {
    if (worker || isDisposed || problem !== undefined) return worker;
    starts++;
    const started = new Worker(workerUrl, { name: "hotpath-predictor", workerData, resourceLimits });
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
    isUpdating = post({ kind: "update", path: next[0], ...next[1] });
  };

  return {
    learnFolders(folders, { first = [], readsAbove = true, reads = true } = {}) {
      post({ kind: "learn-folders", folders, first, readsAbove, reads });
    },
    update(path, text, file) {
      if (isDisposed || problem !== undefined) return;
      updates.delete(path);
      updates.set(path, { text, file });
      sendUpdate();
    },
    refresh(paths, open) {
      // What was typed there and thrown away is not learned afterwards.
      for (const file of paths) if (!open.includes(file)) updates.delete(file);
      if (worker) post({ kind: "refresh", paths, open });
    },
    forget(path) {
      const below = path.endsWith(sep) ? path : path + sep;
      for (const [waiting, { file = waiting }] of updates)
        if (waiting === path || file === path || file.startsWith(below)) updates.delete(waiting);
      if (worker) post({ kind: "forget", path });
    },
    setConfidence(confidence) {
      if (confidence === workerData.confidence) return;
      workerData = { ...workerData, confidence };
      if (worker) post({ kind: "confidence", confidence });
    },
    async clear() {
      updates.clear();
      const id = nextId++;
      const cleared = new Promise<void>((resolve) => void clearings.set(id, resolve));
      // The thread is started for it, if need be: it alone knows whether somebody is writing the file.
      if (post({ kind: "clear", id })) await cleared;
      else if (problem !== undefined && options.indexFile !== undefined) {
        const { removeIndexFile } = await import("./indexFile.ts");
        await removeIndexFile(options.indexFile).catch((error: unknown) =>
          log.warn(
            `The predictor's index could not be removed: ${error instanceof Error ? error.message : String(error)}`,
          ),
        );
      }
      clearings.delete(id);
    },
    feedback(outcome) {
      // A thread that does not run learned nothing that this could be about.
      if (worker) post({ kind: "feedback", ...outcome });
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
      if (!ending) return;
      const ended = new Promise<void>((resolve) => void ending.once("exit", () => resolve()));
      ending.postMessage({ kind: "close" } satisfies PredictorRequest);
      const late = Promise.withResolvers<void>();
      const timer = clock.after(closeWithinMs, late.resolve);
      await Promise.race([ended, late.promise]);
      timer.dispose();
      // Not waited for: no thread ends before its last file operation has, and a slow disk may take a minute for that.
      void ending.terminate();
    },
  };
};

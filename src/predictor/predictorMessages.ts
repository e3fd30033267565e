import type { Prediction } from "./predictor.ts";

/** What the worker is asked. Every message but `predict` and `stats` goes unanswered. */
export type PredictorRequest =
  | { kind: "learn-folders"; folders: readonly string[]; exclude: readonly string[]; first: readonly string[] }
  | { kind: "update"; path: string; text: string }
  | { kind: "forget"; path: string }
  | { kind: "predict"; id: number; path: string; prefix: string; suffix: string }
  | { kind: "stats"; id: number };

export type WorkerStats = {
  files: number;
  /** Characters of learned text: bytes, as far as it is ASCII. */
  textBytes: number;
  /** Estimated memory of what was learned. */
  memoryBytes: number;
  /** True while folders or changed documents are being read. */
  indexing: boolean;
};

export type PredictorAnswer =
  | { kind: "prediction"; id: number; prediction: Prediction | undefined }
  | { kind: "stats"; id: number; stats: WorkerStats }
  /** An `update` was learned: the next one may be sent. */
  | { kind: "updated" }
  /** The folders of the last `learn-folders` are read. */
  | { kind: "learned" };

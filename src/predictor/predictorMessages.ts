import type { LearnedFolder } from "./folderRules.ts";
import type { Proposal } from "./proposer.ts";
import type { LanguageScore } from "./score.ts";

/** How sure the predictor has to be before it says something. */
export const confidenceNames = ["quiet", "balanced", "eager"] as const;
export type ConfidenceName = (typeof confidenceNames)[number];

/** What the worker is started with. */
export type PredictorWorkerData = {
  readonly maxBytes: number;
  readonly confidence: ConfidenceName;
  readonly readsOnBattery: boolean;
  /** Absolute path of the file that keeps what was read; undefined: nothing is kept. */
  readonly indexFile: string | undefined;
};

export type FoldersToLearn = {
  readonly folders: readonly LearnedFolder[];
  /** Absolute paths to learn before all others. */
  readonly first: readonly string[];
  /** Whether what lies above the folders may be looked at. */
  readonly readsAbove: boolean;
  /** False: only their rules count from now on, for what is learned otherwise. */
  readonly reads: boolean;
};

/** How a prediction that was shown turned out. */
export type Outcome = { readonly path: string; readonly confidence: number; readonly isRight: boolean };

/** What the worker is asked. Every message but `predict`, `stats`, `clear` and `close` goes unanswered. */
export type PredictorRequest =
  | ({ kind: "learn-folders" } & FoldersToLearn)
  | { kind: "update"; path: string; text: string; file: string | undefined }
  | { kind: "refresh"; paths: readonly string[]; open: readonly string[] }
  | { kind: "forget"; path: string }
  | { kind: "predict"; id: number; path: string; prefix: string; suffix: string }
  | ({ kind: "feedback" } & Outcome)
  /** How sure predictions have to be from now on. */
  | { kind: "confidence"; confidence: ConfidenceName }
  | { kind: "stats"; id: number }
  | { kind: "clear"; id: number }
  /** Save what is not saved yet, and end. */
  | { kind: "close" };

export type WorkerStats = {
  files: number;
  /** Characters of learned text: bytes, as far as it is ASCII. */
  textBytes: number;
  /** Estimated memory of what was learned. */
  memoryBytes: number;
  /** True while folders or changed documents are being read. */
  indexing: boolean;
  /** Files that came from the saved index, not from reading them again. */
  restoredFiles: number;
  /** Size of the saved index when this thread wrote it last; undefined: it has not. */
  savedBytes: number | undefined;
  /** True while reading waits for the machine to stop saving power. */
  isWaitingForPower: boolean;
  /** Places that were asked about, and those that got a text. */
  asked: number;
  answered: number;
  languages: readonly LanguageScore[];
};

/** How many of the folders' files have been looked at. */
export type LearningProgress = { readonly done: number; readonly total: number };

export type PredictorAnswer =
  | { kind: "prediction"; id: number; prediction: Proposal | undefined }
  | { kind: "stats"; id: number; stats: WorkerStats }
  /** An `update` was learned: the next one may be sent. */
  | { kind: "updated" }
  | ({ kind: "progress" } & LearningProgress)
  /** The folders of the last `learn-folders` are read. */
  | { kind: "learned" }
  | { kind: "cleared"; id: number }
  /** Something went wrong that costs no prediction. */
  | { kind: "problem"; message: string };

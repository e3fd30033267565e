// The predictor's thread: reads the workspace, learns it in short slices, answers between them, and keeps what it read.
import { parentPort, workerData } from "node:worker_threads";
import { systemClock as clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import { remember } from "../base/remember.ts";
import { removeAbandonedDrafts, removeIndexFile } from "./indexFile.ts";
import { readPower } from "./power.ts";
import { createPredictor } from "./predictor.ts";
import type {
  FoldersToLearn,
  LearningProgress,
  PredictorAnswer,
  PredictorRequest,
  PredictorWorkerData,
  WorkerStats,
} from "./predictorMessages.ts";
import { createProposer } from "./proposer.ts";
import { createSavedTexts } from "./savedTexts.ts";
import { createRehearsal } from "./rehearsal.ts";
import { createScore } from "./score.ts";
import { readSource } from "./sourceFile.ts";
import { createWorkspaceReader } from "./workspaceReader.ts";

const port = parentPort;
if (!port) throw new Error("predictorWorker runs as a worker only");
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The service starts this thread, with this and nothing else.
const settings = workerData as PredictorWorkerData;
const { indexFile } = settings;

/** After this much work, waiting requests are answered first. */
const sliceMs = 4;
const progressEveryMs = 500;
/** Saving reads nothing but writes a few megabytes: not at every change, and when nothing was learned for a while. */
const saveEveryMs = 3 * 60_000;
const saveAfterIdleMs = 10_000;
/** Asked once a minute at most: on Windows a whole shell has to start for it. */
const powerPollMs = 60_000;
/** Compressed text that is kept; source takes a third of its size, and the engine many times of it. */
const maxSavedBytes = Math.min(64 * 1024 * 1024, settings.maxBytes / 4);

const answer = (message: PredictorAnswer): void => port.postMessage(message);
const predictor = createPredictor({
  maxBytes: settings.maxBytes,
  // Beside this file, in the package as in the sources.
  standardFolder: new URL("./standard/", import.meta.url),
  onProblem: (message) => answer({ kind: "problem", message }),
});
let proposer = createProposer(predictor, settings.confidence);
const rehearse = createRehearsal({
  rehearse: (file, text, at) => proposer.rehearse(file, text, at),
  read: readSource,
  breathe: () => breathe(),
  untilPowered: (isCurrent) => untilPowered(isCurrent),
});
const saved = createSavedTexts(maxSavedBytes, () => clock.dateMs());
const score = createScore();
let asked = 0;
let answered = 0;

let sliceStartMs = 0;
const breathe = async (): Promise<void> => {
  if (performance.now() - sliceStartMs < sliceMs) return;
  await new Promise((resolve) => void setImmediate(resolve));
  sliceStartMs = performance.now();
};

const powerNow = remember(clock, powerPollMs, () => readPower());
let isWaitingForPower = false;
const untilPowered = async (isCurrent: () => boolean): Promise<void> => {
  while (isCurrent()) {
    const { isOnBattery = false, isSaving = false } = await powerNow();
    isWaitingForPower = isSaving || (isOnBattery && !settings.readsOnBattery);
    if (!isWaitingForPower) return;
    await new Promise<void>((resolve) => void clock.after(powerPollMs, resolve));
  }
};

let progressAtMs = -Infinity;
const onProgress = (progress: LearningProgress): void => {
  if (performance.now() - progressAtMs < progressEveryMs) return;
  progressAtMs = performance.now();
  answer({ kind: "progress", ...progress });
};

const reader = createWorkspaceReader({ predictor, saved, breathe, untilPowered, onProgress });

// The saved index: loaded before the first folder is read, written when nothing is going on.
let savedBytes: number | undefined;
let savedAtMs = -Infinity;
let saveTimer: Disposable | undefined;
/** One thing at a time happens to the file. */
let filing: Promise<void> = Promise.resolve();
let isLoaded = false;
/** False after the index was cleared, until folders are learned again. */
let isKept = true;
const withFile = (run: (file: string) => Promise<void>): Promise<void> => {
  const before = filing;
  const runAfter = async (): Promise<void> => {
    await before;
    if (indexFile === undefined) return;
    try {
      await run(indexFile);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      answer({ kind: "problem", message: `The predictor's index could not be kept: ${reason}` });
    }
  };
  filing = runAfter();
  return filing;
};
const load = (): Promise<void> =>
  withFile(async (file) => {
    if (isLoaded) return;
    isLoaded = true;
    await removeAbandonedDrafts(file, clock.dateMs());
    await saved.load(file);
  });
const save = (): Promise<void> =>
  withFile(async (file) => {
    if (!saved.isChanged || !isLoaded || !isKept) return;
    savedAtMs = clock.nowMs();
    savedBytes = await saved.save(file);
  });
const saveLater = (idleMs: number): void => {
  saveTimer?.dispose();
  if (!saved.isChanged || indexFile === undefined) return;
  const waitMs = Math.max(idleMs, savedAtMs + saveEveryMs - clock.nowMs());
  saveTimer = clock.after(waitMs, () => void save());
};

let isLoading = false;
/** Counts what was told of folders: what an earlier one began, other folders and clearing end. */
let turn = 0;
const learnFolders = async (request: FoldersToLearn): Promise<void> => {
  const mine = ++turn;
  const isCurrent = () => mine === turn;
  isLoading = request.reads;
  if (!request.reads) return void (await reader.learnFolders(request));
  // What is on screen stands first: its language is asked for soon.
  if (request.first[0] !== undefined) predictor.prepare(request.first[0]);
  await load();
  if (!isCurrent()) return;
  isLoading = false;
  isKept = true;
  if (!(await reader.learnFolders(request))) return;
  answer({ kind: "learned" });
  saveLater(0);
  await rehearse(reader.files(), isCurrent);
};

/** Documents' texts that wait; newer text takes the place of text that still waits. */
const updates = new Map<string, { text: string; file: string | undefined }>();
let isUpdating = false;
const learnUpdates = async (): Promise<void> => {
  if (isUpdating) return;
  isUpdating = true;
  for (let next = updates.entries().next().value; next; next = updates.entries().next().value) {
    const [document, { text, file }] = next;
    updates.delete(document);
    predictor.prepare(document);
    await reader.updateDocument(document, text, file, () => !updates.has(document));
    answer({ kind: "updated" });
  }
  isUpdating = false;
  saveLater(saveAfterIdleMs);
};

const refresh = async (paths: readonly string[], open: readonly string[]): Promise<void> => {
  for (const file of paths) if (!open.includes(file)) updates.delete(file);
  const wider = await reader.refresh(paths, open);
  if (wider) await learnFolders(wider);
  else saveLater(saveAfterIdleMs);
};

const clear = async (): Promise<void> => {
  turn++;
  isLoading = false;
  updates.clear();
  reader.clear();
  saveTimer?.dispose();
  isKept = false;
  await withFile(async (file) => {
    // It may have been loaded meanwhile.
    saved.clear();
    await removeIndexFile(file);
  });
  savedBytes = undefined;
};

const predict = (path: string, prefix: string, suffix: string) => {
  asked++;
  score.observe(path, prefix);
  const prediction = proposer.propose(path, prefix, suffix);
  if (!prediction) return undefined;
  answered++;
  score.expect(path, prefix, prediction.text, prediction.confidence);
  return prediction;
};

const stats = (): WorkerStats => {
  const { files, textUnits, memoryBytes } = predictor.stats();
  const indexing = isLoading || reader.isReading || isUpdating;
  return {
    files,
    textBytes: textUnits,
    memoryBytes,
    indexing,
    restoredFiles: reader.restoredFiles,
    savedBytes,
    isWaitingForPower: isWaitingForPower && indexing,
    asked,
    answered,
    languages: score.languages(),
  };
};

port.on("message", (request: PredictorRequest) => {
  switch (request.kind) {
    case "predict":
      answer({
        kind: "prediction",
        id: request.id,
        prediction: predict(request.path, request.prefix, request.suffix),
      });
      break;
    case "feedback":
      predictor.feedback(request);
      break;
    case "confidence":
      proposer = createProposer(predictor, request.confidence);
      break;
    case "update":
      updates.set(request.path, request);
      void learnUpdates();
      break;
    case "refresh":
      void refresh(request.paths, request.open);
      break;
    case "forget":
      updates.delete(request.path);
      reader.forget(request.path);
      break;
    case "learn-folders":
      void learnFolders(request);
      break;
    case "stats":
      answer({ kind: "stats", id: request.id, stats: stats() });
      break;
    case "clear":
      void clear().then(() => answer({ kind: "cleared", id: request.id }));
      break;
    case "close":
      void save().finally(() => process.exit());
      break;
  }
});

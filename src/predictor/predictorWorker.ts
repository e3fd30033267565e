// The predictor's thread: reads the workspace, learns it in short slices, and answers between them.
import { readdir, realpath } from "node:fs/promises";
import path from "node:path";
import { parentPort } from "node:worker_threads";
import { createFolderRules, type FolderRules, isInside, isNeverLearned } from "./folderRules.ts";
import { createPredictor } from "./predictor.ts";
import type { PredictorAnswer, PredictorRequest } from "./predictorMessages.ts";
import { isSource, maxFileBytes, readSource } from "./sourceFile.ts";

const port = parentPort;
if (!port) throw new Error("predictorWorker runs as a worker only");

/** Folders are read until this much of the room is used: more would push out what was read first, which matters most. */
const maxFill = 0.85;
/** After this much work, waiting requests are answered first. */
const sliceMs = 4;

const predictor = createPredictor();
const answer = (message: PredictorAnswer): void => port.postMessage(message);
let sliceStartMs = 0;
const letMessagesIn = async (): Promise<void> => {
  await new Promise((resolve) => void setImmediate(resolve));
  sliceStartMs = performance.now();
};

/** Files that came from folders, and documents whose text came from the editor and is newer than the disk's. */
const fromFolders = new Set<string>();
const documents = new Set<string>();
const updates = new Map<string, string>();
let rules: FolderRules[] = [];
let walk = 0;
let isWalking = false;
let isUpdating = false;

const rulesFor = (file: string): FolderRules | undefined => rules.find(({ root }) => isInside(file, root));

/** Learns a text in slices, as long as `isCurrent`. */
const learn = async (file: string, text: string, isCurrent: () => boolean): Promise<void> => {
  for (const _ of predictor.indexInSteps(file, text)) {
    if (performance.now() - sliceStartMs < sliceMs) continue;
    await letMessagesIn();
    if (!isCurrent()) return;
  }
};

const learnFile = async (file: string, seen: Set<string>, isCurrent: () => boolean): Promise<void> => {
  if (seen.has(file)) return;
  seen.add(file);
  if (documents.has(file)) return;
  const text = await readSource(file);
  if (!isCurrent() || documents.has(file)) return;
  if (text === undefined) {
    seen.delete(file);
    return;
  }
  fromFolders.add(file);
  await learn(file, text, () => isCurrent() && fromFolders.has(file) && !documents.has(file));
};

/** Learns the files that lie in `folder` itself and returns the folders in it. Links are passed over. */
const learnFolder = async (
  folder: string,
  folderRules: FolderRules,
  seen: Set<string>,
  isCurrent: () => boolean,
): Promise<string[]> => {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const inner: string[] = [];
  for (const entry of entries) {
    if (!isCurrent() || predictor.stats().fill > maxFill) return [];
    const full = path.join(folder, entry.name);
    if (!(entry.isFile() || entry.isDirectory()) || !(await folderRules.allows(full, entry.isDirectory()))) continue;
    if (entry.isDirectory()) inner.push(full);
    else await learnFile(full, seen, isCurrent);
  }
  return inner;
};

/** The file's folder rules, if the file truly lies in one of the folders and is not excluded. */
const admit = async (file: string): Promise<FolderRules | undefined> => {
  const folderRules = rulesFor(file);
  if (!folderRules || !(await folderRules.allows(file, false))) return undefined;
  const [real, realRoot] = await Promise.all([realpath(file), realpath(folderRules.root)]).catch(() => []);
  return real !== undefined && realRoot !== undefined && isInside(real, realRoot) ? folderRules : undefined;
};

const learnFolders = async (first: readonly string[]): Promise<void> => {
  const mine = ++walk;
  const isCurrent = () => mine === walk;
  const seen = new Set<string>();
  isWalking = true;
  for (const file of documents) if (!(await mayLearnDocument(file))) forget(file);
  const queue: [string, FolderRules][] = [];
  for (const file of first) {
    const folderRules = await admit(file);
    if (!folderRules || !isCurrent()) continue;
    await learnFile(file, seen, isCurrent);
    // Neighbours of an open file teach most: their folder comes before the rest.
    queue.push([path.dirname(file), folderRules]);
  }
  for (const folderRules of rules) queue.push([folderRules.root, folderRules]);
  const visited = new Set<string>();
  for (let next = queue.shift(); next && isCurrent(); next = queue.shift()) {
    const [folder, folderRules] = next;
    if (visited.has(folder)) continue;
    visited.add(folder);
    for (const inner of await learnFolder(folder, folderRules, seen, isCurrent)) queue.push([inner, folderRules]);
  }
  if (!isCurrent()) return;
  for (const file of fromFolders) {
    if (seen.has(file)) continue;
    fromFolders.delete(file);
    if (!documents.has(file)) predictor.remove(file);
  }
  isWalking = false;
  answer({ kind: "learned" });
};

/** A document outside the folders, or without a file, has no rules to obey. */
const mayLearnDocument = async (file: string): Promise<boolean> => {
  if (isNeverLearned(file)) return false;
  const folderRules = path.isAbsolute(file) ? rulesFor(file) : undefined;
  return !folderRules || folderRules.allows(file, false);
};

/** Learns what documents hold now; newer text takes the place of text that still waits. */
const learnUpdates = async (): Promise<void> => {
  if (isUpdating) return;
  isUpdating = true;
  for (let next = updates.entries().next().value; next; next = updates.entries().next().value) {
    const [file, text] = next;
    updates.delete(file);
    if ((await mayLearnDocument(file)) && text.length <= maxFileBytes && isSource(text)) {
      documents.add(file);
      await learn(file, text, () => documents.has(file) && !updates.has(file));
    } else if (documents.delete(file) || fromFolders.delete(file)) predictor.remove(file);
    answer({ kind: "updated" });
  }
  isUpdating = false;
};

/** Forgets a file, or all files of a folder. */
const forget = (gone: string): void => {
  for (const known of [documents, fromFolders]) {
    for (const file of known) {
      if (file !== gone && !(path.isAbsolute(file) && path.isAbsolute(gone) && isInside(file, gone))) continue;
      known.delete(file);
      predictor.remove(file);
    }
  }
  for (const file of updates.keys()) if (file === gone) updates.delete(file);
};

port.on("message", (request: PredictorRequest) => {
  switch (request.kind) {
    case "predict": {
      const { id, path: file, prefix, suffix } = request;
      answer({ kind: "prediction", id, prediction: predictor.predict(file, prefix, suffix) });
      break;
    }
    case "update":
      updates.set(request.path, request.text);
      void learnUpdates();
      break;
    case "forget":
      forget(request.path);
      break;
    case "learn-folders":
      rules = request.folders.map((folder) => createFolderRules(path.resolve(folder), request.exclude));
      void learnFolders(request.first);
      break;
    case "stats": {
      const { files, textUnits, memoryBytes } = predictor.stats();
      const indexing = isWalking || isUpdating;
      answer({ kind: "stats", id: request.id, stats: { files, textBytes: textUnits, memoryBytes, indexing } });
      break;
    }
  }
});

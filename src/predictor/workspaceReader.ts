import type { Dirent } from "node:fs";
import { lstat, readdir, realpath } from "node:fs/promises";
import path from "node:path";
import { createWorkspaceRules, type FolderRules, isInside, isNeverLearned } from "./folderRules.ts";
import type { Predictor } from "./predictor.ts";
import type { FoldersToLearn, LearningProgress } from "./predictorMessages.ts";
import type { SavedTexts } from "./savedTexts.ts";
import { isSource, maxFileBytes, readFileText, readSource, readStamp } from "./sourceFile.ts";

export type WorkspaceReaderOptions = {
  readonly predictor: Predictor;
  readonly saved: SavedTexts;
  /** Lets waiting requests in after a slice of work, and at once if `isForced`. */
  readonly breathe: (isForced?: boolean) => Promise<void>;
  /** Resolves when the machine may be put to work. */
  readonly untilPowered: (isCurrent: () => boolean) => Promise<void>;
  readonly onProgress: (progress: LearningProgress) => void;
};

/** Keeps the predictor at what the workspace's files and the editor's documents hold. Nothing here throws. */
export type WorkspaceReader = {
  /** Learns these folders in place of the last ones; true when all is read, false when a later call took over. */
  learnFolders(request: FoldersToLearn): Promise<boolean>;
  /** Learns a document's text in place of the disk's. `file` is where it belongs, if its path names no file. */
  updateDocument(path: string, text: string, file: string | undefined, isCurrent: () => boolean): Promise<void>;
  /**
   * Looks again at files that may have changed; for those that are `open`, the document's text counts. Returns what
   * to pass to `learnFolders` when more than these files has to be looked at.
   */
  refresh(paths: readonly string[], open: readonly string[]): Promise<FoldersToLearn | undefined>;
  /** Forgets a file, or all files of a folder. */
  forget(path: string): void;
  /** Forgets everything and stops reading. */
  clear(): void;
  /** The files of the folders that were learned. */
  files(): Iterable<string>;
  readonly isReading: boolean;
  readonly restoredFiles: number;
};

/** Folders are read until this much of the room is used: more would push out what was read first, which matters most. */
const maxFill = 0.85;
/** More files than that are not even listed. */
const maxListedFiles = 200_000;

const byName = (a: Dirent, b: Dirent): number => (a.name < b.name ? -1 : 1);

export const createWorkspaceReader = (options: WorkspaceReaderOptions): WorkspaceReader => {
  const { predictor, saved, breathe } = options;
  /** Files that came from folders, and documents whose text came from the editor and is newer, with their files. */
  const fromFolders = new Set<string>();
  const documents = new Map<string, string>();
  let rules = createWorkspaceRules([], false);
  let request: FoldersToLearn | undefined;
  let walk = 0;
  let clearings = 0;
  let refreshes = 0;
  let isWalking = false;
  /** What was read first is the oldest: a walk that was taken over leaves it so. */
  let isRenewalDue = false;
  let restoredFiles = 0;

  /** Learns a text in slices, as long as `isCurrent`. */
  const learn = async (file: string, text: string, isCurrent: () => boolean): Promise<void> => {
    for (const _ of predictor.indexInSteps(file, text)) {
      await breathe();
      if (!isCurrent()) return;
    }
  };

  const unlearn = (file: string): void => {
    saved.remove(file);
    if (fromFolders.delete(file) && !documents.has(file)) predictor.remove(file);
  };

  /** Once begun it is finished, whoever takes over: nobody else will look at a file that counts as learned. */
  const learnFromFolder = (file: string, text: string): Promise<void> =>
    learn(file, text, () => fromFolders.has(file) && !documents.has(file));

  /** Learns what the disk holds under an admitted path, from what was saved if that is the same; true: it did. */
  const learnFile = async (file: string, isCurrent: () => boolean): Promise<boolean> => {
    if (documents.has(file)) return false;
    const stamp = await readStamp(file);
    if (!isCurrent() || documents.has(file)) return false;
    if (!stamp) {
      unlearn(file);
      return false;
    }
    const known = saved.find(file, stamp);
    if (known && fromFolders.has(file)) return false;
    let text = known?.text;
    if (!known) {
      const read = await readFileText(file);
      if (!isCurrent() || documents.has(file)) return false;
      if (!read) {
        unlearn(file);
        return false;
      }
      // What is predicted goes into other files.
      text = read.isGarbled ? undefined : read.text;
      saved.add(file, read.stamp, text);
    }
    if (text === undefined) {
      if (fromFolders.delete(file)) predictor.remove(file);
      return false;
    }
    if (known) restoredFiles++;
    fromFolders.add(file);
    await learnFromFolder(file, text);
    return true;
  };

  /** Learns a file once more that folders gave: now it is the newest, whose text goes before others', and forgotten last. */
  const renew = async (file: string, isCurrent: () => boolean): Promise<void> => {
    const stamp = fromFolders.has(file) ? await readStamp(file) : undefined;
    const text = stamp && (saved.find(file, stamp)?.text ?? (await readSource(file)));
    if (text === undefined || !isCurrent() || !fromFolders.has(file) || documents.has(file)) return;
    predictor.remove(file);
    await learnFromFolder(file, text);
  };

  /** The file's folder rules, if it is not excluded and no link leads to it: what lies behind one has rules of its own. */
  const admit = async (file: string): Promise<FolderRules | undefined> => {
    const folderRules = rules.of(file);
    if (!folderRules || !(await folderRules.allows(file, false))) return undefined;
    const [real, realRoot] = await Promise.all([realpath(file), realpath(folderRules.root)]).catch(() => []);
    if (real === undefined || realRoot === undefined) return undefined;
    return path.relative(realRoot, real) === path.relative(folderRules.root, file) ? folderRules : undefined;
  };

  /** All files that may be learned, those beside `first` before others. Links are passed over. */
  const list = async (first: readonly string[], isCurrent: () => boolean): Promise<string[]> => {
    const files: string[] = [];
    const queue: [string, FolderRules][] = [];
    for (const file of first) {
      const folderRules = await admit(file);
      if (folderRules) queue.push([path.dirname(file), folderRules]);
    }
    // A folder that lies in another one is come by here first, with its own rules.
    for (const folderRules of rules.all) queue.push([folderRules.root, folderRules]);
    const visited = new Set<string>();
    for (let at = 0; at < queue.length && isCurrent() && files.length < maxListedFiles; at++) {
      const [folder, folderRules] = queue[at]!;
      if (visited.has(folder)) continue;
      visited.add(folder);
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
      for (const entry of entries.toSorted(byName)) {
        const full = path.join(folder, entry.name);
        if (!(entry.isFile() || entry.isDirectory()) || !(await folderRules.allows(full, entry.isDirectory())))
          continue;
        if (entry.isDirectory()) queue.push([full, folderRules]);
        else files.push(full);
        await breathe();
      }
    }
    return files;
  };

  /** Unlearns what the walk did not come by: excluded now, gone, or not looked at because there was no room left. */
  const sweep = async (seen: ReadonlySet<string>, isComplete: boolean, isCurrent: () => boolean): Promise<void> => {
    for (const file of new Set([...fromFolders, ...saved.files()])) {
      if (seen.has(file)) continue;
      const isThere = !isComplete && (await readStamp(file)) !== undefined && (await admit(file)) !== undefined;
      if (!isCurrent()) return;
      if (!isThere) unlearn(file);
    }
  };

  /**
   * A document outside the folders, or without a file, has no folder's rules to obey. What a link leads to has others, and
   * may be what nobody should repeat.
   */
  const isDocumentAllowed = async (file: string): Promise<boolean> => {
    const folderRules = path.isAbsolute(file) ? rules.of(file) : undefined;
    const real = path.isAbsolute(file) ? await realpath(file).catch(() => undefined) : undefined;
    // What was never saved is behind no link.
    if (folderRules) return real === undefined ? folderRules.allows(file, false) : (await admit(file)) !== undefined;
    if (isNeverLearned(file)) return false;
    return real === undefined || (!isNeverLearned(real) && allowsTarget(real));
  };

  /** Whether what a link from outside leads to may be learned: in a folder, by that folder's rules. */
  const allowsTarget = async (real: string): Promise<boolean> => {
    const roots = await Promise.all(
      rules.all.map(async (its) => ({ its, root: await realpath(its.root).catch(() => its.root) })),
    );
    const [deepest] = roots
      .filter(({ root }) => isInside(real, root))
      .toSorted((a, b) => b.root.length - a.root.length);
    if (!deepest) return true;
    return deepest.its.allows(path.join(deepest.its.root, path.relative(deepest.root, real)), false);
  };

  /** By the rules that hold when the answer is there. */
  const mayLearnDocument = async (file: string): Promise<boolean> => {
    const judgedBy = rules;
    const isAllowed = await isDocumentAllowed(file);
    return judgedBy === rules ? isAllowed : mayLearnDocument(file);
  };

  const forget = (gone: string): void => {
    const below = gone.endsWith(path.sep) ? gone : gone + path.sep;
    const isGone = (file: string) => file === gone || (path.isAbsolute(gone) && file.startsWith(below));
    for (const [document, file] of documents) {
      if (document !== gone && !isGone(file)) continue;
      documents.delete(document);
      fromFolders.delete(document);
      saved.remove(document);
      predictor.remove(document);
    }
    for (const file of [...fromFolders, ...saved.files()]) if (isGone(file)) unlearn(file);
  };

  const learnFolders = async (wanted: FoldersToLearn): Promise<boolean> => {
    const mine = ++walk;
    const isCurrent = () => mine === walk;
    request = wanted;
    isWalking = true;
    rules = createWorkspaceRules(wanted.folders, wanted.readsAbove);
    for (const [document, file] of documents) if (!(await mayLearnDocument(file))) forget(document);
    if (!wanted.reads) {
      await sweep(new Set(), false, isCurrent);
      if (isCurrent()) isWalking = false;
      return isCurrent();
    }
    const first = [...wanted.first, ...saved.recent()];
    const seen = new Set<string>();
    const visit = async (file: string): Promise<boolean> => {
      if (seen.has(file)) return false;
      seen.add(file);
      return learnFile(file, isCurrent);
    };
    for (const file of first) if (isCurrent() && (await admit(file))) await visit(file);
    await options.untilPowered(isCurrent);
    const files = isCurrent() ? await list(first, isCurrent) : [];
    let done = 0;
    for (const file of files) {
      await options.untilPowered(isCurrent);
      if (!isCurrent() || predictor.stats().fill > maxFill) break;
      if (await visit(file)) isRenewalDue = true;
      await breathe();
      done++;
      if (isCurrent()) options.onProgress({ done, total: files.length });
    }
    if (isCurrent()) await sweep(seen, done === files.length && files.length < maxListedFiles, isCurrent);
    // They were learned first so that they were there at once, and are the oldest by now.
    for (const file of isRenewalDue ? [...new Set(first)].toReversed() : []) {
      await options.untilPowered(isCurrent);
      if (!isCurrent()) return false;
      await renew(file, isCurrent);
    }
    if (!isCurrent()) return false;
    isWalking = isRenewalDue = false;
    return true;
  };

  return {
    learnFolders,
    async updateDocument(document, text, file = document, isCurrent) {
      // Before it is judged: whoever forgets it meanwhile finds it, and looks at the file in its place.
      documents.set(document, file);
      const isAllowed = await mayLearnDocument(file);
      if (!documents.has(document)) return;
      if (isAllowed && text.length <= maxFileBytes && isSource(text)) {
        if (rules.of(file)) saved.edited(file);
        await learn(document, text, () => documents.has(document) && isCurrent());
        return;
      }
      documents.delete(document);
      fromFolders.delete(document);
      predictor.remove(document);
    },
    async refresh(paths, open) {
      refreshes++;
      const isOpen = new Set(open);
      const startedIn = clearings;
      const isCurrent = () => startedIn === clearings;
      try {
        // Other rules, or a folder with who knows what in it: everything is looked at again.
        let isWide = paths.some((file) => path.basename(file) === ".gitignore");
        for (const file of paths) {
          const stats = await lstat(file).catch(() => undefined);
          if (!isCurrent()) return;
          // What nobody reads changes nothing: builds make folders all the time.
          if (stats?.isDirectory()) isWide ||= (await rules.of(file)?.allows(file, true)) === true;
          else if (!stats || !(await admit(file))) forget(file);
          else if (!documents.has(file)) await learnFile(file, isCurrent);
          else if (!isOpen.has(file)) {
            // What the editor had is not what the disk has, whatever was noted about the file.
            documents.delete(file);
            fromFolders.delete(file);
            predictor.remove(file);
            await learnFile(file, isCurrent);
          }
          await breathe();
        }
        return isWide && isCurrent() ? request : undefined;
      } finally {
        refreshes--;
      }
    },
    forget,
    clear() {
      walk++;
      clearings++;
      isWalking = isRenewalDue = false;
      request = undefined;
      restoredFiles = 0;
      for (const file of new Set([...fromFolders, ...documents.keys()])) predictor.remove(file);
      fromFolders.clear();
      documents.clear();
      saved.clear();
    },
    files: () => fromFolders,
    get isReading() {
      return isWalking || refreshes > 0;
    },
    get restoredFiles() {
      return restoredFiles;
    },
  };
};

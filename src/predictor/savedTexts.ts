// What the disk held when it was last read, so that a restart need not read it again: the text of each file, compressed.
// Texts are kept rather than the engine's own arrays: learning them again takes a second or two in the background, and
// no change of the engine makes them useless. What was never written to the disk is not in here.
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { readIndexFile, writeIndexFile } from "./indexFile.ts";
import { type FileStamp, isSettled, isSameStamp } from "./sourceFile.ts";

export type SavedTexts = {
  /**
   * What was noted for a file that still has this stamp. The text is undefined where there is nothing to learn; the
   * result is undefined when the file has to be read.
   */
  find(file: string, stamp: FileStamp): { readonly text: string | undefined } | undefined;
  add(file: string, stamp: FileStamp, text: string | undefined): void;
  remove(file: string): void;
  clear(): void;
  files(): Iterable<string>;
  /** Files that the user edited, the latest first: they are learned before others. */
  recent(): readonly string[];
  edited(file: string): void;
  /** Takes in what `save` wrote, where nothing newer is known; false: there was nothing that could be used. */
  load(file: string): Promise<boolean>;
  /** Writes everything, recently edited files first, up to the limit; returns the bytes of the file. */
  save(file: string): Promise<number>;
  /** Whether something has changed since it was saved or loaded. */
  readonly isChanged: boolean;
};

type Entry = { readonly stamp: FileStamp; readonly packed: Uint8Array };

const nothing = new Uint8Array(0);
const recentFiles = 50;
// The fastest level: source shrinks to a third of its size, at more than 50 MB/s.
const level = 1;
const unsettledMs = -1;

type SavedHead = {
  readonly recent: readonly string[];
  /** Path, size in bytes, times of modification and change in ms; the blob of the same number is the text. */
  readonly files: readonly (readonly [string, number, number, number])[];
};

const isRow = (row: unknown): boolean =>
  Array.isArray(row) && row.length === 4 && typeof row[0] === "string" && row.slice(1).every(Number.isFinite);

const isSavedHead = (head: unknown): head is SavedHead =>
  typeof head === "object" &&
  head !== null &&
  "recent" in head &&
  "files" in head &&
  Array.isArray(head.recent) &&
  head.recent.every((file) => typeof file === "string") &&
  Array.isArray(head.files) &&
  head.files.every(isRow);

/** @param maxBytes of compressed text that are kept, in memory and in the file */
export const createSavedTexts = (maxBytes: number, dateMs: () => number): SavedTexts => {
  const entries = new Map<string, Entry>();
  let recent: string[] = [];
  let bytes = 0;
  let isChanged = false;

  const remove = (file: string): boolean => {
    bytes -= entries.get(file)?.packed.byteLength ?? 0;
    return entries.delete(file);
  };
  const put = (file: string, entry: Entry): void => {
    remove(file);
    if (bytes + entry.packed.byteLength > maxBytes) return;
    bytes += entry.packed.byteLength;
    entries.set(file, entry);
  };

  return {
    find(file, stamp) {
      const entry = entries.get(file);
      if (!entry || !isSameStamp(entry.stamp, stamp)) return undefined;
      if (entry.packed.byteLength === 0) return { text: undefined };
      try {
        return { text: inflateRawSync(entry.packed).toString("utf8") };
      } catch {
        return undefined;
      }
    },
    add(file, stamp, text) {
      const packed = text === undefined ? nothing : deflateRawSync(text, { level });
      put(file, { stamp: isSettled(stamp, dateMs()) ? stamp : { ...stamp, modifiedMs: unsettledMs }, packed });
      isChanged = true;
    },
    remove(file) {
      if (remove(file)) isChanged = true;
    },
    clear() {
      entries.clear();
      recent = [];
      bytes = 0;
      isChanged = false;
    },
    files: () => entries.keys(),
    recent: () => recent,
    edited(file) {
      if (recent[0] === file) return;
      recent = [file, ...recent.filter((other) => other !== file)].slice(0, recentFiles);
      isChanged = true;
    },
    async load(file) {
      const content = await readIndexFile(file);
      const head = content?.head;
      if (!content || !isSavedHead(head) || head.files.length !== content.blobs.length) return false;
      for (const [index, [name, sizeBytes, modifiedMs, changedMs]] of head.files.entries()) {
        // A copy: the whole file's bytes would stay in memory as long as one of its texts.
        const packed = Uint8Array.from(content.blobs[index]!);
        if (!entries.has(name)) put(name, { stamp: { sizeBytes, modifiedMs, changedMs }, packed });
      }
      recent = [...new Set([...recent, ...head.recent])].slice(0, recentFiles);
      return true;
    },
    async save(file) {
      isChanged = false;
      const first = new Set(recent);
      const rows = [...entries].toSorted(([a], [b]) => Number(first.has(b)) - Number(first.has(a)));
      const head: SavedHead = {
        recent,
        files: rows.map(([name, { stamp }]) => [name, stamp.sizeBytes, stamp.modifiedMs, stamp.changedMs]),
      };
      try {
        return await writeIndexFile(file, { head, blobs: rows.map(([, { packed }]) => packed) });
      } catch (error) {
        isChanged = true;
        throw error;
      }
    },
    get isChanged() {
      return isChanged;
    },
  };
};

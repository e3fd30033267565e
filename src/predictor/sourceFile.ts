import { isUtf8 } from "node:buffer";
import { constants, type Stats } from "node:fs";
import { lstat, open } from "node:fs/promises";
import { notebookText } from "./notebookText.ts";

/** Larger files are data or generated, and cost more than they teach. */
export const maxFileBytes = 200_000;
/** Notebooks hold the outputs of their cells, too, which are left out. */
const maxNotebookBytes = 4_000_000;
const maxLineUnits = 5000;
const maxMeanLineUnits = 250;
/**
 * A file that was changed as recently as this may change once more without another time: kernels stamp once a tick of up
 * to 10 ms, FAT counts in two seconds.
 */
const settledAfterMs = 50;
const settledAfterWholeSecondsMs = 2500;

/** What tells a changed file from an unchanged one without reading it. */
export type FileStamp = { readonly sizeBytes: number; readonly modifiedMs: number; readonly changedMs: number };

/**
 * A file as it was read: undefined text means that there is nothing to learn in it. Where it `isGarbled`, it is in another
 * encoding than UTF-8, and the text has signs that nobody wrote.
 */
export type ReadFile = { readonly stamp: FileStamp; readonly text: string | undefined; readonly isGarbled: boolean };

/** Whether text reads like source: no NUL, and lines that a person might have written. */
export const isSource = (text: string): boolean => {
  if (text.includes("\0")) return false;
  let lines = 1;
  let from = 0;
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
    if (end - from > maxLineUnits) return false;
    lines++;
    from = end + 1;
  }
  return text.length - from <= maxLineUnits && text.length / lines <= maxMeanLineUnits;
};

const stampOf = ({ size, mtimeMs, ctimeMs }: Stats): FileStamp => ({
  sizeBytes: size,
  modifiedMs: mtimeMs,
  changedMs: ctimeMs,
});

export const isSameStamp = (a: FileStamp, b: FileStamp): boolean =>
  a.sizeBytes === b.sizeBytes && a.modifiedMs === b.modifiedMs && a.changedMs === b.changedMs;

/** Whether a later change of the file will show in its stamp. */
export const isSettled = ({ changedMs, modifiedMs }: FileStamp, nowMs: number): boolean =>
  Math.max(changedMs, modifiedMs) < nowMs - (changedMs % 1000 === 0 ? settledAfterWholeSecondsMs : settledAfterMs);

/** The stamp of a plain file; undefined for links, folders, devices, and what is not there. */
export const readStamp = async (file: string): Promise<FileStamp | undefined> => {
  const stats = await lstat(file).catch(() => undefined);
  return stats?.isFile() ? stampOf(stats) : undefined;
};

/** Reads a plain file. Follows no link, waits for no device, never throws; undefined: there is no such file. */
export const readFileText = async (file: string): Promise<ReadFile | undefined> => {
  // O_NOFOLLOW: the entry may have become a link since it was listed. Windows has no such flag.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const isNotebook = file.endsWith(".ipynb");
  let handle;
  try {
    handle = await open(file, flags);
    const stat = await handle.stat();
    if (!stat.isFile()) return undefined;
    const stamp = stampOf(stat);
    if (stat.size === 0 || stat.size > (isNotebook ? maxNotebookBytes : maxFileBytes))
      return { stamp, text: undefined, isGarbled: false };
    const bytes = await handle.readFile();
    const whole = bytes.toString("utf8");
    const text = isNotebook ? notebookText(whole)?.slice(0, maxFileBytes) : whole;
    return {
      stamp,
      text: text !== undefined && text !== "" && isSource(text) ? text : undefined,
      isGarbled: !isUtf8(bytes),
    };
  } catch {
    return undefined;
  } finally {
    await handle?.close().catch(() => undefined);
  }
};

/** The text of a plain file of at most {@link maxFileBytes} that holds source. Follows no link, never throws. */
export const readSource = async (file: string): Promise<string | undefined> => (await readFileText(file))?.text;

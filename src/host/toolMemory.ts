import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { createToolChooser, type ToolChooser } from "../assistant/toolChooser.ts";
import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import type { Log } from "../base/log.ts";
import type { Ledger } from "../metrics/ledger.ts";
import { removeAbandonedDrafts } from "../predictor/indexFile.ts";
import type { LearnedState } from "../tools/selector.ts";

export type ToolMemoryOptions = {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Log;
  /** The workspace's own folder for what is kept; undefined: there is no workspace, and nothing outlives the window. */
  readonly storageFolder: string | undefined;
  readonly count: () => number | undefined;
};

/** The chooser of a window, and what it has learned on the disk. */
export type ToolMemory = ToolChooser &
  Disposable & {
    /** Writes what is not written yet; resolves when nothing is being written any more. Never rejects. */
    finish(): Promise<void>;
    /** When a request was chosen for last, by the program's clock; `-Infinity`: none was. */
    lastUsedMs(): number;
  };

const fileName = "toolUse.json";
const maxBytes = 1024 * 1024;
/** Turns come seconds apart; what several of them teach is written once. */
const writeAfterMs = 5_000;
/** Letters alone, and no more than words have: no numbers, and no pieces of keys. */
const ordinaryWord = /^\p{L}{2,20}$/u;

/**
 * What goes into the file: words in alphabetical order, so that no sentence can be read from it. Words that were met least go first
 * where it would be too large.
 */
export const keptText = (state: LearnedState): string => {
  let words = state.words.filter(([word]) => ordinaryWord.test(word));
  while (true) {
    const text = JSON.stringify({ ...state, words: words.toSorted(([a], [b]) => (a < b ? -1 : 1)) });
    if (Buffer.byteLength(text) <= maxBytes || words.length === 0) return text;
    words = words.toSorted(([, a], [, b]) => b - a).slice(0, Math.floor(words.length / 2));
  }
};

const readKept = async (file: string): Promise<unknown> => {
  try {
    const { size } = await stat(file);
    return size > maxBytes ? undefined : JSON.parse(await readFile(file, "utf8"));
  } catch {
    // There is none yet, or it is damaged: what it said is learned again.
    return undefined;
  }
};

/** Puts the text in the place of the file, as a whole or not at all. */
const replaceFile = async (file: string, text: string): Promise<void> => {
  const draft = `${file}.${randomUUID()}.tmp`;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(draft, text, { flag: "wx", flush: true, mode: 0o600 });
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
};

/**
 * Makes the chooser of tools with what was learned in this workspace before, and keeps what it learns: stems of words and names of
 * tools with counts, no texts and no paths. A file that is damaged, too large or of another version is a fresh start.
 */
export const openToolMemory = async ({
  ledger,
  clock,
  log,
  storageFolder,
  count,
}: ToolMemoryOptions): Promise<ToolMemory> => {
  const file = storageFolder === undefined ? undefined : path.join(storageFolder, fileName);
  let timer: Disposable | undefined;
  let writing = Promise.resolve();

  const write = (): void => {
    timer = undefined;
    if (file === undefined) return;
    writing = writing
      .then(() => replaceFile(file, keptText(chooser.serialize(clock.dateMs()))))
      .catch((error: unknown) => {
        const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
        log.error(`What was learned of tools could not be written: ${code}`);
      });
  };
  const chooser = createToolChooser({
    ledger,
    count,
    onLearned() {
      if (file !== undefined) timer ??= clock.after(writeAfterMs, write);
    },
  });
  if (file !== undefined) {
    chooser.restore(await readKept(file), clock.dateMs());
    await removeAbandonedDrafts(file, clock.dateMs());
  }

  const finish = async (): Promise<void> => {
    if (timer) {
      timer.dispose();
      write();
    }
    await writing;
  };
  let usedMs = -Infinity;
  return {
    ...chooser,
    begin(request) {
      usedMs = clock.nowMs();
      return chooser.begin(request);
    },
    lastUsedMs: () => usedMs,
    finish,
    dispose: () => void finish(),
  };
};

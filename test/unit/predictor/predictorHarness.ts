import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import {
  createPredictorService,
  type LearnedFolder,
  type LearnOptions,
  type PredictorServiceOptions,
} from "../../../src/predictor/predictorService.ts";
import { isSettled, readStamp } from "../../../src/predictor/sourceFile.ts";

export const workerUrl = new URL("../../../src/predictor/predictorWorker.ts", import.meta.url);

const endings = new WeakMap<TestContext, (() => Promise<void>)[]>();
/** Runs at the test's end, the latest first: who writes into a folder ends before the folder goes. */
const atEnd = (t: TestContext, run: () => Promise<void>): void => {
  const earlier = endings.get(t);
  if (earlier) return void earlier.unshift(run);
  const all = [run];
  endings.set(t, all);
  t.after(async () => {
    for (const end of all) await end();
  });
};

/** Writes files below a folder, and waits until their times say that nobody is at them any more. */
export const writeFiles = async (folder: string, files: Record<string, string>): Promise<void> => {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
  for (const name of Object.keys(files)) {
    while (!isSettled((await readStamp(path.join(folder, name)))!, Date.now()));
  }
};

/** A folder with these files; it goes with the test. */
export const makeFolder = async (t: TestContext, files: Record<string, string>): Promise<string> => {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), "hotpath-predictor-")));
  atEnd(t, () => rm(folder, { recursive: true, force: true }));
  await writeFiles(folder, files);
  return folder;
};

export const startService = (t: TestContext, options: Partial<PredictorServiceOptions> = {}) => {
  let learned: (() => void) | undefined;
  const service = createPredictorService({
    workerUrl,
    log: silentLog,

    ...options,
    onLearned: () => learned?.(),
  });
  atEnd(t, () => service.dispose());
  return {
    ...service,
    /** Resolves when folders have been read. */
    learned: () =>
      new Promise<void>((resolve) => {
        learned = resolve;
      }),
    /** Learns folders and waits until they are read. */
    async learnAll(folders: readonly (string | LearnedFolder)[], options_?: LearnOptions) {
      const done = this.learned();
      service.learnFolders(
        folders.map((root) => (typeof root === "string" ? { root, exclude: [] } : root)),
        options_,
      );
      await done;
    },
    /** What is predicted at the bar in `text`. */
    async predictAt(file: string, text: string) {
      const at = text.indexOf("|");
      return (await service.predict({ path: file, prefix: text.slice(0, at), suffix: text.slice(at + 1) }))?.text ?? "";
    },
    /** Whether the word's statement is predicted. */
    async knows(file: string, word: string) {
      return (await this.predictAt(file, ask(word))).startsWith(answerTo(word));
    },
    /** Asks again and again until the word's statement is predicted, or is not any more. */
    async until(file: string, word: string, isKnown = true) {
      while ((await this.knows(file, word)) !== isKnown) t.signal.throwIfAborted();
    },
  };
};

/** What goes with a word: nobody guesses it who has not read it. */
export const answerTo = (word: string): string => word.toLowerCase().split("").toReversed().join("");
/** A statement with a word that stands nowhere else, and what is typed to get the rest of it predicted. */
export const statement = (word: string): string => `register("${word}", "${answerTo(word)}");\n`.repeat(2);
export const ask = (word: string): string => `\nregister("${word}", "|\n`;

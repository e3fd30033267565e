import { languageOf } from "./languageOf.ts";

export type RehearsalOptions = {
  /** Asks at a place of a learned file's text as if it had not been learned, and takes in whether that was right. */
  readonly rehearse: (file: string, text: string, at: number) => void;
  readonly read: (file: string) => Promise<string | undefined>;
  readonly breathe: () => Promise<void>;
  /** Resolves when the machine may be put to work. */
  readonly untilPowered: (isCurrent: () => boolean) => Promise<void>;
};

/** Tries the predictor on lines of these files, a few of each language, once for each: then its confidence is right. */
export type Rehearsal = (files: Iterable<string>, isCurrent: () => boolean) => Promise<void>;

/** So many files of a language, evenly spread, and so many lines of each that follow one another. */
const mostFiles = 40;
const mostLines = 5;
/** From fewer nothing is learned. */
const leastPlaces = 20;
const mostLanguages = 8;
/** Text before the cursor; a long file is read from there on. */
const beforeUnits = 8192;
const leastLineUnits = 6;
const goldenRatio = 0.618034;

/** Places within lines, not at their ends, of a few lines somewhere in the text. Pure: the same text, the same places. */
export const placesIn = (text: string): number[] => {
  const lines: { readonly from: number; readonly units: number }[] = [];
  let start = 0;
  for (const line of text.split("\n")) {
    const units = line.trim().length;
    if (units >= leastLineUnits) lines.push({ from: start + line.length - line.trimStart().length, units });
    start += line.length + 1;
  }
  const first = Math.floor(((text.length * goldenRatio) % 1) * Math.max(1, lines.length - mostLines + 1));
  return lines
    .slice(first, first + mostLines)
    .map(({ from, units }, i) => from + Math.floor((((first + i) * goldenRatio) % 1) * (units - leastLineUnits + 2)));
};

const spread = (files: readonly string[]): string[] => {
  const step = Math.max(1, files.length / mostFiles);
  return Array.from({ length: Math.min(mostFiles, files.length) }, (_, i) => files[Math.floor(i * step)]!);
};

export const createRehearsal = ({ rehearse, read, breathe, untilPowered }: RehearsalOptions): Rehearsal => {
  /** How many places of each language were tried; all: infinitely many. */
  const tried = new Map<string, number>();

  const tryLanguage = async (language: string, files: readonly string[], isCurrent: () => boolean): Promise<void> => {
    const tries: { readonly file: string; readonly text: string; readonly at: number }[] = [];
    for (const file of spread(files)) {
      await untilPowered(isCurrent);
      if (!isCurrent()) return;
      // What is proposed breaks lines without carriage returns.
      const text = (await read(file))?.replaceAll("\r\n", "\n");
      for (const at of text === undefined ? [] : placesIn(text)) tries.push({ file, text: text!, at });
    }
    if (tries.length < leastPlaces) return;
    // Where it was ended it goes on: places that were tried again would count twice.
    for (let next = tried.get(language) ?? 0; next < tries.length; next++) {
      if (!isCurrent()) return;
      const { file, text, at } = tries[next]!;
      tried.set(language, next + 1);
      const from = at > beforeUnits ? text.indexOf("\n", at - beforeUnits) + 1 : 0;
      rehearse(file, text.slice(Math.min(from, at)), at - Math.min(from, at));
      await breathe();
    }
    tried.set(language, Infinity);
  };

  return async (files, isCurrent) => {
    const byLanguage = Map.groupBy(files, languageOf);
    const most = [...byLanguage].toSorted(([, a], [, b]) => b.length - a.length).slice(0, mostLanguages);
    for (const [language, its] of most) {
      if (!isCurrent()) return;
      if (tried.get(language) === Infinity) continue;
      await tryLanguage(language, its, isCurrent);
    }
  };
};

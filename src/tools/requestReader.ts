import { stemOf } from "./stem.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { createWords, cutIntoWords, entityKinds } from "./words.ts";

/** Distinct words of a request that count; a pasted file has thousands. */
const maxDistinctWords = 200;
const maxQueryUnits = 8_000;

/** What a word counts that is quoted, and one of digits: they are values more often than wishes. */
const quotedWeight = 0.3;
const numberWeight = 0.3;

/** Words that stand for things in a request that are no words. */
const entityWords = [
  { kind: entityKinds.file, word: "file", weight: 0.5 },
  { kind: entityKinds.file, word: "path", weight: 0.25 },
  { kind: entityKinds.path, word: "path", weight: 0.5 },
  { kind: entityKinds.path, word: "directory", weight: 0.25 },
  { kind: entityKinds.url, word: "url", weight: 0.5 },
  { kind: entityKinds.url, word: "page", weight: 0.25 },
  { kind: entityKinds.email, word: "email", weight: 0.5 },
  { kind: entityKinds.money, word: "price", weight: 0.5 },
  { kind: entityKinds.money, word: "amount", weight: 0.5 },
  { kind: entityKinds.date, word: "date", weight: 0.5 },
] as const;

/** The distinct words of one request with their weights; the arrays are used again by the next. */
export type RequestReader = {
  read(query: string): void;
  /** Number of entries: first the request's own words, then those that stand for other things. */
  count(): number;
  ownCount(): number;
  /** Whether the request has a word of this stem. */
  has(stem: number): boolean;
  readonly stems: Int32Array;
  /** The very word, or -1. */
  readonly words: Int32Array;
  readonly weights: Float32Array;
};

export const createRequestReader = (vocabulary: Vocabulary): RequestReader => {
  const cut = createWords();
  const stems = new Int32Array(maxDistinctWords + entityWords.length);
  const words = new Int32Array(maxDistinctWords + entityWords.length);
  const weights = new Float32Array(maxDistinctWords + entityWords.length);
  const entityStems = entityWords.map(({ word }) => vocabulary.stemNumber(stemOf(word)));
  // The place of each stem in this request plus one, and for which request that was noted.
  let places = new Int32Array(1_024);
  let notedFor = new Int32Array(1_024);
  let request = 0;
  let count = 0;
  let ownCount = 0;

  const makeRoom = (): void => {
    if (vocabulary.stemCount() <= places.length) return;
    places = new Int32Array(vocabulary.stemCount() * 2);
    notedFor = new Int32Array(places.length);
  };

  return {
    stems,
    words,
    weights,
    count: () => count,
    ownCount: () => ownCount,
    has: (stem) => notedFor[stem] === request,
    read(query) {
      cutIntoWords(cut, query, maxQueryUnits);
      request++;
      count = 0;
      for (let at = 0; at < cut.count && count < maxDistinctWords; at++) {
        const word = vocabulary.wordAt(cut, at, false);
        if (word < 0) continue;
        const stem = vocabulary.stemOfWord(word);
        if (stem < 0) continue;
        if (stem >= places.length) makeRoom();
        const weight = (cut.quoted[at] === 1 ? quotedWeight : 1) * (vocabulary.isNumber(word) ? numberWeight : 1);
        if (notedFor[stem] === request) {
          const place = places[stem]!;
          if (weights[place]! < weight) weights[place] = weight;
          continue;
        }
        notedFor[stem] = request;
        places[stem] = count;
        stems[count] = stem;
        words[count] = word;
        weights[count] = weight;
        count++;
      }
      ownCount = count;
      if (cut.entities === 0) return;
      makeRoom();
      for (let at = 0; at < entityWords.length; at++) {
        const { kind, weight } = entityWords[at]!;
        const stem = entityStems[at]!;
        if ((cut.entities & kind) === 0 || notedFor[stem] === request) continue;
        notedFor[stem] = request;
        stems[count] = stem;
        words[count] = -1;
        weights[count] = weight;
        count++;
      }
    },
  };
};

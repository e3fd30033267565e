import { synonymGroups } from "./english.ts";
import { stemOf } from "./stem.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** The stems that stem s may stand for are `stems` from `starts[s]` to `starts[s + 1]`, for stems below `count`. */
export type Synonyms = { readonly count: number; readonly starts: Int32Array; readonly stems: Int32Array };

/** Numbers the stems of all synonyms; to be called first, so that these have the lowest numbers. */
export const createSynonyms = (vocabulary: Vocabulary): Synonyms => {
  const others: Set<number>[] = [];
  for (const group of synonymGroups) {
    const stems = group.map((word) => vocabulary.stemNumber(stemOf(word)));
    for (const stem of stems) {
      while (others.length <= stem) others.push(new Set());
      for (const other of stems) if (other !== stem) others[stem]!.add(other);
    }
  }
  const starts = new Int32Array(others.length + 1);
  for (let stem = 0; stem < others.length; stem++) starts[stem + 1] = starts[stem]! + others[stem]!.size;
  return { count: others.length, starts, stems: Int32Array.from(others.flatMap((set) => Array.from(set))) };
};

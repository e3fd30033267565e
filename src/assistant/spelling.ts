/** Mends words that are one slip of the keys away from a known one: a letter missing, added, wrong, or two swapped. */
export type Spelling = {
  /** The known word that is meant; undefined: it is no slip of exactly one of them. A known word is itself. */
  correct(word: string): string | undefined;
};

const swapsOnlyBelow = 6;

const isSwap = (a: string, b: string): boolean => {
  if (a.length !== b.length) return false;
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return a[at] === b[at + 1] && a[at + 1] === b[at] && a.slice(at + 2) === b.slice(at + 2);
};

const isOneSlip = (a: string, b: string): boolean => {
  if (Math.abs(a.length - b.length) > 1) return false;
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  const shorter = a.length < b.length ? 1 : 0;
  const longer = a.length > b.length ? 1 : 0;
  // One more letter at the end is another form of the word, not a slip.
  if (longer && at === b.length) return false;
  if (shorter || longer) return a.slice(at + longer) === b.slice(at + shorter);
  return a.slice(at + 1) === b.slice(at + 1) || isSwap(a, b);
};

const withoutOne = (word: string): string[] =>
  Array.from({ length: word.length }, (_, at) => word.slice(0, at) + word.slice(at + 1));

/**
 * Words below `minLength` letters are never mended, and short ones only where two letters are swapped: too many other
 * words are as near.
 */
export const createSpelling = (words: readonly string[], minLength: number): Spelling => {
  const known = new Set(words);
  /** Every known word, by itself and by what is left without one of its letters. */
  const near = new Map<string, string[]>();
  for (const word of known) {
    if (word.length < minLength) continue;
    for (const key of [word, ...withoutOne(word)]) near.set(key, [...(near.get(key) ?? []), word]);
  }
  return {
    correct(word) {
      if (known.has(word)) return word;
      if (word.length < minLength) return undefined;
      let found: string | undefined;
      for (const key of [word, ...withoutOne(word)]) {
        for (const candidate of near.get(key) ?? []) {
          const isMeant = candidate.length < swapsOnlyBelow ? isSwap(word, candidate) : isOneSlip(word, candidate);
          if (!isMeant || candidate === found) continue;
          if (found !== undefined) return undefined;
          found = candidate;
        }
      }
      return found;
    },
  };
};

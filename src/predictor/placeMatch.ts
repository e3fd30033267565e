import { gap, tokenGap, tokenId, unknownId, type Vocabulary } from "./vocabulary.ts";

/** The longest context that is compared, in tokens. */
export const longestMatch = 32;
/** With a match this long it does not matter what agrees beyond it. */
const longEnoughMatch = 24;
const maxSkips = 2;

/** Compares the context of the cursor with that of a place where the same was written before. */
export type PlaceMatch = {
  /** How many tokens before `tokens[position]` are those at the end of the context. */
  matchAt(tokens: Int32Array, position: number, length: number): number;
  /** How much agrees beyond the first identifiers that differ: lines like `x = f(a)` and `y = f(b)` are alike. */
  beyondAt(tokens: Int32Array, position: number, length: number, match: number): number;
  /**
   * The word that stands here for a word there, by the last call of `beyondAt`: where orders are kept there, products may be
   * kept here.
   */
  translate(id: number): number;
};

/** @param context of the cursor; its last `length` tokens count. */
export const createPlaceMatch = (vocabulary: Vocabulary, context: Int32Array): PlaceMatch => {
  // Words there and here that stand in the same place, as the last call of `beyondAt` found them.
  const pairStems = new Int32Array(maxSkips);
  const pairIds = new Int32Array(maxSkips);
  let pairs = 0;

  /** Where the identifier begins that the token `n` places before `end` belongs to, as the number of places. */
  const skipIdentifier = (list: Int32Array, end: number, n: number): number => {
    let at = n;
    while (at < longestMatch && tokenGap(list[end - 1 - at]!) === gap.none && at + 1 < end) {
      if (!vocabulary.isWord(tokenId(list[end - 2 - at]!))) break;
      at++;
    }
    return at + 1;
  };

  return {
    matchAt(tokens, position, length) {
      const most = Math.min(longestMatch, length);
      let n = 0;
      while (n < most) {
        const id = tokenId(tokens[position - 1 - n]!);
        if (id === 0 || id !== tokenId(context[length - 1 - n]!)) break;
        n++;
      }
      return n;
    },
    beyondAt(tokens, position, length, match) {
      pairs = 0;
      if (match >= longEnoughMatch) return 0;
      let there = match;
      let here = match;
      let agreed = 0;
      let skips = maxSkips;
      while (there < longestMatch && here < length && here < longestMatch) {
        const id = tokenId(tokens[position - 1 - there]!);
        const own = tokenId(context[length - 1 - here]!);
        if (id === 0) break;
        if (id === own) {
          agreed++;
          there++;
          here++;
          continue;
        }
        const isWordHere = vocabulary.isWord(own) || own === unknownId;
        if (skips-- === 0 || !isWordHere || !vocabulary.isWord(id)) break;
        if (pairs < maxSkips && vocabulary.stemOf(id) !== 0 && own !== unknownId) {
          pairStems[pairs] = vocabulary.stemOf(id);
          pairIds[pairs++] = own;
        }
        there = skipIdentifier(tokens, position, there);
        here = skipIdentifier(context, length, here);
      }
      return agreed;
    },
    translate(id) {
      const stem = pairs > 0 ? vocabulary.stemOf(id) : 0;
      if (stem === 0) return id;
      for (let i = 0; i < pairs; i++) {
        if (pairStems[i] === stem) return vocabulary.inTheWayOf(pairIds[i]!, id) ?? id;
      }
      return id;
    },
  };
};

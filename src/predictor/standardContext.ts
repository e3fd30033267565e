import { mix } from "./contextHash.ts";
import { gap, tokenGap, tokenId, unknownId, type Vocabulary } from "./vocabulary.ts";

/** The longest context of the standard text, in lexemes: whole identifiers, signs, line breaks. */
export const standardOrders = 6;

/** What rare identifiers count as, by their first letter: all of them are alike to the standard text. */
const rareWord = { lower: 0x1b873593, upper: 0x2f9be6cc, digit: 0x3c6ef372 } as const;

const hashOfRare = (text: string): number => {
  if (text === "") return rareWord.lower;
  const code = text.charCodeAt(0);
  if (code >= 48 && code <= 57) return rareWord.digit;
  return code >= 65 && code <= 90 ? rareWord.upper : rareWord.lower;
};

/** The hash of a lexeme, put together from the hashes of its tokens' texts. */
export const lexemeHash = (hashes: Int32Array, tokens: Int32Array, from: number, to: number): number => {
  let hash = 0;
  for (let i = from; i < to; i++) hash = mix(hash, hashes[tokenId(tokens[i]!)]!);
  return hash;
};

const isWord = (vocabulary: Vocabulary, token: number): boolean =>
  tokenId(token) === unknownId || vocabulary.isWord(tokenId(token));

/** Where the lexeme begins that ends before `end`. */
export const lexemeStart = (vocabulary: Vocabulary, tokens: Int32Array, end: number): number => {
  let at = end - 1;
  if (!isWord(vocabulary, tokens[at]!)) return at;
  while (at > 0 && tokenGap(tokens[at]!) === gap.none && isWord(vocabulary, tokens[at - 1]!)) at--;
  return at;
};

/**
 * Writes the hash of the nearest 1, 2, ... lexemes before `end` into `out`; returns how many there are, at most
 * {@link standardOrders}. `isFrequent` tells which identifiers count as themselves.
 */
export const hashStandardContext = (
  vocabulary: Vocabulary,
  tokens: Int32Array,
  end: number,
  isFrequent: (hash: number) => boolean,
  out: Int32Array,
): number => {
  const hashes = vocabulary.hashes();
  let hash = 0;
  let at = end;
  let order = 0;
  while (order < standardOrders && at > 0) {
    const start = lexemeStart(vocabulary, tokens, at);
    let own = lexemeHash(hashes, tokens, start, at);
    if (isWord(vocabulary, tokens[start]!) && !isFrequent(own))
      own = hashOfRare(vocabulary.textOf(tokenId(tokens[start]!)));
    hash = mix(hash, own);
    out[order++] = hash;
    at = start;
  }
  return order;
};

/** As much of a context's hash as is kept. */
export const fingerprint = (hash: number, order: number): number => (mix(hash, order) ^ (hash >>> 7)) & 0xffffff;

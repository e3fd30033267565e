import { brotliDecompressSync } from "node:zlib";
import { fingerprint, hashStandardContext, lexemeHash, standardOrders } from "./standardContext.ts";
import { createTokenBuffer, gap, isBreak, tokenGap, tokenId, type Vocabulary } from "./vocabulary.ts";

/** What usually follows in a language, whoever wrote it: n-grams over whole identifiers, signs and line breaks. */
export type StandardText = {
  /**
   * Finds what may follow `context[0, length)`, of that only what goes on from `typed`, or stands behind `typedGap`.
   * Returns how many tokens there are in `found`, which is valid until the next call.
   */
  find(context: Int32Array, length: number, typed: string, typedGap: number): number;
  /** The chance, 0..1, that the last call left for what the text does not know. */
  left(): number;
  /** The tokens, what chance each has, 0..1, and how many lexemes of context told of it. */
  readonly found: { readonly tokens: Int32Array; readonly chances: Float64Array; readonly orders: Uint8Array };
  /** Estimated memory. */
  readonly bytes: number;
};

/** The head of a file; columns follow: steps between fingerprints, counts, targets, chances. */
export type StandardHead = {
  readonly version: number;
  /** Identifiers that count as themselves in a context, separated by blanks. */
  readonly words: string;
  /** Tokens that may follow, separated by blanks; an empty one is a line break. */
  readonly targets: string;
  /** For each target, the gap before it, or the line break's id. */
  readonly gaps: string;
  /** For each target, how likely it is anywhere, in levels. */
  readonly unigrams: readonly number[];
  readonly contexts: number;
};

/** Of the files and of what hashes a context; both change together. */
export const standardVersion = 1;
export const standardColumns = 4;
/** Bytes before the head: its length, and those of the columns. */
export const standardSizesBytes = 4 * (1 + standardColumns);

const maxFound = 12;
/** Chances are kept as their binary logarithm in quarters. */
const levelsPerBit = 4;
export const chanceLevel = (chance: number): number =>
  Math.max(0, Math.min(63, Math.round(-levelsPerBit * Math.log2(Math.min(1, chance)))));
const chanceOfLevel = Float64Array.from({ length: 256 }, (_, level) => 2 ** (-level / levelsPerBit));
/** With so much of all chance given out, shorter contexts are not asked. */
const enough = 0.97;
/** What is left for words that the text does not know, less with every character that is typed. */
const unknownShare = 0.02;
const unknownPerUnit = 0.3;

const split = (raw: Buffer): { head: StandardHead; columns: Uint8Array[] } => {
  let at = standardSizesBytes + raw.readUInt32LE(0);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The file is part of the package, and its version is checked.
  const head = JSON.parse(raw.toString("utf8", standardSizesBytes, at)) as StandardHead;
  if (head.version !== standardVersion) throw new Error(`standard text of version ${head.version}`);
  const columns = Array.from({ length: standardColumns }, (_, i) => {
    const from = at;
    at += raw.readUInt32LE(4 * (i + 1));
    // A copy: a view would keep the whole file.
    return Uint8Array.from(raw.subarray(from, at));
  });
  return { head, columns };
};

/** Reads numbers of seven bits a byte, the lowest first. */
const numbersOf = (column: Uint8Array): (() => number) => {
  let at = 0;
  return () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = column[at++]!;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
};

/** Gives words numbers of the vocabulary, for good, and tells the hashes of those that are made of several tokens, too. */
const learnWords = (vocabulary: Vocabulary, words: readonly string[]): Set<number> => {
  const buffer = createTokenBuffer();
  const hashes = new Set<number>();
  for (const word of words) {
    vocabulary.tokenize(word, 0, word.length, true, buffer);
    for (let i = 1; i < buffer.length; i++) vocabulary.retain(tokenId(buffer.tokens[i]!));
    hashes.add(lexemeHash(vocabulary.hashes(), buffer.tokens, 1, buffer.length));
  }
  return hashes;
};

const targetTokens = (vocabulary: Vocabulary, head: StandardHead): Int32Array => {
  const buffer = createTokenBuffer();
  const tokens = head.targets.split(" ").map((text, i) => {
    const kind = Number(head.gaps[i]);
    if (text === "") return kind << 2;
    vocabulary.tokenize(text, 0, text.length, true, buffer);
    const id = tokenId(buffer.tokens[1]!);
    vocabulary.retain(id);
    return (id << 2) | kind;
  });
  // Targets are counted from 1.
  return Int32Array.from([0, ...tokens]);
};

/** Candidates by the fingerprint of their context. */
const createTable = (head: StandardHead, columns: readonly Uint8Array[]) => {
  let size = 2;
  while (size < head.contexts * 2) size *= 2;
  const last = size - 1;
  const prints = new Int32Array(size).fill(-1);
  const firsts = new Int32Array(size);
  const counts = new Uint8Array(size);
  const levels = columns[3]!;
  const targets = new Uint16Array(levels.length);
  const nextStep = numbersOf(columns[0]!);
  const nextTarget = numbersOf(columns[2]!);
  const slotOf = (print: number): number => {
    let slot = print & last;
    while (prints[slot] !== -1 && prints[slot] !== print) slot = (slot + 1) & last;
    return slot;
  };
  let print = 0;
  let first = 0;
  for (let n = 0; n < head.contexts; n++) {
    print += nextStep();
    const slot = slotOf(print);
    prints[slot] = print;
    firsts[slot] = first;
    const count = columns[1]![n]!;
    counts[slot] = count;
    for (let k = 0; k < count; k++) targets[first++] = nextTarget();
  }
  return {
    /** Where the candidates of a context are; `count` is 0 for an unknown one. */
    at(wanted: number) {
      const slot = slotOf(wanted);
      return prints[slot] === -1 ? { first: 0, count: 0 } : { first: firsts[slot]!, count: counts[slot]! };
    },
    targets,
    levels,
    bytes: size * 9 + levels.length * 3,
  };
};

/** @throws when `file` is not what test/bench/predictorStandardText.ts writes. */
export const createStandardText = (file: Uint8Array, vocabulary: Vocabulary): StandardText => {
  const { head, columns } = split(brotliDecompressSync(file));
  const frequent = learnWords(vocabulary, head.words.split(" "));
  const tokens = targetTokens(vocabulary, head);
  const table = createTable(head, columns);
  const hashes = new Int32Array(standardOrders);
  const isFrequent = (hash: number): boolean => frequent.has(hash);
  const seen = new Uint8Array(tokens.length);
  /** Targets by the first character of their text, the likeliest first. */
  const byStart = new Map<number, number[]>();
  for (let target = 1; target < tokens.length; target++) {
    const start = vocabulary.textOf(tokenId(tokens[target]!)).charCodeAt(0);
    const targets = byStart.get(start);
    if (targets) targets.push(target);
    else byStart.set(start, [target]);
  }
  const found = {
    tokens: new Int32Array(maxFound),
    chances: new Float64Array(maxFound),
    orders: new Uint8Array(maxFound),
  };
  let count = 0;
  /** How much chance is given out, and how much of it to what fits; variables of their own would leave garbage each time. */
  const spent = { given: 0, fitting: 0 };
  let left = 1;

  /** The token without its gap where that is typed; 0 where it does not fit. */
  const fit = (token: number, typed: string, typedGap: number): number => {
    if (isBreak(token)) return typed ? 0 : token;
    if (typed) {
      const text = vocabulary.textOf(tokenId(token));
      return text.length > typed.length && text.startsWith(typed) ? token & ~3 : 0;
    }
    if (typedGap === gap.none) return token;
    return tokenGap(token) === typedGap ? token & ~3 : 0;
  };

  const take = (target: number, level: number, order: number, typed: string, typedGap: number): void => {
    if (seen[target]) return;
    seen[target] = 1;
    const chance = Math.min(chanceOfLevel[level]!, 1 - spent.given);
    spent.given += chance;
    const token = fit(tokens[target]!, typed, typedGap);
    if (token === 0) return;
    spent.fitting += chance;
    let at = 0;
    while (at < count && found.tokens[at] !== token) at++;
    if (at < count) found.chances[at]! += chance;
    else if (count < maxFound) {
      found.tokens[count] = token;
      found.chances[count] = chance;
      found.orders[count++] = order;
    }
  };

  return {
    found,
    left: () => left,
    bytes: table.bytes + tokens.length * 5 + frequent.size * 40,
    find(context, length, typed, typedGap) {
      seen.fill(0);
      count = spent.given = spent.fitting = 0;
      const orders = hashStandardContext(vocabulary, context, length, isFrequent, hashes);
      for (let order = orders; order > 0; order--) {
        if (spent.given >= enough || count === maxFound) break;
        const { first, count: candidates } = table.at(fingerprint(hashes[order - 1]!, order));
        for (let at = first; at < first + candidates; at++)
          take(table.targets[at]!, table.levels[at]!, order, typed, typedGap);
      }
      if (typed) {
        for (const target of byStart.get(typed.charCodeAt(0)) ?? []) {
          if (count === maxFound) break;
          take(target, head.unigrams[target - 1]!, 0, typed, typedGap);
        }
      }
      // What is typed rules out the others.
      if ((typed || typedGap !== gap.none) && spent.fitting > 0) {
        const all = spent.fitting + unknownShare * unknownPerUnit ** typed.length;
        for (let i = 0; i < count; i++) found.chances[i]! /= all;
        left = 1 - spent.fitting / all;
      } else left = 1 - spent.given;
      return count;
    },
  };
};

import { boundaryToken, isBreak, type TokenBuffer, tokenId, type Vocabulary } from "./vocabulary.ts";

/** Context lengths, in tokens, that have a chain of their own, longest first. */
export const contextOrders = [6, 3, 2, 1] as const;
/** The chain of equal (token before, first character). */
export const startChain = contextOrders.length;
/** The chain of equal first two characters. */
export const wordChain = contextOrders.length + 1;
const chains = contextOrders.length + 2;
const longestOrder = contextOrders[0];

/** Positions are handed out in units of this many tokens. */
export const unitTokens = 32;
const largestUnits = 32;
/** Tokens of left context that a block repeats from the text above it. */
export const overlapTokens = 8;
/** The most tokens a block may hold: the overlap and the boundary before it come on top. */
export const maxBlockTokens = largestUnits * unitTokens - overlapTokens - 1;

const bytesPerToken = 4 + chains * 8;

/** A stretch of learned text: the units it holds, and the positions that can be found. */
export type Block = { firstUnit: number; units: number; linkedFrom: number; end: number };

/**
 * Every learned token, findable by what stands before it. A position belongs to one doubly linked list for each
 * context length, newest first, so that text is forgotten exactly and in time linear in its length, and its place is
 * used again. Lists are found by hash and may mix contexts: a reader compares tokens.
 */
export type ContextIndex = {
  /** The token at each position. */
  readonly tokens: Int32Array;
  /** The file number that a position was learned under. */
  fileAt(position: number): number;
  /** Stores `buffer`'s tokens `[from, to)`, of which those before `linkFrom` are only context. Undefined: no room. */
  add(buffer: TokenBuffer, from: number, linkFrom: number, to: number, file: number): Block | undefined;
  remove(block: Block): void;
  /** The newest position whose hash equals that of the last `contextOrders[chain]` tokens of `context[0, length)`, or -1. */
  newest(chain: number, context: Int32Array, length: number): number;
  /** The newest position in {@link startChain} or {@link wordChain}, or -1. */
  newestStart(previousId: number, firstUnit: number): number;
  newestWord(firstUnit: number, secondUnit: number): number;
  /** The next older position of the list, or -1. */
  older(chain: number, position: number): number;
  usedTokens(): number;
  /** The part of the room that is in use, 0..1. */
  fill(): number;
  bytes(): number;
};

const mix = (hash: number, value: number): number => Math.imul(hash ^ value, 0x9e3779b1) ^ (hash >>> 15);

const startHash = (previousId: number, firstUnit: number): number => mix(mix(77, previousId), firstUnit);
const wordHash = (firstUnit: number, secondUnit: number): number => mix(mix(99, firstUnit), secondUnit);

/** Makes an empty index of at most `maxBytes`; what is not used yet is reserved, not resident. */
export const createContextIndex = (maxBytes: number, vocabulary: Vocabulary): ContextIndex => {
  const capacity = Math.max(
    4 * largestUnits * unitTokens,
    Math.floor((maxBytes * 0.8) / bytesPerToken / unitTokens) * unitTokens,
  );
  let bucketBits = 10;
  while (2 ** (bucketBits + 1) * chains * 4 <= maxBytes * 0.2 && bucketBits < 22) bucketBits++;
  const bucketShift = 32 - bucketBits;
  const bucketsPerChain = 2 ** bucketBits;

  const tokens = new Int32Array(capacity);
  // 0 means empty: fresh memory is zero, and position 0 is never handed out.
  const heads = new Int32Array(chains * bucketsPerChain);
  // Two numbers for each position and chain: the older neighbour (0: none), and the newer one, or -1 - bucket for the newest.
  const links = new Int32Array(capacity * chains * 2);
  const fileOfUnit = new Int32Array(capacity / unitTokens);
  const free: number[][] = Array.from({ length: largestUnits + 1 }, () => []);
  let freshUnit = 1;
  let used = 0;

  const bucketOf = (chain: number, hash: number): number =>
    chain * bucketsPerChain + ((Math.imul(hash, 0x85ebca6b) ^ hash) >>> bucketShift);

  const link = (chain: number, position: number, hash: number): void => {
    const bucket = bucketOf(chain, hash);
    const at = (position * chains + chain) * 2;
    const previous = heads[bucket]!;
    links[at] = previous;
    links[at + 1] = -1 - bucket;
    if (previous !== 0) links[(previous * chains + chain) * 2 + 1] = position;
    heads[bucket] = position;
  };

  const unlink = (chain: number, position: number): void => {
    const at = (position * chains + chain) * 2;
    const older = links[at]!;
    const newer = links[at + 1]!;
    if (newer === 0) return;
    if (newer < 0) heads[-1 - newer] = older;
    else links[(newer * chains + chain) * 2] = older;
    if (older !== 0) links[(older * chains + chain) * 2 + 1] = newer;
    links[at] = 0;
    links[at + 1] = 0;
  };

  const takeFreed = (units: number): number | undefined => {
    for (let size = units; size <= largestUnits; size++) {
      const start = free[size]!.pop();
      if (start === undefined) continue;
      if (size > units) free[size - units]!.push(start + units);
      return start;
    }
    return undefined;
  };

  /** Joins free neighbours, so that much room in small pieces is room again. */
  const joinFreed = (): void => {
    const isFree = new Uint8Array(freshUnit);
    for (const [units, starts] of free.entries()) {
      for (const start of starts) isFree.fill(1, start, start + units);
      starts.length = 0;
    }
    for (let start = 1; start < freshUnit; start++) {
      let units = 0;
      while (units < largestUnits && isFree[start + units] === 1) units++;
      if (units === 0) continue;
      free[units]!.push(start);
      start += units - 1;
    }
  };

  const takeUnits = (units: number): number | undefined => {
    const freed = takeFreed(units);
    if (freed !== undefined) return freed;
    if ((freshUnit + units) * unitTokens <= capacity) {
      freshUnit += units;
      return freshUnit - units;
    }
    joinFreed();
    return takeFreed(units);
  };

  return {
    tokens,
    fileAt: (position) => fileOfUnit[(position / unitTokens) | 0]!,
    add(buffer, from, linkFrom, to, file) {
      const units = Math.ceil((to - from + 1) / unitTokens);
      const unit = takeUnits(units);
      if (unit === undefined) return undefined;
      for (let i = unit; i < unit + units; i++) fileOfUnit[i] = file;
      const start = unit * unitTokens;
      tokens[start] = boundaryToken;
      for (let i = from; i < to; i++) {
        const token = buffer.tokens[i]!;
        tokens[start + 1 + i - from] = token;
        vocabulary.retain(tokenId(token));
      }
      const linkedFrom = start + 1 + linkFrom - from;
      const end = start + 1 + to - from;
      for (let position = linkedFrom; position < end; position++) {
        let hash = 0;
        let order = contextOrders.length - 1;
        for (let n = 1; n <= longestOrder && position - n > start; n++) {
          hash = mix(hash, tokenId(tokens[position - n]!));
          if (n === contextOrders[order]) link(order--, position, hash);
        }
        const token = tokens[position]!;
        if (isBreak(token)) continue;
        const text = vocabulary.textOf(tokenId(token));
        link(startChain, position, startHash(tokenId(tokens[position - 1]!), text.charCodeAt(0)));
        if (text.length > 2) link(wordChain, position, wordHash(text.charCodeAt(0), text.charCodeAt(1)));
      }
      used += units * unitTokens;
      return { firstUnit: unit, units, linkedFrom, end };
    },
    remove(block) {
      for (let position = block.linkedFrom; position < block.end; position++) {
        for (let chain = 0; chain < chains; chain++) unlink(chain, position);
      }
      for (let position = block.firstUnit * unitTokens + 1; position < block.end; position++) {
        vocabulary.release(tokenId(tokens[position]!));
      }
      tokens.fill(boundaryToken, block.firstUnit * unitTokens, (block.firstUnit + block.units) * unitTokens);
      free[block.units]!.push(block.firstUnit);
      used -= block.units * unitTokens;
    },
    newest(chain, context, length) {
      const order = contextOrders[chain]!;
      if (length < order) return -1;
      let hash = 0;
      for (let n = 1; n <= order; n++) hash = mix(hash, tokenId(context[length - n]!));
      return heads[bucketOf(chain, hash)]! || -1;
    },
    newestStart: (previousId, firstUnit) => heads[bucketOf(startChain, startHash(previousId, firstUnit))]! || -1,
    newestWord: (firstUnit, secondUnit) => heads[bucketOf(wordChain, wordHash(firstUnit, secondUnit))]! || -1,
    older: (chain, position) => links[(position * chains + chain) * 2]! || -1,
    usedTokens: () => used,
    fill: () => used / capacity,
    bytes: () => freshUnit * unitTokens * bytesPerToken + Math.min(heads.byteLength, used * chains * 64),
  };
};

import { contextOrders, hashContext, startChain, startHash, wordChain, wordHash } from "./contextHash.ts";
import { createUnitPool, largestUnits, unitTokens } from "./unitPool.ts";
import { boundaryToken, lineEnd, type TokenBuffer, tokenId, type Vocabulary } from "./vocabulary.ts";

const chains = contextOrders.length + 2;
const shortest = contextOrders.length - 1;
/** Tables of the longer orders hold as many lists as there is room for; there are fewer short contexts than long ones. */
const fewerBits = [0, 0, 1, 3, 2, 8] as const;

/** Tokens of left context that a block repeats from the text above it. */
export const overlapTokens = 8;
/** The most tokens a block may hold: the overlap and the boundary before it come on top. */
export const maxBlockTokens = largestUnits * unitTokens - overlapTokens - 1;

/** Walks of more steps than these are not made twice. */
const longWalk = 16;

const bytesPerToken = 4 + chains * 8;

/** A stretch of learned text: the units it holds, and the positions that can be found. */
export type Block = { firstUnit: number; units: number; linkedFrom: number; end: number };

/**
 * Every learned token, findable by what stands before it. A position belongs to one doubly linked list for each
 * context length, newest first, so that text is forgotten exactly and in time linear in its length, and its place is
 * used again. Lists are found by hash and may mix contexts: a reader compares tokens. Hashes come from texts, not from
 * token ids, so that the lists depend on what was learned and in which order, and on nothing else.
 */
export type ContextIndex = {
  /** The token at each position. */
  readonly tokens: Int32Array;
  /** The file number that a position was learned under. */
  fileAt(position: number): number;
  /**
   * Stores `buffer`'s tokens `[from, to)`, of which those before `linkFrom` are only context. Undefined: no room.
   * Nothing is found there until {@link ContextIndex.link} or {@link ContextIndex.replace} is called.
   */
  store(buffer: TokenBuffer, from: number, linkFrom: number, to: number, file: number): Block | undefined;
  /** Makes a stored block the newest one. */
  link(block: Block): void;
  /**
   * Puts stored blocks in the place of linked ones, and removes those. `later`: the blocks that are newer than `old`,
   * as far as they are of the same file; no others may be newer. Costs time for what differs.
   */
  replace(old: readonly Block[], fresh: readonly Block[], later: readonly Block[]): void;
  /** Forgets a block, linked or only stored. */
  remove(block: Block): void;
  /** The newest position of a chain's list, or -1. `hash`: from `hashContext`, `startHash` or `wordHash`. */
  newest(chain: number, hash: number): number;
  /** The next older position of the list, or -1. */
  older(chain: number, position: number): number;
  usedTokens(): number;
  /** The part of the room that is in use, 0..1. */
  fill(): number;
  bytes(): number;
};

/** Every findable position of some blocks, and the start of its block, one after the other. */
const placesOf = (blocks: readonly Block[]): number[] => {
  const places: number[] = [];
  for (const { firstUnit, linkedFrom, end } of blocks) {
    for (let position = linkedFrom; position < end; position++) places.push(position, firstUnit * unitTokens);
  }
  return places;
};

/** Makes an empty index of at most `maxBytes`; what is not used yet is reserved, not resident. */
export const createContextIndex = (maxBytes: number, vocabulary: Vocabulary): ContextIndex => {
  let bucketBits = 12;
  while (2 ** (bucketBits + 1) * chains * 4 <= maxBytes * 0.2 && bucketBits < 20) bucketBits++;
  // The table of each chain begins where that of the chain before ends.
  const bucketShifts = fewerBits.map((fewer) => 32 - bucketBits + fewer);
  const tables: number[] = [];
  let bucketCount = 0;
  for (const fewer of fewerBits) {
    tables.push(bucketCount);
    bucketCount += 2 ** (bucketBits - fewer);
  }
  const capacity = Math.max(
    4 * largestUnits * unitTokens,
    Math.floor((maxBytes - bucketCount * 4) / (bytesPerToken * unitTokens + 8)) * unitTokens,
  );

  const tokens = new Int32Array(capacity);
  // 0 means empty: fresh memory is zero, and position 0 is never handed out.
  const heads = new Int32Array(bucketCount);
  // For each chain, and each position in it: the older neighbour (0: none), and the newer one, or -1 - bucket for the newest.
  // Chain by chain, since a reader follows one chain: its numbers lie close together.
  const olders = new Int32Array(capacity * chains);
  const newers = new Int32Array(capacity * chains);
  const fileOfUnit = new Int32Array(capacity / unitTokens);
  // Only used within `replace`: how new a unit's block is, above 0 for those that matter there.
  const rankOfUnit = new Int32Array(capacity / unitTokens);
  const pool = createUnitPool(capacity / unitTokens);

  const bucketOf = (chain: number, hash: number): number =>
    tables[chain]! + ((Math.imul(hash, 0x85ebca6b) ^ hash) >>> bucketShifts[chain]!);

  let hashes = vocabulary.hashes();
  let starts = vocabulary.starts();
  const readVocabulary = (): void => {
    hashes = vocabulary.hashes();
    starts = vocabulary.starts();
  };
  const contextHashes = new Int32Array(contextOrders.length);

  /** Links `position` in front of `older` (0: nothing) and behind `newer` (below 0: -1 - bucket). */
  const insert = (chain: number, position: number, older: number, newer: number): void => {
    const from = chain * capacity;
    olders[from + position] = older;
    newers[from + position] = newer;
    if (older !== 0) newers[from + older] = position;
    if (newer < 0) heads[-1 - newer] = position;
    else olders[from + newer] = position;
  };

  const unlink = (chain: number, position: number): void => {
    const from = chain * capacity;
    const older = olders[from + position]!;
    const newer = newers[from + position]!;
    if (newer === 0) return;
    if (newer < 0) heads[-1 - newer] = older;
    else olders[from + newer] = older;
    if (older !== 0) newers[from + older] = newer;
    olders[from + position] = 0;
    newers[from + position] = 0;
  };

  const unlinkAll = (position: number): void => {
    for (let chain = 0; chain < chains; chain++) unlink(chain, position);
  };

  /**
   * Fills `out` from `at` on with the bucket that `position` belongs to in each chain, or -1 for none. `start`: its
   * block's boundary.
   */
  const bucketsAt = (position: number, start: number, out: Int32Array, at: number): void => {
    const first = hashContext(hashes, tokens, start + 1, position, contextHashes);
    for (let chain = 0; chain < first; chain++) out[at + chain] = -1;
    for (let chain = first; chain < contextOrders.length; chain++) {
      out[at + chain] = bucketOf(chain, contextHashes[chain]!);
    }
    const text = starts[tokenId(tokens[position]!)]!;
    const unit = text & 0xffff;
    const secondUnit = text >>> 16;
    out[at + startChain] =
      unit === 0 ? -1 : bucketOf(startChain, startHash(hashes, tokenId(tokens[position - 1]!), unit));
    out[at + wordChain] = secondUnit === 0 ? -1 : bucketOf(wordChain, wordHash(unit, secondUnit));
  };

  const place = new Int32Array(chains);
  const oldPlace = new Int32Array(chains);
  // For each position of a block, and each chain: its bucket.
  const buckets = new Int32Array(maxBlockTokens * chains);

  const link = ({ firstUnit, linkedFrom, end }: Block): void => {
    readVocabulary();
    const start = firstUnit * unitTokens;
    for (let position = linkedFrom, at = 0; position < end; position++, at += chains) {
      bucketsAt(position, start, buckets, at);
    }
    // Lists end all over the memory: a short loop, over one chain at a time, waits for many of them at once.
    for (let chain = 0; chain < chains; chain++) {
      const from = chain * capacity;
      for (let position = linkedFrom, at = chain; position < end; position++, at += chains) {
        const bucket = buckets[at]!;
        if (bucket < 0) continue;
        const older = heads[bucket]!;
        heads[bucket] = position;
        olders[from + position] = older;
        newers[from + position] = -1 - bucket;
        if (older !== 0) newers[from + older] = position;
      }
    }
  };

  const remove = (block: Block): void => {
    for (let chain = 0; chain < chains; chain++) {
      for (let position = block.linkedFrom; position < block.end; position++) unlink(chain, position);
    }
    for (let position = block.firstUnit * unitTokens + 1; position < block.end; position++) {
      vocabulary.release(tokenId(tokens[position]!));
    }
    tokens.fill(boundaryToken, block.firstUnit * unitTokens, (block.firstUnit + block.units) * unitTokens);
    pool.give(block.firstUnit, block.units);
  };

  const setRank = (block: Block, rank: number): void => {
    rankOfUnit.fill(rank, block.firstUnit, block.firstUnit + block.units);
  };

  const isLater = (position: number, than: number): boolean => {
    const rank = rankOfUnit[(position / unitTokens) | 0]!;
    const thanRank = rankOfUnit[(than / unitTokens) | 0]!;
    return rank > thanRank || (rank === thanRank && position > than);
  };

  /** By bucket of a long list, what was linked last in this `replace`: what follows is earlier still. */
  const walked = new Map<number, number>();

  /** Links `position` behind all that is later: only in `replace`, where ranks say what is, and from the end on. */
  const insertInOrder = (chain: number, position: number, bucket: number): void => {
    let newer = walked.get(bucket) ?? -1 - bucket;
    let older = newer < 0 ? heads[bucket]! : olders[chain * capacity + newer]!;
    let steps = 0;
    for (; older !== 0 && isLater(older, position); steps++) {
      newer = older;
      older = olders[chain * capacity + older]!;
    }
    insert(chain, position, older, newer);
    if (steps > longWalk) walked.set(bucket, position);
  };

  const insertAll = (position: number, start: number): void => {
    bucketsAt(position, start, place, 0);
    for (let chain = 0; chain < chains; chain++) {
      if (place[chain]! >= 0) insertInOrder(chain, position, place[chain]!);
    }
  };

  /** Gives the old position's place in each list to the new one, where both belong to the same list. */
  const takeOver = (old: number, oldStart: number, fresh: number, freshStart: number): void => {
    bucketsAt(old, oldStart, oldPlace, 0);
    bucketsAt(fresh, freshStart, place, 0);
    for (let chain = 0; chain < chains; chain++) {
      const bucket = place[chain]!;
      if (bucket !== oldPlace[chain]) {
        unlink(chain, old);
        if (bucket >= 0) insertInOrder(chain, fresh, bucket);
      } else if (bucket >= 0) {
        const at = chain * capacity + old;
        insert(chain, fresh, olders[at]!, newers[at]!);
        olders[at] = 0;
        newers[at] = 0;
        // The shortest contexts have the longest lists.
        if (chain === shortest) walked.set(bucket, fresh);
      }
    }
  };

  return {
    tokens,
    fileAt: (position) => fileOfUnit[(position / unitTokens) | 0]!,
    store(buffer, from, linkFrom, to, file) {
      const units = Math.ceil((to - from + 1) / unitTokens);
      const firstUnit = pool.take(units);
      if (firstUnit === undefined) return undefined;
      fileOfUnit.fill(file, firstUnit, firstUnit + units);
      const start = firstUnit * unitTokens;
      tokens[start] = boundaryToken;
      for (let i = from; i < to; i++) {
        const token = buffer.tokens[i]!;
        tokens[start + 1 + i - from] = token;
        vocabulary.retain(tokenId(token));
      }
      return { firstUnit, units, linkedFrom: start + 1 + linkFrom - from, end: start + 1 + to - from };
    },
    link,
    replace(old, fresh, later) {
      readVocabulary();
      const gone = placesOf(old);
      const come = placesOf(fresh);
      const most = Math.min(gone.length, come.length);
      let head = 0;
      while (head < most && tokens[gone[head]!] === tokens[come[head]!]) head += 2;
      walked.clear();
      for (const [i, block] of fresh.entries()) setRank(block, i + 1);
      for (const block of later) setRank(block, fresh.length + 1);
      // From the end on: what is later stands in its place already, and the old text that is still linked is earlier.
      let oldAt = gone.length - 2;
      let at = come.length - 2;
      while (oldAt >= head && at >= head) {
        const isSame = tokens[gone[oldAt]!] === tokens[come[at]!];
        // Where a piece ends elsewhere now, its end is all that differs.
        const isOldEnd = !isSame && tokens[gone[oldAt]!] === lineEnd;
        if (!isSame && !isOldEnd && tokens[come[at]!] !== lineEnd) break;
        if (isSame) takeOver(gone[oldAt]!, gone[oldAt + 1]!, come[at]!, come[at + 1]!);
        else if (isOldEnd) unlinkAll(gone[oldAt]!);
        else insertAll(come[at]!, come[at + 1]!);
        if (isSame || isOldEnd) oldAt -= 2;
        if (!isOldEnd) at -= 2;
      }
      for (; oldAt >= head; oldAt -= 2) unlinkAll(gone[oldAt]!);
      for (; at >= head; at -= 2) insertAll(come[at]!, come[at + 1]!);
      for (let i = head - 2; i >= 0; i -= 2) takeOver(gone[i]!, gone[i + 1]!, come[i]!, come[i + 1]!);
      for (const block of [...fresh, ...later]) setRank(block, 0);
      for (const block of old) remove(block);
    },
    remove,
    newest: (chain, hash) => heads[bucketOf(chain, hash)]! || -1,
    older: (chain, position) => olders[chain * capacity + position]! || -1,
    usedTokens: () => pool.used() * unitTokens,
    fill: () => (pool.used() * unitTokens) / capacity,
    bytes: () =>
      pool.touched() * unitTokens * bytesPerToken + Math.min(heads.byteLength, pool.used() * unitTokens * 24),
  };
};

import type { StepFacts } from "./confidence.ts";
import { contextOrders, hashContext, startChain, startHash, wordChain, wordHash } from "./contextHash.ts";
import type { ContextIndex } from "./contextIndex.ts";
import type { LearnedText } from "./learnedText.ts";
import type { StandardText } from "./standardText.ts";
import { gap, isBreak, lineEnd, tokenGap, tokenId, unknownId, type Vocabulary } from "./vocabulary.ts";

/** The longest context that is compared, in tokens. */
const longestMatch = 32;
/** At a match this long in the file at hand, the place found is likely the cursor's own, as it was learned earlier. */
const samePlaceMatch = 16;
/** With a match this long it does not matter what agrees beyond it. */
const longEnoughMatch = 24;
const maxSkips = 2;
const beyondWorth = 0.5;
const maxVotes = 48;
/** How many places of one list may vote, and how many are looked at, more when they must begin with what was typed. */
const votesPerList = 12;
const stepsPerList = 16;
const stepsPerTypedList = 72;
/** How many places of the file at hand are passed over, where the text around the cursor speaks for it already. */
const maxPassedOver = 200;
/** With this many votes from longer contexts, shorter ones are not asked. */
const enoughVotes = 16;
// These weights were chosen by coverage on the code bases that confidence.ts names.
const weightPerToken = 1.7;
const ownFileWeight = 2.5;
const folderWeight = 1.6;
const fadePerRank = 0.7;
/** The weight of what was never seen. */
const unseenWeight = 0.5;

/** What a certain word of the standard text weighs. */
const standardWeight = 6;
/** So many of the votes are looked at closely. */
const maxRanked = 3;

/** A token that may come next; `typedUnits` of it are typed already. */
export type Vote = {
  token: number;
  typedUnits: number;
  weight: number;
  count: number;
  ownCount: number;
  folderCount: number;
  longest: number;
  /** The most tokens of context that agree beyond an identifier that does not. */
  longestBeyond: number;
  /** Places whose word was translated. */
  translated: number;
  /** What the standard text gives it, 0..1, and with how much context. */
  standard: number;
  standardOrder: number;
  /** The file of the first place that spoke for it; 0: the text around the cursor. */
  file: number;
};

/** Lets every place where the context stood before vote for the token that followed there. */
export type Voting = {
  /** The context: its last `length` tokens count, the last one nearest to the cursor. */
  readonly context: Int32Array;
  length: number;
  /** Whether line breaks are told apart by what follows them. */
  tellsBreaks: boolean;
  /** Says where the cursor is. `isCovered`: the file's learned text is all around the cursor, so it votes from there. */
  begin(ownFile: number, folder: number, isCovered: boolean): void;
  clear(): void;
  /** Adds votes for the token after the context: one that goes on from `typed`, or that stands behind `typedGap`. */
  gather(typed: string, typedGap: number, extraLength: number): void;
  /** The most tokens of context that agree at a place that has voted. */
  longest(): number;
  /** Adds what the standard text says about the token after the context. */
  gatherStandard(standard: StandardText, typed: string, typedGap: number): void;
  /** The votes with most weight, the best first; valid until the next `clear`. */
  bests(): readonly Vote[];
  /** Describes a vote in `facts`. */
  describe(vote: Vote, facts: StepFacts): void;
};

/** @param live what stands around the cursor, the text that counts most first. */
export const createVoting = (vocabulary: Vocabulary, live: readonly ContextIndex[], learned: LearnedText): Voting => {
  const indexes = [...live, learned.index];
  /** The tokens that a place is one of, while it is looked at. */
  let tokens = learned.index.tokens;
  const context = new Int32Array(256);
  const votes: Vote[] = Array.from({ length: maxVotes }, () => ({
    token: 0,
    typedUnits: 0,
    weight: 0,
    count: 0,
    ownCount: 0,
    folderCount: 0,
    longest: 0,
    longestBeyond: 0,
    translated: 0,
    standard: 0,
    standardOrder: 0,
    file: 0,
  }));
  const lengthWeights = Float64Array.from({ length: longestMatch + 2 }, (_, n) => weightPerToken ** Math.min(n, 14));
  const rankWeights = Float64Array.from({ length: votesPerList }, (_, rank) => 1 / (1 + rank * fadePerRank));
  let voteCount = 0;
  let totalCount = 0;
  let totalWeight = 0;
  let longest = 0;
  let hasStandard = false;
  const ranked: Vote[] = [];
  let ownNumber = -1;
  let ownFolder = 0;
  let isOwnCovered = false;

  const cast = (
    token: number,
    typedUnits: number,
    length: number,
    beyond: number,
    file: number,
    rank: number,
    isTranslated: boolean,
  ): void => {
    const isOwn = file === 0 || file === ownNumber;
    const isNear = !isOwn && learned.folderOfFile(file) === ownFolder;
    const weight =
      lengthWeights[Math.min(longestMatch, length + Math.floor(beyond * beyondWorth))]! *
      rankWeights[rank]! *
      (isOwn ? ownFileWeight : isNear ? folderWeight : 1);
    totalWeight += weight;
    totalCount++;
    if (length > longest) longest = length;
    const vote = voteFor(token, typedUnits, file);
    if (!vote) return;
    vote.weight += weight;
    vote.count++;
    if (isOwn) vote.ownCount++;
    if (isNear) vote.folderCount++;
    if (isTranslated) vote.translated++;
    if (length > vote.longest) vote.longest = length;
    if (beyond > vote.longestBeyond) vote.longestBeyond = beyond;
  };

  const voteFor = (token: number, typedUnits: number, file: number): Vote | undefined => {
    let at = 0;
    while (at < voteCount && (votes[at]!.token !== token || votes[at]!.typedUnits !== typedUnits)) at++;
    if (at === maxVotes) return undefined;
    const vote = votes[at]!;
    if (at === voteCount) {
      voteCount++;
      vote.token = token;
      vote.typedUnits = typedUnits;
      vote.file = file;
      vote.weight =
        vote.count =
        vote.ownCount =
        vote.folderCount =
        vote.longest =
        vote.longestBeyond =
        vote.translated =
        vote.standard =
        vote.standardOrder =
          0;
    }
    return vote;
  };

  const matchAt = (position: number, length: number): number => {
    const most = Math.min(longestMatch, length);
    let n = 0;
    while (n < most) {
      const id = tokenId(tokens[position - 1 - n]!);
      if (id === 0 || id !== tokenId(context[length - 1 - n]!)) break;
      n++;
    }
    return n;
  };

  /** Where the identifier begins that the token `n` places before `end` belongs to, as the number of places. */
  const skipIdentifier = (list: Int32Array, end: number, n: number): number => {
    let at = n;
    while (at < longestMatch && tokenGap(list[end - 1 - at]!) === gap.none && at + 1 < end) {
      if (!vocabulary.isWord(tokenId(list[end - 2 - at]!))) break;
      at++;
    }
    return at + 1;
  };

  // Words there and here that stand in the same place, as the last call of `beyondAt` found them.
  const pairStems = new Int32Array(maxSkips);
  const pairIds = new Int32Array(maxSkips);
  let pairs = 0;

  /** The word that stands here for a word there: where orders are kept there, products may be kept here. */
  const translate = (id: number): number => {
    const stem = pairs > 0 ? vocabulary.stemOf(id) : 0;
    if (stem === 0) return id;
    for (let i = 0; i < pairs; i++) {
      if (pairStems[i] === stem) return vocabulary.inTheWayOf(pairIds[i]!, id) ?? id;
    }
    return id;
  };

  /** How much agrees beyond the first identifiers that differ: lines like `x = f(a)` and `y = f(b)` are alike. */
  const beyondAt = (position: number, length: number, match: number): number => {
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
  };

  /** The hash of each chain's list for the context and what is typed; returns the first chain that has one. */
  const listHashes = new Int32Array(wordChain + 1);
  const hashLists = (length: number, typed: string): number => {
    const hashes = vocabulary.hashes();
    const first = hashContext(hashes, context, 0, length, listHashes);
    if (length > 0) listHashes[startChain] = startHash(hashes, tokenId(context[length - 1]!), typed.charCodeAt(0));
    listHashes[wordChain] = wordHash(typed.charCodeAt(0), typed.charCodeAt(1));
    return first;
  };

  const voting: Voting = {
    context,
    length: 0,
    tellsBreaks: false,
    begin(ownFile, folder, isCovered) {
      ownNumber = ownFile;
      ownFolder = folder;
      isOwnCovered = isCovered;
    },
    clear() {
      voteCount = totalCount = totalWeight = longest = 0;
      hasStandard = false;
    },
    gather(typed, typedGap, extraLength) {
      const { length } = voting;
      const lastChain = typed.length >= 2 ? wordChain : typed.length === 1 ? startChain : startChain - 1;
      let found = 0;
      let longerOrder = longestMatch + 1;
      for (let chain = hashLists(length, typed); chain <= lastChain; chain++) {
        if (chain === startChain && length === 0) continue;
        const order = contextOrders[chain] ?? (chain === startChain ? 1 : 0);
        // The list by first character finds the same places and passes over the others.
        if (typed && chain < startChain && order === 1) continue;
        for (const index of indexes) {
          tokens = index.tokens;
          let rank = 0;
          const isLive = index !== learned.index;
          let steps = typed ? stepsPerTypedList : stepsPerList;
          let passedOver = 0;
          let position = index.newest(chain, listHashes[chain]!);
          for (; position > 0 && steps > 0 && rank < votesPerList; position = index.older(chain, position)) {
            const file = isLive ? 0 : index.fileAt(position);
            if (file === ownNumber && isOwnCovered && passedOver++ < maxPassedOver) continue;
            steps--;
            const match = matchAt(position, length);
            if (match < order || match >= longerOrder) continue;
            if (file === ownNumber && (isOwnCovered || match > samePlaceMatch)) continue;
            let token = tokens[position]!;
            const beyond = beyondAt(position, length, match);
            const translated = translate(tokenId(token));
            const isTranslated = translated !== tokenId(token);
            token = (translated << 2) | tokenGap(token);
            if (isBreak(token)) token = typed ? 0 : voting.tellsBreaks ? token : lineEnd;
            else if (typed) {
              const text = vocabulary.textOf(tokenId(token));
              token = text.length > typed.length && text.startsWith(typed) ? token & ~3 : 0;
            } else if (typedGap !== gap.none) {
              const learnedGap = tokenGap(token);
              const agrees = learnedGap === typedGap || learnedGap === gap.wide || typedGap === gap.wide;
              token = agrees ? token & ~3 : 0;
            }
            if (token === 0) continue;
            cast(token, typed.length, match + extraLength, beyond, file, rank++, isTranslated);
          }
          found += rank;
        }
        longerOrder = order;
        if (found >= enoughVotes && order > 1) return;
      }
    },
    longest: () => longest,
    gatherStandard(standard, typed, typedGap) {
      const found = standard.find(context, voting.length, typed, typedGap);
      const { tokens: foundTokens, chances, orders } = standard.found;
      for (let i = 0; i < found; i++) {
        let token = foundTokens[i]!;
        if (isBreak(token) && !voting.tellsBreaks) token = lineEnd;
        const vote = voteFor(token, typed.length, 0);
        if (!vote) continue;
        const weight = standardWeight * chances[i]!;
        vote.weight += weight;
        totalWeight += weight;
        vote.standard += chances[i]!;
        vote.standardOrder = Math.max(vote.standardOrder, orders[i]!);
        hasStandard = true;
      }
    },
    bests() {
      ranked.length = 0;
      for (let i = 0; i < voteCount; i++) {
        const vote = votes[i]!;
        let at = ranked.length;
        while (at > 0 && ranked[at - 1]!.weight < vote.weight) at--;
        if (at < maxRanked) ranked.splice(at, 0, vote);
        if (ranked.length > maxRanked) ranked.length = maxRanked;
      }
      return ranked;
    },
    describe(vote, facts) {
      facts.share = vote.weight / (totalWeight + unseenWeight);
      facts.count = vote.count;
      facts.ownCount = vote.ownCount;
      facts.folderCount = vote.folderCount;
      facts.totalCount = totalCount;
      facts.rivals = voteCount;
      facts.longest = vote.longest;
      facts.rivalLongest = 0;
      facts.translatedCount = vote.translated;
      facts.longestBeyond = vote.longestBeyond;
      facts.rivalLongestBeyond = 0;
      for (let i = 0; i < voteCount; i++) {
        const rival = votes[i]!;
        if (rival !== vote && rival.longest > facts.rivalLongest) facts.rivalLongest = rival.longest;
        if (rival !== vote && rival.longestBeyond > facts.rivalLongestBeyond)
          facts.rivalLongestBeyond = rival.longestBeyond;
      }
      facts.hasStandard = hasStandard;
      facts.standard = vote.standard;
      facts.standardOrder = vote.standardOrder;
      facts.rivalStandard = 0;
      for (let i = 0; i < voteCount; i++) {
        if (votes[i] !== vote && votes[i]!.standard > facts.rivalStandard) facts.rivalStandard = votes[i]!.standard;
      }
      facts.typedUnits = vote.typedUnits;
      facts.hasGap = tokenGap(vote.token) !== gap.none;
    },
  };
  return voting;
};

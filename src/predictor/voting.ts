import type { Ballot, PlaceVote } from "./ballot.ts";
import { contextOrders, hashContext, startChain, startHash, wordChain, wordHash } from "./contextHash.ts";
import type { ContextIndex } from "./contextIndex.ts";
import type { LearnedText } from "./learnedText.ts";
import { createPlaceMatch, longestMatch } from "./placeMatch.ts";
import type { StandardText } from "./standardText.ts";
import { gap, isBreak, lineEnd, tokenGap, tokenId, type Vocabulary } from "./vocabulary.ts";

/** At a match this long in the file at hand, the place found is likely the cursor's own, as it was learned earlier. */
const samePlaceMatch = 16;
const beyondWorth = 0.5;
/** How many places of one list may vote, and how many are looked at, more when they must begin with what was typed. */
const votesPerList = 8;
const stepsPerList = 12;
const stepsPerTypedList = 56;
/** How many places of the file at hand are passed over, where the text around the cursor speaks for it already. */
const maxPassedOver = 200;
/** With this many votes from longer contexts, shorter ones are not asked. */
const enoughVotes = 12;
// These weights were chosen by coverage on the code bases that coefficients.ts names.
const weightPerToken = 1.7;
const ownFileWeight = 2.5;
const folderWeight = 1.6;
const fadePerRank = 0.7;

/** Lets every place where the context stood before vote for the token that followed there. */
export type Voting = {
  /** The context: its last `length` tokens count, the last one nearest to the cursor. */
  readonly context: Int32Array;
  length: number;
  /** Whether line breaks are told apart by what follows them. */
  tellsBreaks: boolean;
  /** Says where the cursor is. `isCovered`: the file's learned text is all around the cursor, so it votes from there. */
  begin(ownFile: number, folder: number, isCovered: boolean): void;
  /** Adds votes for the token after the context: one that goes on from `typed`, or that stands behind `typedGap`. */
  gather(typed: string, typedGap: number, extraLength: number): void;
  /** Adds what the standard text says about the token after the context. */
  gatherStandard(standard: StandardText, typed: string, typedGap: number): void;
  /**
   * Adds a small vote for each of the words, the likeliest first, behind the gap that other words stand behind.
   * `isGapKnown`: it is typed.
   */
  gatherInUse(ids: readonly number[], typed: string, isGapKnown: boolean): void;
};

/** Whether a word stands behind what is typed; a wide gap is like any. */
const agrees = (learnedGap: number, typedGap: number): boolean =>
  typedGap === gap.none || learnedGap === typedGap || learnedGap === gap.wide || typedGap === gap.wide;

/** @param live what stands around the cursor, the text that counts most first. */
export const createVoting = (
  vocabulary: Vocabulary,
  live: readonly ContextIndex[],
  learned: LearnedText,
  ballot: Ballot,
): Voting => {
  const indexes = [...live, learned.index];
  const context = new Int32Array(256);
  const placeMatch = createPlaceMatch(vocabulary, context);
  const lengthWeights = Float64Array.from({ length: longestMatch + 2 }, (_, n) => weightPerToken ** Math.min(n, 14));
  const rankWeights = Float64Array.from({ length: votesPerList }, (_, rank) => 1 / (1 + rank * fadePerRank));
  // The same one for every place: there are hundreds in a prediction.
  const place: PlaceVote = {
    token: 0,
    typedUnits: 0,
    weight: 0,
    length: 0,
    beyond: 0,
    file: 0,
    isOwn: false,
    isNear: false,
    isTranslated: false,
  };
  let ownNumber = -1;
  let ownFolder = 0;
  let isOwnCovered = false;

  const weightOf = ({ length, beyond, isOwn, isNear }: PlaceVote, rank: number): number =>
    lengthWeights[Math.min(longestMatch, length + Math.floor(beyond * beyondWorth))]! *
    rankWeights[rank]! *
    (isOwn ? ownFileWeight : isNear ? folderWeight : 1);

  /** The hash of each chain's list for the context and what is typed; returns the first chain that has one. */
  const listHashes = new Int32Array(wordChain + 1);
  const hashLists = (length: number, typed: string): number => {
    const hashes = vocabulary.hashes();
    const first = hashContext(hashes, context, 0, length, listHashes);
    if (typed === "") return first;
    if (length > 0) listHashes[startChain] = startHash(hashes, tokenId(context[length - 1]!), typed.charCodeAt(0));
    if (typed.length > 1) listHashes[wordChain] = wordHash(typed.charCodeAt(0), typed.charCodeAt(1));
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
        for (let i = 0; i < indexes.length; i++) {
          const index = indexes[i]!;
          const { tokens } = index;
          let rank = 0;
          const isLive = index !== learned.index;
          let steps = typed ? stepsPerTypedList : stepsPerList;
          let passedOver = 0;
          let position = index.newest(chain, listHashes[chain]!);
          let next = 0;
          for (; position > 0 && steps > 0 && rank < votesPerList; position = next) {
            // Asked for before it is needed: the list goes all over the memory, and what follows can be done meanwhile.
            next = index.older(chain, position);
            const file = isLive ? 0 : index.fileAt(position);
            if (file === ownNumber && isOwnCovered && passedOver++ < maxPassedOver) continue;
            steps--;
            const match = placeMatch.matchAt(tokens, position, length);
            if (match < order || match >= longerOrder) continue;
            if (file === ownNumber && (isOwnCovered || match > samePlaceMatch)) continue;
            const learnedToken = tokens[position]!;
            if (typed ? isBreak(learnedToken) : !isBreak(learnedToken) && !agrees(tokenGap(learnedToken), typedGap))
              continue;
            const beyond = placeMatch.beyondAt(tokens, position, length, match);
            const translated = placeMatch.translate(tokenId(learnedToken));
            const isTranslated = translated !== tokenId(learnedToken);
            let token = (translated << 2) | tokenGap(learnedToken);
            if (isBreak(token)) token = voting.tellsBreaks ? token : lineEnd;
            else if (typed) {
              const text = vocabulary.textOf(tokenId(token));
              if (text.length <= typed.length || !text.startsWith(typed)) continue;
              token &= ~3;
            } else if (typedGap !== gap.none) token &= ~3;
            place.token = token;
            place.typedUnits = typed.length;
            place.length = match + extraLength;
            place.beyond = beyond;
            place.file = file;
            place.isOwn = file === 0 || file === ownNumber;
            place.isNear = !place.isOwn && learned.folderOfFile(file) === ownFolder;
            place.isTranslated = isTranslated;
            place.weight = weightOf(place, rank++);
            ballot.castPlace(place);
          }
          found += rank;
        }
        longerOrder = order;
        if (found >= enoughVotes && order > 1) return;
      }
    },
    gatherStandard(standard, typed, typedGap) {
      const found = standard.find(context, voting.length, typed, typedGap);
      const { tokens, chances, orders } = standard.found;
      for (let i = 0; i < found; i++) {
        const token = isBreak(tokens[i]!) && !voting.tellsBreaks ? lineEnd : tokens[i]!;
        ballot.castStandard(token, typed.length, chances[i]!, orders[i]!);
      }
      ballot.leave(standard.left());
    },
    gatherInUse(ids, typed, isGapKnown) {
      const gapBefore = isGapKnown ? gap.none : ballot.gapOfWords();
      if (gapBefore === undefined) return;
      for (let rank = 0; rank < ids.length; rank++) {
        if (!ballot.castInUse((ids[rank]! << 2) | gapBefore, typed.length, rank)) return;
      }
    },
  };
  return voting;
};

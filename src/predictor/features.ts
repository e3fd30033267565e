import { sortCount } from "./surroundings.ts";

/** What is known about the place where the next token will stand. */
export type SituationFacts = {
  /** Right at the cursor. */
  isFirst: boolean;
  /** UTF-16 units of the token that were typed already. */
  typedUnits: number;
  /** Places that speak for any token, the most tokens of context that agree at one, and the distinct tokens there. */
  totalCount: number;
  longestOfAll: number;
  placeRivals: number;
  /** Distinct tokens that were proposed. */
  rivals: number;
  /** Whether the standard text says anything, and the chance that it leaves for what it does not know. */
  hasStandard: boolean;
  standardLeft: number;
  /** The sort of the token before; at a line's beginning also that of the line's end before, and how it is indented. */
  lastSort: number;
  lineEndSort: number;
  turn: "same" | "in" | "out";
  isBlank: boolean;
  /** Whether the line stands at the margin. */
  isTopLevel: boolean;
  /** Brackets that were opened on the line and not closed; any that were opened; and the line's tokens so far. */
  openOnLine: number;
  isOpen: boolean;
  lineTokens: number;
  isInQuotes: boolean;
  isInComment: boolean;
  /** At a line's beginning, how many of the lines above stand beside it. */
  siblings: number;
};

/** What is known about a token that may stand there. */
export type CandidateFacts = {
  /** Its part of all weight, 0..1; and of the weight that places gave alone. */
  share: number;
  placeShare: number;
  /** Places it was seen at, and how many of them are in the file at hand. */
  count: number;
  ownCount: number;
  folderCount: number;
  /** Tokens of context that agree, for it and for the best of the others. */
  longest: number;
  rivalLongest: number;
  /** Tokens that agree beyond an identifier that differs, for both. */
  longestBeyond: number;
  rivalLongestBeyond: number;
  /** Places whose word was put into the words that are used here. */
  translatedCount: number;
  /** What chance the standard text gives, 0..1; to the best of the others; by how much context. */
  standard: number;
  rivalStandard: number;
  standardOrder: number;
  isBreak: boolean;
  /** What a line break does. */
  turn: "same" | "in" | "out";
  isBlank: boolean;
  isWord: boolean;
  hasGap: boolean;
  /** Units of its text. */
  units: number;
  /** Its sort. */
  sort: number;
  /** How many tokens ago the word stood last, 0: it did not; how often it stands there, and between what. */
  distance: number;
  recentCount: number;
  stoodBehindWord: boolean;
  stoodLikeHere: boolean;
  stoodBeforeDot: boolean;
  stoodBeforeOpener: boolean;
  /** How many of the lines before it began, at a line's beginning, and whether the last one. */
  beganLines: number;
  beganLast: boolean;
  /** How many of the lines that stand beside it began so, and whether the nearest one. */
  beganSiblings: number;
  beganNearest: boolean;
  /** 1: closes the bracket that is open; -1: does not; 0: is no closing bracket. */
  closing: number;
};

/** Facts to be filled in. */
export const createSituation = (): SituationFacts => ({
  isFirst: false,
  typedUnits: 0,
  totalCount: 0,
  longestOfAll: 0,
  placeRivals: 0,
  rivals: 0,
  hasStandard: false,
  standardLeft: 0,
  lastSort: 0,
  lineEndSort: 0,
  turn: "same",
  isBlank: false,
  isTopLevel: false,
  openOnLine: 0,
  isOpen: false,
  lineTokens: 0,
  isInQuotes: false,
  isInComment: false,
  siblings: 0,
});

/** Facts to be filled in. */
export const createCandidate = (): CandidateFacts => ({
  share: 0,
  placeShare: 0,
  count: 0,
  ownCount: 0,
  folderCount: 0,
  longest: 0,
  rivalLongest: 0,
  longestBeyond: 0,
  rivalLongestBeyond: 0,
  translatedCount: 0,
  standard: 0,
  rivalStandard: 0,
  standardOrder: 0,
  isBreak: false,
  turn: "same",
  isBlank: false,
  isWord: false,
  hasGap: false,
  units: 0,
  sort: 0,
  distance: 0,
  recentCount: 0,
  stoodBehindWord: false,
  stoodLikeHere: false,
  stoodBeforeDot: false,
  stoodBeforeOpener: false,
  beganLines: 0,
  beganLast: false,
  beganSiblings: 0,
  beganNearest: false,
  closing: 0,
});

export const situationCount = 20 + 2 * sortCount;
export const candidateCount = 50 + sortCount;

const limit = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));
const oddsOf = (chance: number, low: number, high: number): number => {
  const limited = limit(chance, low, high);
  return Math.log(limited / (1 - limited));
};
const ifSo = (is: boolean): number => (is ? 1 : 0);

/** Writes the {@link situationCount} features of a place into `out`. */
export const situationFeatures = (facts: SituationFacts, out: Float64Array): void => {
  const isLineStart = facts.lastSort === 0;
  out.fill(0);
  out[0] = 1;
  out[1] = ifSo(facts.isFirst);
  out[2] = ifSo(facts.totalCount === 0);
  out[3] = ifSo(facts.totalCount === 1);
  out[4] = Math.log2(1 + facts.rivals) / 2;
  out[5] = Math.log2(1 + facts.placeRivals) / 2;
  out[6] = ifSo(facts.hasStandard);
  out[7] = facts.hasStandard ? oddsOf(facts.standardLeft, 0.005, 0.98) / 2 : 0;
  out[8] = ifSo(isLineStart && facts.turn === "in");
  out[9] = ifSo(isLineStart && facts.turn === "out");
  out[10] = ifSo(isLineStart && facts.isBlank);
  out[11] = ifSo(isLineStart && facts.isTopLevel);
  out[12] = Math.min(facts.openOnLine, 3);
  out[13] = ifSo(facts.isOpen);
  out[14] = ifSo(facts.isInQuotes);
  out[15] = ifSo(facts.isInComment);
  out[16] = Math.log2(1 + facts.lineTokens) / 3;
  out[17] = Math.min(facts.longestOfAll, 16) / 8;
  out[18] = Math.min(facts.typedUnits, 6) / 3;
  out[19] = Math.log2(1 + facts.siblings) / 2;
  out[20 + facts.lastSort] = 1;
  if (isLineStart) out[20 + sortCount + facts.lineEndSort] = 1;
};

/** Writes the {@link candidateCount} features of a token that may stand at a place into `out`. */
export const candidateFeatures = (place: SituationFacts, facts: CandidateFacts, out: Float64Array): void => {
  const odds = oddsOf(facts.share, 0.0025, 0.9975);
  const depth = Math.min(facts.longest, 16) / 8;
  const standard = place.hasStandard ? Math.log2(facts.standard + 0.005) / 4 : 0;
  const standardOdds = place.hasStandard ? oddsOf(facts.standard, 0.005, 0.98) : 0;
  const hasNoPlace = facts.count === 0;
  out.fill(0);
  out[0] = odds;
  out[1] = Math.log2(1 + facts.count);
  out[2] = depth;
  out[3] = limit((facts.longest - facts.rivalLongest) / 4, -2, 2);
  out[4] = ifSo(facts.ownCount > 0);
  out[5] = Math.log2(1 + facts.ownCount);
  out[6] = ifSo(facts.folderCount > 0);
  out[7] = ifSo(facts.longest <= 1);
  out[8] = ifSo(facts.longest === 2);
  out[9] = odds * depth;
  out[10] = ifSo(!hasNoPlace && facts.count === facts.ownCount + facts.folderCount);
  out[11] = ifSo(facts.isWord && place.typedUnits === 0);
  out[12] = ifSo(facts.hasGap);
  out[13] = ifSo(facts.longest >= 16);
  out[14] = Math.min(facts.longestBeyond, 12) / 6;
  out[15] = limit((facts.longestBeyond - facts.rivalLongestBeyond) / 4, -2, 2);
  out[16] = ifSo(facts.translatedCount > 0);
  out[17] = facts.translatedCount / Math.max(1, facts.count);
  out[18] = standard;
  out[19] = place.hasStandard ? Math.log2(facts.rivalStandard + 0.005) / 4 : 0;
  out[20] = ifSo(hasNoPlace);
  out[21] = facts.standardOrder / 3;
  out[22] = standardOdds;
  out[23] = place.totalCount === 0 ? standardOdds : 0;
  // Where hardly any place speaks, the standard text is all there is.
  out[24] = place.longestOfAll <= 1 ? standardOdds : 0;
  out[25] = hasNoPlace ? 0 : oddsOf(facts.placeShare, 0.0025, 0.9975);
  out[26] = ifSo(facts.distance > 0);
  out[27] = facts.distance > 0 ? Math.log2(facts.distance) / 4 : 0;
  out[28] = Math.log2(1 + facts.recentCount);
  out[29] = ifSo(facts.stoodBehindWord);
  out[30] = ifSo(facts.stoodLikeHere);
  out[31] = ifSo(facts.stoodBeforeDot);
  out[32] = ifSo(facts.stoodBeforeOpener);
  out[33] = ifSo(facts.closing === 1);
  out[34] = ifSo(facts.closing === -1);
  if (facts.isBreak) {
    out[35] = 1;
    out[36] = ifSo(facts.turn === "in");
    out[37] = ifSo(facts.turn === "out");
    out[38] = ifSo(facts.isBlank);
    out[39] = Math.min(place.openOnLine, 3);
    out[40] = ifSo(place.isInQuotes);
    out[41] = Math.log2(1 + place.lineTokens) / 3;
  } else out[50 + facts.sort] = 1;
  out[42] = Math.log2(1 + facts.beganLines);
  out[43] = ifSo(facts.beganLast);
  out[44] = facts.isWord && facts.standard === 0 && place.hasStandard ? oddsOf(place.standardLeft, 0.005, 0.98) / 2 : 0;
  out[45] = hasNoPlace ? standard : 0;
  out[46] = ifSo(hasNoPlace && facts.standard === 0);
  out[47] = Math.min(facts.units, 8) / 4;
  out[48] = Math.log2(1 + facts.beganSiblings);
  out[49] = ifSo(facts.beganNearest);
};

/** What is known about the likeliest next token; every number is a plain feature of {@link chanceOfStep}. */
export type StepFacts = {
  /** The token's part of all weight, 0..1. */
  share: number;
  /** Places it was seen at, and how many of them are in the file at hand. */
  count: number;
  ownCount: number;
  folderCount: number;
  /** Places that speak for any token. */
  totalCount: number;
  /** Distinct tokens that were seen. */
  rivals: number;
  /** Tokens of context that agree, for it and for the best of the others. */
  longest: number;
  rivalLongest: number;
  /** Tokens that agree beyond an identifier that differs, for both. */
  longestBeyond: number;
  rivalLongestBeyond: number;
  /** Places whose word was put into the words that are used here. */
  translatedCount: number;
  /** Whether the standard text says anything; what chance it gives, 0..1; to the best of the others; by how much context. */
  hasStandard: boolean;
  standard: number;
  rivalStandard: number;
  standardOrder: number;
  isBreak: boolean;
  isFirst: boolean;
  /** UTF-16 units of the token that were typed already. */
  typedUnits: number;
  isWord: boolean;
  hasGap: boolean;
};

export const featureCount = 41;

/**
 * Fitted by logistic regression to {@link featuresOf} of half a million candidates for the next token of held-out lines of
 * five code bases (viem, undici, Sphinx, golang.org/x/tools, tokio), each as a workspace of 3 MB, 60 kB (also without the
 * standard text), 15 kB and nothing: `node test/bench/predictor.bench.ts --fit` prints them.
 */
const coefficients = new Float64Array([
  -0.917, 0.489, 0.133, -0.318, 0.701, -0.013, 0.154, 0.455, -0.246, 1.372, -0.126, -0.016, -0.789, -0.282, -0.016,
  0.01, 0.1, -0.022, 0.877, -0.231, 0.376, 0.138, -0.006, -0.31, 1.079, -1.593, 0.242, -0.889, 0.101, 0.154, -1.663,
  0.043, 0.168, 0.338, -0.39, -0.082, -0.561, 0.375, 0.02, 0.38, 0.105,
]);

const limit = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));

/** Writes the features of a step into `out`, which holds {@link featureCount} numbers. */
export const featuresOf = (facts: StepFacts, out: Float64Array): void => {
  const odds = limit(Math.log(facts.share / Math.max(1 - facts.share, 1e-6)), -6, 6);
  const depth = Math.min(facts.longest, 16) / 8;
  const freshWord = facts.isWord && facts.typedUnits === 0 ? 1 : 0;
  out[0] = 1;
  out[1] = odds;
  out[2] = Math.log2(1 + facts.count);
  out[3] = depth;
  out[4] = limit((facts.longest - facts.rivalLongest) / 4, -2, 2);
  out[5] = facts.ownCount > 0 ? 1 : 0;
  out[6] = Math.log2(1 + facts.ownCount);
  out[7] = facts.folderCount > 0 ? 1 : 0;
  out[8] = facts.isFirst ? 1 : 0;
  out[9] = Math.min(facts.typedUnits, 6) / 3;
  out[10] = facts.totalCount === 1 ? 1 : 0;
  out[11] = Math.log2(facts.rivals);
  out[12] = facts.longest <= 1 ? 1 : 0;
  out[13] = facts.longest === 2 ? 1 : 0;
  out[14] = odds * depth;
  out[15] = facts.count > 0 && facts.count === facts.ownCount + facts.folderCount ? 1 : 0;
  out[16] = freshWord;
  out[17] = facts.hasGap ? 1 : 0;
  out[18] = facts.longest >= 16 ? 1 : 0;
  out[19] = freshWord * depth;
  out[20] = Math.min(facts.longestBeyond, 12) / 6;
  out[21] = limit((facts.longestBeyond - facts.rivalLongestBeyond) / 4, -2, 2);
  out[22] = odds * out[20];
  out[23] = freshWord * out[20];
  out[24] = facts.translatedCount > 0 ? 1 : 0;
  out[25] = facts.translatedCount / Math.max(1, facts.count);
  const standard = facts.hasStandard ? Math.log2(facts.standard + 0.005) / 4 : 0;
  const noPlace = facts.count === 0 ? 1 : 0;
  out[26] = facts.hasStandard ? 1 : 0;
  out[27] = standard;
  out[28] = facts.hasStandard ? Math.log2(facts.rivalStandard + 0.005) / 4 : 0;
  out[29] = noPlace;
  out[30] = noPlace * standard;
  out[31] = facts.standardOrder / 3;
  out[32] = noPlace * out[28];
  out[33] = facts.isBreak ? 1 : 0;
  out[34] = facts.isBreak ? odds : 0;
  out[35] = standard * depth;
  // Where hardly any place speaks, the standard text is all there is.
  const chance = facts.hasStandard ? limit(facts.standard, 0.005, 0.98) : 0.5;
  const standardOdds = Math.log(chance / (1 - chance));
  const isAlone = facts.totalCount === 0 ? 1 : 0;
  const isShallow = Math.max(facts.longest, facts.rivalLongest) <= 1 ? 1 : 0;
  out[36] = isAlone;
  out[37] = isAlone * standardOdds;
  out[38] = isShallow * standardOdds;
  out[39] = standardOdds;
  out[40] = noPlace * standardOdds;
};

/** The chance, 0..1, that a step with these features is what was meant. */
export const chanceOfStep = (features: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < featureCount; i++) sum += features[i]! * coefficients[i]!;
  return 1 / (1 + Math.exp(-sum));
};

/**
 * The confidence from which on a prediction is worth showing: of all texts above it, about eight of ten are right
 * (test/bench/predictor.bench.ts). Where the engine has the choice, it takes a text short enough to reach it.
 */
export const showableConfidence = 0.5;

/**
 * The confidence from which on texts are shown, for each of the setting's names: to somebody who types; as a guess, to
 * somebody who has stopped typing; and to somebody who types while a model is asked as well, whose text is there a moment
 * later: what the predictor shows before it would only be in its way where it is wrong. The guess is visible for a moment
 * only, where the typist looks for what comes next: by test/bench/typing.bench.ts, with `balanced` wrong text is on screen
 * for a twelfth of the time. A lower limit brings one right text for five that are wrong.
 */
export const confidenceLimits = {
  quiet: { typing: 0.75, pausing: 0.5, besideModel: 0.85 },
  balanced: { typing: showableConfidence, pausing: 0.12, besideModel: 0.7 },
  eager: { typing: 0.35, pausing: 0.09, besideModel: 0.5 },
} as const;

/** Fewer characters than this are not worth the eye's movement. */
const minShownUnits = 4;
/**
 * A lone sign, such as the bracket that closes a block, is proposed only where it is rather sure; two are a word. Sure is
 * what its chance says, uncorrected: with the corrected confidence, by test/bench/typing.bench.ts, a little less
 * right text is on screen and no less that is wrong.
 */
const minProposedUnits = 2;
const sureSign = 0.2;
/**
 * What it is worth that a proposed text is right, in characters saved. With more, texts are shorter, and more of them are
 * right. By test/bench/typing.bench.ts, on code that nothing was fitted to (cheerio, winston, docutils, hashicorp-raft, ron,
 * react-native-maps), with 8, 16, 24, 40 right text is on screen at .59, .61, .62, .63 of the pauses, and saves 6.3, 5.7,
 * 5.4, 4.8 characters a pause; the longest text whose confidence is 0.5, or else 0.4 and so on, .59 and 5.7.
 */
const rightWorthUnits = 24;
// Where to stop: chance times length, the characters that are likely saved, is greatest. Text that ends inside a word
// or behind an opening bracket counts less, text that a caller shows counts more than text that it may hold back.
export const insideWordFactor = 0.5;
const openEndFactor = 0.85;
const surelyShownFactor = 3;
// Up to this length, texts are worth far more the longer they are: a few characters are typed as quickly as read.
const fullLength = 14;
const shortPower = 2.3;

const openEnd = /[([{<"'`.,]$/;
const onlyClosers = /^[\s)\]}>"'`;,:]*$/;
/** A place where a prediction may end: its chance up to there, and what ending there is worth. */
export type Cut = { length: number; chance: number; factor: number };

/** Whether `text` may be put before `rest` without repeating or unbalancing the brackets and quotes it begins with. */
const fitsBeforeClosers = (text: string, rest: string): boolean => {
  let depth = 0;
  for (const char of text) {
    if ("([{".includes(char)) depth++;
    else if (")]}".includes(char) && --depth < 0) return false;
  }
  const first = rest.charAt(0);
  return depth === 0 && !("\"'`;,:>".includes(first) && text.includes(first));
};

/** The place where ending is worth most and that fits `rest`, the text behind the cursor on its line. */
export const chooseCut = (text: string, cuts: readonly Cut[], rest: string): Cut | undefined => {
  let chosen: Cut | undefined;
  let most = 0;
  for (const cut of cuts) {
    const shown = text.slice(0, cut.length);
    if (shown.replace(/\s/g, "").length < minShownUnits) continue;
    const meetsRest = rest === "" || text.startsWith(rest, cut.length);
    if (!meetsRest && !(onlyClosers.test(rest) && fitsBeforeClosers(shown, rest))) continue;
    const factor =
      (rest !== "" && meetsRest ? 1 : cut.factor) * (cut.chance >= showableConfidence ? surelyShownFactor : 1);
    const worth = (Math.min(cut.length, fullLength) / fullLength) ** shortPower * Math.max(cut.length, fullLength);
    const value = cut.chance * worth * factor;
    if (value <= most) continue;
    most = value;
    chosen = cut;
  }
  return chosen;
};

/** What a text is worth that ends behind `word`. */
export const endFactor = (word: string): number => (openEnd.test(word) ? openEndFactor : 1);

/**
 * The place where ending is worth most, of those that are sure enough and that fit `rest`: the characters that are likely
 * saved, and the pause that is likely filled rightly, whatever the length.
 * @param confidenceOf a cut's confidence, which `least` is compared with.
 */
export const proposedCut = (
  text: string,
  cuts: readonly Cut[],
  rest: string,
  least: number,
  confidenceOf: (cut: Cut) => number,
): Cut | undefined => {
  let chosen: Cut | undefined;
  let most = 0;
  for (const cut of cuts) {
    const shown = text.slice(0, cut.length);
    const units = shown.replace(/\s/g, "").length;
    const isLong = units >= minProposedUnits || (units > 0 && cut.chance >= sureSign);
    const confidence = confidenceOf(cut);
    if (!isLong || confidence < least) continue;
    const meetsRest = rest === "" || text.startsWith(rest, cut.length);
    if (!meetsRest && !(onlyClosers.test(rest) && fitsBeforeClosers(shown, rest))) continue;
    const value = confidence * (rightWorthUnits + units);
    if (value < most) continue;
    most = value;
    chosen = cut;
  }
  return chosen;
};

import { createCalibration } from "./calibration.ts";
import { endsInComment } from "./commentLine.ts";
import { chanceOfStep, featureCount, featuresOf, type StepFacts } from "./confidence.ts";
import { chooseCut, longestCut, type Cut, endFactor, insideWordFactor } from "./cut.ts";
import { createLearnedText, finish, usefulPasses } from "./learnedText.ts";
import { isWrittenBelow, turnedLine } from "./lineTurn.ts";
import { createLiveText } from "./liveText.ts";
import type { StandardText } from "./standardText.ts";
import { createStandardTexts } from "./standardTexts.ts";
import {
  createTokenBuffer,
  createVocabulary,
  gap,
  gapText,
  isBreak,
  lastTokenStart,
  tokenGap,
  tokenId,
} from "./vocabulary.ts";
import { createVoting, type Vote } from "./voting.ts";

/**
 * What is likely to come next on the cursor's line, without a line break. `confidence`, 0 to 1, is the estimated
 * chance that exactly `text` comes next; the line may go on behind it.
 */
export type Prediction = { text: string; confidence: number };

export { confidenceLimits, showableConfidence } from "./cut.ts";

export type PredictorStats = {
  files: number;
  /** UTF-16 units of all learned files. */
  textUnits: number;
  /** Memory of what was learned, estimated; never above `maxBytes` by more than the vocabulary. */
  memoryBytes: number;
  /** The part of the room for text that is in use, 0..1: near 1, learning one file means forgetting another. */
  fill: number;
  /** Distinct words, signs and parts of identifiers. */
  vocabulary: number;
};

export type PredictorOptions = {
  /** Memory for learned text, 256 MiB unless told: room for about 11 MB of source. At least 1 MB. */
  maxBytes?: number;
  /**
   * For fitting the confidence: called for each token that is weighed with its features and the text up to and with it,
   * and once more for the one that is chosen.
   */
  onStep?: (features: Float64Array, text: string, isChosen: boolean) => void;
  /** The folder of the languages' standard texts; the one beside this module unless told, none with `null`. */
  standardFolder?: URL | null;
  /** Told of what the predictor has to do without, in one sentence. */
  onProblem?: (message: string) => void;
};

/** Learns source text and predicts the rest of a line from places where the same was written before. */
export type Predictor = {
  /** Learns `text` under `path` in place of what was learned there. An edit costs time for what changed only. */
  index(path: string, text: string): void;
  /**
   * The same in steps of about a millisecond (more for very long lines), for a caller that must answer others in between: the work is done
   * while the steps are gone through. A later `index` or `remove` of the path ends it.
   */
  indexInSteps(path: string, text: string): Iterable<undefined>;
  /** Reads what the first prediction in the path's language would wait for. */
  prepare(path: string): void;
  /** Forgets a file; nothing is predicted from it afterwards. */
  remove(path: string): void;
  /**
   * Predicts what follows `prefix`, the text before the cursor, such that it fits `suffix`, the text after it. The
   * text around the cursor counts as learned; both may be cut to what is near. Undefined: nothing worth showing.
   */
  predict(path: string, prefix: string, suffix: string): Prediction | undefined;
  /**
   * Predicts the longest text whose confidence reaches the first of `floors` that any text reaches, be it one short word.
   * Where the cursor's line ends, the text may go on with the next one.
   */
  propose(path: string, prefix: string, suffix: string, floors: readonly number[]): Prediction | undefined;
  /**
   * Takes in how a prediction turned out that was shown: accepted, or typed over. `confidence` as it was predicted.
   * Keeps the confidence of the path's language current; the last hundred or so count.
   */
  feedback(outcome: { path: string; confidence: number; isRight: boolean }): void;
  /** The paths of all files, the one that was changed longest ago first. */
  paths(): Iterable<string>;
  stats(): PredictorStats;
};

/** Below this there is no room for the tables. */
const minMaxBytes = 1_000_000;
const defaultMaxBytes = 256 * 1024 * 1024;
/** Text around the cursor that is learned with it, in UTF-16 units; the window before it moves in steps. */
const beforeUnits = 65_536;
const beforeStepUnits = 16_384;
const afterUnits = 4096;
/** What the context is read from: the lines above the cursor's, until there are this many tokens or units. */
const contextLines = 5;
const contextUnits = 600;
const contextTokens = 40;
/** What a line's indentation is told from. */
const nearUnits = 4000;
const maxSteps = 24;
/** Prediction stops where the chance that all of it is right falls below this. */
const minChance = 0.11;
/** What the standard texts of all languages take, of the room for learned text; with less room there are none. */
const mostStandardBytes = 10_000_000;
const leastForStandardBytes = 32_000_000;
/** How many line breaks a text may go over. */
const maxBreaks = 1;
/** With so much context that was written in the same way before, a comment is most likely that one. */
const knownComment = 3;
const wordPattern = /^[\w$\u0080-\uffff]/;

/** What a line break adds to the text; without `prefix` the text ends there anyway. */
const turn = (prefix: string | undefined, text: string, token: number): string | undefined =>
  prefix === undefined ? "\n" : turnedLine(prefix.slice(-nearUnits) + text, token);

/** What was typed of a token, or of the gap before it. */
type Typed = { readonly text: string; readonly gap: number };

const typedGapAt = (prefix: string, lineStart: number, end: number): number => {
  if (prefix.slice(lineStart, end).trim() === "") return gap.none;
  const last = prefix.charCodeAt(end - 1);
  if (last !== 32 && last !== 9) return /\s/.test(prefix.charAt(end - 1)) ? gap.wide : gap.none;
  if (/\s/.test(prefix.charAt(end - 2))) return gap.wide;
  return last === 32 ? gap.space : gap.tab;
};

/** Makes an engine that has learned nothing. It runs in the caller's thread and holds nothing but memory. */
export const createPredictor = (options: PredictorOptions = {}): Predictor => {
  const vocabulary = createVocabulary();
  const maxBytes = Math.max(minMaxBytes, options.maxBytes ?? defaultMaxBytes);
  const beside =
    options.standardFolder === undefined ? new URL("./standard/", import.meta.url) : options.standardFolder;
  const standardFolder = maxBytes < leastForStandardBytes ? null : beside;
  const standardTexts = createStandardTexts(vocabulary, standardFolder, options.onProblem ?? (() => {}));
  const learned = createLearnedText(vocabulary, standardFolder === null ? maxBytes : maxBytes - mostStandardBytes);
  const above = createLiveText(vocabulary, 8_000_000, false);
  const below = createLiveText(vocabulary, 1_000_000, true);
  const voting = createVoting(vocabulary, [above.index, below.index], learned);
  const calibration = createCalibration();
  const buffer = createTokenBuffer();
  const features = new Float64Array(featureCount);
  const facts: StepFacts = {
    share: 0,
    count: 0,
    ownCount: 0,
    folderCount: 0,
    totalCount: 0,
    rivals: 0,
    longest: 0,
    rivalLongest: 0,
    longestBeyond: 0,
    rivalLongestBeyond: 0,
    translatedCount: 0,
    hasStandard: false,
    standard: 0,
    rivalStandard: 0,
    standardOrder: 0,
    isBreak: false,
    isFirst: false,
    typedUnits: 0,
    isWord: false,
    hasGap: false,
  };

  let standard: StandardText | undefined;
  let isComment = false;

  /**
   * The standard text knows what code is made of. In a comment that stands elsewhere it knows none of the words, and would
   * only cast doubt on them.
   */
  const gatherStandard = (typed: string, typedGap: number): void => {
    if (!standard || (isComment && voting.longest() >= knownComment)) return;
    voting.gatherStandard(standard, typed, typedGap);
  };

  const followCursor = (path: string, prefix: string, lineStart: number, suffix: string): void => {
    const own = learned.file(path);
    const folder = own?.folder ?? learned.folderOf(path);
    const excess = lineStart - beforeUnits;
    const from = excess > 0 ? prefix.indexOf("\n", Math.ceil(excess / beforeStepUnits) * beforeStepUnits) + 1 : 0;
    const nextLine = suffix.indexOf("\n") + 1;
    const textBelow = nextLine > 0 ? suffix.slice(nextLine, nextLine + afterUnits) : "";
    below.follow(textBelow, textBelow.length === afterUnits);
    above.follow(prefix.slice(Math.min(from, lineStart), lineStart), false);
    const isCovered = own !== undefined && prefix.length + suffix.length > own.textUnits * 0.8;
    voting.begin(own?.number ?? -1, folder, isCovered);
  };

  const readContext = (prefix: string, lineStart: number, end: number): void => {
    let from = lineStart;
    for (let lines = 0; lines < contextLines && from > 0 && lineStart - from < contextUnits; lines++) {
      from = from < 2 ? 0 : prefix.lastIndexOf("\n", from - 2) + 1;
    }
    vocabulary.tokenize(prefix, Math.max(from, end - 4 * contextUnits), end, false, buffer);
    voting.length = 0;
    for (let i = Math.max(0, buffer.length - contextTokens); i < buffer.length; i++) {
      voting.context[voting.length++] = buffer.tokens[i]!;
    }
  };

  type Choice = { vote: Vote; chance: number; text: string; isWord: boolean };

  /** What a token leads to, and the chance that it is the right one; its features stay in `features`. */
  const weigh = (vote: Vote, text: string, isFirst: boolean, prefix: string | undefined): Choice | undefined => {
    const { token, typedUnits } = vote;
    const before = gapText[tokenGap(token)];
    const word = vocabulary.textOf(tokenId(token));
    const isTurn = isBreak(token);
    const added = isTurn ? turn(prefix, text, token) : typedUnits > 0 ? word.slice(typedUnits) : before + word;
    if (added === undefined || before === undefined || (word === "" && !isTurn)) return undefined;
    facts.isFirst = isFirst;
    facts.isBreak = isTurn;
    facts.isWord = !isTurn && wordPattern.test(word);
    voting.describe(vote, facts);
    featuresOf(facts, features);
    return { vote, chance: chanceOfStep(features), text: text + added, isWord: facts.isWord };
  };

  /** The likeliest of the next tokens. */
  const choose = (text: string, isFirst: boolean, prefix: string | undefined): Choice | undefined => {
    let chosen: Choice | undefined;
    for (const vote of voting.bests()) {
      const choice = weigh(vote, text, isFirst, prefix);
      if (!choice) continue;
      options.onStep?.(features, choice.text, false);
      if (!chosen || choice.chance > chosen.chance) chosen = choice;
    }
    if (chosen && options.onStep) {
      weigh(chosen.vote, text, isFirst, prefix);
      options.onStep(features, chosen.text, true);
    }
    return chosen;
  };

  /**
   * Goes on token by token, and notes after each one the text so far and its chance. With `prefix`, the text before the
   * cursor, it goes on over a line's end.
   */
  const extend = (typed: Typed, minimum: number, cuts: Cut[], prefix?: string): string => {
    let text = "";
    let breaks = 0;
    voting.tellsBreaks = prefix !== undefined;
    let chance = 1;
    let endsInWord = wordPattern.test(typed.text);
    for (let step = 0; step < maxSteps && voting.length < voting.context.length; step++) {
      const isFirst = step === 0;
      voting.clear();
      if (isFirst && typed.text) {
        // The last token may be half typed, or complete: places vote for both readings.
        voting.gather(typed.text, gap.none, 1);
        gatherStandard(typed.text, gap.none);
        vocabulary.tokenize(typed.text, 0, typed.text.length, false, buffer);
        voting.context[voting.length++] = buffer.tokens[1]! | typed.gap;
        voting.gather("", gap.none, 0);
        gatherStandard("", gap.none);
      } else {
        voting.gather("", isFirst ? typed.gap : gap.none, 0);
        gatherStandard("", isFirst ? typed.gap : gap.none);
      }
      const next = choose(text, isFirst, prefix);
      if (!next) break;
      const { token, typedUnits, file } = next.vote;
      if (isBreak(token) && (prefix === undefined || breaks++ >= maxBreaks)) break;
      chance *= next.chance;
      if (chance < minimum) break;
      const isJoined = tokenGap(token) === gap.none;
      if (next.isWord && endsInWord && isJoined) {
        const last = cuts.at(-1);
        if (last) last.factor = insideWordFactor;
      }
      endsInWord = next.isWord;
      text = next.text;
      if (typedUnits > 0) voting.length--;
      voting.context[voting.length++] = isFirst && isJoined && !isBreak(token) ? token | typed.gap : token;
      if (isBreak(token)) {
        isComment = false;
        continue;
      }
      const source = learned.fileOf(file);
      if (source) source.passes = usefulPasses;
      cuts.push({ length: text.length, chance, factor: endFactor(vocabulary.textOf(tokenId(token))) });
    }
    return text;
  };

  /** What may follow, as far as it is likely at all, with the places where it may end. */
  const lookAhead = (path: string, prefix: string, suffix: string, isMultiline: boolean) => {
    const lineStart = prefix.lastIndexOf("\n") + 1;
    const restEnd = suffix.indexOf("\n");
    const rest = (restEnd < 0 ? suffix : suffix.slice(0, restEnd)).trimEnd();
    calibration.observe(path, prefix);
    followCursor(path, prefix, lineStart, suffix);
    const typedFrom = lastTokenStart(prefix, lineStart, prefix.length);
    standard = standardTexts.of(path);
    isComment = endsInComment(path, prefix.slice(Math.max(lineStart, prefix.length - nearUnits)));
    readContext(prefix, lineStart, typedFrom);
    const cuts: Cut[] = [];
    const typed = { text: prefix.slice(typedFrom), gap: typedGapAt(prefix, lineStart, typedFrom) };
    const text = extend(
      typed,
      options.onStep ? minChance / 10 : minChance,
      cuts,
      isMultiline && rest === "" ? prefix : undefined,
    );
    return { text, cuts, rest };
  };

  return {
    index(path, text) {
      finish(learned.learn(path, text));
    },
    indexInSteps: (path, text) => learned.learn(path, text),
    prepare: (path) => void standardTexts.of(path),
    remove: (path) => learned.forget(path),
    predict(path, prefix, suffix) {
      const { text, cuts, rest } = lookAhead(path, prefix, suffix, false);
      const cut = chooseCut(text, cuts, rest);
      if (!cut) return undefined;
      const shown = text.slice(0, cut.length);
      // Half a surrogate pair can come from a cursor inside one, or from broken text.
      if (!shown.isWellFormed()) return undefined;
      const confidence = calibration.correct(path, cut.chance);
      calibration.expect(path, prefix, shown, cut.chance);
      return { text: shown, confidence };
    },
    propose(path, prefix, suffix, floors) {
      const { text, cuts, rest } = lookAhead(path, prefix, suffix, true);
      for (const floor of floors) {
        const cut = longestCut(text, cuts, rest, ({ chance }) => calibration.correct(path, chance) >= floor);
        if (!cut) continue;
        const shown = text.slice(0, cut.length);
        if (!shown.isWellFormed() || isWrittenBelow(shown, suffix)) return undefined;
        calibration.expect(path, prefix, shown, cut.chance);
        return { text: shown, confidence: calibration.correct(path, cut.chance) };
      }
      return undefined;
    },
    feedback({ path, confidence, isRight }) {
      calibration.decide(path, isRight, confidence);
    },
    paths: () => learned.files().keys(),
    stats: () => ({
      files: learned.files().size,
      textUnits: learned.textUnits(),
      memoryBytes: learned.bytes() + standardTexts.bytes(),
      fill: learned.index.fill(),
      vocabulary: vocabulary.count(),
    }),
  };
};

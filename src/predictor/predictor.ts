import { createCalibration } from "./calibration.ts";
import { chanceOfStep, featureCount, featuresOf, type StepFacts } from "./confidence.ts";
import { chooseCut, type Cut, endFactor, insideWordFactor } from "./cut.ts";
import { createLearnedText, finish, usefulPasses } from "./learnedText.ts";
import { createLiveText } from "./liveText.ts";
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
import { createVoting } from "./voting.ts";

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
  /** For fitting the confidence: called for each token with its features and the text up to and with it. */
  onStep?: (features: Float64Array, text: string) => void;
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
  /** Forgets a file; nothing is predicted from it afterwards. */
  remove(path: string): void;
  /**
   * Predicts what follows `prefix`, the text before the cursor, such that it fits `suffix`, the text after it. The
   * text around the cursor counts as learned; both may be cut to what is near. Undefined: nothing worth showing.
   */
  predict(path: string, prefix: string, suffix: string): Prediction | undefined;
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
const maxSteps = 24;
/** Prediction stops where the chance that all of it is right falls below this. */
const minChance = 0.11;
const wordPattern = /^[\w$\u0080-\uffff]/;

const typedGapAt = (prefix: string, lineStart: number): number => {
  if (prefix.slice(lineStart).trim() === "") return gap.none;
  const last = prefix.charCodeAt(prefix.length - 1);
  if (/\s/.test(prefix.charAt(prefix.length - 2))) return gap.wide;
  return last === 32 ? gap.space : last === 9 ? gap.tab : gap.wide;
};

/** Makes an engine that has learned nothing. It runs in the caller's thread and holds nothing but memory. */
export const createPredictor = (options: PredictorOptions = {}): Predictor => {
  const vocabulary = createVocabulary();
  const maxBytes = Math.max(minMaxBytes, options.maxBytes ?? defaultMaxBytes);
  const learned = createLearnedText(vocabulary, maxBytes);
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
    isFirst: false,
    typedUnits: 0,
    isWord: false,
    hasGap: false,
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

  /** Goes on token by token, and notes after each one the text so far and its chance. */
  const extend = (typed: string, typedGap: number, minimum: number, cuts: Cut[]): string => {
    let text = "";
    let chance = 1;
    let endsInWord = wordPattern.test(typed);
    for (let step = 0; step < maxSteps && voting.length < voting.context.length; step++) {
      voting.clear();
      if (step === 0 && typed) {
        // The last token may be half typed, or complete: places vote for both readings.
        voting.gather(typed, gap.none, 1);
        vocabulary.tokenize(typed, 0, typed.length, false, buffer);
        voting.context[voting.length++] = buffer.tokens[1]!;
        voting.gather("", gap.none, 0);
      } else voting.gather("", step === 0 ? typedGap : gap.none, 0);
      const best = voting.best();
      if (!best || isBreak(best.token)) break;
      const { token, typedUnits } = best;
      const before = gapText[tokenGap(token)];
      const word = vocabulary.textOf(tokenId(token));
      if (before === undefined || word === "") break;
      facts.isFirst = step === 0;
      facts.isWord = wordPattern.test(word);
      voting.describe(best, facts);
      featuresOf(facts, features);
      chance *= chanceOfStep(features);
      text += typedUnits > 0 ? word.slice(typedUnits) : before + word;
      options.onStep?.(features, text);
      if (chance < minimum) break;
      if (facts.isWord && endsInWord && before === "") {
        const last = cuts.at(-1);
        if (last) last.factor = insideWordFactor;
      }
      endsInWord = facts.isWord;
      if (typedUnits > 0) voting.length--;
      voting.context[voting.length++] = token;
      const source = learned.fileOf(best.file);
      if (source) source.passes = usefulPasses;
      cuts.push({ length: text.length, chance, factor: endFactor(word) });
    }
    return text;
  };

  return {
    index(path, text) {
      finish(learned.learn(path, text));
    },
    indexInSteps: (path, text) => learned.learn(path, text),
    remove: (path) => learned.forget(path),
    predict(path, prefix, suffix) {
      const lineStart = prefix.lastIndexOf("\n") + 1;
      const restEnd = suffix.indexOf("\n");
      const rest = (restEnd < 0 ? suffix : suffix.slice(0, restEnd)).trimEnd();
      calibration.observe(path, prefix);
      followCursor(path, prefix, lineStart, suffix);
      const typedFrom = lastTokenStart(prefix, lineStart, prefix.length);
      const typed = prefix.slice(typedFrom);
      readContext(prefix, lineStart, typedFrom);
      const cuts: Cut[] = [];
      const typedGap = typed ? gap.none : typedGapAt(prefix, lineStart);
      const text = extend(typed, typedGap, options.onStep ? minChance / 10 : minChance, cuts);
      const cut = chooseCut(text, cuts, rest);
      if (!cut) return undefined;
      const shown = text.slice(0, cut.length);
      // Half a surrogate pair can come from a cursor inside one, or from broken text.
      if (!shown.isWellFormed()) return undefined;
      const confidence = calibration.correct(path, cut.chance);
      calibration.expect(path, prefix, shown, cut.chance);
      return { text: shown, confidence };
    },
    feedback({ path, confidence, isRight }) {
      calibration.decide(path, isRight, confidence);
    },
    paths: () => learned.files().keys(),
    stats: () => ({
      files: learned.files().size,
      textUnits: learned.textUnits(),
      memoryBytes: learned.bytes(),
      fill: learned.index.fill(),
      vocabulary: vocabulary.count(),
    }),
  };
};

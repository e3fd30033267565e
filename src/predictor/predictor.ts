import { createBallot } from "./ballot.ts";
import { createCalibration } from "./calibration.ts";
import { endsInComment } from "./commentLine.ts";
import { chooseCut, type Cut, proposedCut } from "./cut.ts";
import { createLearnedText, finish } from "./learnedText.ts";
import { unwrittenUnits } from "./lineTurn.ts";
import { createLiveText } from "./liveText.ts";
import { createLookAhead } from "./lookAhead.ts";
import type { OnStep } from "./nextToken.ts";
import { createStandardTexts } from "./standardTexts.ts";
import { createVocabulary } from "./vocabulary.ts";
import { createVoting } from "./voting.ts";

/**
 * What is likely to come next. `confidence`, 0 to 1, is the estimated
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
  /** Memory for learned text, 256 MiB unless told: room for about 9 MB of source. At least 1 MB. */
  maxBytes?: number;
  /** For fitting the coefficients: chooses the next token in their place. */
  onStep?: OnStep;
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
   * Predicts the text that is worth most to somebody who pauses, be it one short word, of those whose confidence is
   * `leastConfidence` at least. Where the cursor's line ends, the text may go on with the next one.
   */
  propose(path: string, prefix: string, suffix: string, leastConfidence: number): Prediction | undefined;
  /**
   * Looks at what `propose` would say at `at` in `text` if the path's file had not been learned and nothing stood below, and
   * takes in whether the text goes on like that: what confidence is worth in this language here.
   */
  rehearse(path: string, text: string, at: number, leastConfidence: number): void;
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
const afterStepUnits = 1024;
/** What tells whether the cursor stands in a comment. */
const nearUnits = 4000;
/** Prediction stops where the chance that all of it is right falls below this. */
const minChance = 0.11;
/** The same for a text that somebody who has stopped typing may see. */
const minProposedChance = 0.08;
/** What the standard texts of all languages take, of the room for learned text; with less room there are none. */
const mostStandardBytes = 10_000_000;
const leastForStandardBytes = 32_000_000;

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
  const ballot = createBallot(vocabulary);
  const voting = createVoting(vocabulary, [above.index, below.index], learned, ballot);
  const calibration = createCalibration();
  const lookFrom = createLookAhead(vocabulary, voting, ballot, learned, options.onStep);

  const followCursor = (path: string, prefix: string, lineStart: number, suffix: string, isHeldOut: boolean): void => {
    const own = learned.file(path);
    const folder = own?.folder ?? learned.folderOf(path);
    const excess = lineStart - beforeUnits;
    const from = excess > 0 ? prefix.indexOf("\n", Math.ceil(excess / beforeStepUnits) * beforeStepUnits) + 1 : 0;
    const nextLine = suffix.indexOf("\n") + 1;
    // Counted from the text's end, so that the window stays where it is while the cursor goes down line by line.
    const left = suffix.length - nextLine - afterUnits;
    const to = left > 0 ? suffix.length - Math.ceil(left / afterStepUnits) * afterStepUnits : suffix.length;
    below.follow(nextLine > 0 ? suffix.slice(nextLine, to) : "", to < suffix.length);
    above.follow(prefix.slice(Math.min(from, lineStart), lineStart), false);
    const isCovered = own !== undefined && (isHeldOut || prefix.length + suffix.length > own.textUnits * 0.8);
    voting.begin(own?.number ?? -1, folder, isCovered);
  };

  /**
   * What may follow, as far as it is likely at all, with the places where it may end. `isHeldOut`: nothing that was learned
   * of the path's own file has a say.
   */
  const lookAhead = (path: string, prefix: string, suffix: string, isMultiline: boolean, isHeldOut = false) => {
    const lineStart = prefix.lastIndexOf("\n") + 1;
    const restEnd = suffix.indexOf("\n");
    const rest = (restEnd < 0 ? suffix : suffix.slice(0, restEnd)).trimEnd();
    if (!isHeldOut) calibration.observe(path, prefix);
    followCursor(path, prefix, lineStart, suffix, isHeldOut);
    const cuts: Cut[] = [];
    const cursor = {
      prefix,
      lineStart,
      isMultiline: isMultiline && rest === "",
      isComment: endsInComment(path, prefix.slice(Math.max(lineStart, prefix.length - nearUnits))),
      standard: standardTexts.of(path),
    };
    const text = lookFrom(cursor, isMultiline ? minProposedChance : minChance, cuts);
    return { text, cuts, rest };
  };

  /** The text that is worth most of those that are sure enough, and not written below. */
  const worthiest = (
    path: string,
    { text, cuts, rest }: ReturnType<typeof lookAhead>,
    suffix: string,
    least: number,
  ) => {
    const most = unwrittenUnits(text, suffix);
    const usable = cuts.filter(({ length }) => length <= most);
    const cut = proposedCut(text, usable, rest, least, ({ chance }) => calibration.correct(path, chance));
    return cut && { shown: text.slice(0, cut.length), chance: cut.chance };
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
    propose(path, prefix, suffix, leastConfidence) {
      const found = worthiest(path, lookAhead(path, prefix, suffix, true), suffix, leastConfidence);
      if (!found?.shown.isWellFormed()) return undefined;
      const { shown, chance } = found;
      calibration.expect(path, prefix, shown, chance);
      return { text: shown, confidence: calibration.correct(path, chance) };
    },
    rehearse(path, text, at, leastConfidence) {
      const found = worthiest(path, lookAhead(path, text.slice(0, at), "", true, true), "", leastConfidence);
      if (found) calibration.learn(path, text.startsWith(found.shown, at), found.chance);
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

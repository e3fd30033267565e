import type { Ballot, Vote } from "./ballot.ts";
import { type Cut, endFactor, insideWordFactor } from "./cut.ts";
import {
  candidateCount,
  candidateFeatures,
  createCandidate,
  createSituation,
  situationCount,
  situationFeatures,
} from "./features.ts";
import { type LearnedText, usefulPasses } from "./learnedText.ts";
import { turnedLine } from "./lineTurn.ts";
import { createSums, scoreOf, sumPlace } from "./ranking.ts";
import type { StandardText } from "./standardText.ts";
import { createSurroundings } from "./surroundings.ts";
import {
  breakKind,
  createTokenBuffer,
  gap,
  gapText,
  isBreak,
  lastTokenStart,
  tokenGap,
  tokenId,
  type Vocabulary,
} from "./vocabulary.ts";
import type { Voting } from "./voting.ts";

/** Where the cursor is, and what is known about it. */
export type Cursor = {
  /** The text before the cursor, and where its last line begins. */
  readonly prefix: string;
  readonly lineStart: number;
  /** Whether the text may go on over a line's end. */
  readonly isMultiline: boolean;
  readonly isComment: boolean;
  readonly standard: StandardText | undefined;
};

/** A token that was weighed: what its place and itself are like, and the text from the cursor up to and with it. */
export type WeighedToken = { readonly place: Float64Array; readonly features: Float64Array; readonly text: string };

/** Told of all tokens that are weighed at a step; returns the text to go on with, or undefined to end. */
export type OnStep = (tokens: readonly WeighedToken[]) => string | undefined;

/** Goes on token by token, and notes after each one the text so far and its chance. */
export type LookAhead = (cursor: Cursor, minChance: number, cuts: Cut[]) => string;

/** What context and surroundings are read from: the lines above the cursor's, until there are this many lines or units. */
const contextLines = 30;
const contextUnits = 1000;
const contextTokens = 40;
/** What a line's indentation is told from. */
const nearUnits = 4000;
const maxSteps = 24;
/** How many line breaks a text may go over. */
const maxBreaks = 1;
/** With so much context that was written in the same way before, a comment is most likely that one. */
const knownComment = 3;
const wordPattern = /^[\w$\u0080-\uffff]/;

const typedGapAt = (prefix: string, lineStart: number, end: number): number => {
  if (prefix.slice(lineStart, end).trim() === "") return gap.none;
  const last = prefix.charCodeAt(end - 1);
  if (last !== 32 && last !== 9) return /\s/.test(prefix.charAt(end - 1)) ? gap.wide : gap.none;
  if (/\s/.test(prefix.charAt(end - 2))) return gap.wide;
  return last === 32 ? gap.space : gap.tab;
};

type Choice = { vote: Vote; chance: number; text: string };

/** @param onStep chooses in place of the coefficients, for those who fit them. */
export const createLookAhead = (
  vocabulary: Vocabulary,
  voting: Voting,
  ballot: Ballot,
  learned: LearnedText,
  onStep?: OnStep,
): LookAhead => {
  const surroundings = createSurroundings(vocabulary);
  const buffer = createTokenBuffer();
  const situation = createSituation();
  const candidate = createCandidate();
  /** The features of the place and their sums: where the next token begins, and where the typed one does. */
  const place = { features: new Float64Array(situationCount), sums: createSums() };
  const typedPlace = { features: new Float64Array(situationCount), sums: createSums() };
  const features = new Float64Array(candidateCount);
  const scores: number[] = [];

  /**
   * The standard text knows what code is made of. In a comment that stands elsewhere it knows none of the words, and would
   * only cast doubt on them.
   */
  const gatherStandard = (cursor: Cursor, isComment: boolean, typed: string, typedGap: number): void => {
    if (!cursor.standard || (isComment && ballot.longest() >= knownComment)) return;
    voting.gatherStandard(cursor.standard, typed, typedGap);
  };

  const readContext = ({ prefix, lineStart }: Cursor, end: number): void => {
    let from = lineStart;
    for (let lines = 0; lines < contextLines && from > 0 && lineStart - from < contextUnits; lines++) {
      from = from < 2 ? 0 : prefix.lastIndexOf("\n", from - 2) + 1;
    }
    vocabulary.tokenize(prefix, Math.max(from, end - 2 * contextUnits), end, false, buffer);
    surroundings.begin(buffer.tokens, buffer.length);
    voting.length = 0;
    for (let i = Math.max(0, buffer.length - contextTokens); i < buffer.length; i++) {
      voting.context[voting.length++] = buffer.tokens[i]!;
    }
  };

  /** The text with a token's; undefined where its text cannot be told. */
  const textWith = (text: string, { token, typedUnits }: Vote, cursor: Cursor): string | undefined => {
    if (isBreak(token)) {
      // Where the text ends with the line, it does not matter how.
      const turn = cursor.isMultiline ? turnedLine(cursor.prefix.slice(-nearUnits) + text, token) : "\n";
      return turn === undefined ? undefined : text + turn;
    }
    const before = gapText[tokenGap(token)];
    const word = vocabulary.textOf(tokenId(token));
    if (before === undefined || word === "") return undefined;
    return text + (typedUnits > 0 ? word.slice(typedUnits) : before + word);
  };

  const describePlaces = (typed: string, typedToken: number, isFirst: boolean): void => {
    ballot.describePlace(situation);
    situation.isFirst = isFirst;
    situation.typedUnits = 0;
    surroundings.describePlace(typedToken, situation);
    situationFeatures(situation, place.features);
    sumPlace(place.features, place.sums);
    if (typedToken === 0) return;
    situation.typedUnits = typed.length;
    surroundings.describePlace(0, situation);
    situationFeatures(situation, typedPlace.features);
    sumPlace(typedPlace.features, typedPlace.sums);
  };

  /** Writes the features of a vote's token. */
  const describe = (vote: Vote, typedToken: number): void => {
    const { token, typedUnits } = vote;
    const word = vocabulary.textOf(tokenId(token));
    candidate.isBreak = isBreak(token);
    if (candidate.isBreak) {
      const { turn, isBlank } = breakKind(token);
      candidate.turn = turn;
      candidate.isBlank = isBlank;
    }
    candidate.isWord = !candidate.isBreak && wordPattern.test(word);
    candidate.units = word.length - typedUnits;
    ballot.describe(vote, candidate);
    surroundings.describe(token, typedUnits > 0 ? 0 : typedToken, candidate);
    situation.typedUnits = typedUnits;
    candidateFeatures(situation, candidate, features);
  };

  /** All tokens that may come next, to learn from them. */
  const weighAll = (votes: readonly Vote[], text: string, typedToken: number, cursor: Cursor) =>
    votes.flatMap((vote) => {
      const added = textWith(text, vote, cursor);
      if (added === undefined) return [];
      describe(vote, typedToken);
      const { features: placeFeatures } = vote.typedUnits > 0 ? typedPlace : place;
      return [{ place: placeFeatures.slice(), features: features.slice(), text: added, vote }];
    });

  /** The likeliest of the next tokens. */
  const choose = (text: string, typed: string, typedToken: number, cursor: Cursor): Choice | undefined => {
    const votes = ballot.bests();
    describePlaces(typed, typedToken, text === "");
    if (onStep) {
      const tokens = weighAll(votes, text, typedToken, cursor);
      const wanted = onStep(tokens);
      const found = tokens.find((token) => token.text === wanted);
      return found && { vote: found.vote, chance: 1, text: found.text };
    }
    scores.length = 0;
    // What nobody proposes may come, too.
    let all = 1;
    for (const vote of votes) {
      describe(vote, typedToken);
      const score = Math.exp(scoreOf(vote.typedUnits > 0 ? typedPlace.sums : place.sums, features));
      scores.push(score);
      all += score;
    }
    for (let tries = 0; tries < votes.length; tries++) {
      let best = 0;
      for (let i = 1; i < scores.length; i++) if (scores[i]! > scores[best]!) best = i;
      const vote = votes[best]!;
      const added = textWith(text, vote, cursor);
      if (added !== undefined) return { vote, chance: scores[best]! / all, text: added };
      scores[best] = -1;
    }
    return undefined;
  };

  return (cursor, minChance, cuts) => {
    const { prefix, lineStart } = cursor;
    const typedFrom = lastTokenStart(prefix, lineStart, prefix.length);
    const typed = prefix.slice(typedFrom);
    const typedGap = typedGapAt(prefix, lineStart, typedFrom);
    readContext(cursor, typedFrom);
    let { isComment } = cursor;
    let text = "";
    let breaks = 0;
    let chance = 1;
    let endsInWord = wordPattern.test(typed);
    situation.isTopLevel = typedFrom === lineStart;
    voting.tellsBreaks = cursor.isMultiline;
    for (let step = 0; step < maxSteps && voting.length < voting.context.length; step++) {
      const isFirst = step === 0;
      const gapBefore = isFirst ? typedGap : gap.none;
      const half = isFirst ? typed : "";
      let typedToken = 0;
      ballot.clear();
      if (half) {
        // The last token may be half typed, or complete: places vote for both readings.
        voting.gather(half, gap.none, 1);
        gatherStandard(cursor, isComment, half, gap.none);
        vocabulary.tokenize(half, 0, half.length, false, buffer);
        typedToken = buffer.tokens[1]! | typedGap;
        voting.context[voting.length++] = typedToken;
        voting.gather("", gap.none, 0);
        gatherStandard(cursor, isComment, "", gap.none);
      } else {
        voting.gather("", gapBefore, 0);
        gatherStandard(cursor, isComment, "", gapBefore);
      }
      const isLineStart = isBreak(voting.context[voting.length - 1 - (half ? 1 : 0)] ?? 0);
      voting.gatherInUse(surroundings.wordsInUse(half, gapBefore), half, isLineStart || gapBefore !== gap.none);
      const next = choose(text, half, typedToken, cursor);
      if (!next) break;
      const { token, typedUnits, file } = next.vote;
      if (isBreak(token) && (!cursor.isMultiline || breaks++ >= maxBreaks)) break;
      chance *= next.chance;
      if (chance < minChance) break;
      const word = vocabulary.textOf(tokenId(token));
      const isWord = !isBreak(token) && wordPattern.test(word);
      const isJoined = tokenGap(token) === gap.none;
      if (isWord && endsInWord && isJoined) {
        const last = cuts.at(-1);
        if (last) last.factor = insideWordFactor;
      }
      endsInWord = isWord;
      text = next.text;
      if (typedUnits > 0) voting.length--;
      else if (typedToken !== 0) surroundings.push(typedToken);
      surroundings.push(token);
      voting.context[voting.length++] = isFirst && isJoined && !isBreak(token) ? token | typedGap : token;
      if (isBreak(token)) {
        isComment = false;
        situation.isTopLevel = text.endsWith("\n");
        continue;
      }
      const source = learned.fileOf(file);
      if (source) source.passes = usefulPasses;
      cuts.push({ length: text.length, chance, factor: endFactor(word) });
    }
    return text;
  };
};

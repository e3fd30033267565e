import type { Ballot, Vote } from "./ballot.ts";
import { type Cut, endFactor, insideWordFactor } from "./cut.ts";
import { type LearnedText, usefulPasses } from "./learnedText.ts";
import { turnedLine } from "./lineTurn.ts";
import { createNextToken, type OnStep } from "./nextToken.ts";
import type { StandardText } from "./standardText.ts";
import { createSiblingLines } from "./siblingLines.ts";
import { createSurroundings } from "./surroundings.ts";
import {
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

/** Goes on token by token, and notes after each one the text so far and its chance. */
export type LookAhead = (cursor: Cursor, minChance: number, cuts: Cut[]) => string;

/** What context and surroundings are read from: the lines above the cursor's, until there are this many lines or units. */
const contextLines = 24;
const contextUnits = 800;
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

/** @param onStep chooses in place of the coefficients, for those who fit them. */
export const createLookAhead = (
  vocabulary: Vocabulary,
  voting: Voting,
  ballot: Ballot,
  learned: LearnedText,
  onStep?: OnStep,
): LookAhead => {
  const surroundings = createSurroundings(vocabulary);
  const siblings = createSiblingLines(vocabulary);
  const buffer = createTokenBuffer();
  const next = createNextToken(vocabulary, ballot, surroundings, onStep);

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

  return (cursor, minChance, cuts) => {
    const { prefix, lineStart } = cursor;
    const typedFrom = lastTokenStart(prefix, lineStart, prefix.length);
    const typed = prefix.slice(typedFrom);
    const typedGap = typedGapAt(prefix, lineStart, typedFrom);
    readContext(cursor, typedFrom);
    if (prefix.slice(lineStart, typedFrom).trim() === "")
      surroundings.beginLine(siblings.find(prefix, lineStart, typedFrom - lineStart));
    let { isComment } = cursor;
    let text = "";
    let breaks = 0;
    let chance = 1;
    let endsInWord = wordPattern.test(typed);
    let isTopLevel = typedFrom === lineStart;
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
      // Behind a sign any word may begin; a word that is half typed goes on.
      const isSign = half !== "" && !wordPattern.test(half);
      const wordStart = isSign ? "" : half;
      const inUse = surroundings.wordsInUse(wordStart, isSign ? typedToken : 0, gapBefore);
      voting.gatherInUse(inUse, wordStart, !isSign && (isLineStart || gapBefore !== gap.none));
      next.begin(half, typedToken, isFirst, isTopLevel);
      const current = text;
      const chosen = next.choose((vote) => textWith(current, vote, cursor));
      if (!chosen) break;
      const { token, typedUnits, file } = chosen.vote;
      if (isBreak(token) && (!cursor.isMultiline || breaks++ >= maxBreaks)) break;
      chance *= chosen.chance;
      if (chance < minChance) break;
      const word = vocabulary.textOf(tokenId(token));
      const isWord = vocabulary.isWord(tokenId(token));
      const isJoined = tokenGap(token) === gap.none;
      if (isWord && endsInWord && isJoined) {
        const last = cuts.at(-1);
        if (last) last.factor = insideWordFactor;
      }
      endsInWord = isWord;
      text = chosen.text;
      if (typedUnits > 0) voting.length--;
      else if (typedToken !== 0) surroundings.push(typedToken);
      // The gap was typed before the token, or before the half of it.
      const isBehindGap = isFirst && isJoined && !isBreak(token) && (half === "" || typedUnits > 0);
      const placed = isBehindGap ? token | typedGap : token;
      surroundings.push(placed);
      voting.context[voting.length++] = placed;
      if (isBreak(token)) {
        isComment = false;
        isTopLevel = text.endsWith("\n");
        if (cursor.isMultiline) {
          const above = prefix.slice(-nearUnits) + text;
          const from = above.lastIndexOf("\n") + 1;
          surroundings.beginLine(siblings.find(above, from, above.length - from));
        }
        continue;
      }
      const source = learned.fileOf(file);
      if (source) source.passes = usefulPasses;
      cuts.push({ length: text.length, chance, factor: endFactor(word) });
    }
    return text;
  };
};

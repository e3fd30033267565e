import { isBlankUnit } from "./vocabulary.ts";

/** A stretch of whole lines. Equal numbers mean equal text, and an equal line above it. */
export type Piece = {
  hash: number;
  check: number;
  from: number;
  to: number;
  /** Where the last line that is not blank begins before the piece: its left context. */
  contextFrom: number;
};

/**
 * How long pieces are, in UTF-16 units: no border comes before `minUnits`, one in eight lines' ends is one from there on.
 * Small pieces make an edit cheap to learn, large ones lose less at their seams and cost less to keep.
 */
export type PieceSizes = { readonly minUnits: number; readonly maxUnits: number };
const usualSizes: PieceSizes = { minUnits: 240, maxUnits: 1200 };

export type CutOptions = {
  /** What follows the last border is left out. */
  readonly wholeOnly?: boolean;
  /** A piece that an earlier cut of the same text gave: only what follows it is cut. */
  readonly after?: Piece | undefined;
  /** Only until a border for which it returns true. */
  readonly isEnough?: (border: number) => boolean;
  /** The same ones each time, or no piece is found again. */
  readonly sizes?: PieceSizes;
};

const fnvOffset = 0x811c9dc5 | 0;
const fnvPrime = 0x01000193;
const golden = 0x9e3779b1;

/**
 * Cuts text into pieces whose borders depend on the lines near them only, so that an edit changes one or two pieces
 * and leaves the others as they were.
 */
export const cutIntoPieces = (text: string, options: CutOptions = {}): Piece[] => {
  const { wholeOnly = false, after, isEnough, sizes: { minUnits, maxUnits } = usualSizes } = options;
  const pieces: Piece[] = [];
  let from = after?.to ?? 0;
  let contextFrom = 0;
  let hash = fnvOffset;
  let check = 1;
  let lineHash = 0;
  // The line above the first new piece counts into it, so read it again.
  let at = after ? text.lastIndexOf("\n", from - 2) + 1 : 0;
  if (after) contextFrom = lastFilledLine(text, after) ?? after.contextFrom;
  let lineFrom = at;
  let filledLine = contextFrom;
  let isFilled = false;
  for (; at <= text.length; at++) {
    const code = at < text.length ? text.charCodeAt(at) : -1;
    if (code >= 0) {
      lineHash = (Math.imul(lineHash, 33) + code) | 0;
      if (at >= from) {
        hash = Math.imul(hash ^ code, fnvPrime);
        check = (Math.imul(check, 31) + code) | 0;
      }
      if (code !== 10) {
        isFilled ||= !isBlankUnit(code);
        continue;
      }
    }
    if (isFilled) filledLine = lineFrom;
    isFilled = false;
    lineFrom = at + 1;
    const units = lineFrom - from;
    const isBorder =
      code >= 0 && (units >= maxUnits || (units >= minUnits && Math.imul(lineHash, golden) >>> 29 === 0));
    if (isBorder || (code < 0 && !wholeOnly && text.length > from)) {
      pieces.push({ hash, check, from, to: Math.min(lineFrom, text.length), contextFrom });
      if (isEnough?.(lineFrom)) return pieces;
      from = lineFrom;
      contextFrom = filledLine;
    }
    if (lineFrom === from) {
      hash = fnvOffset;
      check = lineHash;
    }
    lineHash = 0;
  }
  return pieces;
};

const lastFilledLine = (text: string, { from, to }: Piece): number | undefined => {
  let end = to - 1;
  while (end > from) {
    const start = Math.max(from, text.lastIndexOf("\n", end - 1) + 1);
    for (let at = start; at < end; at++) if (!isBlankUnit(text.charCodeAt(at))) return start;
    end = start - 1;
  }
  return undefined;
};

/** Whether two pieces hold equal text below an equal line. */
export const isSamePiece = (a: Piece, b: Piece): boolean =>
  a.hash === b.hash && a.check === b.check && a.to - a.from === b.to - b.from;

/** Stretches that are compared at once, in UTF-16 units: V8 compares whole strings far faster than a loop does. */
const stretches = [16_384, 1024, 64, 1];

/** How many UTF-16 units two texts have in common at their beginnings. */
export const commonStart = (a: string, b: string): number => {
  const most = Math.min(a.length, b.length);
  let at = 0;
  for (const units of stretches) {
    while (at + units <= most && a.slice(at, at + units) === b.slice(at, at + units)) at += units;
  }
  return at;
};

/** How many they have in common at their ends, beyond the first `start` units of both. */
export const commonEnd = (a: string, b: string, start: number): number => {
  const most = Math.min(a.length, b.length) - start;
  let at = 0;
  for (const units of stretches) {
    while (
      at + units <= most &&
      a.slice(a.length - at - units, a.length - at) === b.slice(b.length - at - units, b.length - at)
    ) {
      at += units;
    }
  }
  return at;
};

/** A stretch of whole lines. Equal numbers mean equal text, and an equal line above it. */
export type Piece = {
  hash: number;
  check: number;
  from: number;
  to: number;
  /** Where the last line that is not blank begins before the piece: its left context. */
  contextFrom: number;
};

// Small pieces make an edit cheap to learn, large ones lose less at their seams and cost less to keep.
const minUnits = 240;
const maxUnits = 1200;

const fnvOffset = 0x811c9dc5 | 0;
const fnvPrime = 0x01000193;
const golden = 0x9e3779b1;

/**
 * Cuts text into pieces whose borders depend on the lines near them only, so that an edit changes one or two pieces
 * and leaves the others as they were. With `wholeOnly`, what follows the last border is left out; with `after`, a piece
 * that an earlier cut of the same text gave, only what follows that piece is cut.
 */
export const cutIntoPieces = (text: string, wholeOnly: boolean, after?: Piece): Piece[] => {
  const pieces: Piece[] = [];
  let from = after?.to ?? 0;
  let contextFrom = 0;
  let hash = fnvOffset;
  let check = 1;
  let lineHash = 0;
  // The line above the first new piece counts into it, so read it again.
  let at = after ? text.lastIndexOf("\n", from - 2) + 1 : 0;
  if (after) contextFrom = lastFilledLine(text, after.from, from);
  let lineFrom = at;
  let filledLine = contextFrom;
  for (; at <= text.length; at++) {
    const code = at < text.length ? text.charCodeAt(at) : -1;
    if (code >= 0) {
      lineHash = (Math.imul(lineHash, 33) + code) | 0;
      if (at >= from) {
        hash = Math.imul(hash ^ code, fnvPrime);
        check = (Math.imul(check, 31) + code) | 0;
      }
      if (code !== 10) continue;
    }
    if (at - lineFrom >= 2) filledLine = lineFrom;
    lineFrom = at + 1;
    const units = lineFrom - from;
    const isBorder =
      code >= 0 && (units >= maxUnits || (units >= minUnits && Math.imul(lineHash, golden) >>> 29 === 0));
    if (isBorder || (code < 0 && !wholeOnly && text.length > from)) {
      pieces.push({ hash, check, from, to: Math.min(lineFrom, text.length), contextFrom });
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

const lastFilledLine = (text: string, from: number, to: number): number => {
  let end = to - 1;
  while (end > from) {
    const start = Math.max(from, text.lastIndexOf("\n", end - 1) + 1);
    if (end - start >= 2) return start;
    end = start - 1;
  }
  return from;
};

/** One edit of a document, in UTF-16 units of its text before the edit. */
export type TextChange = {
  readonly offset: number;
  readonly removedUnits: number;
  /** What stands there now, with the document's own line ends. */
  readonly text: string;
};

/** A stretch of text that stands in the document as it was put there. */
export type Piece = { readonly offset: number; readonly text: string };

/**
 * Where `pieces` stand after `change`. What the change took away is gone, unless it stands again in what the change put
 * there: a formatter replaces whole lines to move them. Pure.
 */
export const follow = (pieces: readonly Piece[], change: TextChange): Piece[] =>
  pieces.flatMap((piece) => {
    const changeEnd = change.offset + change.removedUnits;
    const shiftUnits = change.text.length - change.removedUnits;
    if (piece.offset >= changeEnd) return [{ ...piece, offset: piece.offset + shiftUnits }];
    const before = piece.text.slice(0, Math.max(0, change.offset - piece.offset));
    const after = piece.text.slice(Math.max(0, changeEnd - piece.offset));
    const replaced = piece.text.slice(before.length, piece.text.length - after.length);
    return [
      { offset: piece.offset, text: before },
      ...standsAgain(replaced, Math.max(0, piece.offset - change.offset), change),
      { offset: changeEnd + shiftUnits, text: after },
    ].filter(({ text }) => text !== "");
  });

/** How many units still stand. */
export const standingUnits = (pieces: readonly Piece[]): number =>
  pieces.reduce((sum, { text }) => sum + text.length, 0);

/** The lines of `replaced` that `change` put back, in their order; `expected` is where they stood in what it replaced. */
const standsAgain = (replaced: string, expected: number, change: TextChange): Piece[] => {
  const found: Piece[] = [];
  const movedUnits = change.text.length - change.removedUnits;
  // A longer text may have grown before this place by as much as it grew in all.
  let from = Math.max(0, Math.min(expected, expected + movedUnits) - maxMovedUnits);
  for (const line of replaced.split(/(?<=\n)/)) {
    const text = line.trim();
    if (text.length < minKnownUnits) continue;
    const at = change.text.indexOf(text, from);
    if (at < 0) continue;
    found.push({ offset: change.offset + at, text });
    from = at + text.length;
  }
  return found;
};

// A shorter text stands somewhere in every document.
const minKnownUnits = 4;
// Formatters move text by some blanks and line breaks.
const maxMovedUnits = 200;

/** Whole lines that were replaced by others; either side may be empty. */
export type LinesEdit = {
  /** First line, from 0, in the text before as well as after. */
  readonly line: number;
  readonly removed: readonly string[];
  readonly added: readonly string[];
};

/**
 * What changed from one text to another, as one stretch of whole lines. Of equal lines that were inserted or removed, the
 * last one counts. Undefined: nothing changed.
 */
export const findEdit = (before: readonly string[], after: readonly string[]): LinesEdit | undefined => {
  const shorter = Math.min(before.length, after.length);
  let line = 0;
  while (line < shorter && before[line] === after[line]) line++;
  if (line === before.length && line === after.length) return undefined;
  let tail = 0;
  while (tail < shorter - line && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  return {
    line,
    removed: before.slice(line, before.length - tail),
    added: after.slice(line, after.length - tail),
  };
};

const isWithinLine = ({ removed, added }: LinesEdit): boolean => removed.length <= 1 && added.length <= 1;

/**
 * Whether a later edit goes on typing in the line of an earlier one: both are then one change, seen at two moments. What
 * is changed inside of lines that came as a whole is a change of its own.
 */
export const continues = (earlier: LinesEdit, later: LinesEdit): boolean =>
  isWithinLine(earlier) && isWithinLine(later) && earlier.line === later.line;

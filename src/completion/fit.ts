import { filterCompletion, type FilteredCompletion } from "./filters.ts";
import { isLineEnd, type Snapshot } from "./snapshot.ts";

/** Fewer characters than this are not worth the eye's movement. */
export const minUsefulCharacters = 2;

// Behind these a block begins; with nothing on the line, a statement.
const atBlock = /(?:^|\n)[^\S\n]*$|[{([:][^\S\n]*$/;
// With the blank lines before it.
const firstFullLine = /^\s*[^\n]*/;

/**
 * What of `text` can be shown at `snapshot`; undefined when less than `minCharacters` of it would be left, or a comment
 * without words, unless it `mayBeSign`. Several lines only where a block or a statement begins: who has begun a line looks
 * at its end, and what comes below is shown once it is there.
 */
export const fit = (
  snapshot: Snapshot,
  text: string,
  minCharacters = minUsefulCharacters,
  mayBeSign = false,
): FilteredCompletion | undefined => {
  const whole = filterCompletion({ ...snapshot, text, multiline: isLineEnd(snapshot.suffix), mayBeSign });
  const filtered =
    whole && !atBlock.test(snapshot.prefix.slice(-200))
      ? { ...whole, insertText: firstFullLine.exec(whole.insertText)![0] }
      : whole;
  return filtered && usefulCharacters(filtered.insertText) >= minCharacters ? filtered : undefined;
};

/** Without white space around it; behind a line's end the next line's indentation counts, since it need not be typed. */
const usefulCharacters = (text: string): number => (text.startsWith("\n") ? text.trimEnd() : text.trim()).length;

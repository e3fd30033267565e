import { filterCompletion, type FilteredCompletion } from "./filters.ts";
import { isLineEnd, type Snapshot } from "./snapshot.ts";

/** Fewer characters than this are not worth the eye's movement. */
export const minUsefulCharacters = 2;

/** What of `text` can be shown at `snapshot`; undefined when less than `minCharacters` of it would be left. */
export const fit = (
  snapshot: Snapshot,
  text: string,
  minCharacters = minUsefulCharacters,
): FilteredCompletion | undefined => {
  const filtered = filterCompletion({ ...snapshot, text, multiline: isLineEnd(snapshot.suffix) });
  return filtered && usefulCharacters(filtered.insertText) >= minCharacters ? filtered : undefined;
};

/** Without white space around it; behind a line's end the next line's indentation counts, since it need not be typed. */
const usefulCharacters = (text: string): number => (text.startsWith("\n") ? text.trimEnd() : text.trim()).length;

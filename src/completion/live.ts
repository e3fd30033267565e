import type { SuggestionSource } from "../metrics/ledger.ts";
import type { FilteredCompletion } from "./filters.ts";
import { remainder, suffixKey, typedBetween, type Snapshot } from "./snapshot.ts";

/** The text that was offered last, from the place where it was offered first. */
export type Live = {
  readonly snapshot: Snapshot;
  readonly text: string;
  /** What of it was drawn at `snapshot`. */
  readonly drawn: FilteredCompletion | undefined;
  readonly origin: SuggestionSource;
  /** With a text of the predictor's: its estimate that it is right, 0 to 1. */
  readonly confidence: number | undefined;
  /** Not handed to VS Code yet: the next offer counts for its origin. */
  readonly isNew: boolean;
};

/** What of it is still to come at `snapshot`; undefined when the user took another way, or all of it. */
export const liveRest = (live: Live | undefined, snapshot: Snapshot): string | undefined =>
  live?.snapshot.documentId === snapshot.documentId && suffixKey(live.snapshot.suffix) === suffixKey(snapshot.suffix)
    ? remainder(live.snapshot.prefix, live.text, snapshot.prefix)
    : undefined;

/** What is still drawn after typing along, with the text behind the cursor as it was. */
export const stillDrawn = (live: Live | undefined, { prefix, suffix }: Snapshot): FilteredCompletion | undefined => {
  if (!live?.drawn || live.snapshot.suffix !== suffix) return undefined;
  const insertText = remainder(live.snapshot.prefix, live.drawn.insertText, prefix);
  return insertText === undefined ? undefined : { insertText, replaceAfter: live.drawn.replaceAfter };
};

/** True while the user has not begun to take it. */
export const isUntouched = (live: Live, snapshot: Snapshot): boolean =>
  typedBetween(live.snapshot.prefix, snapshot.prefix) === "";

/** The same text with another end: `rest` of it becomes `longer`. */
export const withRest = (live: Live, rest: string, longer: string): Live => ({
  ...live,
  text: live.text.slice(0, live.text.length - rest.length) + longer,
});

import type { SuggestionSource } from "../metrics/ledger.ts";
import type { FilteredCompletion } from "./filters.ts";
import { fit } from "./fit.ts";
import { remainder, suffixKey, typedBetween, type Snapshot } from "./snapshot.ts";

/** The text that was offered last, from the place where it was offered first. */
export type Live = {
  readonly snapshot: Snapshot;
  readonly text: string;
  /** What of it is drawn, from the same place on. */
  readonly drawn: FilteredCompletion;
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

/**
 * What is drawn of it at `snapshot`. While it is typed along it stays as it was drawn, also where it would not be proposed
 * anew; what was not drawn of it comes when the rest is typed out, or the text behind the cursor is another.
 */
export const drawnRest = (live: Live | undefined, snapshot: Snapshot): FilteredCompletion | undefined => {
  const rest = liveRest(live, snapshot);
  if (!live || rest === undefined) return undefined;
  if (live.snapshot.suffix === snapshot.suffix) {
    const insertText = remainder(live.snapshot.prefix, live.drawn.insertText, snapshot.prefix);
    if (insertText !== undefined) return { insertText, replaceAfter: live.drawn.replaceAfter };
  }
  return fit(snapshot, rest, 1);
};

/** True while the user has not begun to take it. */
export const isUntouched = (live: Live, snapshot: Snapshot): boolean =>
  typedBetween(live.snapshot.prefix, snapshot.prefix) === "";

/** The same text, typed to `snapshot`, of which `rest` is to come and `drawn` is on screen now. */
export const withRest = (live: Live, snapshot: Snapshot, rest: string, drawn: FilteredCompletion): Live => {
  const typed = snapshot.prefix.slice(live.snapshot.prefix.length);
  return {
    ...live,
    snapshot: { ...live.snapshot, suffix: snapshot.suffix },
    text: typed + rest,
    drawn: { ...drawn, insertText: typed + drawn.insertText },
  };
};

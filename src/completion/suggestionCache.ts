import { createByteLru } from "../cache/byteLru.ts";
import { suffixKey, type Snapshot } from "./snapshot.ts";

/** Remembers what models proposed, by place; survives edits elsewhere in the document. */
export type SuggestionCache = {
  /** Keeps `text` as what follows `snapshot`. */
  add(snapshot: Snapshot, model: string, text: string): void;
  /** What is still to come at this place, if it, or a place that the user typed on from, was answered before. */
  find(snapshot: Snapshot, model: string): string | undefined;
  clear(): void;
  readonly sizeBytes: number;
};

type Entry = { context: string; text: string };
type Bucket = { entries: Entry[] };

// Two places with the same 400 characters before them and the same text behind get the same answer.
const contextCharacters = 400;
const entriesPerBucket = 16;

/** Makes an empty cache of at most `maxBytes`, dropping the places not asked for longest. */
export const createSuggestionCache = (maxBytes: number): SuggestionCache => {
  const buckets = createByteLru<Bucket>({
    maxBytes,
    sizeOf: ({ entries }) =>
      entries.reduce((sum, { context, text }) => sum + 2 * (context.length + text.length) + 64, 0),
  });
  return {
    add(snapshot, model, text) {
      const key = keyOf(snapshot, model);
      const context = ownCopy(snapshot.prefix.slice(-contextCharacters));
      const others = buckets.get(key)?.entries.filter((entry) => entry.context !== context) ?? [];
      buckets.set(key, { entries: [{ context, text }, ...others].slice(0, entriesPerBucket) });
    },
    find(snapshot, model) {
      const bucket = buckets.get(keyOf(snapshot, model));
      for (const { context, text } of bucket?.entries ?? []) {
        const rest = restAfterTyping(context, text, snapshot.prefix);
        if (rest !== undefined) return rest;
      }
      return undefined;
    },
    clear: () => buckets.clear(),
    get sizeBytes() {
      return buckets.sizeBytes;
    },
  };
};

/** A slice of a string keeps the whole string in memory: here, every version of the document. */
const ownCopy = (text: string): string => Buffer.from(text, "utf16le").toString("utf16le");

const keyOf = (snapshot: Snapshot, model: string): string =>
  `${model}\0${snapshot.documentId}\0${suffixKey(snapshot.suffix)}`;

/** The rest of `text` when `prefix` ends with `context` and the beginning of `text`. */
const restAfterTyping = (context: string, text: string, prefix: string): string | undefined => {
  for (let typed = text.length - 1; typed >= 0; typed--) {
    if (typed > 0 && prefix[prefix.length - 1] !== text[typed - 1]) continue;
    if (!prefix.endsWith(text.slice(0, typed))) continue;
    const before = prefix.slice(Math.max(0, prefix.length - typed - contextCharacters), prefix.length - typed);
    if (before === context) return text.slice(typed);
  }
  return undefined;
};

import { createByteLru } from "../cache/byteLru.ts";
import { ownCopy } from "./ownCopy.ts";
import { createPrefixTree, type PrefixTree } from "./prefixTree.ts";
import { suffixKey, type Snapshot } from "./snapshot.ts";

/** What was remembered for a place. */
export type Remembered = {
  /** What is still to come. */
  readonly text: string;
  /** It was asked for before anybody was there. */
  readonly isSpeculated: boolean;
};

/** Remembers what models proposed, by place; survives edits elsewhere in the document. */
export type SuggestionCache = {
  /** Keeps `text` as what follows `snapshot`. */
  add(snapshot: Snapshot, model: string, text: string, isSpeculated?: boolean): void;
  /** What is still to come at this place, if it, or the nearest place that the user typed on from, was answered before. */
  find(snapshot: Snapshot, model: string): Remembered | undefined;
  /** Forgets the answer for exactly this place. */
  forget(snapshot: Snapshot, model: string): void;
  clear(): void;
  /** Forgets the places not asked for longest, until at most `toBytes` are left. */
  shrink(toBytes: number): void;
  readonly sizeBytes: number;
};

type Entry = {
  readonly treeKey: string;
  readonly place: string;
  readonly text: string;
  readonly isSpeculated: boolean;
};

// A place is its line up to the cursor and so much before that line: edits further away do not matter.
const contextUnits = 400;
// How far a text may have been typed along: more lines and units than any answer has.
const maxLinesBack = 16;
const maxUnitsBack = 4000;

/**
 * Makes an empty cache of at most `maxBytes`, dropping the places not asked for longest. A look-up reads a few thousand
 * units around the cursor, however long the document is.
 */
export const createSuggestionCache = (maxBytes: number): SuggestionCache => {
  /** One tree for each model and document. Its keys are places. */
  const trees = new Map<string, PrefixTree<Entry>>();
  const entries = createByteLru<Entry>({
    maxBytes,
    // The tree's part is a node and at most the place once more.
    sizeOf: ({ place, text }) => 2 * (place.length + text.length) + 200,
    onDrop({ treeKey, place }) {
      const tree = trees.get(treeKey);
      tree?.delete(place);
      if (tree?.isEmpty) trees.delete(treeKey);
    },
  });
  return {
    add(snapshot, model, text, isSpeculated = false) {
      const [lineStart] = lineStarts(snapshot.prefix, 1);
      if (lineStart === undefined || text === "") return;
      const treeKey = treeKeyOf(snapshot, model);
      const place = ownCopy(placeAt(snapshot, lineStart));
      const entry = { treeKey, place, text: ownCopy(text), isSpeculated };
      const key = entryKey(treeKey, place);
      entries.set(key, entry);
      // One that is larger than the whole cache is not kept.
      if (entries.get(key) !== entry) return;
      const tree = trees.get(treeKey) ?? createPrefixTree<Entry>();
      trees.set(treeKey, tree);
      tree.set(place, entry);
    },
    find(snapshot, model) {
      const treeKey = treeKeyOf(snapshot, model);
      const tree = trees.get(treeKey);
      if (!tree) return undefined;
      const key = suffixKey(snapshot.suffix);
      for (const lineStart of lineStarts(snapshot.prefix, maxLinesBack)) {
        const here = placeAt(snapshot, lineStart, key);
        for (const { value, length } of tree.prefixesOf(here)) {
          const { text, isSpeculated } = value;
          const typedUnits = here.length - length;
          if (typedUnits >= text.length || !text.startsWith(here.slice(length))) continue;
          entries.get(entryKey(treeKey, value.place));
          return { text: text.slice(typedUnits), isSpeculated };
        }
      }
      return undefined;
    },
    forget(snapshot, model) {
      const [lineStart] = lineStarts(snapshot.prefix, 1);
      if (lineStart === undefined) return;
      entries.delete(entryKey(treeKeyOf(snapshot, model), placeAt(snapshot, lineStart)));
    },
    clear() {
      entries.clear();
      trees.clear();
    },
    shrink: (toBytes) => entries.shrink(toBytes),
    get sizeBytes() {
      return entries.sizeBytes;
    },
  };
};

const entryKey = (treeKey: string, place: string): string => `${treeKey}\0${place}`;

const treeKeyOf = ({ documentId }: Snapshot, model: string): string => `${model}\0${documentId}`;

/** Where the cursor's line and those before it begin, nearest first. None in a line that is too long to be written by hand. */
const lineStarts = (prefix: string, count: number): number[] => {
  const from = Math.max(0, prefix.length - maxUnitsBack);
  const near = prefix.slice(from);
  const starts: number[] = [];
  for (let end = near.length; starts.length < count && end >= 0;) {
    const start = end === 0 ? 0 : near.lastIndexOf("\n", end - 1) + 1;
    if (start === 0 && from > 0) break;
    starts.push(from + start);
    end = start - 1;
  }
  return starts;
};

/** The text behind the cursor, and the text before it from a little before `lineStart` on. */
const placeAt = ({ prefix, suffix }: Snapshot, lineStart: number, key = suffixKey(suffix)): string => {
  const from = Math.max(0, lineStart - contextUnits);
  return `${key}\0${from === 0 ? "^" : ""}${prefix.slice(from)}`;
};

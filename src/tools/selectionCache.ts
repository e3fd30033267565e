import type { ToolContext } from "./tool.ts";

/** A selection that was made, and what it was made for. */
type Entry = {
  readonly count: number;
  readonly tools: readonly string[] | undefined;
  readonly previous: readonly string[] | undefined;
  /** What had been learned when it was made. */
  readonly lesson: number;
  readonly ids: readonly string[];
};

/** Selections of late, bounded. A lookup allocates nothing. */
export type SelectionCache = {
  /**
   * The ids for a request. What was learned since makes an entry stale, except within a turn: a turn keeps the list with which it
   * began while its tools are called. Which kind of answer it was tells {@link SelectionCache.wasExact}.
   */
  get(query: string, count: number, context: ToolContext | undefined, lesson: number): readonly string[] | undefined;
  /** Whether the last answer was to the very same question. */
  wasExact(): boolean;
  set(query: string, count: number, context: ToolContext | undefined, lesson: number, ids: readonly string[]): void;
  clear(): void;
  /** What it takes, estimated. */
  sizeBytes(): number;
  /** Drops what was not asked for of late, or else all, until at most `toBytes` are left. */
  shrink(toBytes: number): void;
  readonly size: number;
};

const maxQueriesPerGeneration = 256;
const maxEntriesPerQuery = 4;
const maxQueryUnits = 8_192;

const areSame = (a: readonly string[] | undefined, b: readonly string[] | undefined): boolean => {
  if (a === b) return true;
  if (!a || !b || a.length !== b.length) return false;
  for (let at = a.length - 1; at >= 0; at--) if (a[at] !== b[at]) return false;
  return true;
};

// A list of entries and one entry, beside the query and the ids, which are the tools' own.
const queryBytes = 120;
const entryBytes = 160;
const idBytes = 8;

const bytesOf = (generation: ReadonlyMap<string, readonly Entry[]>): number => {
  let bytes = 0;
  for (const [query, entries] of generation) {
    bytes += queryBytes + 2 * query.length;
    for (const { ids, tools, previous } of entries) {
      bytes += entryBytes + idBytes * (ids.length + (tools?.length ?? 0) + (previous?.length ?? 0));
    }
  }
  return bytes;
};

/**
 * Two generations instead of a list of uses: what is asked for moves to the young one, and when that is full the old one is dropped.
 * That keeps what is used at the price of one lookup.
 */
export const createSelectionCache = (): SelectionCache => {
  let young = new Map<string, Entry[]>();
  let old = new Map<string, Entry[]>();
  let exact = false;

  const entriesOf = (query: string): Entry[] | undefined => {
    const entries = young.get(query);
    if (entries || old.size === 0) return entries;
    const aged = old.get(query);
    if (aged) keep(query, aged);
    return aged;
  };

  const keep = (query: string, entries: Entry[]): void => {
    if (young.size >= maxQueriesPerGeneration) {
      old = young;
      young = new Map();
    }
    young.set(query, entries);
  };

  return {
    get(query, count, context, lesson) {
      const entries = entriesOf(query);
      if (!entries) return undefined;
      const tools = context?.tools;
      const previous = context?.previous;
      for (let at = 0; at < entries.length; at++) {
        const entry = entries[at]!;
        if (entry.count !== count || !areSame(entry.previous, previous)) continue;
        exact = areSame(entry.tools, tools);
        if (exact ? entry.lesson === lesson : tools !== undefined && tools.length > 0) return entry.ids;
      }
      return undefined;
    },
    wasExact: () => exact,
    set(query, count, context, lesson, ids) {
      if (query.length > maxQueryUnits) return;
      const entry: Entry = {
        count,
        tools: context && context.tools.slice(),
        previous: context && context.previous.slice(),
        lesson,
        ids,
      };
      const entries = entriesOf(query) ?? [];
      const kept = entries.filter((other) => other.count !== count || !areSame(other.previous, entry.previous));
      keep(query, [entry, ...kept].slice(0, maxEntriesPerQuery));
    },
    clear() {
      young.clear();
      old.clear();
    },
    sizeBytes: () => bytesOf(young) + bytesOf(old),
    shrink(toBytes) {
      if (bytesOf(young) + bytesOf(old) > toBytes) old = new Map();
      if (bytesOf(young) > toBytes) young = new Map();
    },
    get size() {
      return young.size + old.size;
    },
  };
};

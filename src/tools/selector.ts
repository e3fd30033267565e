import type { SelectionSource } from "../metrics/toolTally.ts";
import { createRanking, lastSlot } from "./ranking.ts";
import { createLearnedTools, type LearnedState } from "./learnedTools.ts";
import { createRequestReader } from "./requestReader.ts";
import { createSelectionCache, type SelectionCache } from "./selectionCache.ts";
import type { Tool, ToolContext } from "./tool.ts";
import { createSynonyms } from "./synonyms.ts";
import { createToolIndex } from "./toolIndex.ts";
import { createVocabulary } from "./vocabulary.ts";

export type { SelectionSource } from "../metrics/toolTally.ts";
export type { LearnedState } from "./learnedTools.ts";
export type { Tool, ToolContext } from "./tool.ts";

/** Where selections came from since the selector was made; each counts in one place. */
export type SelectorStats = {
  /** The same request with the same history. */
  readonly exactHits: number;
  /** A later model call of a turn whose list was made before. */
  readonly contextHits: number;
  /** Ranked, with what was learned. */
  readonly learnedHits: number;
  /** Ranked by words alone. */
  readonly misses: number;
};

/** Ranks tools by how likely a request needs them. Deterministic: the same calls give the same lists. */
export type ToolSelector = {
  /**
   * Ids of the tools that a request probably needs, best first: at most `k`, fewer if no others have anything to do with it. The
   * list may be shared with other answers.
   */
  select(query: string, k: number, context?: ToolContext): readonly string[];
  /** Learns which tools a request really used; `context` is that of before the request. Unknown ids are ignored. */
  learn(query: string, usedIds: readonly string[], context?: ToolContext): void;
  stats(): SelectorStats;
  /** Where the last selection came from. */
  lastSource(): SelectionSource;
  /** Adds tools, or replaces those whose id is known; what was learned about an id stays. */
  add(tools: readonly Tool[]): void;
  /** Takes tools out, until they are added again. */
  remove(ids: readonly string[]): void;
  /** Makes `tools` those that there are: adds what is new or changed, takes out what is gone. False if nothing had changed. */
  sync(tools: readonly Tool[]): boolean;
  has(id: string): boolean;
  /** The tool of an id, as it was given. */
  tool(id: string): Tool | undefined;
  /** Number of tools there are now. */
  size(): number;
  /** What the selections of late take; `shrink` forgets them, not what was learned. */
  readonly cache: Pick<SelectionCache, "sizeBytes" | "shrink">;
  /** What was learned, as plain data to keep in a file. */
  serialize(nowMs: number): LearnedState;
  /** Takes up what {@link ToolSelector.serialize} gave, faded by its age; false if it is something else. */
  restore(state: unknown, nowMs: number): boolean;
};

const largestK = 1_024;

/** Makes a selector for `tools`, in about a millisecond for fifty of them. It keeps the last 256 to 512 requests with their lists. */
export const createSelector = (tools: readonly Tool[]): ToolSelector => {
  const vocabulary = createVocabulary();
  const synonyms = createSynonyms(vocabulary);
  const index = createToolIndex(vocabulary);
  const learned = createLearnedTools(index, vocabulary);
  const reader = createRequestReader(vocabulary);
  const ranking = createRanking({ index, synonyms, learned, reader });
  const cache = createSelectionCache();
  const byId = new Map<string, Tool>();
  const counts: Record<SelectionSource, number> = { exact: 0, context: 0, learned: 0, words: 0 };
  let lastSource: SelectionSource = "words";
  let lesson = 0;

  const renew = (): void => {
    cache.clear();
    ranking.makeRoom();
  };

  const noteSource = (source: SelectionSource): void => {
    lastSource = source;
    counts[source]++;
  };

  const add = (more: readonly Tool[]): void => {
    for (const tool of more) byId.set(tool.id, tool);
    index.add(more);
    renew();
  };
  const remove = (ids: readonly string[]): void => {
    for (const id of ids) byId.delete(id);
    index.remove(ids);
    renew();
  };

  add(tools);

  return {
    select(query, k, context) {
      const count = Math.min(Math.floor(k), largestK);
      if (!(count > 0)) return [];
      const known = cache.get(query, count, context, lesson);
      if (known) {
        noteSource(cache.wasExact() ? "exact" : "context");
        return known;
      }
      noteSource(learned.isEmpty() ? "words" : "learned");
      const ids = ranking.rank(query, count, context);
      cache.set(query, count, context, lesson, ids);
      return ids;
    },
    learn(query, usedIds, context) {
      const used = new Set<number>();
      for (const id of usedIds) {
        const slot = index.slotOf(id);
        if (slot >= 0 && index.isLive(slot)) used.add(slot);
      }
      if (used.size === 0) return;
      reader.read(query);
      learned.learn(reader.stems, reader.ownCount(), [...used], lastSlot(index, context?.tools ?? []));
      lesson++;
    },
    stats: () => ({
      exactHits: counts.exact,
      contextHits: counts.context,
      learnedHits: counts.learned,
      misses: counts.words,
    }),
    lastSource: () => lastSource,
    add,
    remove,
    sync(now) {
      const nowIds = new Set(now.map(({ id }) => id));
      const gone = [...byId.keys()].filter((id) => !nowIds.has(id));
      const changed = now.filter((tool) => !isSameTool(tool, byId.get(tool.id)));
      if (gone.length > 0) remove(gone);
      if (changed.length > 0) add(changed);
      return gone.length + changed.length > 0;
    },
    has: (id) => byId.has(id),
    tool: (id) => byId.get(id),
    size: () => byId.size,
    cache,
    serialize: (nowMs) => learned.serialize(nowMs),
    restore(state, nowMs) {
      const isTaken = learned.restore(state, nowMs);
      if (isTaken) {
        lesson++;
        renew();
      }
      return isTaken;
    },
  };
};

const isSameTool = (a: Tool, b: Tool | undefined): boolean =>
  b !== undefined &&
  (a === b ||
    (a.name === b.name &&
      a.description === b.description &&
      a.server === b.server &&
      (a.parameters === b.parameters || JSON.stringify(a.parameters) === JSON.stringify(b.parameters))));

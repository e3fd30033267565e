import type { LearnedTools } from "./learnedTools.ts";
import type { Lists } from "./postings.ts";
import type { RequestReader } from "./requestReader.ts";
import type { Synonyms } from "./synonyms.ts";
import type { ToolContext } from "./tool.ts";
import type { ToolIndex } from "./toolIndex.ts";

/** What a synonym counts, as a share of a match by stem. */
const synonymShare = 0.9;
/** How much of a tool's score, and how much besides, is due to the servers in use; the last call counts most. */
const serverShare = 0.6;
const serverBonus = 0.9;
const serverFade = 0.6;
const maxRecentTools = 10;

/** Scores every tool for a request and gives the best. Its working arrays are used again by each call. */
export type Ranking = {
  /** Ids of the best `k` of the tools that have anything to do with the request; equal ones in the order of adding. */
  rank(query: string, k: number, context: ToolContext | undefined): readonly string[];
  /** To be called when tools were added, before the next {@link Ranking.rank}. */
  makeRoom(): void;
};

export const createRanking = ({
  index,
  synonyms,
  learned,
  reader,
}: {
  readonly index: ToolIndex;
  readonly synonyms: Synonyms;
  readonly learned: LearnedTools;
  readonly reader: RequestReader;
}): Ranking => {
  let scores = new Float32Array(0);
  let affinities = new Float32Array(0);
  // For the word at hand: which synonym counts most for a tool, and whether that is of this pass (negative: has the word itself).
  let strongest = new Float32Array(0);
  let passes = new Float64Array(0);
  let pass = 0;
  let bestSlots = new Int32Array(16);
  let bestScores = new Float32Array(16);

  const addList = (lists: Lists, term: number, weight: number): void => {
    if (term < 0 || term >= lists.count) return;
    const { slots, impacts } = lists;
    const end = lists.starts[term + 1]!;
    for (let at = lists.starts[term]!; at < end; at++) scores[slots[at]!]! += weight * impacts[at]!;
  };

  /**
   * A tool that has only synonyms of a word gets what the strongest of them counts. Synonyms that stand in the request themselves
   * count for themselves.
   */
  const addSynonyms = (stem: number, weight: number): void => {
    const { starts, slots, impacts, count } = index.byStem;
    pass++;
    if (stem < count) for (let at = starts[stem]!; at < starts[stem + 1]!; at++) passes[slots[at]!] = -pass;
    for (let other = synonyms.starts[stem]!; other < synonyms.starts[stem + 1]!; other++) {
      const synonym = synonyms.stems[other]!;
      if (reader.has(synonym) || synonym >= count) continue;
      const end = starts[synonym + 1]!;
      for (let at = starts[synonym]!; at < end; at++) {
        const slot = slots[at]!;
        const seen = passes[slot]!;
        if (seen === -pass) continue;
        const score = weight * impacts[at]!;
        if (seen !== pass) {
          passes[slot] = pass;
          strongest[slot] = score;
          scores[slot]! += score;
        } else if (score > strongest[slot]!) {
          scores[slot]! += score - strongest[slot]!;
          strongest[slot] = score;
        }
      }
    }
  };

  const addWords = (): void => {
    for (let at = 0; at < reader.count(); at++) {
      const weight = reader.weights[at]!;
      const stem = reader.stems[at]!;
      addList(index.byStem, stem, weight);
      addList(index.byWord, reader.words[at]!, weight);
      if (stem < synonyms.count) addSynonyms(stem, weight * synonymShare);
    }
  };

  const addLearned = (recent: readonly string[] | undefined): void => {
    for (let at = 0; at < reader.ownCount(); at++) learned.addStem(reader.stems[at]!, scores);
    if (recent) learned.addTransition(lastSlot(index, recent), scores);
  };

  /** Lifts the tools of the servers that were used of late. */
  const addServers = (recent: readonly string[]): void => {
    affinities.fill(0);
    let weight = 1 - serverFade;
    for (let at = recent.length - 1; at >= Math.max(0, recent.length - maxRecentTools); at--) {
      const slot = index.slotOf(recent[at]!);
      const group = slot < 0 ? -1 : index.groupOf(slot);
      if (group >= 0) affinities[group]! += weight;
      weight *= serverFade;
    }
    for (let slot = 0; slot < index.slotCount(); slot++) {
      const group = index.groupOf(slot);
      const affinity = group < 0 ? 0 : affinities[group]!;
      if (affinity > 0) scores[slot] = scores[slot]! * (1 + serverShare * affinity) + serverBonus * affinity;
    }
  };

  /** The best `k` by score; equal ones in the order in which they were added. */
  const best = (k: number): string[] => {
    if (bestSlots.length < k) {
      bestSlots = new Int32Array(k);
      bestScores = new Float32Array(k);
    }
    let count = 0;
    let least = 0;
    const slotCount = index.slotCount();
    for (let slot = 0; slot < slotCount; slot++) {
      const score = scores[slot]!;
      if (score <= least || !index.isLive(slot)) continue;
      let at = count < k ? count++ : k - 1;
      while (at > 0 && bestScores[at - 1]! < score) {
        bestScores[at] = bestScores[at - 1]!;
        bestSlots[at] = bestSlots[at - 1]!;
        at--;
      }
      bestScores[at] = score;
      bestSlots[at] = slot;
      if (count === k) least = bestScores[k - 1]!;
    }
    const ids: string[] = [];
    for (let at = 0; at < count; at++) ids.push(index.idOf(bestSlots[at]!));
    return ids;
  };

  return {
    rank(query, k, context) {
      scores.fill(0, 0, index.slotCount());
      reader.read(query);
      addWords();
      if (context && context.tools.length > 0) addServers(context.tools);
      if (!learned.isEmpty()) addLearned(context?.tools);
      return best(k);
    },
    makeRoom() {
      const slotCount = index.slotCount();
      if (scores.length < slotCount) {
        scores = new Float32Array(slotCount * 2);
        strongest = new Float32Array(slotCount * 2);
        passes = new Float64Array(slotCount * 2);
      }
      if (affinities.length < index.groupCount()) affinities = new Float32Array(index.groupCount() * 2);
    },
  };
};

/** Slot of the last tool that was called; -1 if none was, -2 if it is not known. */
export const lastSlot = (index: ToolIndex, recent: readonly string[]): number => {
  const last = recent.at(-1);
  if (last === undefined) return -1;
  const slot = index.slotOf(last);
  return slot < 0 ? -2 : slot;
};

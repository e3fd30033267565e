import { createPostings, type Lists, type Postings } from "./postings.ts";
import { groupOf, parameterText, type Tool } from "./tool.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { createWords, cutIntoWords } from "./words.ts";

/**
 * What a word counts in each text of a tool, how much a long text dilutes it (BM25F's b), and the length in words that counts as
 * usual. The lengths are fixed, so that a tool's weights do not depend on which tools it stands beside. Descriptions of
 * parameters are not diluted: many parameters make a tool able, not vague.
 */
const fields = [
  { weight: 3, dilution: 0, usualWords: 3 },
  { weight: 1, dilution: 0.6, usualWords: 18 },
  { weight: 1.3, dilution: 0.3, usualWords: 5 },
  { weight: 0.9, dilution: 0, usualWords: 40 },
  { weight: 0.45, dilution: 0, usualWords: 2 },
] as const;

const saturation = 1.2;
/** What a word in the name adds, shared out among the name's words. */
const nameCover = 0.9;
/** Shares of a match by stem and by the very word. */
const stemShare = 0.5;
const wordShare = 0.5;
/** How much of a tool's weight is set in relation to all that it says, as in a cosine. */
const lengthShare = 0.6;

const maxTextUnits = 8_000;

/** Precomputed impacts of words on tools. A tool has a slot, a number that stays its own for the index's lifetime. */
export type ToolIndex = {
  /** Adds tools, or replaces those whose id is known; of several with one id the last counts. */
  add(tools: readonly Tool[]): void;
  /** Takes tools out; unknown ids are ignored. */
  remove(ids: readonly string[]): void;
  /** The slot that an id has, has had, or, with `make`, will have. */
  slotOf(id: string, make?: boolean): number;
  idOf(slot: number): string;
  /** Slots are below this. */
  slotCount(): number;
  isLive(slot: number): boolean;
  /** Number of the slot's server, from 0. */
  groupOf(slot: number): number;
  groupCount(): number;
  liveCount(): number;
  /** Impacts by stem and by the very word. A match of the very word is in both lists. */
  readonly byStem: Lists;
  readonly byWord: Lists;
};

export const createToolIndex = (vocabulary: Vocabulary): ToolIndex => {
  const slots = new Map<string, number>();
  const ids: string[] = [];
  const live: boolean[] = [];
  const groups = new Map<string, number>();
  const groupBySlot: number[] = [];
  const stemPostings = createPostings();
  const wordPostings = createPostings();
  const words = createWords();
  const byStem: Lists = { starts: new Int32Array(1), slots: new Int32Array(0), impacts: new Float32Array(0), count: 0 };
  const byWord: Lists = { starts: new Int32Array(1), slots: new Int32Array(0), impacts: new Float32Array(0), count: 0 };
  let liveCount = 0;

  // Weights of the words of the tool at hand, by number.
  let stemWeights = new Float32Array(8_192);
  let wordWeights = new Float32Array(8_192);
  let nameMarks = new Uint8Array(8_192);
  const foundStems: number[] = [];
  const foundWords: number[] = [];
  const nameStems: number[] = [];
  const fieldWords = new Int32Array(words.low.length);

  const slotOf = (id: string, make = false): number => {
    let slot = slots.get(id);
    if (slot === undefined) {
      if (!make) return -1;
      slot = ids.length;
      slots.set(id, slot);
      ids.push(id);
      live.push(false);
      groupBySlot.push(-1);
    }
    return slot;
  };

  const makeRoom = (): void => {
    const need = Math.max(vocabulary.wordCount(), vocabulary.stemCount());
    if (need <= stemWeights.length) return;
    const size = need * 2;
    const moreStems = new Float32Array(size);
    moreStems.set(stemWeights);
    stemWeights = moreStems;
    const moreWords = new Float32Array(size);
    moreWords.set(wordWeights);
    wordWeights = moreWords;
    const moreMarks = new Uint8Array(size);
    moreMarks.set(nameMarks);
    nameMarks = moreMarks;
  };

  const addField = (text: string, field: number): void => {
    const { weight, dilution, usualWords } = fields[field]!;
    cutIntoWords(words, text, maxTextUnits);
    let count = 0;
    for (let at = 0; at < words.count; at++) {
      const word = vocabulary.wordAt(words, at, true);
      if (word >= 0 && vocabulary.stemOfWord(word) >= 0) fieldWords[count++] = word;
    }
    makeRoom();
    const share = weight / (1 - dilution + (dilution * count) / usualWords);
    for (let at = 0; at < count; at++) {
      const word = fieldWords[at]!;
      const stem = vocabulary.stemOfWord(word);
      if (stemWeights[stem] === 0) foundStems.push(stem);
      if (wordWeights[word] === 0) foundWords.push(word);
      stemWeights[stem]! += share;
      wordWeights[word]! += share;
      if (field === 0 && nameMarks[stem] === 0) {
        nameMarks[stem] = 1;
        nameStems.push(stem);
      }
    }
  };

  const addTool = (tool: Tool): void => {
    const slot = slotOf(tool.id, true);
    if (live[slot]) dropSlots((other) => other === slot);
    live[slot] = true;
    liveCount++;
    const group = groupOf(tool);
    let number = groups.get(group);
    if (number === undefined) groups.set(group, (number = groups.size));
    groupBySlot[slot] = number;
    const { names, descriptions } = parameterText(tool.parameters);
    addField(tool.name, 0);
    addField(tool.description, 1);
    addField(names, 2);
    addField(descriptions, 3);
    if (group !== tool.id) addField(group, 4);
    const cover = nameStems.length > 0 ? 1 + nameCover / nameStems.length : 1;
    for (const stem of foundStems) {
      stemPostings.push(stem, slot, stemWeights[stem]!, nameMarks[stem] === 1 ? cover : 1);
      stemWeights[stem] = 0;
      nameMarks[stem] = 0;
    }
    for (const word of foundWords) {
      wordPostings.push(word, slot, wordWeights[word]!, 1);
      wordWeights[word] = 0;
    }
    foundStems.length = 0;
    foundWords.length = 0;
    nameStems.length = 0;
  };

  const dropSlots = (isDropped: (slot: number) => boolean): void => {
    stemPostings.drop(isDropped);
    wordPostings.drop(isDropped);
    for (let slot = 0; slot < live.length; slot++) {
      if (!live[slot] || !isDropped(slot)) continue;
      live[slot] = false;
      liveCount--;
    }
  };

  /** Turns weights into impacts: rare words count more, long-winded tools less. */
  const seal = (): void => {
    const stemImpacts = stemPostings.impacts(vocabulary.stemCount(), liveCount, saturation);
    const wordImpacts = wordPostings.impacts(vocabulary.wordCount(), liveCount, saturation);
    const factors = new Float32Array(ids.length);
    let lengthSum = 0;
    for (let at = 0; at < stemPostings.count(); at++) {
      const impact = stemImpacts[at]!;
      factors[stemPostings.slotAt(at)]! += impact * impact;
    }
    for (let slot = 0; slot < ids.length; slot++) {
      factors[slot] = Math.sqrt(factors[slot]!);
      lengthSum += factors[slot]!;
    }
    const usual = liveCount > 0 ? lengthSum / liveCount : 1;
    for (let slot = 0; slot < ids.length; slot++) {
      const length = factors[slot]!;
      factors[slot] = length > 0 ? 1 - lengthShare + (lengthShare * usual) / length : 0;
    }
    scale(stemPostings, stemImpacts, factors);
    scale(wordPostings, wordImpacts, factors);
    stemPostings.sortInto(byStem, vocabulary.stemCount(), stemImpacts, stemShare);
    wordPostings.sortInto(byWord, vocabulary.wordCount(), wordImpacts, wordShare);
  };

  return {
    byStem,
    byWord,
    add(tools) {
      for (const tool of tools) addTool(tool);
      seal();
    },
    remove(gone) {
      const dropped = new Set(gone.map((id) => slots.get(id)));
      dropSlots((slot) => dropped.has(slot));
      seal();
    },
    slotOf,
    idOf: (slot) => ids[slot]!,
    slotCount: () => ids.length,
    isLive: (slot) => live[slot] === true,
    groupOf: (slot) => groupBySlot[slot]!,
    groupCount: () => groups.size,
    liveCount: () => liveCount,
  };
};

const scale = (postings: Postings, impacts: Float32Array, factors: Float32Array): void => {
  for (let at = 0; at < postings.count(); at++) impacts[at]! *= factors[postings.slotAt(at)]!;
};

import type { ToolIndex } from "./toolIndex.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** What was learned, as plain data for a file. Tools are named by their place in `tools`. */
export type LearnedState = {
  readonly version: 1;
  readonly savedAtMs: number;
  /** Requests that were learned from, faded like everything else. */
  readonly requests: number;
  readonly tools: readonly string[];
  /** How often each tool of `tools` was used. */
  readonly uses: readonly number[];
  /** Stem, how many requests had it, and pairs of tool and count, flat. */
  readonly words: readonly (readonly [stem: string, requests: number, pairs: readonly number[]])[];
  /** Tool before (-1: none yet), how often something followed, and pairs of tool and count, flat. */
  readonly transitions: readonly (readonly [before: number, requests: number, pairs: readonly number[]])[];
};

/** How often tools were used with one thing: a word of the request, or the tool before. */
type Tally = {
  requests: number;
  slots: number[];
  counts: number[];
  impacts: Float32Array;
  /** The lesson after which the impacts were worked out. */
  lesson: number;
};

/** What is learned of which tools are used for which words, and after which tool. */
export type LearnedTools = {
  /** Learns that a request with these stems led to these tools, in the conversation whose last tool was `before` (-1: none, -2: not known). */
  learn(stems: Int32Array, stemCount: number, used: readonly number[], before: number): void;
  /** Adds to `scores` what a stem speaks for. */
  addStem(stem: number, scores: Float32Array): void;
  addTransition(before: number, scores: Float32Array): void;
  isEmpty(): boolean;
  serialize(nowMs: number): LearnedState;
  /** Takes the place of what was learned. What does not look like a state is ignored, and `false` is returned. */
  restore(state: unknown, nowMs: number): boolean;
};

const maxStems = 8_192;
const maxToolsPerTally = 48;
/** Counts are halved when this many requests were learned, so that habits of last month do not outvote today's. */
const maxRequests = 2_000;
const halfLifeMs = 30 * 24 * 60 * 60 * 1000;
/** Counts below this are forgotten. */
const leastCount = 0.1;

/** Added to the requests that a word was seen in, so that its share is believed only after a few. */
const doubt = 1.5;
/** Added to all requests, so that the first few uses of a tool do not pass for a habit. */
const requestsForHabit = 8;
const smallestShare = 0.003;
const wordWeight = 3;
const transitionWeight = 8;

const createTally = (): Tally => ({ requests: 0, slots: [], counts: [], impacts: new Float32Array(4), lesson: -1 });

const addTo = (tally: Tally, slot: number, count: number): void => {
  let at = tally.slots.indexOf(slot);
  if (at < 0) {
    at = tally.slots.length;
    if (at >= maxToolsPerTally) {
      at = 0;
      for (let other = 1; other < tally.counts.length; other++)
        if (tally.counts[other]! < tally.counts[at]!) at = other;
      tally.slots[at] = slot;
      tally.counts[at] = 0;
    } else {
      tally.slots.push(slot);
      tally.counts.push(0);
      if (at >= tally.impacts.length) {
        const wider = new Float32Array(at * 2);
        wider.set(tally.impacts);
        tally.impacts = wider;
      }
    }
  }
  tally.counts[at]! += count;
};

const fade = (tally: Tally, factor: number): void => {
  tally.requests *= factor;
  let kept = 0;
  for (let at = 0; at < tally.slots.length; at++) {
    const count = tally.counts[at]! * factor;
    if (count < leastCount) continue;
    tally.slots[kept] = tally.slots[at]!;
    tally.counts[kept] = count;
    kept++;
  }
  tally.slots.length = kept;
  tally.counts.length = kept;
};

export const createLearnedTools = (index: ToolIndex, vocabulary: Vocabulary): LearnedTools => {
  let byStem = new Map<number, Tally>();
  let byTool = new Map<number, Tally>();
  let uses: number[] = [];
  let requests = 0;
  // Every lesson changes what is usual, and with it what each word is worth; that is worked out when a word is met again.
  let lesson = 0;

  const tallyOf = (tallies: Map<number, Tally>, key: number): Tally | undefined => {
    let tally = tallies.get(key);
    if (!tally && tallies.size < maxStems) tallies.set(key, (tally = createTally()));
    return tally;
  };

  /** A word speaks for a tool as far as the tool is used more often with it than without. */
  const weighStem = (tally: Tally): void => {
    for (let at = 0; at < tally.slots.length; at++) {
      const share = tally.counts[at]! / (tally.requests + doubt);
      const usual = (uses[tally.slots[at]!] ?? 0) / (requests + requestsForHabit);
      const gain = Math.log(share / (usual + smallestShare));
      tally.impacts[at] = gain > 0 ? wordWeight * gain * Math.sqrt(share) : 0;
    }
  };
  const weighTransition = (tally: Tally): void => {
    for (let at = 0; at < tally.slots.length; at++)
      tally.impacts[at] = (transitionWeight * tally.counts[at]!) / (tally.requests + doubt);
  };

  const fadeAll = (factor: number): void => {
    requests *= factor;
    uses = uses.map((count) => count * factor);
    for (const tallies of [byStem, byTool]) {
      for (const [key, tally] of tallies) {
        fade(tally, factor);
        if (tally.slots.length === 0) tallies.delete(key);
      }
    }
    lesson++;
  };

  const add = (tally: Tally | undefined, weigh: (tally: Tally) => void, scores: Float32Array): void => {
    if (!tally) return;
    if (tally.lesson !== lesson) {
      weigh(tally);
      tally.lesson = lesson;
    }
    const { slots, impacts } = tally;
    for (let at = 0; at < slots.length; at++) scores[slots[at]!]! += impacts[at]!;
  };

  return {
    learn(stems, stemCount, used, before) {
      if (used.length === 0) return;
      requests++;
      lesson++;
      for (const slot of used) {
        while (uses.length <= slot) uses.push(0);
        uses[slot]!++;
      }
      for (let at = 0; at < stemCount; at++) {
        const tally = tallyOf(byStem, stems[at]!);
        if (!tally) continue;
        tally.requests++;
        for (const slot of used) addTo(tally, slot, 1);
      }
      const after = before < -1 ? undefined : tallyOf(byTool, before);
      if (after) {
        after.requests++;
        for (const slot of used) addTo(after, slot, 1);
      }
      if (requests >= maxRequests) fadeAll(0.5);
    },
    addStem: (stem, scores) => add(byStem.get(stem), weighStem, scores),
    addTransition: (before, scores) => add(byTool.get(before), weighTransition, scores),
    isEmpty: () => requests === 0,
    serialize(nowMs) {
      const tools: string[] = [];
      const places = new Map<number, number>();
      const placeOf = (slot: number): number => {
        let place = places.get(slot);
        if (place === undefined) {
          places.set(slot, (place = tools.length));
          tools.push(index.idOf(slot));
        }
        return place;
      };
      const pairsOf = (tally: Tally): number[] => tally.slots.flatMap((slot, at) => [placeOf(slot), tally.counts[at]!]);
      for (const [slot, count] of uses.entries()) if (count > 0) placeOf(slot);
      const words = Array.from(
        byStem,
        ([stem, tally]) => [vocabulary.stemText(stem), tally.requests, pairsOf(tally)] as const,
      );
      const transitions = Array.from(
        byTool,
        ([before, tally]) => [before < 0 ? -1 : placeOf(before), tally.requests, pairsOf(tally)] as const,
      );
      return {
        version: 1,
        savedAtMs: nowMs,
        requests,
        tools,
        uses: tools.map((id) => uses[index.slotOf(id)] ?? 0),
        words,
        transitions,
      };
    },
    restore(state, nowMs) {
      if (!isLearnedState(state)) return false;
      const slots = state.tools.map((id) => index.slotOf(id, true));
      byStem = new Map();
      byTool = new Map();
      uses = [];
      requests = state.requests;
      lesson++;
      for (const [place, slot] of slots.entries()) {
        while (uses.length <= slot) uses.push(0);
        uses[slot] = state.uses[place]!;
      }
      const take = (tallies: Map<number, Tally>, key: number, seen: number, pairs: readonly number[]): void => {
        const tally = tallyOf(tallies, key);
        if (!tally) return;
        tally.requests = seen;
        for (let at = 0; at + 1 < pairs.length; at += 2) addTo(tally, slots[pairs[at]!]!, pairs[at + 1]!);
      };
      for (const [stem, seen, pairs] of state.words) take(byStem, vocabulary.stemNumber(stem), seen, pairs);
      for (const [before, seen, pairs] of state.transitions)
        take(byTool, before < 0 ? -1 : slots[before]!, seen, pairs);
      const ageMs = Math.max(0, nowMs - state.savedAtMs);
      if (ageMs > 0) fadeAll(2 ** (-ageMs / halfLifeMs));
      return true;
    },
  };
};

const isCount = (value: unknown): value is number => typeof value === "number" && value >= 0 && value < 1e9;

const isLearnedState = (value: unknown): value is LearnedState => {
  if (typeof value !== "object" || value === null) return false;
  const state = value as Partial<Record<keyof LearnedState, unknown>>;
  const { tools, uses } = state;
  if (state.version !== 1 || !isCount(state.requests) || typeof state.savedAtMs !== "number") return false;
  if (!Number.isFinite(state.savedAtMs) || !Array.isArray(tools) || !Array.isArray(uses)) return false;
  if (!tools.every((id) => typeof id === "string") || uses.length !== tools.length || !uses.every(isCount))
    return false;
  const isPlace = (place: unknown): boolean =>
    Number.isInteger(place) && Number(place) >= 0 && Number(place) < tools.length;
  const arePairs = (pairs: unknown): boolean =>
    Array.isArray(pairs) &&
    pairs.length % 2 === 0 &&
    pairs.every((item, at) => (at % 2 === 0 ? isPlace(item) : isCount(item)));
  const areRows = (rows: unknown, isKey: (key: unknown) => boolean): boolean =>
    Array.isArray(rows) &&
    rows.length <= maxStems &&
    rows.every((row) => Array.isArray(row) && isKey(row[0]) && isCount(row[1]) && arePairs(row[2]));
  return (
    areRows(state.words, (key) => typeof key === "string" && key.length < 200) &&
    areRows(state.transitions, (key) => key === -1 || isPlace(key))
  );
};

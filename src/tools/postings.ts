/** Impacts by term, one after the other: those of term t stand from `starts[t]` to `starts[t + 1]`. */
export type Lists = {
  starts: Int32Array;
  slots: Int32Array;
  impacts: Float32Array;
  /** Terms that have a place in `starts`. */
  count: number;
};

/** Which term stands in which slot and how much it weighs there; the order is the order of adding. */
export type Postings = {
  push(term: number, slot: number, weight: number, bonus: number): void;
  drop(isDropped: (slot: number) => boolean): void;
  count(): number;
  slotAt(at: number): number;
  /** BM25's impact of each posting: a rare term counts more, a repeated one ever less. */
  impacts(termCount: number, slotCount: number, saturation: number): Float32Array;
  /** Sorts the impacts by term into `lists`, times `share`. */
  sortInto(lists: Lists, termCount: number, impacts: Float32Array, share: number): void;
};

export const createPostings = (): Postings => {
  let capacity = 4_096;
  let terms = new Int32Array(capacity);
  let slots = new Int32Array(capacity);
  let weights = new Float32Array(capacity);
  let bonuses = new Float32Array(capacity);
  let count = 0;

  const grow = (): void => {
    capacity *= 2;
    const oldTerms = terms;
    const oldSlots = slots;
    const oldWeights = weights;
    const oldBonuses = bonuses;
    terms = new Int32Array(capacity);
    slots = new Int32Array(capacity);
    weights = new Float32Array(capacity);
    bonuses = new Float32Array(capacity);
    terms.set(oldTerms);
    slots.set(oldSlots);
    weights.set(oldWeights);
    bonuses.set(oldBonuses);
  };

  const countByTerm = (termCount: number): Int32Array<ArrayBuffer> => {
    const counts = new Int32Array(termCount + 1);
    for (let at = 0; at < count; at++) counts[terms[at]!]!++;
    return counts;
  };

  return {
    push(term, slot, weight, bonus) {
      if (count === capacity) grow();
      terms[count] = term;
      slots[count] = slot;
      weights[count] = weight;
      bonuses[count] = bonus;
      count++;
    },
    drop(isDropped) {
      let kept = 0;
      for (let at = 0; at < count; at++) {
        if (isDropped(slots[at]!)) continue;
        terms[kept] = terms[at]!;
        slots[kept] = slots[at]!;
        weights[kept] = weights[at]!;
        bonuses[kept] = bonuses[at]!;
        kept++;
      }
      count = kept;
    },
    count: () => count,
    slotAt: (at) => slots[at]!,
    impacts(termCount, slotCount, saturation) {
      const rarity = new Float32Array(termCount + 1);
      const counts = countByTerm(termCount);
      for (let term = 0; term < termCount; term++) {
        const inSlots = counts[term]!;
        if (inSlots > 0) rarity[term] = Math.log(1 + (slotCount - inSlots + 0.5) / (inSlots + 0.5));
      }
      const impacts = new Float32Array(count);
      for (let at = 0; at < count; at++) {
        const weight = weights[at]!;
        impacts[at] = ((rarity[terms[at]!]! * weight * (saturation + 1)) / (saturation + weight)) * bonuses[at]!;
      }
      return impacts;
    },
    sortInto(lists, termCount, impacts, share) {
      const starts = countByTerm(termCount);
      let sum = 0;
      for (let term = 0; term <= termCount; term++) {
        const size = starts[term]!;
        starts[term] = sum;
        sum += size;
      }
      const next = starts.slice();
      lists.starts = starts;
      lists.slots = new Int32Array(count);
      lists.impacts = new Float32Array(count);
      lists.count = termCount;
      for (let at = 0; at < count; at++) {
        const to = next[terms[at]!]!++;
        lists.slots[to] = slots[at]!;
        lists.impacts[to] = impacts[at]! * share;
      }
    },
  };
};

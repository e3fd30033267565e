import { stopWords } from "./english.ts";
import { stemOf } from "./stem.ts";
import type { Words } from "./words.ts";

/** How many words that no tool contained when they were met are kept; later ones count for nothing. */
const maxForeignWords = 20_000;

/**
 * Numbers for words and for their stems. A word's number is found by its hash, so that a request that was cut into words costs no
 * string as long as its words are known.
 */
export type Vocabulary = {
  /** Number of the word at `at`, made if needed; -1 when it is new, not of a tool, and there are too many such already. */
  wordAt(words: Words, at: number, isOfTool: boolean): number;
  /** The stem of each word; -1 for a word that says nothing (an article, a pronoun, a single letter). */
  stemOfWord(word: number): number;
  /** Number of a stem that is given as text. */
  stemNumber(stem: string): number;
  stemText(stem: number): string;
  /** Whether the word is of digits. */
  isNumber(word: number): boolean;
  /** Numbers are below these. */
  wordCount(): number;
  stemCount(): number;
};

export const createVocabulary = (): Vocabulary => {
  let capacity = 4_096;
  let slots = new Int32Array(capacity);
  let low = new Int32Array(capacity);
  let high = new Int32Array(capacity);
  let stems = new Int32Array(capacity);
  let numbers = new Uint8Array(capacity);
  let count = 0;
  let foreignCount = 0;
  const numberByStem = new Map<string, number>();
  const stemTexts: string[] = [];

  const stemNumber = (stem: string): number => {
    let number = numberByStem.get(stem);
    if (number === undefined) {
      number = stemTexts.length;
      numberByStem.set(stem, number);
      stemTexts.push(stem);
    }
    return number;
  };

  const place = (word: number): void => {
    const mask = slots.length - 1;
    let slot = low[word]! & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = word + 1;
  };

  const grow = (): void => {
    capacity *= 2;
    const wider = (from: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
      const to = new Int32Array(capacity);
      to.set(from);
      return to;
    };
    low = wider(low);
    high = wider(high);
    stems = wider(stems);
    const moreNumbers = new Uint8Array(capacity);
    moreNumbers.set(numbers);
    numbers = moreNumbers;
    slots = new Int32Array(capacity);
    for (let word = 0; word < count; word++) place(word);
  };

  const addWord = (text: string, lowHash: number, highHash: number): number => {
    if (count * 2 >= capacity) grow();
    const word = count++;
    low[word] = lowHash;
    high[word] = highHash;
    const code = text.charCodeAt(0);
    numbers[word] = code >= 48 && code <= 57 ? 1 : 0;
    const saysNothing = stopWords.has(text) || (text.length === 1 && code < 128 && numbers[word] === 0);
    stems[word] = saysNothing ? -1 : stemNumber(stemOf(text));
    place(word);
    return word;
  };

  return {
    wordAt(words, at, isOfTool) {
      const lowHash = words.low[at]!;
      const highHash = words.high[at]!;
      const mask = slots.length - 1;
      for (let slot = lowHash & mask; ; slot = (slot + 1) & mask) {
        const word = slots[slot]! - 1;
        if (word < 0) break;
        if (low[word] === lowHash && high[word] === highHash) return word;
      }
      if (!isOfTool && foreignCount++ >= maxForeignWords) return -1;
      return addWord(words.text.slice(words.starts[at], words.ends[at]).toLowerCase(), lowHash, highHash);
    },
    stemOfWord: (word) => stems[word]!,
    stemNumber,
    stemText: (stem) => stemTexts[stem]!,
    isNumber: (word) => numbers[word] === 1,
    wordCount: () => count,
    stemCount: () => stemTexts.length,
  };
};

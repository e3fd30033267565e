/** How many words of one text are looked at; the longest requests are pasted files. */
export const maxWordsPerText = 2048;

/** Things that words alone do not show; bits of {@link Words.entities}. */
export const entityKinds = { file: 1, path: 2, url: 4, email: 8, money: 16, date: 32 } as const;

/**
 * The words of a text, without a string for each: where a word stands and a 64-bit hash of its lower-case form. One tokenizer cuts
 * tool schemas and requests, so that both are cut alike: at anything but letters and digits, between letters and digits, and
 * inside camelCase. Scripts without spaces give pairs of neighbouring characters.
 */
export type Words = {
  text: string;
  count: number;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly low: Int32Array;
  readonly high: Int32Array;
  /** 1 for a word between quotation marks: a name or a value rather than what is asked for. */
  readonly quoted: Uint8Array;
  /** What the text contains, as bits of {@link entityKinds}. */
  entities: number;
};

/** Makes room for the words of one text; {@link cutIntoWords} fills it, again and again. */
export const createWords = (): Words => ({
  text: "",
  count: 0,
  starts: new Int32Array(maxWordsPerText),
  ends: new Int32Array(maxWordsPerText),
  low: new Int32Array(maxWordsPerText),
  high: new Int32Array(maxWordsPerText),
  quoted: new Uint8Array(maxWordsPerText),
  entities: 0,
});

const separator = 0;
const lower = 1;
const upper = 2;
const digit = 3;
const unspaced = 4;

const asciiClass = new Uint8Array(128);
for (let code = 48; code <= 57; code++) asciiClass[code] = digit;
for (let code = 65; code <= 90; code++) asciiClass[code] = upper;
for (let code = 97; code <= 122; code++) asciiClass[code] = lower;

const letterOrDigit = /^[\p{L}\p{N}\p{M}]$/u;
const upperLetter = /^\p{Lu}$/u;

/** Kana and Chinese characters; Hangul is written with spaces. */
const isUnspaced = (code: number): boolean =>
  (code >= 0x3040 && code <= 0x30ff) || (code >= 0x3400 && code <= 0x9fff) || (code >= 0xf900 && code <= 0xfaff);

const classOfWide = (code: number): number => {
  if (isUnspaced(code)) return unspaced;
  const char = String.fromCharCode(code);
  if (!letterOrDigit.test(char)) return separator;
  return upperLetter.test(char) ? upper : lower;
};

const classAt = (text: string, at: number): number => {
  const code = text.charCodeAt(at);
  if (code < 128) return asciiClass[code]!;
  return code === code ? classOfWide(code) : separator;
};

const lowSeed = 0x811c9dc5 | 0;
const highSeed = 0x1b873593;
const nextLow = (hash: number, code: number): number => Math.imul(hash ^ code, 0x01000193);
const nextHigh = (hash: number, code: number): number => Math.imul((hash ^ code) + 0x7f4a7c15, 0x5bd1e995);

const longestQuotation = 1_000;

/** Where a quotation that opens at `at` ends, or -1: an apostrophe opens none. */
const quotationEnd = (text: string, at: number, mark: number): number => {
  if (at > 0 && classAt(text, at - 1) !== separator) return -1;
  const end = text.indexOf(String.fromCharCode(mark), at + 1);
  if (end < 0 || end - at > longestQuotation) return -1;
  // The s of a genitive inside the quotation ends nothing.
  return mark === 39 && classAt(text, end + 1) !== separator ? quotationEndAfter(text, at, end) : end;
};

const quotationEndAfter = (text: string, at: number, from: number): number => {
  let end = from;
  do {
    end = text.indexOf("'", end + 1);
    if (end < 0 || end - at > longestQuotation) return -1;
  } while (classAt(text, end + 1) !== separator);
  return end;
};

/** What the separator at `at` is a part of, as bits of {@link entityKinds}. */
const entityAt = (text: string, at: number, code: number): number => {
  if (code === 46) {
    // A dot with a letter or digit before and a short extension behind it.
    if (at === 0 || classAt(text, at - 1) === separator) return 0;
    let end = at + 1;
    while (end < at + 6 && (classAt(text, end) & ~2) === lower) end++;
    const length = end - at - 1;
    return length >= 1 && length <= 4 && classAt(text, end) === separator && text.charCodeAt(end) !== 46
      ? entityKinds.file
      : 0;
  }
  if (code === 47) {
    if (text.charCodeAt(at + 1) === 47) return text.charCodeAt(at - 1) === 58 ? entityKinds.url : 0;
    const isStart = at === 0 || classAt(text, at - 1) === separator;
    return isStart && text.charCodeAt(at - 1) !== 47 && classAt(text, at + 1) !== separator ? entityKinds.path : 0;
  }
  if (code === 64) {
    const isInside = at > 0 && classAt(text, at - 1) !== separator && classAt(text, at + 1) !== separator;
    return isInside ? entityKinds.email : 0;
  }
  if (code === 36 || code === 0x20ac || code === 0xa3) return classAt(text, at + 1) === digit ? entityKinds.money : 0;
  // 2026-11-20 and 11-20-2026 alike: digits, a hyphen, two digits, a hyphen, a digit.
  if (code === 45) {
    const isDate =
      at > 0 &&
      classAt(text, at - 1) === digit &&
      classAt(text, at + 1) === digit &&
      classAt(text, at + 2) === digit &&
      text.charCodeAt(at + 3) === 45 &&
      classAt(text, at + 4) === digit;
    return isDate ? entityKinds.date : 0;
  }
  return 0;
};

const push = (words: Words, start: number, end: number, low: number, high: number, isQuoted: boolean): void => {
  const at = words.count;
  words.starts[at] = start;
  words.ends[at] = end;
  words.low[at] = low;
  words.high[at] = high;
  words.quoted[at] = isQuoted ? 1 : 0;
  words.count = at + 1;
};

/** Whether a word ends before the character at `at`, which is of `kind`, when the one before it was of `before`. */
const endsBefore = (text: string, at: number, kind: number, before: number): boolean => {
  if (kind === separator || kind === unspaced) return true;
  if ((kind === digit) !== (before === digit)) return true;
  if (kind !== upper) return false;
  if (before === lower) return true;
  // "URLPath" is "URL" and "Path", but "URLs" is one word.
  if (classAt(text, at + 1) !== lower) return false;
  return text.charCodeAt(at + 1) !== 115 || classAt(text, at + 2) === lower;
};

/** Cuts the first `maxUnits` UTF-16 units of `text` into at most {@link maxWordsPerText} words. */
export const cutIntoWords = (words: Words, text: string, maxUnits: number): void => {
  words.text = text;
  words.count = 0;
  words.entities = 0;
  const length = Math.min(text.length, maxUnits);
  let start = -1;
  let low = lowSeed;
  let high = highSeed;
  let before = separator;
  let quotedUntil = -1;
  for (let at = 0; at < length; at++) {
    let code = text.charCodeAt(at);
    const kind = code < 128 ? asciiClass[code]! : classOfWide(code);
    if (start >= 0 && kind !== before && endsBefore(text, at, kind, before)) {
      push(words, start, at, low, high, at <= quotedUntil);
      start = -1;
    } else if (start >= 0 && kind === upper && endsBefore(text, at, kind, before)) {
      push(words, start, at, low, high, at <= quotedUntil);
      start = -1;
    }
    if (words.count >= maxWordsPerText - 1) return;
    before = kind;
    if (kind === separator) {
      if (code === 32) continue;
      if (code === 34 || code === 39 || code === 96) {
        if (at > quotedUntil) quotedUntil = Math.max(quotedUntil, quotationEnd(text, at, code));
      } else words.entities |= entityAt(text, at, code);
      continue;
    }
    if (kind === unspaced) {
      const next = at + 1 < length ? text.charCodeAt(at + 1) : 0;
      const hasNext = isUnspaced(next);
      if (!hasNext && at > 0 && isUnspaced(text.charCodeAt(at - 1))) continue;
      low = nextLow(lowSeed, code);
      high = nextHigh(highSeed, code);
      if (hasNext) {
        low = nextLow(low, next);
        high = nextHigh(high, next);
      }
      push(words, at, hasNext ? at + 2 : at + 1, low, high, at <= quotedUntil);
      continue;
    }
    if (kind === upper) code = code < 128 ? code | 32 : String.fromCharCode(code).toLowerCase().charCodeAt(0);
    if (start < 0) {
      start = at;
      low = lowSeed;
      high = highSeed;
    }
    low = nextLow(low, code);
    high = nextHigh(high, code);
  }
  if (start >= 0) push(words, start, length, low, high, length <= quotedUntil);
};

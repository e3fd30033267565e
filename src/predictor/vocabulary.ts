/** Stands before the first token of a stretch of text; matches nothing. */
export const boundaryToken = 0;

/**
 * Ids of line breaks: {@link firstBreakId} plus 0, 1 or 2 (the next line is indented the same, more, less) plus 3 when
 * blank lines lie between. Telling them apart makes "what follows a block's head" a context of its own.
 */
export const firstBreakId = 1;
const breakKinds = 6;
/** A word that was never learned. Matches nothing, as nothing learned has it. */
export const unknownId = firstBreakId + breakKinds;
/** Ids below this one stand for no text. */
const firstWordId = unknownId + 1;

/** What stands before a token on its line; kept in the token's lowest two bits, and not part of its id. */
export const gap = { none: 0, space: 1, tab: 2, wide: 3 } as const;
export const gapText = ["", " ", "\t"] as const;

export const tokenId = (token: number): number => token >> 2;
export const tokenGap = (token: number): number => token & 3;
/** The one line break token that stands for "the line ends here", whatever follows. */
export const lineEnd = firstBreakId << 2;
/** How the line behind a break is indented against the one before, and whether blank lines lie between. */
export const breakKind = (token: number): { turn: "same" | "in" | "out"; isBlank: boolean } => {
  const kind = tokenId(token) - firstBreakId;
  return { turn: (["same", "in", "out"] as const)[kind % 3]!, isBlank: kind >= 3 };
};
export const isBreak = (token: number): boolean => token >> 2 >= firstBreakId && token >> 2 < firstBreakId + breakKinds;

/** The longest token, in UTF-16 units: longer words and rulers are cut, so that noise cannot fill the memory. */
const maxTokenLength = 24;

const charClass = { space: 0, lower: 1, upper: 2, digit: 3, underscore: 4, run: 5, single: 6 } as const;
/** By UTF-16 unit. Beyond ASCII, all but some blanks are letters. */
const classes = new Uint8Array(65_536).fill(charClass.lower);
classes.fill(charClass.single, 0, 128);
for (let code = 0; code <= 32; code++) classes[code] = charClass.space;
for (let code = 97; code <= 122; code++) classes[code] = charClass.lower;
for (let code = 65; code <= 90; code++) classes[code] = charClass.upper;
for (let code = 48; code <= 57; code++) classes[code] = charClass.digit;
for (const char of "=-.*/#&|+<>~") classes[char.charCodeAt(0)] = charClass.run;
classes[95] = charClass.underscore;
classes[36] = charClass.lower;
for (const code of [127, 0xa0, 0xfeff, 0x2028, 0x2029]) classes[code] = charClass.space;

/** Whether a UTF-16 unit is a blank or a line break: no token holds one. */
export const isBlankUnit = (unit: number): boolean => classes[unit] === charClass.space;

const isWordClass = (kind: number): boolean => kind >= charClass.lower && kind <= charClass.underscore;

/** Where the token that starts at `from` ends: part of an identifier (`get` `Foo`, `foo` `_bar`), a run like `===`, or one sign. */
const tokenEnd = (text: string, from: number, to: number): number => {
  const unit = text.charCodeAt(from);
  const first = classes[unit]!;
  if (first === charClass.single) return from + 1;
  let at = from + 1;
  const limit = Math.min(to, from + maxTokenLength);
  if (first === charClass.run) {
    while (at < limit && text.charCodeAt(at) === unit) at++;
    return at;
  }
  let previous = first;
  while (at < limit) {
    const kind = classes[text.charCodeAt(at)]!;
    if (kind < charClass.lower || kind > charClass.underscore) break;
    if (kind === charClass.upper && previous !== charClass.upper && previous !== charClass.underscore) break;
    if (kind === charClass.underscore && previous !== charClass.underscore) break;
    previous = kind;
    at++;
  }
  // Half a surrogate pair is no text: keep the pair together.
  if (at === limit && at < to && (text.charCodeAt(at) & 0xfc00) === 0xdc00) at++;
  return at;
};

/** Where the blanks end that begin at `from`: at a line break at the latest. */
const indentEnd = (text: string, from: number, to: number): number => {
  let at = from;
  while (at < to) {
    const unit = text.charCodeAt(at);
    if (unit === 10 || classes[unit] !== charClass.space) break;
    at++;
  }
  return at;
};

/** A list of tokens that is filled again and again; only the first `length` count. */
export type TokenBuffer = { tokens: Int32Array; length: number };

export const createTokenBuffer = (): TokenBuffer => ({ tokens: new Int32Array(1024), length: 0 });

const doubled = (numbers: Int32Array): Int32Array<ArrayBuffer> => {
  const larger = new Int32Array(numbers.length * 2);
  larger.set(numbers);
  return larger;
};

export const pushToken = (buffer: TokenBuffer, token: number): void => {
  if (buffer.length === buffer.tokens.length) buffer.tokens = doubled(buffer.tokens);
  buffer.tokens[buffer.length++] = token;
};

/** Numbers the distinct tokens of everything learned. An id is given away again when nothing holds it any more. */
export type Vocabulary = {
  /**
   * Replaces the buffer's content by the tokens of whole lines `text[from, to)`. Each line begins with a line break
   * token; blank lines have no tokens. With `learn`, unknown words get an id; without it they become
   * {@link unknownId}, and the text is taken to end at a cursor: a line that holds nothing yet has begun.
   */
  tokenize(text: string, from: number, to: number, learn: boolean, buffer: TokenBuffer): void;
  /** Counts one more use of an id. Retain what `tokenize` learned before anything is released. */
  retain(id: number): void;
  /** Counts one use less; at none the word is forgotten. */
  release(id: number): void;
  /** The text of a token id, "" for line breaks and unknown ids. */
  textOf(id: number): string;
  /** Whether the token is (part of) an identifier, a keyword or a number. */
  isWord(id: number): boolean;
  /**
   * By id, a hash of each token's text: other than the id, it does not depend on what else was learned. Valid until the
   * next `tokenize`.
   */
  hashes(): Int32Array;
  /**
   * By id, the first two UTF-16 units of each token's text, the first one in the lower half. The upper half is 0 where
   * there are no more than two, all of it for what has no text. Valid as long as `hashes` is.
   */
  starts(): Int32Array;
  /** A number that `Order`, `order`, `_order` and `orders` share; 0 for what is no word. */
  stemOf(id: number): number;
  /** The known id of `id`'s word written in the way of `like` (capital, underscore, plural), or undefined. */
  inTheWayOf(id: number, like: number): number | undefined;
  /** Distinct tokens so far. */
  count(): number;
  /** Estimated memory in bytes. */
  bytes(): number;
};

// A short slice is copied by V8, a longer one keeps its whole parent text alive.
const detach = (text: string): string =>
  text.length < 13 ? text : String.fromCharCode(...Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)));

const letterS = 115;
const isSmallLetter = (unit: number): boolean => unit >= 97 && unit <= 122;

/** Without the `s` at its end, where at least three small letters and no other `s` stand before it. */
const singular = (word: string): string => {
  const last = word.length - 1;
  if (last < 3 || word.charCodeAt(last) !== letterS || word.charCodeAt(last - 1) === letterS) return word;
  for (let at = last - 3; at < last; at++) if (!isSmallLetter(word.charCodeAt(at))) return word;
  return word.slice(0, last);
};

const stemHash = (word: string): number => {
  const kind = classes[word.charCodeAt(0)]!;
  if (!isWordClass(kind) || kind === charClass.digit) return 0;
  const stem = singular(word).toLowerCase();
  let hash = 17;
  for (let i = stem.startsWith("_") ? 1 : 0; i < stem.length; i++)
    hash = (Math.imul(hash, 31) + stem.charCodeAt(i)) | 0;
  return hash || 1;
};

const textHash = (text: string, from: number, to: number): number => {
  let hash = 0x811c9dc5 | 0;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash ^ (hash >>> 15);
};

const isEqualAt = (word: string, text: string, from: number, to: number): boolean => {
  if (word.length !== to - from) return false;
  for (let i = 0; i < word.length; i++) if (word.charCodeAt(i) !== text.charCodeAt(from + i)) return false;
  return true;
};

export const createVocabulary = (): Vocabulary => {
  // Ids by hash, with linear probing; 0 means empty. A Map would need a string for every token that is read.
  let slots = new Int32Array(2048);
  let count = 0;
  const texts: string[] = Array.from({ length: firstWordId }, () => "");
  let hashes = Int32Array.from({ length: 1024 }, (_, id) => (id < firstWordId ? Math.imul(id + 1, 0x9e3779b1) : 0));
  let starts = new Int32Array(hashes.length);
  const stems: number[] = texts.map(() => 0);
  const words: boolean[] = texts.map(() => false);
  let uses = new Int32Array(hashes.length);
  /** Ids of single ASCII characters, half of all tokens; 0: none. */
  const signIds = new Int32Array(128);
  const freeIds: number[] = [];
  let textUnits = 0;

  /** The slot that holds the word, or the empty one where it belongs. */
  const slotOf = (text: string, from: number, to: number, hash: number): number => {
    const last = slots.length - 1;
    let slot = (hash ^ (hash >>> 16)) & last;
    for (let id = slots[slot]!; id !== 0; id = slots[slot]!) {
      if (hashes[id] === hash && isEqualAt(texts[id]!, text, from, to)) return slot;
      slot = (slot + 1) & last;
    }
    return slot;
  };

  const put = (id: number): void => {
    const word = texts[id]!;
    slots[slotOf(word, 0, word.length, hashes[id]!)] = id;
  };

  /** Empties a slot, and closes the gap that those behind it would not be found across. */
  const vacate = (slot: number): void => {
    slots[slot] = 0;
    const last = slots.length - 1;
    for (let next = (slot + 1) & last; slots[next] !== 0; next = (next + 1) & last) {
      const id = slots[next]!;
      slots[next] = 0;
      put(id);
    }
  };

  const growTable = (): void => {
    const old = slots;
    slots = new Int32Array(old.length * 2);
    for (const id of old) if (id !== 0) put(id);
  };

  const addWord = (word: string, hash: number, slot: number): number => {
    const id = freeIds.pop() ?? texts.length;
    if (id === hashes.length) {
      hashes = doubled(hashes);
      starts = doubled(starts);
      uses = doubled(uses);
    }
    const first = word.charCodeAt(0);
    texts[id] = word;
    hashes[id] = hash;
    starts[id] = first | (word.length > 2 ? word.charCodeAt(1) << 16 : 0);
    stems[id] = stemHash(word);
    words[id] = isWordClass(classes[first]!);
    uses[id] = 0;
    slots[slot] = id;
    if (word.length === 1 && first < signIds.length) signIds[first] = id;
    if (++count * 2 > slots.length) growTable();
    textUnits += word.length;
    return id;
  };

  const idOf = (text: string, from: number, to: number, learn: boolean): number => {
    const unit = text.charCodeAt(from);
    const isSign = to === from + 1 && unit < signIds.length;
    if (isSign && signIds[unit] !== 0) return signIds[unit]!;
    const hash = textHash(text, from, to);
    const slot = slotOf(text, from, to, hash);
    if (slots[slot] !== 0) return slots[slot]!;
    return learn ? addWord(detach(text.slice(from, to)), hash, slot) : unknownId;
  };

  /** Adds the tokens of a line's rest, whose indentation ends at `from`; returns where the line ends. */
  const readLine = (text: string, from: number, to: number, learn: boolean, buffer: TokenBuffer): number => {
    let at = from;
    let before: number = gap.none;
    while (at < to) {
      const code = text.charCodeAt(at);
      if (code === 10) break;
      if (classes[code] === charClass.space) {
        if (before !== gap.none) before = gap.wide;
        else before = code === 32 ? gap.space : code === 9 ? gap.tab : gap.wide;
        at++;
        continue;
      }
      const end = tokenEnd(text, at, to);
      buffer.tokens[buffer.length++] = (idOf(text, at, end, learn) << 2) | before;
      before = gap.none;
      at = end;
    }
    return at;
  };

  return {
    tokenize(text, from, to, learn, buffer) {
      buffer.length = 0;
      // Every unit may be a token, and the end of the text one more.
      const most = to - from + 1;
      if (buffer.tokens.length < most) buffer.tokens = new Int32Array(2 * most);
      let lineIndent = 0;
      let hasBlankBefore = false;
      for (let at = from; at < to; at++) {
        const lineFrom = at;
        at = indentEnd(text, at, to);
        // A cursor behind bare indentation: the line has begun.
        if (at >= to && (learn || at === lineFrom)) break;
        if (at < to && text.charCodeAt(at) === 10) {
          hasBlankBefore = true;
          continue;
        }
        const indent = at - lineFrom;
        const turn = indent === lineIndent ? 0 : indent > lineIndent ? 1 : 2;
        buffer.tokens[buffer.length++] = (firstBreakId + turn + (hasBlankBefore ? 3 : 0)) << 2;
        lineIndent = indent;
        hasBlankBefore = false;
        at = readLine(text, at, to, learn, buffer);
      }
      if (!learn && (to === from || text.charCodeAt(to - 1) === 10)) {
        pushToken(buffer, (firstBreakId + (lineIndent > 0 ? 2 : 0) + (hasBlankBefore ? 3 : 0)) << 2);
      }
    },
    retain(id) {
      if (id >= firstWordId) uses[id]!++;
    },
    release(id) {
      if (id < firstWordId || --uses[id]! > 0) return;
      const text = texts[id]!;
      vacate(slotOf(text, 0, text.length, hashes[id]!));
      count--;
      textUnits -= text.length;
      texts[id] = "";
      if (text.length === 1 && text.charCodeAt(0) < signIds.length) signIds[text.charCodeAt(0)] = 0;
      freeIds.push(id);
    },
    textOf: (id) => texts[id] ?? "",
    isWord: (id) => words[id] ?? false,
    hashes: () => hashes,
    starts: () => starts,
    stemOf: (id) => stems[id] ?? 0,
    inTheWayOf(id, like) {
      const [word, model] = [texts[id]!, texts[like]!];
      const start = model.startsWith("_") ? 1 : 0;
      const bare = singular(word.startsWith("_") ? word.slice(1) : word);
      const head = model.charAt(start);
      let styled = bare;
      if (model.length > start + 1 && model === model.toUpperCase()) styled = bare.toUpperCase();
      else if (head !== head.toLowerCase()) styled = bare.charAt(0).toUpperCase() + bare.slice(1);
      else if (head !== head.toUpperCase()) styled = bare.charAt(0).toLowerCase() + bare.slice(1);
      const isPlural = singular(model) !== model;
      const wanted = (start ? "_" : "") + styled + (isPlural ? "s" : "");
      return slots[slotOf(wanted, 0, wanted.length, textHash(wanted, 0, wanted.length))] || undefined;
    },
    count: () => count,
    // Array slots, the table and a string header come to about 80 bytes beside the characters.
    bytes: () => texts.length * 80 + textUnits,
  };
};

/** Where the last token before `end` begins, not before `from`: what the cursor may stand in the middle of. */
export const lastTokenStart = (text: string, from: number, end: number): number => {
  let at = from;
  let start = end;
  while (at < end) {
    if (classes[text.charCodeAt(at)] === charClass.space) {
      at++;
      start = end;
      continue;
    }
    start = at;
    at = tokenEnd(text, at, end);
  }
  return start;
};

import type { CandidateFacts, SituationFacts } from "./features.ts";
import { breakKind, gap, isBreak, tokenGap, tokenId, unknownId, type Vocabulary } from "./vocabulary.ts";

/** What sort of word or sign a token is: where no place is known, what may follow depends on little else. */
const sort = {
  lineStart: 0,
  word: 1,
  capital: 2,
  number: 3,
  opener: 4,
  closer: 5,
  dot: 6,
  quote: 7,
  comment: 8,
  other: 9,
} as const;
export const sortCount = 10;

/** Where a line stands: a sign that begins a comment only before a blank leaves it open until the next token. */
const comment = { outside: 0, open: 1, inside: 2 } as const;
type Comment = (typeof comment)[keyof typeof comment];

/** What the text shortly before the cursor says about a token, whether its context was seen before or not. */
export type Surroundings = {
  /** Starts anew with the tokens before the cursor, the last one nearest to it. */
  begin(tokens: Int32Array, length: number): void;
  /** Goes on by one token. */
  push(token: number): void;
  /** Says which tokens' ids begin the lines that stand beside the one that begins now, the nearest line's first. */
  beginLine(siblings: readonly number[]): void;
  /** Describes the place where the next token will stand. `typed`: one that stands before it, and was not pushed; 0: none. */
  describePlace(typed: number, facts: SituationFacts): void;
  /** Describes `token` as the one that may stand there. */
  describe(token: number, typed: number, facts: CandidateFacts): void;
  /**
   * The ids of words that may stand there because they are in use: those that began lines, at a line's beginning, and those
   * that began anywhere, the last one first. None where the last word goes on. `half`: what they begin with; `typed` as in
   * `describePlace`.
   */
  wordsInUse(half: string, typed: number, typedGap: number): readonly number[];
};

const maxTokens = 400;
/** So many may follow within one prediction. */
const maxPushed = 64;
const maxLines = 32;
const recentTokens = 200;
const maxRecentWords = 10;
const maxBeginnings = 6;
const maxSiblings = 4;

/** Whether a line begins behind the token; 0: behind none. */
const isLineStart = (before: number): boolean => before === 0 || isBreak(before);
const isWordSort = (kind: number): boolean => kind >= sort.word && kind <= sort.number;

/** Nothing stands before the cursor yet. */
export const createSurroundings = (vocabulary: Vocabulary): Surroundings => {
  const tokens = new Int32Array(maxTokens + maxPushed);
  let length = 0;
  // By id, where it stood last, counted over all calls so that nothing needs to be cleared; and how often it stands here.
  let lastAt = new Int32Array(4096);
  let counts = new Int32Array(4096);
  let base = 0;
  const found: number[] = [];
  /** The closing brackets that are due, the next one last, as character codes. */
  const due: number[] = [];
  /** The first tokens' ids of the lines so far. */
  const beginnings: number[] = [];
  let siblings: readonly number[] = [];
  let lineFrom = 0;
  let openOnLine = 0;
  let quotes = 0;
  let inComment: Comment = comment.outside;

  const startOf = (token: number): number => vocabulary.textOf(tokenId(token)).charCodeAt(0);

  /** The sort of a token that stands behind another one, or behind none: 0. */
  const sortOf = (token: number, before: number): number => {
    const id = tokenId(token);
    const text = vocabulary.textOf(id);
    const code = text.charCodeAt(0);
    if (text === "") return sort.word;
    if (vocabulary.isWord(id)) {
      if (code >= 48 && code <= 57) return sort.number;
      return code >= 65 && code <= 90 ? sort.capital : sort.word;
    }
    switch (code) {
      case 40:
      case 91:
      case 123:
        return sort.opener;
      case 41:
      case 93:
      case 125:
        return sort.closer;
      case 46:
        return text.length === 1 ? sort.dot : sort.other;
      case 34:
      case 39:
      case 96:
        return sort.quote;
      case 35:
        return sort.comment;
      case 47:
        return sort.comment;
      case 42: {
        const isBegun = tokenGap(token) === gap.none && vocabulary.textOf(tokenId(before)) === "/";
        return isBegun || isLineStart(before) ? sort.comment : sort.other;
      }
      default:
        return sort.other;
    }
  };

  const sortAt = (at: number): number => {
    if (at < 0 || isBreak(tokens[at]!)) return sort.lineStart;
    return sortOf(tokens[at]!, tokens[at - 1] ?? 0);
  };

  const lastToken = (): number => tokens[length - 1] ?? 0;
  const lastSort = (typed: number): number => (typed === 0 ? sortAt(length - 1) : sortOf(typed, lastToken()));

  /** Where the line stands with one token more. */
  const commentWith = (token: number, before: number): Comment => {
    const isJoined = tokenGap(token) === gap.none;
    // An attribute, a directive, a pointer; or the sign that ends a comment.
    if (inComment === comment.open) return isJoined ? comment.outside : comment.inside;
    if (inComment === comment.inside) {
      const isEnd = isJoined && startOf(before) === 42 && vocabulary.textOf(tokenId(token)) === "/";
      return isEnd ? comment.outside : comment.inside;
    }
    if (vocabulary.isWord(tokenId(token)) || sortOf(token, before) !== sort.comment) return comment.outside;
    const text = vocabulary.textOf(tokenId(token));
    if (text === "/" || (text.startsWith("#") && isJoined && !isLineStart(before))) return comment.outside;
    return text.startsWith("/") || (text.startsWith("*") && !isLineStart(before)) ? comment.inside : comment.open;
  };

  const closerOf = (opener: number): number => {
    const code = startOf(opener);
    return code === 40 ? 41 : code + 2;
  };

  /** The closing bracket that is due behind `typed`. */
  const dueBehind = (typed: number): number | undefined => {
    if (typed === 0) return due.at(-1);
    const own = sortOf(typed, lastToken());
    return own === sort.opener ? closerOf(typed) : due.at(own === sort.closer ? -2 : -1);
  };

  const note = (id: number): void => {
    if (id >= lastAt.length) {
      const size = 2 ** Math.ceil(Math.log2(id + 1));
      const [longer, more] = [new Int32Array(size), new Int32Array(size)];
      longer.set(lastAt);
      more.set(counts);
      [lastAt, counts] = [longer, more];
    }
    counts[id] = lastAt[id]! > base ? counts[id]! + 1 : 1;
    lastAt[id] = base + length;
  };

  const push = (token: number): void => {
    const before = lastToken();
    tokens[length++] = token;
    if (isBreak(token)) {
      lineFrom = length;
      openOnLine = quotes = 0;
      inComment = comment.outside;
      siblings = [];
      return;
    }
    const id = tokenId(token);
    if (length - 1 === lineFrom) beginnings.push(id);
    inComment = commentWith(token, before);
    if (vocabulary.isWord(id)) {
      note(id);
      return;
    }
    const own = sortOf(token, before);
    if (own === sort.opener) {
      due.push(closerOf(token));
      openOnLine++;
    } else if (own === sort.closer) {
      due.pop();
      if (openOnLine > 0) openOnLine--;
    } else if (own === sort.quote) quotes++;
  };

  return {
    begin(before, count) {
      base += maxTokens + maxPushed;
      if (base > 2 ** 30) {
        base = 0;
        lastAt.fill(0);
      }
      due.length = beginnings.length = length = lineFrom = openOnLine = quotes = 0;
      inComment = comment.outside;
      siblings = [];
      for (let i = Math.max(0, count - maxTokens); i < count; i++) push(before[i]!);
    },
    push,
    beginLine(ids) {
      siblings = ids;
    },
    describePlace(typed, facts) {
      const last = lastToken();
      const isStart = typed === 0 && isLineStart(last);
      const own = lastSort(typed);
      const [isOpener, isCloser] = [typed !== 0 && own === sort.opener, typed !== 0 && own === sort.closer];
      facts.lastSort = own;
      facts.lineEndSort = isStart ? sortAt(length - 2) : 0;
      facts.turn = isStart && length > 0 ? breakKind(last).turn : "same";
      facts.isBlank = isStart && length > 0 && breakKind(last).isBlank;
      facts.siblings = typed === 0 && length === lineFrom ? siblings.length : 0;
      facts.openOnLine = Math.max(0, openOnLine + (isOpener ? 1 : isCloser ? -1 : 0));
      facts.isOpen = dueBehind(typed) !== undefined;
      facts.lineTokens = length - lineFrom + (typed === 0 ? 0 : 1);
      facts.isInQuotes = (quotes + (typed !== 0 && own === sort.quote ? 1 : 0)) % 2 === 1;
      facts.isInComment = (typed === 0 ? inComment : commentWith(typed, last)) !== comment.outside;
    },
    describe(token, typed, facts) {
      const id = tokenId(token);
      facts.sort = isBreak(token) ? sort.lineStart : sortOf(token, typed === 0 ? lastToken() : typed);
      const at = (lastAt[id] ?? 0) - base;
      const isNear = isWordSort(facts.sort) && at > 0;
      facts.distance = isNear ? length - at + 1 : 0;
      facts.recentCount = isNear ? counts[id]! : 0;
      const sortBefore = isNear ? sortAt(at - 2) : -1;
      const sortBehind = isNear && at < length ? sortAt(at) : -1;
      facts.stoodBehindWord = isWordSort(sortBefore);
      facts.stoodLikeHere = sortBefore === lastSort(typed);
      facts.stoodBeforeDot = sortBehind === sort.dot;
      facts.stoodBeforeOpener = sortBehind === sort.opener;
      facts.closing = 0;
      if (facts.sort === sort.closer) {
        const text = vocabulary.textOf(id);
        facts.closing = text.length === 1 && text.charCodeAt(0) === dueBehind(typed) ? 1 : -1;
      }
      facts.beganLines = 0;
      facts.beganLast = facts.beganNearest = false;
      facts.beganSiblings = 0;
      if (typed !== 0 || length !== lineFrom || isBreak(token)) return;
      for (let i = Math.max(0, beginnings.length - maxLines); i < beginnings.length; i++)
        if (beginnings[i] === id) facts.beganLines++;
      facts.beganLast = beginnings.at(-1) === id;
      for (const sibling of siblings) if (sibling === id) facts.beganSiblings++;
      facts.beganNearest = siblings[0] === id;
    },
    wordsInUse(half, typed, typedGap) {
      found.length = 0;
      const isStart = typed === 0 && length === lineFrom;
      if (half === "" && typedGap === gap.none && !isStart && isWordSort(lastSort(typed))) return found;
      const take = (id: number): void => {
        if (id === unknownId || !vocabulary.isWord(id) || found.includes(id)) return;
        if (half !== "") {
          const text = vocabulary.textOf(id);
          if (text.length <= half.length || !text.startsWith(half)) return;
        }
        found.push(id);
      };
      if (isStart) {
        for (let at = 0; at < siblings.length && found.length < maxSiblings; at++) take(siblings[at]!);
        for (let at = beginnings.length - 1; at >= 0 && found.length < maxBeginnings; at--) take(beginnings[at]!);
      }
      const most = found.length + maxRecentWords;
      for (let at = length - 1; at > 0 && found.length < most && length - at < recentTokens; at--) {
        const before = tokens[at - 1]!;
        if (tokenGap(tokens[at]!) === gap.none && !isBreak(before) && vocabulary.isWord(tokenId(before))) continue;
        if (!isBreak(tokens[at]!)) take(tokenId(tokens[at]!));
      }
      return found;
    },
  };
};

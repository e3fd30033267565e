const closerOf: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };
const closers = new Set(Object.values(closerOf));
const quotes = new Set(['"', "'", "`"]);

/** What a piece of code leaves open and what it closes that was opened before it. */
export type BracketBalance = {
  /** Closing brackets still awaited, innermost last. */
  readonly open: readonly string[];
  /** Where the opening bracket of each of `open` stands. */
  readonly openAt: readonly number[];
  /** Closing brackets without an opening one, in order. */
  readonly surplus: readonly string[];
  /** Where each of `surplus` stands. */
  readonly surplusAt: readonly number[];
};

const hashComments = new Set(["python", "ruby", "yaml", "shellscript", "toml", "makefile", "dockerfile", "perl", "r"]);
const noLineComments = new Set(["markdown", "html", "css", "json", "plaintext"]);

const lineCommentOf = (languageId: string): string =>
  hashComments.has(languageId) ? "#" : noLineComments.has(languageId) ? "" : "//";

/**
 * Counts brackets, skipping those in strings and comments as most languages write them. A quote that does not close
 * on its line is taken as an apostrophe. O(n), no allocation per character.
 */
export const bracketBalance = (code: string, languageId = ""): BracketBalance => {
  const comment = lineCommentOf(languageId);
  const open: string[] = [];
  const openAt: number[] = [];
  const surplus: string[] = [];
  const surplusAt: number[] = [];
  for (let index = nextMark(code, 0); index >= 0; index = nextMark(code, index + 1)) {
    const character = code[index]!;
    if (quotes.has(character)) {
      const end = isLifetime(code, index, languageId) ? -1 : stringEnd(code, index);
      if (end > 0) index = end;
    } else if (character === "\\") {
      // Outside strings that is a regular expression's or a continued line's.
      index++;
    } else if (comment !== "" && code.startsWith(comment, index)) {
      index = lineEnd(code, index);
    } else if (
      character === "#" &&
      languageId !== "rust" &&
      /^\s*$/.test(code.slice(code.lastIndexOf("\n", index) + 1, index))
    ) {
      index = lineEnd(code, index);
    } else if (character === "/" && code[index + 1] === "*") {
      const end = code.indexOf("*/", index + 2);
      index = end < 0 ? code.length : end + 1;
    } else if (closerOf[character]) {
      open.push(closerOf[character]);
      openAt.push(index);
    } else if (closers.has(character)) {
      const closed = open.lastIndexOf(character);
      if (closed >= 0) {
        open.length = closed;
        openAt.length = closed;
      } else {
        surplus.push(character);
        surplusAt.push(index);
      }
    }
  }
  return { open, openAt, surplus, surplusAt };
};

// All that counting looks at; searching for it is several times faster than reading every character.
const mark = /["'`\\/#()[\]{}]/g;

/** Index of the next bracket, or of what may begin a string or a comment, at or behind `from`; -1 if there is none. */
const nextMark = (code: string, from: number): number => {
  mark.lastIndex = from;
  return mark.test(code) ? mark.lastIndex - 1 : -1;
};

const lineEnd = (code: string, from: number): number => {
  const end = code.indexOf("\n", from);
  return end < 0 ? code.length : end;
};

/** Index of the quote that closes the one at `start`, or -1. Only backquotes span lines. */
const stringEnd = (code: string, start: number): number => {
  const quote = code[start]!;
  for (let index = start + 1; index < code.length; index++) {
    const character = code[index];
    if (character === "\\") index++;
    else if (character === quote) return index;
    else if (character === "\n" && quote !== "`") return -1;
  }
  return -1;
};

const isLifetime = (code: string, at: number, languageId: string): boolean =>
  languageId === "rust" && code[at] === "'" && code[at + 1] !== "\\" && code[at + 2] !== "'";

/** The quote of the string that the end of `line` is in; undefined in code. An apostrophe in a word opens none. */
export const openQuote = (line: string, languageId: string): string | undefined => {
  const comment = lineCommentOf(languageId);
  for (let index = 0; index < line.length; index++) {
    const character = line[index]!;
    if (character === "\\") index++;
    else if (comment !== "" && line.startsWith(comment, index)) return undefined;
    else if (quotes.has(character)) {
      if (isLifetime(line, index, languageId) || (character === "'" && /\w/.test(line[index - 1] ?? ""))) continue;
      const end = stringEnd(line, index);
      if (end < 0) return line.lastIndexOf("${") > Math.max(index, line.lastIndexOf("}")) ? undefined : character;
      index = end;
    }
  }
  return undefined;
};

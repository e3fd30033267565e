const closerOf: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };
const closers = new Set(Object.values(closerOf));
const quotes = new Set(['"', "'", "`"]);

/** What a piece of code leaves open and what it closes that was opened before it. */
export type BracketBalance = {
  /** Closing brackets still awaited, innermost last. */
  readonly open: readonly string[];
  /** Closing brackets without an opening one, in order. */
  readonly surplus: readonly string[];
};

/**
 * Counts brackets, skipping those in strings and comments as most languages write them. A quote that does not close
 * on its line is taken as an apostrophe. O(n), no allocation per character.
 */
export const bracketBalance = (code: string): BracketBalance => {
  const open: string[] = [];
  const surplus: string[] = [];
  for (let index = 0; index < code.length; index++) {
    const character = code[index]!;
    if (quotes.has(character)) {
      const end = stringEnd(code, index);
      if (end > 0) index = end;
    } else if (character === "/" && code[index + 1] === "/") {
      index = lineEnd(code, index);
    } else if (character === "#" && /^\s*$/.test(code.slice(code.lastIndexOf("\n", index) + 1, index))) {
      index = lineEnd(code, index);
    } else if (character === "/" && code[index + 1] === "*") {
      const end = code.indexOf("*/", index + 2);
      index = end < 0 ? code.length : end + 1;
    } else if (closerOf[character]) {
      open.push(closerOf[character]);
    } else if (closers.has(character)) {
      if (open.at(-1) === character) open.pop();
      else if (open.includes(character)) open.length = open.lastIndexOf(character);
      else surplus.push(character);
    }
  }
  return { open, surplus };
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

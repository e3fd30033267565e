/** Takes from a chat model's answer, piece by piece, what belongs at the hole. */
export type HoleAnswer = {
  /** Takes the next piece; gives what can be shown by now. */
  push(piece: string): string;
  /** Gives what waited, at the end of the answer. */
  flush(): string;
  /** True once the answer's own end came, a closing fence; nothing follows it. */
  isOver(): boolean;
};

/** So much of the document before the hole is looked for at the beginning of an answer. */
const repeatedUnitsMax = 4_000;
/** What is shorter may well be wanted twice. */
const repeatedUnitsMin = 3;
const fenceLine = /^[ \t]*(`{3,}|~{3,})[^`\n]*\n/;
const thought = /^\s*<(think|thinking|thought|reasoning)>/;
/** How chat models begin when they talk about code rather than write it. */
const talk =
  /^(?:(?:sure|certainly|of course|okay)[!,.:] |here(?:'s| is| are) (?:the|an?|your|what)\b|the (?:missing|completed?|following|text|code)\b.*\b(?:is|are|should|would)\b|i(?:'m sorry| am sorry| cannot | can't )|sorry, |to (?:complete|fill) )/i;

/** Where a repetition of the document's end may begin: at the lines before the hole, with and without indentation. */
const repeatStarts = (prefix: string): readonly number[] => {
  const from = Math.max(0, prefix.length - repeatedUnitsMax);
  const lines = [...prefix.matchAll(/\n/g)].map(({ index }) => index + 1).filter((start) => start > from);
  if (from === 0) lines.unshift(0);
  const starts = lines.flatMap((start) => [start, start + prefix.slice(start).search(/[^ \t]|$/)]);
  return [...new Set(starts)].filter((start) => prefix.slice(start).trim().length >= repeatedUnitsMin);
};

/**
 * Thinking, talk and a fence around the answer, the document's end repeated in front of it, and the indentation that
 * already stands before the hole are left out. Text is held back until it is clear that it is none of these, at most to
 * the end of its first line beyond them.
 */
export const createHoleAnswer = (prefix: string): HoleAnswer => {
  const indentation = /(?:^|\n)([ \t]+)$/.exec(prefix)?.[1] ?? "";
  const starts = repeatStarts(prefix);
  let waiting = "";
  let stage: "head" | "repeat" | "body" | "over" = "head";
  let hasThought = false;
  let closingFence: string | undefined;

  /** Undefined: more is needed to tell. */
  const withoutHead = (isEnd: boolean): string | undefined => {
    const opened = thought.exec(waiting);
    if (opened) {
      const end = waiting.indexOf(`</${opened[1]}>`);
      if (end < 0) return isEnd ? "" : undefined;
      waiting = waiting.slice(end + `</${opened[1]}>`.length);
      hasThought = true;
    }
    if (hasThought) waiting = waiting.replace(/^\s*\n/, "");
    if (!isEnd && !/\S[^\n]*\n/.test(waiting)) return undefined;
    // Blank lines in front of a fence or of talk are no part of the answer; in front of code they are.
    const bare = waiting.replace(/^\s*\n/, "");
    const fence = fenceLine.exec(bare);
    if (fence) {
      closingFence = fence[1]!;
      return bare.slice(fence[0].length);
    }
    const [firstLine = ""] = bare.trimStart().split("\n", 1);
    if (!talk.test(firstLine)) return waiting;
    const fenced = /\n[ \t]*(`{3,}|~{3,})[^`\n]*\n/.exec(bare);
    if (!fenced) return isEnd ? "" : undefined;
    closingFence = fenced[1]!;
    return bare.slice(fenced.index + fenced[0].length);
  };

  /** Undefined: it may still become a repetition. */
  const withoutRepeat = (isEnd: boolean): string | undefined => {
    let longest: number | undefined;
    for (const start of starts) {
      const length = prefix.length - start;
      if (waiting.length < length) {
        if (!isEnd && prefix.startsWith(waiting, start)) return undefined;
      } else if (longest === undefined && waiting.startsWith(prefix.slice(start))) longest = length;
    }
    if (longest !== undefined) return waiting.slice(longest);
    return indentation !== "" && waiting.startsWith(indentation) ? waiting.slice(indentation.length) : waiting;
  };

  /** Cuts at the closing fence; what may become one waits. */
  const body = (isEnd: boolean): string => {
    if (closingFence === undefined) {
      const all = waiting;
      waiting = "";
      return all;
    }
    const end = waiting.startsWith(closingFence) ? 0 : waiting.indexOf(`\n${closingFence}`);
    if (end >= 0) {
      const text = waiting.slice(0, end);
      waiting = "";
      stage = "over";
      return text;
    }
    const lastLine = waiting.lastIndexOf("\n");
    const tail = waiting.slice(Math.max(lastLine, 0));
    const isOpen = !isEnd && `\n${closingFence}`.startsWith(tail) && lastLine >= 0;
    const text = isOpen ? waiting.slice(0, lastLine) : waiting;
    waiting = isOpen ? tail : "";
    return text;
  };

  const take = (isEnd: boolean): string => {
    if (stage === "head") {
      const rest = withoutHead(isEnd);
      if (rest === undefined) return "";
      waiting = rest;
      stage = "repeat";
    }
    if (stage === "repeat") {
      const rest = withoutRepeat(isEnd);
      if (rest === undefined) return "";
      waiting = rest;
      stage = "body";
    }
    return stage === "body" ? body(isEnd) : "";
  };

  return {
    push(piece) {
      if (stage === "over") return "";
      waiting += piece;
      return take(false);
    },
    flush: () => (stage === "over" ? "" : take(true)),
    isOver: () => stage === "over",
  };
};

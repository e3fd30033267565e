// An invisible character that keeps two others from being read as one mark.
const wordJoiner = "\u2060";

/**
 * Makes a model's Markdown harmless to render: images would be fetched from wherever the text says, and raw HTML and
 * formulas can hide things. The marks that begin them are broken everywhere but inside of fenced blocks at the left
 * margin: what else counts as code is too hard to tell from what only looks like it.
 */
export const safeMarkdown = (markdown: string): string => {
  let fence: string | undefined;
  return markdown
    .split(/\r\n?|\n/)
    .map((line) => {
      if (fence !== undefined) {
        if (isClosing(line, fence)) fence = undefined;
        return line;
      }
      fence = openingFence(line);
      return fence === undefined ? safeLine(line) : line;
    })
    .join("\n");
};

const openingFence = (line: string): string | undefined => {
  const opening = /^(?:(`{3,})[^`]*|(~{3,}).*)$/.exec(line);
  return opening?.[1] ?? opening?.[2];
};

const isClosing = (line: string, fence: string): boolean =>
  /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line)?.[1]?.startsWith(fence) ?? false;

const safeLine = (line: string): string =>
  line.replaceAll("![", `!${wordJoiner}[`).replaceAll("<", `<${wordJoiner}`).replaceAll("$$", `$${wordJoiner}$`);

/** The same for a text that comes piece by piece: what the calls return, put together, is harmless to render. */
export type SafeMarkdownStream = {
  push(text: string): string;
  /** What was held back until it was known whether it begins or ends a block of code. */
  end(): string;
};

/** For one answer. Only the beginning of a line that may be a fence is held back, until the line's end. */
export const createSafeMarkdownStream = (): SafeMarkdownStream => {
  /** What has come of the line that is not over, and the fence of the block of code that it stands in. */
  let line = "";
  let fence = "";
  let shownUnits = 0;
  let hasReturn = false;
  const rest = (): string => {
    const isCode = fence !== "" || openingFence(line) !== undefined;
    const shown = (isCode ? line : safeLine(line)).slice(shownUnits);
    shownUnits += shown.length;
    return shown;
  };
  const endLine = (): string => {
    const shown = `${rest()}\n`;
    if (fence === "") fence = openingFence(line) ?? "";
    else if (isClosing(line, fence)) fence = "";
    line = "";
    shownUnits = 0;
    return shown;
  };
  return {
    push(text) {
      // A carriage return may be the first half of a line's end.
      const whole = (hasReturn ? "\r" : "") + text;
      hasReturn = whole.endsWith("\r");
      const lines = (hasReturn ? whole.slice(0, -1) : whole).split(/\r\n?|\n/);
      let shown = "";
      for (const [index, piece] of lines.entries()) {
        if (index > 0) shown += endLine();
        line += piece;
      }
      return /^ {0,3}(?:[`~].*)?$/.test(line) ? shown : shown + rest();
    },
    end() {
      const shown = (hasReturn ? endLine() : "") + rest();
      hasReturn = false;
      return shown;
    },
  };
};

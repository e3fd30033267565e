// An invisible character that keeps two others from being read as one mark.
const wordJoiner = "\u2060";

/**
 * Makes a model's Markdown harmless to render: images would be fetched from wherever the text says, and raw HTML and
 * formulas can hide things. The marks that begin them are broken everywhere but inside of fenced blocks at the left
 * margin: what else counts as code is too hard to tell from what only looks like it.
 */
export const safeMarkdown = (markdown: string): string => {
  const stream = createSafeMarkdownStream();
  return stream.push(markdown) + stream.end();
};

/** A line that begins a fenced block. Between its backticks and its end there is no other; with a bar it may head a table. */
const opening = /^( {0,3})(`{3,}(?=[^`]*$)|~{3,})[^|]*$/;
const fenceLike = /^ {0,3}(?:`{3,}|~{3,})/;
const blank = /^[ \t]*$/;

const isClosing = (line: string, fence: string): boolean =>
  /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line)?.[1]?.startsWith(fence) ?? false;

/** What only some renderers take for the end of a block: VS Code's chat takes mixed marks. */
const mayClose = (line: string, fence: string): boolean =>
  /^ {0,3}([`~]{3,})[ \t]*$/.exec(line)?.[1]?.startsWith(fence) ?? false;

const indentOf = (line: string): number => (/^ *\t/.test(line) ? 4 : /^ */.exec(line)![0].length);

const safeLine = (line: string): string =>
  line
    .replaceAll("![", `!${wordJoiner}[`)
    .replaceAll("<", `<${wordJoiner}`)
    .replaceAll(/\$(?=\$)/g, `$${wordJoiner}`)
    // Begins a formula in the preview, which reaches to its end whatever stands between.
    .replaceAll(String.raw`\begin{`, `\\begin${wordJoiner}{`);

/** The same for a text that comes piece by piece: what the calls return, put together, is harmless to render. */
export type SafeMarkdownStream = {
  push(text: string): string;
  /** What was held back until it was known whether it begins or ends a block of code. */
  end(): string;
};

/**
 * For one answer. Only the beginning of a line that may be a fence is held back, until the line's end.
 *
 * A block at the left margin is left alone only where it is certain that every renderer begins it there. An indented
 * fence may belong to a list or stand for itself, and then what looks like the next block's beginning may be its end. It
 * does no harm where it ends as it began with nothing further left in between: then both readings agree again. After any
 * other no block is left alone any more.
 */
export const createSafeMarkdownStream = (): SafeMarkdownStream => {
  /** What has come of the line that is not over, and the fence of the block of code that it stands in. */
  let line = "";
  let fence = "";
  let indented: { readonly indent: number; readonly fence: string } | undefined;
  let isUnsure = false;
  let shownUnits = 0;
  let hasReturn = false;

  /** The line as it may be shown. */
  const shownLine = (): string => {
    if (fence !== "") {
      if (isClosing(line, fence)) return line.trimEnd();
      return mayClose(line, fence) ? wordJoiner + line : line;
    }
    if (indented && isClosing(line, indented.fence)) return line.trimEnd();
    if (indented || isUnsure) return safeLine(line);
    const indentation = opening.exec(line)?.[1];
    if (indentation === undefined && fenceLike.test(line)) return wordJoiner + safeLine(line);
    return indentation === "" ? line : safeLine(line);
  };
  /** What the whole line means for those behind it. */
  const follow = (): void => {
    if (fence !== "") {
      if (isClosing(line, fence)) fence = "";
    } else if (indented) {
      const { indent } = indented;
      if (isClosing(line, indented.fence) && indentOf(line) === indent) indented = undefined;
      else if (!blank.test(line) && (indentOf(line) < indent || fenceLike.test(line))) {
        isUnsure = true;
        indented = undefined;
      }
    } else if (!isUnsure) {
      const [, indentation = "", marks = ""] = opening.exec(line) ?? [];
      if (marks !== "" && indentation === "") fence = marks;
      else if (marks !== "") indented = { indent: indentation.length, fence: marks };
    }
  };
  const rest = (): string => {
    const shown = shownLine().slice(shownUnits);
    shownUnits += shown.length;
    return shown;
  };
  const endLine = (): string => {
    const shown = `${rest()}\n`;
    follow();
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
      return /^ {0,3}(?:[`~][^]*)?$/.test(line) ? shown : shown + rest();
    },
    end() {
      const shown = (hasReturn ? endLine() : "") + rest();
      hasReturn = false;
      return shown;
    },
  };
};

import { bracketBalance, openQuote } from "./brackets.ts";
import { withoutModelMarkup } from "./modelMarkup.ts";
import { soundPart } from "./soundness.ts";

/** What a model or the predictor proposes, and where. */
export type FilterInput = {
  /** The document before the cursor. */
  readonly prefix: string;
  /** The document after the cursor. */
  readonly suffix: string;
  /** The proposed text, as it came. */
  readonly text: string;
  readonly languageId: string;
  /** Whether more than one line may be shown. */
  readonly multiline: boolean;
};

export type FilteredCompletion = {
  readonly insertText: string;
  /** UTF-16 units after the cursor, on its line, that the insertion overwrites. */
  readonly replaceAfter: number;
};

const maxLines = 12;
// Bracket counting looks this far around the cursor; further away it would cost more than it tells.
const bracketWindowCharacters = 20_000;
const onlyClosers = /^[)\]}>"'`;,:\s]*$/;
const maxCharacters = 8000;
const emptyComment = /^\s*(?:\/\/+|#|--|\/\*+\s*\*\/|<!--\s*-->)\s*$/;
const prose = new Set(["markdown", "plaintext", "latex", "shellscript"]);

/**
 * Cuts proposed text to what is worth showing at the cursor: without model markup, without what stands behind the
 * cursor already, within the block that the cursor is in. Returns undefined when nothing should be shown. Pure.
 */
export const filterCompletion = (input: FilterInput): FilteredCompletion | undefined => {
  const { languageId } = input;
  const prefix = input.prefix.slice(-bracketWindowCharacters);
  const linePrefix = lastLine(prefix);
  const suffix = input.suffix.slice(0, bracketWindowCharacters).replaceAll(/\r\n?/g, "\n");
  const restOfLine = suffix.slice(0, lineLength(suffix));
  let text = withoutModelMarkup(input.text.slice(0, maxCharacters).replaceAll(/\r\n?/g, "\n"), languageId);
  let counted: ClosersAround | undefined;
  const closersAround = () => (counted ??= countClosers(input, prefix, suffix));
  text =
    input.multiline && restOfLine.trim() === ""
      ? withinBlock(text, prefix, closersAround, languageId)
      : firstLine(text);
  text = withoutRepetition(text, languageId);
  text = soundPart(text, input.prefix, languageId);
  text = withoutFollowingLines(text, prefix, suffix, languageId);
  text = withoutEmptyComments(text, prefix, languageId);
  if (!/^[^\s)\].,;]/.test(restOfLine)) text = text.trimEnd();
  if (text.trim() === "") return undefined;

  const quote = openQuote(linePrefix, languageId);
  const fitted = fitRestOfLine(text, restOfLine, linePrefix, quote, languageId);
  if (!fitted) return undefined;
  const mayCutClosers = fitted.replaceAfter === 0 && !prose.has(languageId) && quote === undefined;
  const insertText = mayCutClosers
    ? withoutSurplusClosers(fitted.insertText, linePrefix, closersAround, languageId)
    : fitted.insertText;
  return insertText.trim() === "" || splitsSurrogatePair(insertText)
    ? undefined
    : { insertText, replaceAfter: fitted.replaceAfter };
};

const lineLength = (text: string): number => {
  const end = text.indexOf("\n");
  return end < 0 ? text.length : end;
};

const firstLine = (text: string): string => text.slice(0, lineLength(text));

const lastLine = (text: string): string => text.slice(text.lastIndexOf("\n") + 1);

/** In columns; a tab reaches to the next fourth one. */
const indentation = (line: string): number => {
  let column = 0;
  for (const character of line) {
    if (character === "\t") column += 4 - (column % 4);
    else if (character === " ") column++;
    else break;
  }
  return column;
};

type ClosersAround = {
  /** What closes the brackets that stand open before the cursor, innermost first. */
  readonly awaited: readonly string[];
  /** What the document below closes of these. */
  readonly below: readonly string[];
  /** How many of the awaited ones nothing below closes; undefined: it cannot be told. */
  readonly missing: number | undefined;
  /** Indentation of the lines whose brackets are awaited, in columns, innermost first. */
  readonly openerIndents: readonly number[];
  /** The first line below with text on it. */
  readonly nextLine: string | undefined;
};

/** Reads all that is near the cursor: to be called only when the answer matters. */
const countClosers = (input: FilterInput, prefix: string, suffix: string): ClosersAround => {
  const before = bracketBalance(prefix, input.languageId);
  const awaited = before.open.toReversed();
  const below = bracketBalance(suffix, input.languageId).surplus;
  const isWhole = input.prefix.length === prefix.length;
  const isKnown = isWhole || awaited.length >= below.length;
  return {
    awaited,
    below,
    missing: isKnown ? Math.max(0, awaited.length - below.length) : undefined,
    openerIndents: before.openAt.toReversed().map((at) => indentation(prefix.slice(prefix.lastIndexOf("\n", at) + 1))),
    nextLine: suffix
      .slice(lineLength(suffix) + 1)
      .split("\n", 50)
      .find((line) => line.trim() !== ""),
  };
};

/**
 * True when a line that begins with a closer stands as far in as the line that opened the `index`-th awaited bracket,
 * and the document does not go on inside of that block: then it ends the block, whatever counting says. On a line that
 * stands that far out already (`isOut`) nobody goes on inside.
 */
const endsBlock = (line: string, index: number, around: ClosersAround, isOut: boolean): boolean => {
  const { awaited, openerIndents, nextLine = "" } = around;
  const closer = awaited[index];
  const column = indentation(line);
  if (closer === undefined || !line.trimStart().startsWith(closer) || openerIndents[index] !== column) return false;
  const nextColumn = indentation(nextLine);
  return nextColumn > column ? isOut : nextColumn < column || !/^[)\]}]/.test(nextLine.trimStart());
};

/** How many brackets stand open on the cursor's line that nothing below goes on in or closes. */
const openedOnLine = (linePrefix: string, { nextLine = "" }: ClosersAround, languageId: string): number => {
  const excess = indentation(nextLine) - indentation(linePrefix);
  const isGoingOn = excess > 0 || (excess === 0 && /^[)\]}]/.test(nextLine.trimStart()));
  return isGoingOn ? 0 : bracketBalance(linePrefix, languageId).open.length;
};

/**
 * Ends at a blank line behind text, at a line that leaves the cursor's block, or after a dozen lines. A line that only
 * closes brackets belongs to the block while the document lacks them.
 */
const withinBlock = (text: string, prefix: string, closersAround: () => ClosersAround, languageId: string): string => {
  const lines = text.split("\n", 2 * maxLines);
  const linePrefix = lastLine(prefix);
  const cursorLine = linePrefix + lines[0]!;
  const blockIndent = indentation(cursorLine.trim() === "" ? linePrefix : cursorLine);
  const kept: string[] = [];
  const isAwaited = (line: string): boolean => {
    if (!onlyClosers.test(line) || /[([{]\s*$/.test(linePrefix)) return false;
    const closes = bracketBalance([...kept, line].join("\n"), languageId).surplus.length;
    if (closes === 0) return false;
    return closes <= (closersAround().missing ?? 0) || endsBlock(line, closes - 1, closersAround(), false);
  };
  const isInString = () => (kept.join("\n").split('"""').length + prefix.split('"""').length) % 2 === 1;
  for (const [index, line] of lines.entries()) {
    const isBlank = line.trim() === "";
    if (index > 0 && !isBlank && indentation(line) < blockIndent) {
      const isDirective = /^(?:c|cpp)$/.test(languageId) && line.startsWith("#");
      if (!isDirective && !isAwaited(line) && !isInString()) break;
    }
    if (isBlank && kept.some((earlier) => earlier.trim() !== "")) break;
    if (kept.length === maxLines) break;
    kept.push(line);
  }
  return kept.join("\n");
};

/** A letter outside numbers: rulers, table borders and rows of numbers repeat on purpose. */
const hasWord = (text: string): boolean => /[A-Za-z]/.test(text.replaceAll(/\b\d\w*/g, ""));

/** Cuts lines that come a third time in a row, alone or as a group, and text that is one unit over and over. */
const withoutRepetition = (text: string, languageId: string): string => {
  let lines = text.split("\n");
  for (let size = 1; size <= 3; size++) {
    const comesThrice = (start: number) =>
      start + 3 * size <= lines.length &&
      hasWord(lines[start]!) &&
      lines.slice(start, start + 2 * size).every((line, index) => line === lines[start + index + size]);
    const start = lines.findIndex((_, index) => comesThrice(index));
    const isTableRow = languageId === "html" && /^\s*<.*>$/.test(lines[start] ?? "");
    if (start >= 0 && !isTableRow) lines = lines.slice(0, start + size);
  }
  const kept = lines.join("\n");
  const loop = /(\S.{5,60}?)\1{3,}/.exec(kept);
  const unit = loop?.[1] ?? "";
  const after = loop ? kept.slice(loop.index + loop[0].length) : "";
  return loop && hasWord(unit) && unit.startsWith(after) ? kept.slice(0, loop.index + unit.length) : kept;
};

/** Cuts from the line on that stands below the cursor already. Blank lines below do not count. */
const withoutFollowingLines = (text: string, prefix: string, suffix: string, languageId: string): string => {
  const below = suffix.slice(lineLength(suffix) + 1).split("\n", 50);
  const following = below
    .filter((line) => line.trim() !== "")
    .slice(0, 3)
    .map((line) => line.trimEnd());
  if (following.length === 0) return text;
  const lines = text.split("\n");
  const whole = [lastLine(prefix) + lines[0]!, ...lines.slice(1)].map((line) => line.trimEnd());
  for (const [index, line] of whole.entries()) {
    if (index === 0 && lastLine(prefix).trim() !== "") continue;
    const isLast = index === whole.length - 1;
    if (
      isLast &&
      index > 0 &&
      line.trim().length >= 4 &&
      hasWord(line) &&
      following[0]!.startsWith(line) &&
      line !== following[0]
    ) {
      return lines.slice(0, index).join("\n");
    }
    if (line !== following[0]) continue;
    // A lone closer below may be another block's: only a longer line, or more lines in a row, prove a copy.
    const isCopy = !onlyClosers.test(line) || isLast || following.length > 1;
    const restAgrees = whole.slice(index, index + following.length).every((l, i) => l === following[i]);
    if (isCopy && restAgrees && !closesOwn(lines.slice(0, index).join("\n"), line, languageId)) {
      return lines.slice(0, index).join("\n");
    }
  }
  return text;
};

/** True when `line` closes a bracket or a tag that `before` opened. */
const closesOwn = (before: string, line: string, languageId: string): boolean => {
  const tag = /^\s*<\/([\w.-]+)>/.exec(line)?.[1];
  if (tag) return before.split(`<${tag}`).length > before.split(`</${tag}`).length;
  if (!onlyClosers.test(line)) return false;
  const { open } = bracketBalance(before, languageId);
  return open.length > 0 && line.includes(open.at(-1)!);
};

/** Cuts a comment without words off the end, and drops one that repeats the comment above. */
const withoutEmptyComments = (text: string, prefix: string, languageId: string): string => {
  if (languageId === "markdown") return text;
  const lines = text.split("\n");
  const at = (index: number) => (index === 0 ? lastLine(prefix) : "") + lines[index]!;
  while (lines.length > 0 && emptyComment.test(at(lines.length - 1))) lines.pop();
  const above = lastLine(prefix.slice(0, Math.max(0, prefix.lastIndexOf("\n")))).trim();
  const isComment = /^(?:\/\/|#\s|--\s)/.test(above);
  return lines.length > 0 && isComment && at(0).trim() === above ? "" : lines.join("\n");
};

/** Makes the last inserted line and what stands behind the cursor one line without doubling either. */
const fitRestOfLine = (
  text: string,
  restOfLine: string,
  linePrefix: string,
  quote: string | undefined,
  languageId: string,
): FilteredCompletion | undefined => {
  const rest = restOfLine.trimEnd();
  if (rest === "") return { insertText: text, replaceAfter: 0 };
  if (rest.trimStart().startsWith(text.trim())) return undefined;
  const isSeparator = /^[,;]+$/.test(rest);
  if (text.startsWith(rest) && !isSeparator) return { insertText: text, replaceAfter: rest.length };
  const kept = withoutOverlap(text, rest, linePrefix, quote, languageId);
  if (kept !== undefined) return { insertText: kept, replaceAfter: 0 };

  const closedAt = closesBehind(text, quote, languageId);
  let replaceAfter = 0;
  for (const at of closedAt) if (rest[replaceAfter] === text[at]) replaceAfter++;
  if (replaceAfter === 0) return { insertText: text, replaceAfter: containedRest(text, rest, languageId) };
  const tail = rest.slice(replaceAfter);
  // The text ends a statement, and the line goes on: only what comes before the closer fits.
  if (/[;{]$/.test(text) && !onlyClosers.test(tail)) return { insertText: text.slice(0, closedAt[0]), replaceAfter: 0 };
  const isTailInText = text.endsWith(tail) || (text.endsWith("{") && tail === ";");
  return { insertText: text, replaceAfter: isTailInText ? rest.length : replaceAfter };
};

/** The text without its end that the rest of the line begins with; undefined when there is none. */
const withoutOverlap = (
  text: string,
  rest: string,
  linePrefix: string,
  quote: string | undefined,
  languageId: string,
): string | undefined => {
  const total = bracketBalance(text, languageId);
  for (let length = Math.min(text.length, rest.length, 300); length > 0; length--) {
    const overlap = rest.slice(0, length);
    // One letter in common is chance, one bracket is not.
    if (length < 2 && !onlyClosers.test(overlap)) break;
    if (!text.endsWith(overlap)) continue;
    const kept = text.slice(0, text.length - length);
    // What closes something that the text opened itself is no copy of what stands behind the cursor.
    const before = bracketBalance((quote ?? "") + kept, languageId);
    if (bracketBalance(kept, languageId).open.length > total.open.length || before.surplus.length > 0) continue;
    if (openQuote(linePrefix + kept, languageId) !== quote || opensAngle(kept, overlap)) continue;
    return kept;
  }
  return undefined;
};

/** Where the text closes the string and the brackets that the cursor is in. */
const closesBehind = (text: string, quote: string | undefined, languageId: string): readonly number[] => {
  const code = (quote ?? "") + text;
  if (openQuote(code, languageId) !== undefined) return [];
  const shift = code.length - text.length;
  const quoteEnd = quote === undefined ? -1 : text.indexOf(quote);
  return [...(quoteEnd < 0 ? [] : [quoteEnd]), ...bracketBalance(code, languageId).surplusAt.map((at) => at - shift)];
};

/** True when the overlap's `>` closes a `<` of the text's own. */
const opensAngle = (kept: string, overlap: string): boolean => overlap.startsWith(">") && /<[\w/][^<>]*$/.test(kept);

/** Length of the rest when the text says it too, with more behind: `a + b * 2` before ` + b`. */
const containedRest = (text: string, rest: string, languageId: string): number => {
  const said = rest.replace(/[;,]$/, "");
  const balance = bracketBalance(said, languageId);
  const isBalanced = balance.open.length + balance.surplus.length === 0;
  if (!/[A-Za-z]{2}/.test(said) || !isBalanced || !text.includes(said)) return 0;
  return text.endsWith(rest.slice(said.length)) ? rest.length : said.length;
};

/** Cuts closing brackets off the end that nothing before them opened and the document closes itself. */
const withoutSurplusClosers = (
  text: string,
  linePrefix: string,
  closersAround: () => ClosersAround,
  languageId: string,
): string => {
  const { surplus, surplusAt, open } = bracketBalance(text, languageId);
  if (surplus.length === 0) return text;
  const around = closersAround();
  const { awaited, below } = around;
  if (around.missing === undefined) return text;
  const isOut = linePrefix.trim() === "";
  const lineAt = (at: number): string => {
    const start = text.lastIndexOf("\n", at - 1) + 1;
    return (start === 0 ? linePrefix : "") + text.slice(start);
  };
  const ended = surplusAt.findIndex((at, index) => !endsBlock(lineAt(at), index, around, isOut));
  const missing = Math.max(
    around.missing,
    ended < 0 ? surplusAt.length : ended,
    openedOnLine(linePrefix, around, languageId),
  );
  // What is awaited next, while the document goes on with another kind of bracket, is missing there.
  const unawaited = surplus.findIndex((closer, index) => closer !== awaited[index] || closer === below[0]);
  const cut = surplusAt[Math.max(missing + open.length, unawaited < 0 ? surplus.length : unawaited)];
  if (cut === undefined) return text;
  const isOwnLine = text.slice(text.lastIndexOf("\n", cut) + 1, cut).trim() === "" && text.includes("\n");
  return onlyClosers.test(text.slice(cut)) || isOwnLine ? text.slice(0, cut).trimEnd() : text;
};

const splitsSurrogatePair = (text: string): boolean => {
  const first = text.charCodeAt(0);
  const last = text.charCodeAt(text.length - 1);
  return (first >= 0xdc00 && first <= 0xdfff) || (last >= 0xd800 && last <= 0xdbff);
};

import { countClosers, withinBlock, withoutSurplusClosers, type ClosersAround } from "./block.ts";
import { bracketBalance, openQuote } from "./brackets.ts";
import { firstLine, lastLine, lineLength, onlyClosers } from "./lines.ts";
import { withoutModelMarkup } from "./modelMarkup.ts";
import { fitRestOfLine } from "./restOfLine.ts";
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
  /** Whether a text that is only the sign that begins a comment may be shown. */
  readonly mayBeSign?: boolean;
};

export type FilteredCompletion = {
  readonly insertText: string;
  /** UTF-16 units after the cursor, on its line, that the insertion overwrites. */
  readonly replaceAfter: number;
};

// Bracket counting looks this far around the cursor; further away it would cost more than it tells.
const bracketWindowCharacters = 20_000;
const maxCharacters = 8000;
const emptyComment = /^\s*(?:\/\/+|#|--|\/\*+\s*\*\/|<!--\s*-->)\s*$/;
const beginsComment = /^\s*(?:\/\/+|#|--)\s*$/;
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
  const closersAround = () =>
    (counted ??= countClosers(prefix, suffix, languageId, prefix.length === input.prefix.length));
  text =
    input.multiline && restOfLine.trim() === ""
      ? withinBlock(text, prefix, closersAround, languageId)
      : firstLine(text);
  text = withoutRepetition(text, languageId);
  text = soundPart(text, input.prefix, languageId);
  text = withoutFollowingLines(text, prefix, suffix, languageId);
  if (input.mayBeSign !== true || !beginsComment.test(text)) text = withoutEmptyComments(text, prefix, languageId);
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

const splitsSurrogatePair = (text: string): boolean => {
  const first = text.charCodeAt(0);
  const last = text.charCodeAt(text.length - 1);
  return (first >= 0xdc00 && first <= 0xdfff) || (last >= 0xd800 && last <= 0xdbff);
};

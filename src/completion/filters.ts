import { bracketBalance } from "./brackets.ts";
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
const modelToken = /<\|[\w-]{2,40}\|>|<｜[^｜>]{2,40}｜>|<\/?fim_\w+>|<\[fim-\w+\]>|<(?:PRE|SUF|MID|EOT)>/;

/**
 * Cuts proposed text to what is worth showing at the cursor: without model markup, without what stands behind the
 * cursor already, within the block that the cursor is in. Returns undefined when nothing should be shown. Pure.
 */
export const filterCompletion = (input: FilterInput): FilteredCompletion | undefined => {
  const suffix = input.suffix.slice(0, bracketWindowCharacters).replaceAll("\r\n", "\n");
  const restOfLine = suffix.slice(0, lineLength(suffix));
  let text = withoutModelMarkup(input.text.replaceAll("\r\n", "\n"), input.languageId);
  text = input.multiline && restOfLine.trim() === "" ? withinBlock(text, input.prefix) : firstLine(text);
  text = withoutRepetition(text);
  text = soundPart(text, input.prefix, input.languageId);
  text = withoutFollowingLines(text, input.prefix, suffix);
  text = text.trimEnd();
  if (text.trim() === "") return undefined;

  const fitted = fitRestOfLine(text, restOfLine);
  if (!fitted) return undefined;
  const insertText =
    fitted.replaceAfter > 0
      ? fitted.insertText
      : withoutSurplusClosers(fitted.insertText, input.prefix, suffix).trimEnd();
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

const indentation = (line: string): number => line.length - line.trimStart().length;

const withoutModelMarkup = (text: string, languageId: string): string => {
  let clean = text;
  if (/^\s*<think>/.test(clean)) {
    const end = clean.indexOf("</think>");
    clean = end < 0 ? "" : clean.slice(end + "</think>".length).trimStart();
  }
  const token = modelToken.exec(clean);
  if (token) clean = clean.slice(0, token.index);
  const fence = languageId === "markdown" ? null : /^\s*```[\w+-]*\n/.exec(clean);
  if (fence) {
    const body = clean.slice(fence[0].length);
    const end = body.indexOf("\n```");
    clean = end < 0 ? body : body.slice(0, end);
  }
  return clean;
};

/** Ends at a blank line behind text, at a line that leaves the cursor's block, or after a dozen lines. */
const withinBlock = (text: string, prefix: string): string => {
  const lines = text.split("\n");
  const cursorLine = lastLine(prefix) + lines[0]!;
  const blockIndent = indentation(cursorLine.trim() === "" ? lastLine(prefix) : cursorLine);
  const kept: string[] = [];
  for (const [index, line] of lines.entries()) {
    const isBlank = line.trim() === "";
    if (index > 0 && !isBlank && indentation(line) < blockIndent) break;
    if (isBlank && kept.some((earlier) => earlier.trim() !== "")) break;
    if (kept.length === maxLines) break;
    kept.push(line);
  }
  return kept.join("\n");
};

/** Cuts a line that comes a third time in a row, and text that is one unit over and over. */
const withoutRepetition = (text: string): string => {
  const lines = text.split("\n");
  const repeated = lines.findIndex(
    (line, index) => index >= 2 && line.trim() !== "" && line === lines[index - 1] && line === lines[index - 2],
  );
  const kept = repeated < 0 ? text : lines.slice(0, repeated - 1).join("\n");
  const loop = /(\S.{5,}?)\1{3,}/.exec(kept);
  return loop ? kept.slice(0, loop.index + loop[1]!.length) : kept;
};

/** Cuts from the line on that stands below the cursor already. */
const withoutFollowingLines = (text: string, prefix: string, suffix: string): string => {
  const below = suffix.slice(lineLength(suffix) + 1).split("\n");
  const nextIndex = below.findIndex((line) => line.trim() !== "");
  if (nextIndex < 0) return text;
  const following = below.slice(nextIndex, nextIndex + 3);
  const lines = text.split("\n");
  const whole = [lastLine(prefix) + lines[0]!, ...lines.slice(1)];
  for (const [index, line] of whole.entries()) {
    if (line.trimEnd() !== following[0]!.trimEnd()) continue;
    // A lone closer below may be another block's: only a longer line, or more lines in a row, prove a copy.
    const isCopy = !onlyClosers.test(line) || index === whole.length - 1;
    const restAgrees = whole
      .slice(index, index + following.length)
      .every((l, i) => l.trimEnd() === following[i]!.trimEnd());
    if (isCopy && restAgrees && (index > 0 || lastLine(prefix).trim() === "")) return lines.slice(0, index).join("\n");
  }
  return text;
};

/** Makes the last inserted line and what stands behind the cursor one line without doubling either. */
const fitRestOfLine = (text: string, restOfLine: string): FilteredCompletion | undefined => {
  const rest = restOfLine.trimEnd();
  if (rest === "") return { insertText: text, replaceAfter: 0 };
  if (rest.startsWith(text)) return undefined;
  if (text.startsWith(rest)) return { insertText: text, replaceAfter: rest.length };
  for (let length = Math.min(text.length, rest.length); length > 0; length--) {
    const overlap = rest.slice(0, length);
    // One letter in common is chance, one bracket is not.
    if (length < 2 && !onlyClosers.test(overlap)) break;
    if (!text.endsWith(overlap)) continue;
    const kept = text.slice(0, text.length - length);
    // What closes something that the text opened itself is no copy of what stands behind the cursor.
    if (bracketBalance(kept).open.length > bracketBalance(text).open.length || closesOwnString(kept, overlap)) continue;
    return { insertText: kept, replaceAfter: 0 };
  }
  if (onlyClosers.test(rest)) {
    const awaited = rest.replaceAll(/[^)\]}]/g, "");
    const closed = bracketBalance(text).surplus.join("");
    if (awaited !== "" && closed.startsWith(awaited)) return { insertText: text, replaceAfter: rest.length };
  }
  return { insertText: text, replaceAfter: 0 };
};

/** True when the text before a quote has that quote standing open: the quote ends the text's own string. */
const closesOwnString = (kept: string, overlap: string): boolean => {
  const quote = /^["'`]/.exec(overlap)?.[0];
  return quote !== undefined && (kept.split(quote).length - 1) % 2 === 1;
};

/** Cuts closing brackets off the end that nothing before them opened and the document closes itself. */
const withoutSurplusClosers = (text: string, prefix: string, suffix: string): string => {
  const { surplus } = bracketBalance(text);
  if (surplus.length === 0) return text;
  const isWholePrefix = prefix.length <= bracketWindowCharacters;
  const { open } = bracketBalance(prefix.slice(-bracketWindowCharacters));
  const below = bracketBalance(suffix).surplus;
  if (!isWholePrefix && open.length < below.length) return text;
  // What is awaited next, while the document goes on with another kind of bracket, is missing there.
  const awaited = open.toReversed();
  const missing = surplus.findIndex((closer, index) => closer !== awaited[index] || closer === below[0]);
  const needed = Math.max(missing < 0 ? surplus.length : missing, open.length - below.length);
  let excess = surplus.length - needed;
  let end = text.length;
  while (excess > 0 && end > 0 && onlyClosers.test(text[end - 1]!)) {
    end--;
    if (/[)\]}]/.test(text[end]!)) excess--;
  }
  return excess > 0 ? text : text.slice(0, end);
};

const splitsSurrogatePair = (text: string): boolean => {
  const first = text.charCodeAt(0);
  const last = text.charCodeAt(text.length - 1);
  return (first >= 0xdc00 && first <= 0xdfff) || (last >= 0xd800 && last <= 0xdbff);
};

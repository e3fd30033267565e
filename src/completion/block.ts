import { bracketBalance } from "./brackets.ts";
import { indentation, lastLine, lineLength, onlyClosers } from "./lines.ts";

const maxLines = 12;
// Brackets further out than this say nothing about the cursor's block.
const maxNesting = 32;
const beginsWithCloser = /^\s*[)\]}]/;
const label = /^\s*(?:case\b|default\b)/;
// Blocks are told by their indentation here, whatever brackets stand around them.
const byIndentation = new Set(["python", "yaml", "markdown", "plaintext", "html", "xml", "makefile"]);
const pythonClause = /^\s*(?:else|elif|except|finally|case)\b/;
const pythonJump = /^\s*(?:return|raise|continue|break|pass)\b/;
const pythonDefinition = /^\s*(?:def|class|async\s+def|@)/;

/** The brackets around the cursor. */
export type ClosersAround = {
  /** What closes the brackets that stand open before the cursor, innermost first. */
  readonly awaited: readonly string[];
  /** What the document below closes of these. */
  readonly below: readonly string[];
  /** How many of the awaited ones nothing below closes; undefined: it cannot be told. */
  readonly missing: number | undefined;
  /** Indentation of the statements whose brackets are awaited, in columns, innermost first, as far as they are near. */
  readonly openerIndents: readonly number[];
  /** The first line below with text on it. */
  readonly nextLine: string | undefined;
};

/** Indentation of the statement that goes on at `at`: of its first line, when brackets are closed before `at` that began there. */
const statementIndent = (code: string, at: number, languageId: string): number => {
  const lineStart = code.lastIndexOf("\n", at - 1) + 1;
  const closed = bracketBalance(code.slice(lineStart, at), languageId).surplus.length;
  const openedAt = closed === 0 ? undefined : bracketBalance(code.slice(0, lineStart), languageId).openAt.at(-closed);
  return indentation(code.slice(openedAt === undefined ? lineStart : code.lastIndexOf("\n", openedAt) + 1));
};

/**
 * Reads `prefix` and `suffix`, all that is near the cursor: to be called only when the answer matters. `isWhole`: the
 * document begins with `prefix`.
 */
export const countClosers = (prefix: string, suffix: string, languageId: string, isWhole: boolean): ClosersAround => {
  const before = bracketBalance(prefix, languageId);
  const awaited = before.open.toReversed();
  const below = bracketBalance(suffix, languageId).surplus;
  const isKnown = isWhole || awaited.length >= below.length;
  return {
    awaited,
    below,
    missing: isKnown ? Math.max(0, awaited.length - below.length) : undefined,
    openerIndents: before.openAt
      .slice(-maxNesting)
      .toReversed()
      .map((at) => statementIndent(prefix, at, languageId)),
    nextLine: suffix
      .slice(lineLength(suffix) + 1)
      .split("\n", 50)
      .find((line) => line.trim() !== ""),
  };
};

/**
 * True when a line that begins with a closer stands as far in as the line that opened the `index`-th awaited bracket: then
 * it ends the block, whatever counting says, unless that closer comes next in the document already. Where the document
 * goes on inside of the block, the model has read that, and means to begin another.
 */
const endsBlock = (line: string, index: number, around: ClosersAround): boolean => {
  const { awaited, openerIndents, nextLine = "" } = around;
  const closer = awaited[index];
  const column = indentation(line);
  if (closer === undefined || !line.trimStart().startsWith(closer) || openerIndents[index] !== column) return false;
  return indentation(nextLine) !== column || !/^[)\]}]/.test(nextLine.trimStart());
};

/** How many brackets stand open on the cursor's line that nothing below goes on in or closes. */
const openedOnLine = (linePrefix: string, { nextLine = "" }: ClosersAround, languageId: string): number => {
  const excess = indentation(nextLine) - indentation(linePrefix);
  const isGoingOn = excess > 0 || (excess === 0 && /^[)\]}]/.test(nextLine.trimStart()));
  return isGoingOn ? 0 : bracketBalance(linePrefix, languageId).open.length;
};

/**
 * Ends at a blank line behind text, at a line that leaves the cursor's block, or after a dozen lines. A line that closes
 * brackets belongs to the block while the document lacks them.
 */
export const withinBlock = (
  text: string,
  prefix: string,
  closersAround: () => ClosersAround,
  languageId: string,
): string => {
  const lines = text.split("\n", 2 * maxLines);
  const linePrefix = lastLine(prefix);
  const cursorLine = linePrefix + lines[0]!;
  // The lines of a block comment behind its first stand one column further in.
  const commentIndent = /^\s+\*(?:\/|\s|$)/.test(cursorLine) ? 1 : 0;
  const lineIndent = indentation(cursorLine.trim() === "" ? linePrefix : cursorLine) - commentIndent;
  const kept: string[] = [];
  const isAwaited = (line: string): boolean => {
    if (!beginsWithCloser.test(line) || /[([{]\s*$/.test(linePrefix)) return false;
    const { surplus, open } = bracketBalance([...kept, line].join("\n"), languageId);
    const closes = surplus.length;
    if (closes === 0) return false;
    // It opens the next block instead, which is closed as this one was: `} else {`.
    const isNext = open.length >= closes && closersAround().openerIndents[closes - 1] === indentation(line);
    return isNext || closes <= (closersAround().missing ?? 0) || endsBlock(line, closes - 1, closersAround());
  };
  /** Further out than the cursor's line, which may go on from earlier ones or be all of a block without brackets. */
  const isInBrackets = (line: string): boolean => {
    if (byIndentation.has(languageId)) return false;
    const closed = bracketBalance(lines[0]!, languageId).surplus.length;
    const openerIndent = closersAround().openerIndents[closed];
    if (openerIndent === undefined) return false;
    return indentation(line) > openerIndent - (label.test(line) ? 1 : 0);
  };
  const isNextClause = (line: string): boolean => {
    if (languageId !== "python") return false;
    // With blank lines first, the text itself says that this block is over.
    if (kept.length > 1 && kept.every((earlier) => earlier.trim() === "")) return true;
    if (pythonDefinition.test(line)) return false;
    const before = kept.findLast((earlier) => earlier.trim() !== "") ?? linePrefix;
    return pythonClause.test(line) || pythonJump.test(before === lines[0] ? cursorLine : before);
  };
  const isInString = () => (kept.join("\n").split('"""').length + prefix.split('"""').length) % 2 === 1;
  const isDirective = (line: string) => /^(?:c|cpp)$/.test(languageId) && line.startsWith("#");
  for (const [index, line] of lines.entries()) {
    const isBlank = line.trim() === "";
    const isOut = index > 0 && !isBlank && indentation(line) < lineIndent;
    if (isOut && ![isDirective, isAwaited, isInBrackets, isNextClause, isInString].some((rule) => rule(line))) break;
    if (isBlank && kept.some((earlier) => earlier.trim() !== "")) break;
    if (kept.length === maxLines) break;
    kept.push(line);
  }
  return kept.join("\n");
};

/** Cuts closing brackets off the end that nothing before them opened and the document closes itself. */
export const withoutSurplusClosers = (
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
  const lineAt = (at: number): string => {
    const start = text.lastIndexOf("\n", at - 1) + 1;
    return (start === 0 ? linePrefix : "") + text.slice(start);
  };
  const ended = surplusAt.findIndex((at, index) => !endsBlock(lineAt(at), index, around));
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

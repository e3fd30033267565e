import { fenceFor } from "./fence.ts";

/** Something that a model is shown to answer from: data, never instructions. */
export type ContextPiece = {
  readonly kind: "selection" | "visible" | "file" | "problems" | "changes" | "note";
  /** What it is called, for instance a path relative to the workspace. */
  readonly title: string;
  /** For the fence; "" when it is no code. */
  readonly languageId: string;
  readonly text: string;
};

/** Pieces as text, and the titles of those that are not in it as a whole. */
export type RenderedContext = { readonly text: string; readonly cut: readonly string[] };

/** Longest piece that is sent, in UTF-16 units; small local models answer worse, and slower, from more. */
export const maxPieceUnits = 24_000;
// What is cut to less than this says nothing.
const minPieceUnits = 200;
const maxTitleUnits = 200;

const kinds: Readonly<Record<ContextPiece["kind"], string>> = {
  selection: "Selected in",
  visible: "On the screen of",
  file: "File",
  problems: "Problems reported for",
  changes: "Uncommitted changes of",
  note: "Note:",
};

/** A file may be called anything: its name must not be able to end the line, or a fence. */
export const oneLine = (title: string): string =>
  title.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}`]+/gu, " ").slice(0, maxTitleUnits);

const withoutLoneHalf = (text: string): string => text.replace(/[\uD800-\uDBFF]$/, "");

/** The first `units`, whole lines if there are any. */
const beginningOf = (text: string, units: number): string => {
  const line = text.lastIndexOf("\n", units);
  return line > 0 ? text.slice(0, line) : withoutLoneHalf(text.slice(0, units));
};

/** A piece as a model is shown it. */
export const renderPiece = ({ kind, title, languageId, text }: ContextPiece, isCut = false): string => {
  const fence = fenceFor(text);
  const language = languageId.replaceAll(/[^\w+#.-]/g, "");
  return `${kinds[kind]} ${oneLine(title)}${isCut ? " (beginning)" : ""}:\n${fence}${language}\n${text}\n${fence}\n\n`;
};

/** Whether `content` shows this file, or a selection of it, of whatever text. */
export const isFileNamedIn = (content: string, { title }: ContextPiece): boolean => {
  const name = oneLine(title);
  const headings = [
    `${kinds.file} ${name}:`,
    `${kinds.file} ${name} (beginning):`,
    `${kinds.selection} ${name}, lines `,
  ];
  return headings.some((heading) => content.includes(heading));
};

/**
 * Puts pieces into at most `maxUnits` UTF-16 units, the first ones first. Each stands in a fence that it cannot end, and
 * what finds no room is cut at a line's end, or left out.
 */
export const renderContext = (pieces: readonly ContextPiece[], maxUnits: number): RenderedContext => {
  let text = "";
  const cut: string[] = [];
  for (const piece of pieces) {
    const frameUnits = renderPiece({ ...piece, text: "" }, true).length + 2 * fenceFor(piece.text).length;
    const roomUnits = Math.min(maxPieceUnits, maxUnits - text.length - frameUnits);
    const isCut = piece.text.length > roomUnits;
    if (isCut) cut.push(oneLine(piece.title));
    if (isCut && roomUnits < minPieceUnits) continue;
    text += renderPiece(isCut ? { ...piece, text: beginningOf(piece.text, roomUnits) } : piece, isCut);
  }
  return { text, cut };
};

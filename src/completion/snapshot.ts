/** The document as it was when ghost text was asked for, around one cursor. */
export type Snapshot = {
  /** The same string for the same document, whatever its content. */
  readonly documentId: string;
  /** Path as the predictor learned it. */
  readonly path: string;
  readonly languageId: string;
  /** Line ends are `\n`, whatever the document's own are. */
  readonly prefix: string;
  readonly suffix: string;
  /** How many units at the end of `prefix` are not typed yet: the rest of the item that the suggest widget has selected. */
  readonly aheadUnits: number;
  /** By its name the document holds keys or passwords: no model is asked about it. */
  readonly isSecret?: boolean;
};

// Brackets and quotes that editors close by themselves, and what often follows them.
const autoClosed = /^[)\]}>"'`;,\s]+/;
const suffixKeyCharacters = 200;
const suffixKeyLines = 3;

/**
 * The part of the suffix that must agree for a suggestion to stay valid: the next three lines with text, without what an
 * editor closes by itself. Edits further below, and brackets that were closed while typing, leave it as it is.
 */
export const suffixKey = (suffix: string): string =>
  suffix
    .slice(0, suffixKeyCharacters * 2)
    .replace(autoClosed, "")
    .slice(0, suffixKeyCharacters)
    .split("\n")
    .map((line) => line.trim().replaceAll(/\s+/g, " "))
    .filter((line) => line !== "")
    .slice(0, suffixKeyLines)
    .join("\n");

/** True when nothing but white space follows the cursor on its line. */
export const isLineEnd = (suffix: string): boolean => /^[^\S\n]*(?:\n|$)/.test(suffix.slice(0, 400));

// So much before a place is compared: enough to know it again, little enough for every key in a document of any length.
const comparedUnits = 4000;

/** What was typed to get from the place behind `start` to the one behind `prefix`; undefined when that is another way. */
export const typedBetween = (start: string, prefix: string): string | undefined => {
  if (prefix.length < start.length) return undefined;
  const from = Math.max(0, start.length - comparedUnits);
  return prefix.slice(from, start.length) === start.slice(from) ? prefix.slice(start.length) : undefined;
};

/** What of `text` is still to come when `prefix` is `start` with some of `text` typed behind it. */
export const remainder = (start: string, text: string, prefix: string): string | undefined => {
  if (prefix.length - start.length >= text.length) return undefined;
  const typed = typedBetween(start, prefix);
  return typed !== undefined && text.startsWith(typed) ? text.slice(typed.length) : undefined;
};

/** The place behind `text`, once that is taken at `snapshot` with `replaceAfter` units of its line overwritten. */
export const placeBehind = (snapshot: Snapshot, text: string, replaceAfter: number): Snapshot => ({
  ...snapshot,
  prefix: snapshot.prefix + text,
  suffix: snapshot.suffix.slice(replaceAfter),
  aheadUnits: snapshot.aheadUnits + text.length,
});

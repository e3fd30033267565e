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
};

// Brackets and quotes that editors close by themselves, and what often follows them.
const autoClosed = /^[)\]}>"'`;,\s]+/;
const suffixKeyCharacters = 200;

/**
 * The part of the suffix that must agree for a suggestion to stay valid: the next text behind what an editor closes by
 * itself. Edits far below, and brackets that were closed while typing, leave it as it is.
 */
export const suffixKey = (suffix: string): string =>
  suffix
    .slice(0, suffixKeyCharacters * 2)
    .replace(autoClosed, "")
    .slice(0, suffixKeyCharacters)
    .replaceAll(/\s+/g, " ");

/** True when nothing but white space follows the cursor on its line. */
export const isLineEnd = (suffix: string): boolean => /^[^\S\n]*(?:\n|$)/.test(suffix.slice(0, 400));

/** What of `text` is still to come when `prefix` is `start` with some of `text` typed behind it. */
export const remainder = (start: string, text: string, prefix: string): string | undefined => {
  if (prefix.length < start.length || prefix.length - start.length >= text.length) return undefined;
  if (!prefix.startsWith(start)) return undefined;
  return text.startsWith(prefix.slice(start.length)) ? text.slice(prefix.length - start.length) : undefined;
};

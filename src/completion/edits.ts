import type { TextChange } from "./followedText.ts";

/** One change event of a document, as far as it matters for what to show after it. */
export type EditEvent = {
  readonly changes: readonly TextChange[];
  readonly cause: "edit" | "undo" | "redo";
  /** Whether the line where it ended is blank now. */
  readonly isLineBlank: boolean;
  readonly atMs: number;
};

/**
 * `indentation`: bare indentation on a blank line, by Tab or blanks. `composition`: a step of an input method. `undone`:
 * Undo or Redo. `other`: everything else.
 */
export type EditKind = "indentation" | "composition" | "undone" | "other";

// Some languages indent a new line by an edit of its own, right behind the Enter; the host may be told of it late.
const autoIndentWithinMs = 100;
// Nobody presses two keys in this time: a held one repeats every 30 ms.
const atOnceMs = 5;
// An input method adds a letter or two at a time; an item of the suggest widget brings a word.
const maxComposedUnits = 2;

/** What `edit` was, given the document's edit before it and what that was. Pure. */
export const editKind = (
  edit: EditEvent,
  previous: (EditEvent & { readonly kind?: EditKind }) | undefined,
): EditKind => {
  if (edit.cause !== "edit") return "undone";
  const change = edit.changes.at(-1);
  if (!change) return "other";
  if (edit.isLineBlank && isBlank(change.text)) {
    if (!previous) return "indentation";
    // What is entered at once reaches the document letter by letter.
    const sinceMs = edit.atMs - previous.atMs;
    const isBehindBlank = previous.isLineBlank && previous.changes.some(({ text }) => isBlank(text));
    const isBehindEnter =
      previous.changes.some(({ text }) => text.includes("\n")) || (isBehindBlank && previous.kind === "other");
    const isLetterByLetter = change.text.length === 1 && previous.changes.at(-1)?.text.length === 1;
    const isAtOnce = isBehindBlank && isLetterByLetter && sinceMs < atOnceMs;
    const isByEditor = (isBehindEnter && sinceMs < autoIndentWithinMs) || isAtOnce;
    return isByEditor ? "other" : "indentation";
  }
  return isComposition(change, previous) ? "composition" : "other";
};

const isBlank = (text: string): boolean => /^[^\S\r\n]+$/.test(text);

/** An input method replaces what it entered just before, again and again, until the word is chosen. */
const isComposition = (change: TextChange, previous: EditEvent | undefined): boolean => {
  const [before] = previous?.changes ?? [];
  // Blanks are never composed: a closing bracket that indents its line anew replaces them.
  if (!before || previous?.changes.length !== 1 || before.text.trim() === "" || change.text === "") return false;
  if (change.offset !== before.offset || change.removedUnits !== before.text.length) return false;
  const isBeyondAscii = Array.from(change.text).some((character) => character > "\u007F");
  return isBeyondAscii || Math.abs(change.text.length - before.text.length) <= maxComposedUnits;
};

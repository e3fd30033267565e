import type { CompletionContext } from "../provider/provider.ts";
import { ownCopy } from "./ownCopy.ts";
import { promptWindow, type PromptBudget } from "./promptWindow.ts";
import type { Snapshot } from "./snapshot.ts";

/** The part of a document's prompts that stays as it is while somebody types on at one place. */
export type Anchor = {
  /** Text before the anchor, which is the beginning of a line where there is one. */
  readonly prefix: string;
  /** Where `prefix` begins in the document, in UTF-16 units. */
  readonly start: number;
  readonly suffix: string;
  readonly context: CompletionContext | undefined;
  /** What else must stay the same: the limits of the server, and whether other files are told of. */
  readonly terms: string;
  /** When it was made or last used. */
  readonly usedAtMs: number;
};

// A middle of more lines than this is none that models have learned from.
const maxTypedLines = 40;
// What an editor closes by itself around the cursor: a few brackets, and lines between them.
const maxClosedUnits = 64;
const closedOnly = /^[)\]}>"'`;,\s]*$/;
// A shorter text may stand anywhere in the document.
const minFoundUnits = 400;

/** How much may be typed behind the anchor, in UTF-16 units; the frozen prefix leaves that much of the budget free. */
export const typedUnits = ({ prefixUnits }: PromptBudget): number => Math.floor(prefixUnits / 6);

/** Where a new anchor is best set: at the beginning of the line, so that the model reads whole tokens on both sides. */
const anchorOffset = (prefix: string, maxUnits: number): number => {
  const lineStart = prefix.lastIndexOf("\n") + 1;
  if (prefix.length - lineStart <= maxUnits / 2) return lineStart;
  return prefix.length - (/\w*$/.exec(prefix.slice(-80))?.[0].length ?? 0);
};

/**
 * The suffix without what only closes brackets on the cursor's line. Editors insert it and people type over it all the
 * time; without it the frozen suffix stays true, and the model's own closers are matched with the document's later.
 */
const withoutClosers = (suffix: string): string => {
  const lineEnd = suffix.indexOf("\n");
  const rest = lineEnd < 0 ? suffix : suffix.slice(0, lineEnd);
  return rest.length <= maxClosedUnits && closedOnly.test(rest) ? suffix.slice(rest.length) : suffix;
};

/** Freezes what is around the cursor, and tells what of the document lies between the anchor and the cursor. */
export const makeAnchor = (
  { prefix, suffix }: Pick<Snapshot, "prefix" | "suffix">,
  budget: PromptBudget,
  usedAtMs: number,
): { readonly anchor: Omit<Anchor, "context" | "terms">; readonly typed: string } => {
  const maxTyped = typedUnits(budget);
  const offset = anchorOffset(prefix, maxTyped);
  const before = prefix.slice(0, offset);
  const window = promptWindow(before, withoutClosers(suffix), {
    prefixUnits: budget.prefixUnits - maxTyped,
    suffixUnits: budget.suffixUnits,
  });
  const start = offset - window.prefix.length;
  const anchor = { prefix: ownCopy(window.prefix), suffix: ownCopy(window.suffix), start, usedAtMs };
  return { anchor, typed: prefix.slice(offset) };
};

/** Where the anchor is in a document that may have been changed above its window; -1: not there any more. */
const findAnchor = ({ prefix: frozen, start }: Anchor, prefix: string, maxTyped: number): number => {
  if (prefix.startsWith(frozen, start)) return start + frozen.length;
  if (frozen.length < minFoundUnits) return -1;
  const at = prefix.indexOf(frozen, Math.max(0, prefix.length - frozen.length - maxTyped));
  return at < 0 ? -1 : at + frozen.length;
};

const agreesBehind = (frozen: string, suffix: string): boolean => {
  const at = frozen === "" ? suffix.length : suffix.slice(0, frozen.length + maxClosedUnits).indexOf(frozen);
  return at >= 0 && at <= maxClosedUnits && closedOnly.test(suffix.slice(0, at));
};

/**
 * What was typed since the anchor was set; undefined when the anchor does not hold here: the text around it is another,
 * or too much was typed.
 */
export const typedSince = (
  anchor: Anchor,
  { prefix, suffix }: Pick<Snapshot, "prefix" | "suffix">,
  budget: PromptBudget,
): string | undefined => {
  const maxTyped = typedUnits(budget);
  const at = findAnchor(anchor, prefix, maxTyped);
  if (at < 0 || prefix.length - at > maxTyped || !agreesBehind(anchor.suffix, suffix)) return undefined;
  const typed = prefix.slice(at);
  return typed.split("\n").length > maxTypedLines + 1 ? undefined : typed;
};

import type { LinesEdit } from "./edit.ts";
import { tokenize, withoutSpace, type Token, type Zone } from "./tokens.ts";

/** One changed stretch in one line. */
export type Change = {
  /** The same for the same change elsewhere. */
  readonly key: string;
  readonly line: number;
  readonly removedText: string;
  readonly addedText: string;
  /** Without white space, like all that follow. */
  readonly removed: readonly Token[];
  readonly added: readonly Token[];
  /** What stands before and behind on the line. */
  readonly left: readonly Token[];
  readonly right: readonly Token[];
  readonly zone: Zone;
  /** Whether an insertion hangs on what stands before it rather than on what follows. */
  readonly hangsLeft: boolean;
  /** Units of white space at the beginning of the line as it is now. */
  readonly indentation: number;
};

const joined = (tokens: readonly Token[]): string => tokens.map(({ text }) => text).join("");

/** What changed between two versions of a line, in whole tokens, blanks at its end aside; undefined when only white space did. */
const changeOf = (before: string, after: string, line: number, languageId: string): Change | undefined => {
  const old = tokenize(before.trimEnd(), languageId);
  const now = tokenize(after.trimEnd(), languageId);
  const shorter = Math.min(old.length, now.length);
  let head = 0;
  while (head < shorter && old[head]!.text === now[head]!.text) head++;
  let tail = 0;
  while (tail < shorter - head && old[old.length - 1 - tail]!.text === now[now.length - 1 - tail]!.text) tail++;
  const removed = old.slice(head, old.length - tail);
  const added = now.slice(head, now.length - tail);
  if (withoutSpace(removed).length + withoutSpace(added).length === 0) return undefined;
  const left = withoutSpace(now.slice(0, head));
  const right = withoutSpace(now.slice(now.length - tail));
  const zone = (removed[0] ?? added[0])!.zone;
  const removedText = joined(removed);
  const addedText = joined(added);
  return {
    key: JSON.stringify([removedText, addedText, zone]),
    line,
    removedText,
    addedText,
    removed: withoutSpace(removed),
    added: withoutSpace(added),
    left,
    right,
    zone,
    hangsLeft: removed.length === 0 && now[now.length - tail]?.kind === "space",
    indentation: after.length - after.trimStart().length,
  };
};

/** The changes of an edit that left the number of lines as it was; none otherwise. */
export const changesOf = (edit: LinesEdit, languageId: string): Change[] => {
  if (edit.removed.length !== edit.added.length) return [];
  return edit.added.flatMap((after, index) => {
    const before = edit.removed[index]!;
    return before === after ? [] : (changeOf(before, after, edit.line + index, languageId) ?? []);
  });
};

import { changesOf, type Change } from "./change.ts";
import { continues, findEdit, type LinesEdit } from "./edit.ts";
import { insertRule } from "./insertRule.ts";
import { deletedLine, insertedLines } from "./lineRules.ts";
import { replaceRule } from "./replaceRule.ts";
import { findNext, type Place, type PlaceEdit } from "./rule.ts";
import { isTagChange, otherTag } from "./tagRule.ts";
import { isMarkup, isName, maxLineUnits } from "./tokens.ts";

/** Follows one document and says where its last change belongs as well. */
export type NextEdit = {
  /**
   * Tells the document's text as it is now, line ends `\n`, whenever the person pauses. What was changed on the same
   * lines since counts as one edit.
   */
  update(text: string): void;
  /** The next place for the last edit, in the text told last; undefined: nothing is sure enough. */
  next(): PlaceEdit | undefined;
  /** The text told last. */
  lines(): readonly string[];
  /** The last edits, the oldest first, for a model's prompt. */
  edits(): readonly LinesEdit[];
};

const maxEdits = 8;
const maxChangedLines = 20;
const maxKnownChanges = 50;

const hasWord = (lines: readonly string[], word: string): boolean => {
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}_$])${word.replaceAll("$", String.raw`\$`)}(?![\\p{L}\\p{N}_$])`, "u");
  return lines.some((line) => line.includes(word) && pattern.test(line));
};

/** Follows a document that has this text and language now. */
export const createNextEdit = (text: string, languageId: string): NextEdit => {
  let now = text.split("\n");
  /** Before the edit that is going on. */
  let before = now;
  let earlier: LinesEdit[] = [];
  let current: LinesEdit | undefined;
  /** What the last update brought, which may be a part of the edit that is going on. */
  let last: LinesEdit | undefined;
  /** By a change's key, whether its names were new when it was made first. */
  const fresh = new Map<string, boolean>();

  const nextOfChange = (change: Change, known: readonly Change[]): PlaceEdit | undefined => {
    if (isTagChange(change)) {
      const other = otherTag(change, now);
      if (other || isMarkup(languageId)) return other;
    }
    // The second time, the new name stands where it was put the first time.
    const isFresh =
      fresh.get(change.key) ?? change.added.filter(isName).every(({ text: word }) => !hasWord(before, word));
    fresh.set(change.key, isFresh);
    if (fresh.size > maxKnownChanges) fresh.delete(fresh.keys().next().value!);
    const same = known.filter(({ key }) => key === change.key);
    const example = { change, earlier: same, lines: now, languageId, isFresh };
    const rule = change.removed.length === 0 ? insertRule(example) : replaceRule(example);
    const left = change.left.at(-1);
    const from: Place = {
      line: change.line,
      column: (left ? left.start + left.text.length : change.indentation) + change.addedText.length,
    };
    return rule && findNext(rule, now, from);
  };

  const nextPlace = (edit: LinesEdit): PlaceEdit | undefined => {
    if (Math.max(edit.removed.length, edit.added.length) > maxChangedLines) return undefined;
    if ([...edit.removed, ...edit.added].some((line) => line.length > maxLineUnits)) return undefined;
    const changes = changesOf(edit, languageId);
    const change = changes.at(-1);
    if (change) {
      const known = [...earlier.flatMap((one) => changesOf(one, languageId)), ...changes.slice(0, -1)];
      return nextOfChange(change, known);
    }
    const rule = insertedLines(edit, now, languageId) ?? deletedLine(edit, earlier, now, languageId);
    return rule && findNext(rule, now, { line: edit.line + edit.added.length, column: 0 });
  };

  return {
    update(newText) {
      const after = newText.split("\n");
      const step = findEdit(now, after);
      if (!step) return;
      if (current && !(last && continues(last, step))) {
        earlier = [...earlier, current].slice(-maxEdits);
        before = now;
      }
      last = step;
      now = after;
      current = findEdit(before, now);
    },
    next: () => current && nextPlace(current),
    lines: () => now,
    edits: () => (current ? [...earlier, current] : earlier),
  };
};

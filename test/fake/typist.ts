import type { Snapshot } from "../../src/completion/snapshot.ts";

/** A document with one cursor, edited as a person and an editor do it. Each edit gives the snapshot after it. */
export type Typist = {
  snapshot(): Snapshot;
  /** Types or pastes `text` as one edit. */
  insert(text: string): Snapshot;
  /** Types an opening bracket or quote; the editor closes it behind the cursor. */
  open(bracket: string, closer: string): Snapshot;
  /** Enter: the editor indents like the line before, a level more behind an opening bracket, and splits a pair. */
  newline(): Snapshot;
  /** Types what stands behind the cursor already. */
  overtype(): Snapshot;
  backspace(units?: number): Snapshot;
  /** Puts the cursor elsewhere. */
  moveTo(offset: number): Snapshot;
  /** Replaces text anywhere; the cursor stays at its place in the text. */
  replace(from: number, to: number, text: string): Snapshot;
  readonly offset: number;
};

/** The cursor stands at `offset`. */
export const createTypist = (text: string, offset: number, documentId = "file:///w/a.ts"): Typist => {
  let before = text.slice(0, offset);
  let behind = text.slice(offset);
  const snapshot = (): Snapshot => ({
    documentId,
    path: documentId,
    languageId: "typescript",
    prefix: before,
    suffix: behind,
    aheadUnits: 0,
  });
  const insert = (typed: string): Snapshot => {
    before += typed;
    return snapshot();
  };
  return {
    snapshot,
    insert,
    open(bracket, closer) {
      before += bracket;
      behind = closer + behind;
      return snapshot();
    },
    newline() {
      const line = before.slice(before.lastIndexOf("\n") + 1);
      const indentation = /^[ \t]*/.exec(line)?.[0] ?? "";
      const isOpen = /[([{]\s*$/.test(line);
      if (isOpen && /^[)\]}]/.test(behind)) behind = `\n${indentation}${behind}`;
      before += `\n${indentation}${isOpen ? "  " : ""}`;
      return snapshot();
    },
    overtype() {
      before += behind.slice(0, 1);
      behind = behind.slice(1);
      return snapshot();
    },
    backspace(units = 1) {
      before = before.slice(0, before.length - units);
      return snapshot();
    },
    moveTo(target) {
      const whole = before + behind;
      before = whole.slice(0, target);
      behind = whole.slice(target);
      return snapshot();
    },
    replace(from, to, replacement) {
      const at = before.length;
      const whole = before + behind;
      const changed = whole.slice(0, from) + replacement + whole.slice(to);
      const offsetNow = from < at ? at + replacement.length - (to - from) : at;
      before = changed.slice(0, offsetNow);
      behind = changed.slice(offsetNow);
      return snapshot();
    },
    get offset() {
      return before.length;
    },
  };
};

/** Units of `next` that a prefix cache which holds `last` does not have. */
export const newUnits = (last: string, next: string): number => {
  let same = 0;
  while (same < last.length && same < next.length && last.charCodeAt(same) === next.charCodeAt(same)) same++;
  return next.length - same;
};

/** Code has about this many units a token; the typing bench's own tokens are a little shorter. */
export const unitsPerToken = 3.6;

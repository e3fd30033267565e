import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import type { Suggestion } from "./engine.ts";
import { follow, standingUnits, type Piece, type TextChange } from "./followedText.ts";

/** Ghost text on the screen, in UTF-16 units of the document, which has its own line ends. */
export type ShownText = {
  readonly documentId: string;
  /** Where `text` begins. */
  readonly offset: number;
  /** The ghost text; before it, what the suggest widget has selected, which is then `aheadUnits` long. */
  readonly text: string;
  readonly aheadUnits: number;
  /** What stands before `offset` on its line. */
  readonly before: string;
  readonly suggestion: Suggestion;
};

/** What a document's last edit was, as far as ghost text is concerned. */
export type LastEdit = "accept" | "undo" | "other";

export type Taken = {
  /** With the text that was taken as `insertText`; empty when all of it was taken in parts that were told before. */
  readonly suggestion: Suggestion;
  readonly isWhole: boolean;
  /** False when a part of this suggestion was taken before. */
  readonly isFirst: boolean;
};

export type AcceptanceOptions = {
  readonly clock: Clock;
  /** When it is looked at how much of an accepted text still stands. Default 30 s. */
  readonly keptAfterMs?: number;
  /** Accepted texts that are followed at the same time; beyond, the oldest is let go uncounted. Default 64. */
  readonly maxFollowed?: number;
  onTaken(taken: Taken): void;
  /** The accepted text was taken back by Undo before its time. */
  onUndone(suggestion: Suggestion, documentId: string): void;
  /** The time is over; `share` (0..1) of the accepted text still stands. */
  onKept(suggestion: Suggestion, share: number): void;
};

/**
 * Notices what is taken of the ghost text on the screen, by word, line or as a whole, and follows it through later edits.
 * It is read off the document's changes: VS Code tells of nothing, and only asks anew behind a whole accept.
 */
export type Acceptance = {
  /**
   * To be told what VS Code shows now. Returns true when that counts as shown: it is not the rest of what was on the
   * screen, or another source lengthened it and will be what was accepted.
   */
  shown(shown: ShownText): boolean;
  /** Whether this would go on with the text that is on the screen. */
  isRest(shown: ShownText): boolean;
  /** To be told of every edit. The changes apply one after the other, as VS Code lists them. */
  changed(documentId: string, changes: readonly TextChange[], cause: "edit" | "undo" | "redo"): void;
  /** To be told of every move of the cursor: a command's, other than a key's, makes one single unit an accepted one. */
  moved(documentId: string, isByTyping: boolean): void;
  /**
   * To be told that VS Code was made to ask, which the item's command does: right behind an edit that took text from the
   * screen, all of it was accepted. Returns whether it was that.
   */
  invoked(documentId: string): boolean;
  lastEdit(documentId: string): LastEdit;
  /** Lets go of a document that was closed. */
  closed(documentId: string): void;
  dispose(): void;
};

type Followed = {
  readonly documentId: string;
  readonly suggestion: Suggestion;
  readonly units: number;
  pieces: readonly Piece[];
  timer: Disposable | undefined;
};
type Screen = { shown: ShownText; offset: number; doneUnits: number; isPartlyTaken: boolean };
type Step = { readonly offset: number; readonly text: string; readonly isPair: boolean };

const defaultKeptAfterMs = 30_000;
const defaultMaxFollowed = 64;
// The command runs with the edit, and only a busy extension host hears of it later; beyond, somebody asked by hand.
const commandWithinMs = 500;

export const createAcceptance = (options: AcceptanceOptions): Acceptance => {
  const { clock, keptAfterMs = defaultKeptAfterMs, maxFollowed = defaultMaxFollowed } = options;
  let screen: Screen | undefined;
  /** What filled the suggestion up: an accept if its command runs, else typing. */
  let filled: { followed: Followed; isFirst: boolean; atMs: number } | undefined;
  /** One unit of the suggestion, just entered: typed, or a word of one letter that was accepted. */
  let single: { followed: Followed; screen: Screen } | undefined;
  let part: { suggestion: Suggestion; atMs: number } | undefined;
  let last: { documentId: string; edit: LastEdit } | undefined;
  let followed: Followed[] = [];

  const isFresh = <T extends { readonly atMs: number }>(about: T | undefined): about is T =>
    about !== undefined && clock.nowMs() - about.atMs <= commandWithinMs;
  const letGo = (which: (text: Followed) => boolean) => {
    for (const text of followed) if (which(text)) text.timer?.dispose();
    followed = followed.filter((text) => !which(text));
  };
  const keepFollowing = (text: Followed) => {
    text.timer = clock.after(keptAfterMs, () => {
      letGo((other) => other === text);
      options.onKept(text.suggestion, standingUnits(text.pieces) / text.units);
    });
    followed.push(text);
    const oldest = followed.length > maxFollowed ? followed[0] : undefined;
    if (oldest) letGo((other) => other === oldest);
  };
  const begin = ({ shown }: Screen, { offset, text }: Step, replaceAfter: number): Followed => ({
    documentId: shown.documentId,
    suggestion: { ...shown.suggestion, insertText: text.replaceAll("\r\n", "\n"), replaceAfter },
    units: text.length,
    pieces: [{ offset, text }],
    timer: undefined,
  });
  const takePart = (text: Followed, from: Screen) => {
    keepFollowing(text);
    part = { suggestion: text.suggestion, atMs: clock.nowMs() };
    const isFirst = !from.isPartlyTaken;
    from.isPartlyTaken = true;
    last = { documentId: text.documentId, edit: "accept" };
    options.onTaken({ suggestion: text.suggestion, isWhole: false, isFirst });
  };

  /** Follows the ghost text on the screen through one change. */
  const followScreen = (change: TextChange, cause: "edit" | "undo" | "redo") => {
    const now = screen;
    if (!now) return;
    const { shown } = now;
    const step = stepAlong(now, change);
    if (step) {
      now.doneUnits += step.isPair ? 1 : step.text.length;
      const isFilled = now.doneUnits === shown.text.length;
      if (isFilled) screen = undefined;
      // What the suggest widget had selected is its own.
      if (cause !== "edit" || now.doneUnits <= shown.aheadUnits || step.isPair) return;
      if (isFilled) {
        const text = begin(now, step, shown.suggestion.replaceAfter);
        filled = { followed: text, isFirst: !now.isPartlyTaken, atMs: clock.nowMs() };
        if (step.text.length > 1) last = { documentId: shown.documentId, edit: "accept" };
      } else if (step.text.trim() === "") return;
      else if (step.text.length === 1) single = { followed: begin(now, step, 0), screen: now };
      else takePart(begin(now, step, 0), now);
      return;
    }
    const at = now.offset + now.doneUnits;
    const end = change.offset + change.removedUnits;
    if (change.text === "" && end === at && change.removedUnits <= now.doneUnits) now.doneUnits -= change.removedUnits;
    else if (end < now.offset - shown.before.length) now.offset += change.text.length - change.removedUnits;
    else if (change.offset <= at + shown.suggestion.replaceAfter) screen = undefined;
  };

  /** Follows what was accepted through one change. */
  const followTaken = (documentId: string, change: TextChange, cause: "edit" | "undo" | "redo") => {
    for (const text of followed) {
      if (text.documentId !== documentId) continue;
      const hadUnits = standingUnits(text.pieces);
      text.pieces = follow(text.pieces, change);
      if (cause !== "undo" || hadUnits === 0 || standingUnits(text.pieces) > 0) continue;
      options.onUndone(text.suggestion, documentId);
      letGo((other) => other === text);
    }
  };

  return {
    shown(shown) {
      const rest = restOf(screen, shown);
      const isLengthened = screen?.shown.suggestion.origin !== shown.suggestion.origin;
      // What was taken of it was another source's: of this one's text nothing was, yet.
      const known = rest && isLengthened ? { ...rest, isPartlyTaken: false } : rest;
      screen = known ? joined(known, shown) : { shown, offset: shown.offset, doneUnits: 0, isPartlyTaken: false };
      return rest === undefined || isLengthened;
    },
    isRest: (shown) => restOf(screen, shown) !== undefined,
    changed(documentId, changes, cause) {
      if (changes.length === 0) return;
      single = filled = part = undefined;
      last = { documentId, edit: cause === "edit" ? "other" : "undo" };
      for (const change of changes) {
        followTaken(documentId, change, cause);
        if (screen?.shown.documentId === documentId) followScreen(change, cause);
      }
    },
    moved(documentId, isByTyping) {
      const entered = single;
      single = undefined;
      if (entered && !isByTyping && entered.followed.documentId === documentId) {
        takePart(entered.followed, entered.screen);
      }
    },
    invoked(documentId) {
      const isHere = last?.documentId === documentId;
      const whole = isHere && isFresh(filled) ? filled : undefined;
      // VS Code may have kept a shorter text on the screen than the one that it was answered with last.
      const shorter = isHere && isFresh(part) ? part.suggestion : undefined;
      filled = part = undefined;
      if (whole) {
        keepFollowing(whole.followed);
        last = { documentId, edit: "accept" };
        options.onTaken({ suggestion: whole.followed.suggestion, isWhole: true, isFirst: whole.isFirst });
      } else if (shorter) {
        screen = undefined;
        options.onTaken({ suggestion: { ...shorter, insertText: "" }, isWhole: true, isFirst: false });
      }
      return whole !== undefined || shorter !== undefined;
    },
    lastEdit: (documentId) => (last?.documentId === documentId ? last.edit : "other"),
    closed(documentId) {
      letGo((text) => text.documentId === documentId);
      if (screen?.shown.documentId === documentId) screen = undefined;
      if (filled?.followed.documentId === documentId) filled = undefined;
      if (single?.followed.documentId === documentId) single = undefined;
      if (last?.documentId === documentId) last = undefined;
    },
    dispose() {
      letGo(() => true);
      screen = filled = single = part = last = undefined;
    },
  };
};

// An editor that closes brackets and quotes by itself enters both at one key.
const autoClosedPairs = new Set(["()", "[]", "{}", "<>", '""', "''", "``"]);

/** What of the ghost text `change` entered at its place; undefined when the document took another way. */
const stepAlong = ({ shown, offset, doneUnits }: Screen, change: TextChange): Step | undefined => {
  const at = offset + doneUnits;
  // VS Code may replace from the line's beginning what stands there already.
  const againUnits = at - change.offset;
  if (againUnits < 0 || againUnits > change.removedUnits) return undefined;
  const known = shown.before + shown.text.slice(0, doneUnits);
  if (againUnits > known.length || !change.text.startsWith(known.slice(known.length - againUnits))) return undefined;
  const text = change.text.slice(againUnits);
  const rest = shown.text.slice(doneUnits);
  if (text === "") return undefined;
  const isPair = autoClosedPairs.has(text) && rest.startsWith(text.slice(0, 1));
  return isPair || rest.startsWith(text) ? { offset: at, text, isPair } : undefined;
};

/** The text on the screen if `shown` is what is left of it, or more of the same. */
const restOf = (screen: Screen | undefined, shown: ShownText): Screen | undefined => {
  if (screen?.shown.documentId !== shown.documentId) return undefined;
  const behindUnits = screen.offset + screen.doneUnits - shown.offset;
  const left = screen.shown.text.slice(Math.max(0, screen.doneUnits - Math.min(0, behindUnits)));
  const now = shown.text.slice(Math.max(0, behindUnits));
  return left !== "" && now !== "" && (left.startsWith(now) || now.startsWith(left)) ? screen : undefined;
};

/** The text on the screen with what is shown of it now, so that what was typed or taken of it can be taken back. */
const joined = ({ shown: earlier, offset, doneUnits, isPartlyTaken }: Screen, shown: ShownText): Screen => {
  const behindUnits = offset + doneUnits - shown.offset;
  if (behindUnits < 0) return { shown, offset: shown.offset, doneUnits: 0, isPartlyTaken };
  const text = earlier.text.slice(0, doneUnits) + shown.text.slice(behindUnits);
  const aheadUnits = shown.aheadUnits === 0 ? 0 : shown.offset + shown.aheadUnits - offset;
  return { shown: { ...shown, offset, text, aheadUnits, before: earlier.before }, offset, doneUnits, isPartlyTaken };
};

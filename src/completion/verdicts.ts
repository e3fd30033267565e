import type { Clock } from "../base/clock.ts";
import { typedBetween, type Snapshot } from "./snapshot.ts";

/** A text that was offered, and that what is typed next proves right or wrong. */
export type Claim = {
  readonly snapshot: Snapshot;
  /** What has to be typed or accepted for it to be right. */
  readonly text: string;
  /** The predictor's own estimate, 0 to 1; undefined: the text is the model's. */
  readonly confidence: number | undefined;
};

/** Finds out who was right. */
export type Verdicts = {
  /**
   * This text is shown now, by the predictor if there is a `confidence`. Of a model's text the first line counts. Of
   * each source only the newest claim is followed.
   */
  claim(snapshot: Snapshot, text: string, confidence: number | undefined): void;
  /** The cursor is here now: what was typed to get here may prove claims right or wrong. */
  cursorAt(place: Snapshot): void;
  /** The last edit in this document was taken back: what it had just proved right was wrong. */
  undone(documentId: string): void;
  /** The share of the model's first lines that were right lately, 0 to 1. */
  readonly modelRate: number;
  clear(): void;
};

const initialModelRate = 0.7;
const newShare = 0.1;
// With the blank lines before it.
const firstFullLine = /^\s*[^\n]*/;
// An undo later than this takes back something else.
const undoWithinMs = 10_000;

/** Has seen nothing yet. `onVerdict` is told of every claim of the predictor's that is decided. */
export const createVerdicts = (clock: Clock, onVerdict: (claim: Claim, isRight: boolean) => void): Verdicts => {
  const open = new Map<"model" | "predictor", Claim>();
  let lastRight: { readonly claim: Claim; readonly atMs: number } | undefined;
  let modelRate = initialModelRate;

  const decide = (claim: Claim, isRight: boolean) => {
    if (claim.confidence === undefined) modelRate += newShare * (Number(isRight) - modelRate);
    else onVerdict(claim, isRight);
    if (isRight) lastRight = { claim, atMs: clock.nowMs() };
  };

  return {
    claim(snapshot, text, confidence) {
      const isModels = confidence === undefined;
      open.set(isModels ? "model" : "predictor", {
        snapshot,
        text: isModels ? firstFullLine.exec(text)![0] : text,
        confidence,
      });
    },
    cursorAt(place) {
      for (const [source, claim] of open) {
        if (claim.snapshot.documentId !== place.documentId) continue;
        const typed = typedBetween(claim.snapshot.prefix, place.prefix);
        if (typed !== undefined && typed.length < claim.text.length && claim.text.startsWith(typed)) continue;
        open.delete(source);
        // Whoever has gone elsewhere, or back, has said nothing about the text.
        if (typed !== undefined) decide(claim, typed.startsWith(claim.text));
      }
    },
    undone(documentId) {
      const last = lastRight;
      lastRight = undefined;
      if (!last || last.claim.snapshot.documentId !== documentId) return;
      if (clock.nowMs() - last.atMs <= undoWithinMs) decide(last.claim, false);
    },
    get modelRate() {
      return modelRate;
    },
    clear() {
      open.clear();
      lastRight = undefined;
    },
  };
};

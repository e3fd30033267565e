import type { Clock } from "../base/clock.ts";
import { pause } from "../base/wait.ts";
import type { Proposal } from "../predictor/predictorService.ts";
import { isSameWay } from "./choice.ts";
import type { Live } from "./live.ts";
import { typedBetween, type Snapshot } from "./snapshot.ts";

/** Keeps the predictor's texts from coming and going under the typist's eyes. */
export type Calm = {
  /** The text on screen is gone, because something else was typed. */
  left(live: Live, snapshot: Snapshot): void;
  /**
   * Waits until a text may be shown: a guess, or one where a line begins, only to somebody who has stopped typing. False
   * when `signal` fired first.
   */
  wait(snapshot: Snapshot, prediction: Proposal, signal: AbortSignal): Promise<boolean>;
};

// VS Code asks 50 to 65 ms after a key, so this is 200 ms without a key: most gaps within a word are shorter, and so are
// those between the two keys that leave a line blank.
const hesitationMs = 150;
// What comes back sooner than this was not gone, it flickered.
const goneMs = 1000;
const lineBegins = /(?:^|\n)[^\S\n]*$/;

/** Nothing was on screen yet. */
export const createCalm = (clock: Clock): Calm => {
  let left: { readonly live: Live; readonly atMs: number } | undefined;

  /** Whether `text` is what was on screen, which only the blanks that were typed drove away. */
  const wouldBeBack = (snapshot: Snapshot, text: string): boolean => {
    const rest = left && restButBlanks(left.live, snapshot);
    // Of a text that was typed to its end nothing can come back, though every text begins with nothing.
    return rest !== undefined && rest !== "" && isSameWay(bare(text), rest);
  };

  return {
    left(live, snapshot) {
      if (live === left?.live) return;
      const typed = typedBetween(live.snapshot.prefix, snapshot.prefix) ?? "";
      const isTaken = typed.startsWith(live.drawn.insertText);
      left = { live, atMs: isTaken ? -Infinity : clock.nowMs() };
    },
    async wait(snapshot, { text, isGuess }, signal) {
      const stopMs = isGuess || lineBegins.test(snapshot.prefix.slice(-200)) ? hesitationMs : 0;
      const goneForMs = clock.nowMs() - (left?.atMs ?? -Infinity);
      const awayMs = goneForMs < goneMs && wouldBeBack(snapshot, text) ? goneMs - goneForMs : 0;
      try {
        await pause(clock, Math.max(stopMs, awayMs), signal);
        return !signal.aborted;
      } catch {
        return false;
      }
    },
  };
};

const bare = (text: string): string => text.replaceAll(/\s/g, "");

/** What of the text is still to come, blanks aside, without blanks; undefined where something else was typed. */
const restButBlanks = ({ snapshot, text }: Live, place: Snapshot): string | undefined => {
  if (snapshot.documentId !== place.documentId) return undefined;
  const typed = typedBetween(snapshot.prefix, place.prefix);
  if (typed === undefined) return undefined;
  const [wanted, came] = [bare(text), bare(typed)];
  return wanted.startsWith(came) ? wanted.slice(came.length) : came.startsWith(wanted) ? "" : undefined;
};

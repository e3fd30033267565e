import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import type { FilteredCompletion } from "./filters.ts";
import type { Requests } from "./requests.ts";
import { placeBehind, suffixKey, type Snapshot } from "./snapshot.ts";

/**
 * Asks for what comes behind the text on screen as if it had been taken, and for the place that the cursor jumped to, when
 * the typist pauses and the server has nothing else to do. Any real request closes it, because there is only one at a time.
 */
export type Speculation = {
  /** This text is on screen at `snapshot`. */
  shown(snapshot: Snapshot, text: FilteredCompletion): void;
  /**
   * The cursor is elsewhere without anything having been typed: the server reads the new place before the first key needs
   * it. `read` is called when it is time to ask, and tells nothing if the place is gone by then.
   */
  jumped(read: () => Snapshot | undefined): void;
  /** A request has ended, so the server may be free. */
  serverFree(): void;
  /** The text on screen is not what it was: nothing is asked until the next one is shown. */
  cancel(): void;
  /** Forgets which places were asked for. */
  clear(): void;
};

// Where the server reads more than this for a request, its prompt cache does not know what was typed since the last one:
// then looking at a text must not cost as much as asking for one.
const maxTokensRead = 160;
const rememberedPlaces = 200;

/** Nothing runs before `shown`; `cancel` ends all. */
export const createSpeculation = (options: {
  readonly clock: Clock;
  readonly requests: Requests;
  /** Whether servers that charge are asked, too. */
  readonly onMetered: () => boolean;
  /** Whether the answer for this place is known or on its way. */
  readonly isAnswered: (place: Snapshot) => boolean;
}): Speculation => {
  const { clock, requests } = options;
  const asked = new Set<string>();
  /** Tells the place to ask for next. */
  let next: (() => Snapshot | undefined) | undefined;
  let timer: Disposable | undefined;

  const mayAsk = (): boolean => {
    const { isMetered, tokensRead } = requests;
    // Before the first request nobody knows whether the server charges.
    if (isMetered === undefined || (isMetered && !options.onMetered())) return false;
    return tokensRead === undefined || tokensRead <= maxTokensRead;
  };

  const start = () => {
    if (!next || timer || requests.current?.isDone === false) return;
    const placeOf = next;
    next = undefined;
    const place = mayAsk() ? placeOf() : undefined;
    if (!place) return;
    const key = `${place.documentId}\0${suffixKey(place.suffix)}\0${place.prefix.slice(-200)}`;
    if (asked.has(key) || options.isAnswered(place)) return;
    asked.add(key);
    if (asked.size > rememberedPlaces) asked.delete(asked.values().next().value!);
    requests.begin(place, true);
  };

  const cancel = () => {
    timer?.dispose();
    timer = undefined;
    next = undefined;
  };

  const startAfterPause = (placeOf: () => Snapshot | undefined) => {
    cancel();
    next = placeOf;
    timer = clock.after(requests.rhythm.pauseMs(), () => {
      timer = undefined;
      start();
    });
  };

  return {
    shown: (snapshot, { insertText, replaceAfter }) =>
      startAfterPause(() => placeBehind(snapshot, insertText, replaceAfter)),
    jumped: startAfterPause,
    serverFree: start,
    cancel,
    clear() {
      cancel();
      asked.clear();
    },
  };
};

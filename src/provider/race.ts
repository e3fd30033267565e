import { toAbortError } from "../base/abort.ts";
import { ProviderError, type StreamPart } from "./provider.ts";

/** A request under way whose answer may be used. `T` is what its starter wants to know again. */
export type Runner<T> = {
  readonly about: T;
  /** The answer from its first part on, for the winner. Leaving it early closes the socket. */
  readonly parts: () => AsyncGenerator<StreamPart, void>;
};

/** How a race ended: with a winner, or with everybody's fault in the order in which they came. */
export type RaceResult<T> = {
  readonly winner: Runner<T> | undefined;
  readonly faults: readonly { readonly about: T; readonly error: ProviderError }[];
};

/** Several requests for one answer: the first that has something to say is the answer, the others are aborted. */
export type Race<T> = {
  /** Starts one more; does nothing once the race is over. */
  start(about: T, open: (signal: AbortSignal) => AsyncIterable<StreamPart>): void;
  readonly isOver: boolean;
  /**
   * Resolves when one has won or all have failed; all others are aborted by then.
   * @throws `AbortError` at once when the signal fires.
   */
  readonly result: Promise<RaceResult<T>>;
};

type Entry<T> = Runner<T> & { readonly stop: () => void };

/**
 * Makes a race without runners. It is over when its result is there; nothing is to be disposed. With `wantsText` an
 * answer without any text wins only when nobody has one with text.
 */
export const createRace = <T>(signal: AbortSignal | undefined, { wantsText }: { wantsText: boolean }): Race<T> => {
  const running = new Set<Entry<T>>();
  const faults: { about: T; error: ProviderError }[] = [];
  const ended = Promise.withResolvers<RaceResult<T>>();
  let empty: Entry<T> | undefined;
  let isOver = false;

  const finish = (winner: Entry<T> | undefined): void => {
    isOver = true;
    signal?.removeEventListener("abort", onAbort);
    for (const entry of running) if (entry !== winner) entry.stop();
    if (empty && empty !== winner) empty.stop();
  };
  const fail = (error: unknown): void => {
    if (isOver) return;
    finish(undefined);
    ended.reject(error);
  };
  const win = (winner: Entry<T> | undefined): void => {
    finish(winner);
    ended.resolve({ winner, faults });
  };
  const onAbort = (): void => fail(toAbortError(signal?.reason));
  if (signal?.aborted) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });

  /** Somebody has nothing more to say. */
  const dropOut = (entry: Entry<T>): void => {
    running.delete(entry);
    if (running.size === 0) win(empty);
  };

  return {
    get isOver() {
      return isOver;
    },
    result: ended.promise,
    start(about, open) {
      if (isOver) return;
      const controller = new AbortController();
      const onCallerAbort = (): void => controller.abort(signal?.reason);
      const release = (): void => signal?.removeEventListener("abort", onCallerAbort);
      signal?.addEventListener("abort", onCallerAbort, { once: true });
      const iterator = open(controller.signal)[Symbol.asyncIterator]();
      const close = async (): Promise<void> => {
        release();
        await iterator.return?.();
      };
      let first: StreamPart | undefined;

      const entry: Entry<T> = {
        about,
        stop() {
          controller.abort();
          close().catch(() => {});
        },
        async *parts() {
          try {
            if (signal?.aborted) throw toAbortError(signal.reason);
            if (first) yield first;
            for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
          } finally {
            await close();
          }
        },
      };

      const run = async (): Promise<void> => {
        try {
          for (;;) {
            const { done, value } = await iterator.next();
            if (isOver) return;
            if (done === true) throw new ProviderError("truncated", "The answer ended before it was complete");
            if (value.type === "text" && value.text === "") continue;
            first = value;
            if (value.type !== "end" || !wantsText) win(entry);
            else {
              if (empty) entry.stop();
              empty ??= entry;
              dropOut(entry);
            }
            return;
          }
        } catch (error) {
          release();
          if (isOver) return;
          // Also a cancellation from elsewhere: nobody else is asked then.
          if (!(error instanceof ProviderError)) {
            fail(error);
            return;
          }
          faults.push({ about, error });
          dropOut(entry);
        }
      };
      running.add(entry);
      void run();
    },
  };
};

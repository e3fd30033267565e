import type { Clock } from "../base/clock.ts";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import type { Translate } from "../base/translate.ts";
import type { Ledger } from "../metrics/ledger.ts";

/** A server that has asked to be left alone. */
export type Pause = { readonly host: string; readonly pausedMs: number };

const intervalMs = 1000;

/** One sentence for a server that is waited for, because it asked for a pause. */
export const pauseSentence = (pause: Pause, t: Translate): string =>
  t("{0} asks for a pause. Hotpath tries again in {1} s.", pause.host, String(Math.ceil(pause.pausedMs / 1000)));

/**
 * Tells once a second which server is waited for, while a request is under way and one has asked for a pause; undefined
 * when there is none any more. Without requests there is no timer.
 */
export const watchPauses = ({
  clock,
  ledger,
  longestPause,
  show,
}: {
  readonly clock: Clock;
  readonly ledger: Pick<Ledger, "onDidChange" | "runningCount">;
  readonly longestPause: () => Pause | undefined;
  readonly show: (pause: Pause | undefined) => void;
}): Disposable => {
  const disposables = createDisposableList();
  let timer: Disposable | undefined;
  let isShown = false;
  const look = () => {
    timer = undefined;
    const isRunning = ledger.runningCount() > 0;
    const pause = isRunning ? longestPause() : undefined;
    if (pause || isShown) show(pause);
    isShown = pause !== undefined;
    if (isRunning) timer = clock.after(intervalMs, look);
  };
  disposables.add(
    ledger.onDidChange(() => {
      if (!timer && ledger.runningCount() > 0) timer = clock.after(intervalMs, look);
    }),
  );
  disposables.add({ dispose: () => timer?.dispose() });
  return disposables;
};

import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import { pause } from "../base/wait.ts";
import type { Ledger } from "../metrics/ledger.ts";
import type { Provider } from "../provider/provider.ts";
import { pauseMsAfter } from "./faultPause.ts";
import type { PromptBuilder } from "./prompt.ts";
import { createRequestBudget, meteredPerMinute } from "./requestBudget.ts";
import { createRhythm, type Rhythm } from "./rhythm.ts";
import { startStream, type RunningStream } from "./runningStream.ts";
import type { Snapshot } from "./snapshot.ts";

/** A model to ask. */
export type ModelSource = { readonly provider: Provider; readonly model: string };

/** When the model is asked. There is one request at a time: a new one closes the one before. */
export type Requests = {
  /** The newest request, running or done; undefined before the first. */
  readonly current: RunningStream | undefined;
  readonly rhythm: Rhythm;
  /** Whether the server charges; undefined until it has told what it can do. */
  readonly isMetered: boolean | undefined;
  /** The fewest prompt tokens that one of the last requests had to read anew; undefined: the server does not tell. */
  readonly tokensRead: number | undefined;
  /** Sets whom to ask, and closes what runs. */
  use(model: ModelSource | undefined): void;
  /** Asks now, unless the server is left alone or costs too much. Closes the running request in any case. */
  begin(snapshot: Snapshot, isSpeculated?: boolean): RunningStream | undefined;
  /** Asks for the place behind the edit `delayMs` later, unless that is taken back. */
  beginLater(snapshot: Snapshot, delayMs: number): void;
  /** Takes back what was to be asked later. */
  cancelDue(): void;
  /** The running request if it serves `snapshot`, else a new one, as soon as one is due and if it is still wanted then. */
  joined(snapshot: Snapshot, isWanted: () => boolean, signal: AbortSignal): Promise<RunningStream | undefined>;
  /** True while a request is under way that may yet say what comes at `snapshot`. */
  isUnderWay(snapshot: Snapshot): boolean;
};

export type RequestsOptions = {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly prompts: PromptBuilder;
  /** New text came, and more may follow. */
  onText(running: RunningStream): void;
  /** All text of a request to `from` is there. */
  onEnd(finished: RunningStream, from: ModelSource): void;
  onFailure(error: unknown): void;
};

const readsKept = 4;

/** Nothing is asked before `use`; the caller ends everything by `use(undefined)`. */
export const createRequests = (options: RequestsOptions): Requests => {
  const { clock, ledger } = options;
  const rhythm = createRhythm(clock);
  const budget = createRequestBudget(clock, meteredPerMinute);
  let model: ModelSource | undefined;
  let current: RunningStream | undefined;
  let due: { readonly atMs: number; readonly timer: Disposable } | undefined;
  let pausedUntilMs = -Infinity;
  let isMetered: boolean | undefined;
  let tokensRead: number[] = [];

  const isUnderWay = (snapshot: Snapshot): boolean =>
    current !== undefined && !current.isDone && current.agreesWith(snapshot);

  const cancelDue = () => {
    due?.timer.dispose();
    due = undefined;
  };

  const ask = (snapshot: Snapshot, from: ModelSource, isSpeculated: boolean): RunningStream => {
    const startedMs = clock.nowMs();
    let hasText = false;
    return startStream({
      ...from,
      snapshot,
      isSpeculated,
      ledger,
      prompts: options.prompts,
      onCapabilities(capabilities) {
        if (model === from) isMetered = capabilities.isMetered === true;
      },
      onText(running) {
        // What was asked behind other work says nothing about the server's speed.
        if (!hasText && !isSpeculated) rhythm.answered(clock.nowMs() - startedMs);
        hasText = true;
        options.onText(running);
      },
      onEnd(finished) {
        const { promptTokens, cachedTokens } = finished.usage ?? {};
        if (promptTokens !== undefined && cachedTokens !== undefined) {
          tokensRead = [...tokensRead, promptTokens - cachedTokens].slice(-readsKept);
        }
        options.onEnd(finished, from);
      },
      onFailure(error) {
        // Nobody waits for what was asked ahead, and its server may only have had more urgent work.
        if (!isSpeculated) pausedUntilMs = clock.nowMs() + pauseMsAfter(error);
        if (!isSpeculated) options.onFailure(error);
      },
    });
  };

  const begin = (snapshot: Snapshot, isSpeculated = false): RunningStream | undefined => {
    current?.abort();
    cancelDue();
    const mayAsk =
      model &&
      !snapshot.isSecret &&
      clock.nowMs() >= pausedUntilMs &&
      (isMetered !== true || budget.take(isSpeculated));
    current = model && mayAsk ? ask(snapshot, model, isSpeculated) : undefined;
    return current;
  };

  return {
    get current() {
      return current;
    },
    rhythm,
    get isMetered() {
      return isMetered;
    },
    get tokensRead() {
      return tokensRead.length > 0 ? Math.min(...tokensRead) : undefined;
    },
    use(next) {
      if (model?.provider !== next?.provider) {
        isMetered = undefined;
        tokensRead = [];
      }
      model = next;
      pausedUntilMs = -Infinity;
      cancelDue();
      current?.abort();
      current = undefined;
    },
    begin,
    beginLater(snapshot, delayMs) {
      cancelDue();
      const timer = clock.after(delayMs, () => isUnderWay(snapshot) || begin(snapshot));
      due = { atMs: clock.nowMs() + delayMs, timer };
    },
    cancelDue,
    async joined(snapshot, isWanted, signal) {
      const waitMs = due ? due.atMs - clock.nowMs() : 0;
      if (waitMs > 0) {
        try {
          await pause(clock, waitMs, signal);
        } catch {
          return undefined;
        }
        // Meanwhile the typing may have gone on, and then another call waits for what it needs.
        if (!isWanted()) return undefined;
      }
      return isUnderWay(snapshot) ? current : begin(snapshot);
    },
    isUnderWay,
  };
};

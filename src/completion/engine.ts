import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import type { Ledger, SuggestionSource } from "../metrics/ledger.ts";
import type { Prediction, PredictionSource } from "../predictor/predictorService.ts";
import type { Provider } from "../provider/provider.ts";
import { filterCompletion } from "./filters.ts";
import { createPromptBuilder, type PromptBuilder } from "./prompt.ts";
import { createRhythm } from "./rhythm.ts";
import { kindOf, startStream, type RunningStream } from "./runningStream.ts";
import { isLineEnd, remainder, suffixKey, type Snapshot } from "./snapshot.ts";
import { createSuggestionCache } from "./suggestionCache.ts";

/** Ghost text for one place. */
export type Suggestion = {
  readonly insertText: string;
  /** UTF-16 units behind the cursor, on its line, that accepting overwrites. */
  readonly replaceAfter: number;
  readonly source: SuggestionSource;
  /** Where the text came from at first, also while it is typed through (`source` is then `live`). */
  readonly origin: SuggestionSource;
};

export type CompletionEngineOptions = {
  readonly clock: Clock;
  readonly ledger: Ledger;
  /** Default: anchored, without other files. */
  readonly prompts?: PromptBuilder;
  /** Bytes that remembered suggestions may take. */
  readonly cacheBytes?: number;
  /** Requests in a minute that a server which charges for them gets at most. Default 20. */
  readonly meteredPerMinute?: number;
  /** A better text than what was answered for this snapshot is there: ask again if the cursor is still there. */
  readonly onBetter: (snapshot: Snapshot) => void;
  /** A request was answered: whatever was wrong with the server is over. */
  readonly onSuccess: () => void;
  /** A request failed; called for every failure that is not a cancellation. */
  readonly onFailure: (error: unknown) => void;
};

/** An edit at the cursor; 0 units: it only took text away. */
export type Edit = { readonly insertedUnits: number };

/** A model to ask. */
export type ModelSource = { readonly provider: Provider; readonly model: string };

/**
 * Decides what ghost text to show: the ladder from the text on screen to the network. Never throws into its caller.
 */
export type CompletionEngine = {
  /**
   * What to show at `snapshot`; `signal` only ends the waiting, a stream that still fits runs on. After a deletion the
   * model is asked only if the user `isInvoked` ghost text by hand.
   */
  suggest(snapshot: Snapshot, signal: AbortSignal, isInvoked?: boolean): Promise<Suggestion | undefined>;
  /**
   * To be told of every edit: closes the running request at once when the document took another way, and begins the next
   * one when it is due, which is before VS Code asks. `read` gives the places where the cursor may be after the edit, the
   * likeliest first; it is only called when an answer is needed. `edit` is undefined for what no person typed here.
   */
  documentChanged(documentId: string, read: () => readonly Snapshot[], edit?: Edit): void;
  /** The user took this text of a suggestion, as a whole or a part of it. */
  accepted?(suggestion: Suggestion): void;
  /** Told after `documentChanged`: the user took an accepted text back by Undo. */
  undone?(documentId: string, suggestion: Suggestion): void;
  /** `share` (0..1) of an accepted text still stands after 30 seconds. */
  kept?(suggestion: Suggestion, share: number): void;
  /** Sets what is asked. Another model's remembered answers are forgotten. */
  use(sources: { predictor?: PredictionSource | undefined; model?: ModelSource | undefined }): void;
  /** Closes the running request and forgets everything. */
  dispose(): void;
};

/** The text that was offered last, from the place where it was offered first. */
type Live = {
  readonly snapshot: Snapshot;
  readonly text: string;
  readonly origin: SuggestionSource;
  /** Not handed to VS Code yet: the next offer counts for its origin. */
  readonly isNew: boolean;
};

const minUsefulCharacters = 2;
const defaultMeteredPerMinute = 20;
const minuteMs = 60_000;
// VS Code does not ask while ghost text is switched off or snoozed there, and then nobody would see what is asked for.
const maxUnasked = 3;
const defaultCacheBytes = 4_000_000;
// The predictor answers in well under a millisecond; when its thread is busy, nobody waits for it longer than this.
const predictorPatienceMs = 30;
// Later than this the user has looked at what there was, or has taken it off the screen: nothing replaces it any more.
const betterWithinMs = 1500;

// How long a failed server is left alone. A fault that only the user can mend ends when the sources are set anew.
const pauseMsByKind: Readonly<Record<string, number>> = {
  unreachable: 5000,
  offline: 5000,
  paused: 5000,
  proxy: 30_000,
  certificate: 60_000,
  // Another text may well be taken.
  moderated: 2000,
  // Credit is bought in a browser, which tells nobody here.
  "payment-required": 600_000,
  timeout: 5000,
  loading: 5000,
  truncated: 2000,
  "server-error": 3000,
  "bad-response": 10_000,
  "rate-limited": 30_000,
  "context-overflow": 30_000,
  "model-not-found": 60_000,
  "bad-request": 60_000,
  unknown: 10_000,
};

export const createCompletionEngine = (options: CompletionEngineOptions): CompletionEngine => {
  const { clock, ledger } = options;
  const cache = createSuggestionCache(options.cacheBytes ?? defaultCacheBytes);
  const prompts = options.prompts ?? createPromptBuilder({ clock });
  let predictor: PredictionSource | undefined;
  let model: ModelSource | undefined;
  let live: Live | undefined;
  let stream: RunningStream | undefined;
  let pausedUntilMs = -Infinity;
  let lastAsked: { snapshot: Snapshot; atMs: number; hasAnswer: boolean } | undefined;
  const rhythm = createRhythm(clock);
  /** Where the cursor is: asked for, or typed to since. */
  let here: Snapshot | undefined;
  /** The document whose last edit took text away. */
  let deletedIn: string | undefined;
  /** Requests begun since VS Code last asked for ghost text. */
  let unasked = 0;
  let due: { readonly atMs: number; readonly timer: Disposable } | undefined;
  let isMetered = false;
  let askedAtMs: number[] = [];

  const offer = (snapshot: Snapshot, text: string, source: SuggestionSource, origin = source) => {
    // What is left of a text on screen stays there to its last character.
    const filtered = fit(snapshot, text, source === "live" ? 1 : minUsefulCharacters);
    if (!filtered) return undefined;
    if (source !== "live") live = { snapshot, text, origin, isNew: false };
    return { ...filtered, source, origin } satisfies Suggestion;
  };

  /** What of the text on screen is still to come at `snapshot`. */
  const liveRest = (snapshot: Snapshot): string | undefined =>
    live?.snapshot.documentId === snapshot.documentId && suffixKey(live.snapshot.suffix) === suffixKey(snapshot.suffix)
      ? remainder(live.snapshot.prefix, live.text, snapshot.prefix)
      : undefined;

  const fromLive = (snapshot: Snapshot): Suggestion | undefined => {
    const rest = liveRest(snapshot);
    if (rest === undefined || !live) return undefined;
    const { origin, isNew } = live;
    live = { ...live, isNew: false };
    const suggestion = offer(snapshot, rest, "live", origin);
    return suggestion && isNew ? { ...suggestion, source: origin } : suggestion;
  };

  const fromCache = (snapshot: Snapshot): Suggestion | undefined => {
    const rest = model && cache.find(snapshot, model.model);
    return rest === undefined ? undefined : offer(snapshot, rest, "cache");
  };

  /** Waits until the stream's text reaches a place where it can be shown, or cannot serve this place any more. */
  const fromStream = async (
    running: RunningStream,
    snapshot: Snapshot,
    source: "stream" | "network",
    signal: AbortSignal,
  ): Promise<Suggestion | undefined> => {
    const stopped = Promise.withResolvers<void>();
    const onAbort = () => stopped.resolve();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      while (!signal.aborted && running.agreesWith(snapshot)) {
        const rest = running.rest(snapshot);
        if (rest !== undefined && (running.isDone || hasWholeLine(rest))) {
          return offer(snapshot, wholeLines(rest, running.isDone), source);
        }
        if (running.isDone) return undefined;
        await Promise.race([running.progress(), stopped.promise]);
      }
      return undefined;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  };

  /** The model's whole answer takes the place of the predictor's, or of its own first line, while untouched. */
  const improveLive = (finished: RunningStream) => {
    const asked = lastAsked;
    if (!asked || clock.nowMs() - asked.atMs > betterWithinMs) return;
    const rest = finished.rest(asked.snapshot);
    const after = rest === undefined ? undefined : fit(asked.snapshot, rest);
    if (rest === undefined || !after) return;
    const shownRest = liveRest(asked.snapshot);
    if (shownRest !== undefined && live) {
      const isUntouched = live.snapshot.prefix === asked.snapshot.prefix;
      if (!isUntouched || live.origin === "cache") return;
      if (fit(asked.snapshot, shownRest)?.insertText === after.insertText) return;
    } else if (!asked.hasAnswer) {
      // Somebody still waits for this stream and gets its text without being told.
      return;
    }
    live = { snapshot: asked.snapshot, text: rest, origin: "network", isNew: true };
    options.onBetter(asked.snapshot);
  };

  const ask = (snapshot: Snapshot, from: ModelSource): RunningStream => {
    const startedMs = clock.nowMs();
    let hasText = false;
    return startStream({
      ...from,
      snapshot,
      ledger,
      prompts,
      onCapabilities(capabilities) {
        if (model === from) isMetered = capabilities.isMetered === true;
      },
      onText(running) {
        if (!hasText) rhythm.answered(clock.nowMs() - startedMs);
        hasText = true;
        // With the first words it shows whether what was typed meanwhile is what the model has to say.
        if (running !== stream || !here || here.documentId !== running.snapshot.documentId) return;
        if (!running.agreesWith(here)) restart(here);
      },
      onEnd(finished) {
        options.onSuccess();
        if (finished.text === "") return;
        cache.add(finished.snapshot, from.model, finished.text);
        improveLive(finished);
      },
      onFailure(error) {
        pausedUntilMs = clock.nowMs() + (retryAfterMs(error) ?? pauseMsByKind[kindOf(error)] ?? Infinity);
        options.onFailure(error);
      },
    });
  };

  /** Counts a request to a server that charges for it; false when the minute's share is used up. */
  const isAffordable = (): boolean => {
    if (!isMetered) return true;
    const nowMs = clock.nowMs();
    askedAtMs = askedAtMs.filter((atMs) => nowMs - atMs < minuteMs);
    if (askedAtMs.length >= (options.meteredPerMinute ?? defaultMeteredPerMinute)) return false;
    askedAtMs.push(nowMs);
    return true;
  };

  const restart = (snapshot: Snapshot): RunningStream | undefined => {
    stream?.abort();
    due?.timer.dispose();
    due = undefined;
    stream = model && clock.nowMs() >= pausedUntilMs && isAffordable() ? ask(snapshot, model) : undefined;
    return stream;
  };

  /** True when the model's word for this place is known, be it nothing that can be shown: it would say the same again. */
  const isAnswered = (snapshot: Snapshot): boolean => {
    if (stream?.hasAnswered(snapshot)) return true;
    if (!model) return false;
    return (cache.find(snapshot, model.model)?.trim().length ?? 0) >= minUsefulCharacters;
  };

  /** True while a request is under way that may yet say what comes at `snapshot`. */
  const isUnderWay = (snapshot: Snapshot): boolean =>
    stream !== undefined && !stream.isDone && stream.agreesWith(snapshot);

  /** The running request if it serves `snapshot`, else a new one, as soon as one is due. */
  const request = async (snapshot: Snapshot, signal: AbortSignal): Promise<RunningStream | undefined> => {
    const waitMs = due ? due.atMs - clock.nowMs() : 0;
    if (waitMs > 0) await wait(clock, waitMs, signal);
    // Meanwhile the typing may have gone on, and then another call waits for what it needs.
    if (waitMs > 0 && (signal.aborted || here?.prefix !== snapshot.prefix)) return undefined;
    return isUnderWay(snapshot) ? stream : restart(snapshot);
  };

  /** Begins a request for what was typed just now, or for what comes behind the text on screen when that is about to end. */
  const startEarly = (snapshot: Snapshot, { insertedUnits }: Edit) => {
    if (!model || isUnderWay(snapshot) || unasked >= maxUnasked) return;
    const rest = liveRest(snapshot);
    const shown = rest === undefined ? undefined : fit(snapshot, rest, 1);
    if (shown) {
      const { insertText, replaceAfter } = shown;
      if (isMetered || replaceAfter > 0 || insertText.length > rhythm.keysAhead()) return;
      const behind = { ...snapshot, prefix: snapshot.prefix + insertText, aheadUnits: insertText.length };
      if (isUnderWay(behind) || isAnswered(behind)) return;
      unasked++;
      restart(behind);
      return;
    }
    if (isAnswered(snapshot)) return;
    unasked++;
    const delayMs = insertedUnits > 1 || atBeginning.test(snapshot.prefix.slice(-200)) ? 0 : rhythm.delayMs();
    if (delayMs <= 0) restart(snapshot);
    else {
      const timer = clock.after(delayMs, () => isUnderWay(snapshot) || restart(snapshot));
      due = { atMs: clock.nowMs() + delayMs, timer };
    }
  };

  /** What the predictor is sure of. */
  const predict = async (snapshot: Snapshot, signal: AbortSignal): Promise<Prediction | undefined> => {
    if (!predictor) return undefined;
    const { path, prefix, suffix } = snapshot;
    const patience = Promise.withResolvers<undefined>();
    const timer = clock.after(predictorPatienceMs, () => patience.resolve(undefined));
    try {
      const prediction = await Promise.race([predictor.predict({ path, prefix, suffix }, signal), patience.promise]);
      return signal.aborted ? undefined : prediction;
    } catch {
      return undefined;
    } finally {
      timer.dispose();
    }
  };

  const fromPredictor = async (snapshot: Snapshot, signal: AbortSignal): Promise<Suggestion | undefined> => {
    const prediction = await predict(snapshot, signal);
    return prediction && offer(snapshot, prediction.text, "predictor");
  };

  /** The predictor sees further with every key: what is on screen grows, but its beginning stays as it is. */
  const grown = async (shown: Suggestion, snapshot: Snapshot, signal: AbortSignal): Promise<Suggestion> => {
    const prediction = await predict(snapshot, signal);
    const rest = liveRest(snapshot);
    if (!live || !prediction || rest === undefined || prediction.text.length <= rest.length) return shown;
    if (!prediction.text.startsWith(rest)) return shown;
    live = { ...live, text: live.text.slice(0, live.text.length - rest.length) + prediction.text };
    return offer(snapshot, prediction.text, shown.source, shown.origin) ?? shown;
  };

  const climb = async (
    snapshot: Snapshot,
    signal: AbortSignal,
    isInvoked: boolean,
  ): Promise<Suggestion | undefined> => {
    const local = fromLive(snapshot) ?? fromCache(snapshot);
    if (local) return local.source === "live" && local.origin === "predictor" ? grown(local, snapshot, signal) : local;
    if (isAnswered(snapshot)) return fromPredictor(snapshot, signal);
    const reused = stream?.agreesWith(snapshot) ? stream : undefined;
    if (reused?.rest(snapshot)) {
      const suggestion = await fromStream(reused, snapshot, "stream", signal);
      if (suggestion || signal.aborted) return suggestion;
    }
    if (signal.aborted) return undefined;
    // Who takes text away is not waiting for more of it.
    if (deletedIn === snapshot.documentId && !isInvoked) return fromPredictor(snapshot, signal);
    const requested = request(snapshot, signal);
    const predicted = await fromPredictor(snapshot, signal);
    if (predicted || signal.aborted) return predicted;
    const running = await requested;
    if (!running || signal.aborted) return undefined;
    const streamed = await fromStream(running, snapshot, running === reused ? "stream" : "network", signal);
    if (streamed || signal.aborted || running.hasFailed) return streamed;
    if (running.agreesWith(snapshot) || running.hasAnswered(snapshot)) return undefined;
    // The answer went another way than the typing did meanwhile, so the model is asked from here.
    const next = stream === running ? restart(snapshot) : stream;
    return next && fromStream(next, snapshot, "network", signal);
  };

  return {
    async suggest(snapshot, signal, isInvoked = false) {
      const startedMs = clock.nowMs();
      here = snapshot;
      unasked = 0;
      const asked = { snapshot, atMs: startedMs, hasAnswer: false };
      lastAsked = asked;
      const suggestion = await climb(snapshot, signal, isInvoked);
      asked.hasAnswer = true;
      if (!suggestion || signal.aborted) return undefined;
      ledger.offered(suggestion.source, clock.nowMs() - startedMs);
      return suggestion;
    },
    documentChanged(documentId, read, edit) {
      due?.timer.dispose();
      due = undefined;
      const isRunning = stream !== undefined && !stream.isDone && stream.snapshot.documentId === documentId;
      const isDeletion = edit !== undefined && edit.insertedUnits === 0;
      deletedIn = isDeletion ? documentId : undefined;
      // Reading the document takes time at every key: without a model nobody needs it.
      if (!isRunning && (!model || !edit || isDeletion)) return;
      const places = read();
      if (isRunning && !places.some((snapshot) => stream?.agreesWith(snapshot))) stream?.abort();
      const [place] = places;
      if (!edit || isDeletion || !place) return;
      here = place;
      rhythm.typed();
      startEarly(place, edit);
    },
    use(sources) {
      const isModelNew = model === undefined && sources.model !== undefined;
      if (model && model.provider !== sources.model?.provider) {
        cache.clear();
        isMetered = false;
        if (live?.origin !== "predictor") live = undefined;
      }
      if (!sources.predictor && live?.origin === "predictor") live = undefined;
      predictor = sources.predictor;
      model = sources.model;
      pausedUntilMs = -Infinity;
      due?.timer.dispose();
      due = undefined;
      stream?.abort();
      stream = undefined;
      // VS Code asked while the model was still being reached, and asks again only after the next key.
      if (isModelNew && lastAsked?.hasAnswer && liveRest(lastAsked.snapshot) === undefined) {
        options.onBetter(lastAsked.snapshot);
      }
    },
    dispose() {
      due?.timer.dispose();
      due = undefined;
      here = undefined;
      stream?.abort();
      stream = undefined;
      live = undefined;
      lastAsked = undefined;
      predictor = undefined;
      model = undefined;
      cache.clear();
    },
  };
};

const fit = (snapshot: Snapshot, text: string, minCharacters = minUsefulCharacters) => {
  const filtered = filterCompletion({ ...snapshot, text, multiline: isLineEnd(snapshot.suffix) });
  return filtered && filtered.insertText.trim().length >= minCharacters ? filtered : undefined;
};

// Behind these a new expression, member or line begins: nothing of it is typed yet that a guess could get wrong.
const atBeginning = /[([{.]$|\n[^\S\n]*$/;

const hasWholeLine = (text: string): boolean => /\S[^\n]*\n/.test(text);

/** Resolves after `ms`, or when `signal` fires. */
const wait = async (clock: Clock, ms: number, signal: AbortSignal): Promise<void> => {
  const over = Promise.withResolvers<void>();
  const timer = clock.after(ms, () => over.resolve());
  const onAbort = () => over.resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  await over.promise;
  timer.dispose();
  signal.removeEventListener("abort", onAbort);
};

/** While text still comes, the last line is a fragment: showing it would make it jump. */
const wholeLines = (text: string, isDone: boolean): string => (isDone ? text : text.slice(0, text.lastIndexOf("\n")));

/** How long the server itself asked to be left alone. */
const retryAfterMs = (error: unknown): number | undefined =>
  error instanceof Error && "retryAfterMs" in error && typeof error.retryAfterMs === "number"
    ? error.retryAfterMs
    : undefined;

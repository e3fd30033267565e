import type { Clock } from "../base/clock.ts";
import type { Ledger, SuggestionSource } from "../metrics/ledger.ts";
import type { Prediction, PredictionSource } from "../predictor/predictorService.ts";
import type { Provider } from "../provider/provider.ts";
import { filterCompletion } from "./filters.ts";
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
  /** Bytes that remembered suggestions may take. */
  readonly cacheBytes?: number;
  /** A better text than what was answered for this snapshot is there: ask again if the cursor is still there. */
  readonly onBetter: (snapshot: Snapshot) => void;
  /** A request was answered: whatever was wrong with the server is over. */
  readonly onSuccess: () => void;
  /** A request failed; called for every failure that is not a cancellation. */
  readonly onFailure: (error: unknown) => void;
};

/** A model to ask. */
export type ModelSource = { readonly provider: Provider; readonly model: string };

/**
 * Decides what ghost text to show: the ladder from the text on screen to the network. Never throws into its caller.
 */
export type CompletionEngine = {
  /** What to show at `snapshot`; `signal` only ends the waiting, a stream that still fits runs on. */
  suggest(snapshot: Snapshot, signal: AbortSignal): Promise<Suggestion | undefined>;
  /**
   * To be told of every edit: closes the running request at once when the document took another way. `read` gives the
   * places where the cursor may be after the edit, and is only called while a request for this document is running.
   */
  documentChanged(documentId: string, read: () => readonly Snapshot[]): void;
  /** Call when the user took a suggestion. */
  accepted(suggestion: Suggestion): void;
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

// Below this the predictor's text is wrong too often to be worth a look. Its confidence is calibrated, and it cuts its
// texts to reach this much: about eight of ten shown are right (test/bench/predictor.bench.ts).
const minConfidence = 0.5;
const minUsefulCharacters = 2;
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
  let predictor: PredictionSource | undefined;
  let model: ModelSource | undefined;
  let live: Live | undefined;
  let stream: RunningStream | undefined;
  let pausedUntilMs = -Infinity;
  let lastAsked: { snapshot: Snapshot; atMs: number; hasAnswer: boolean } | undefined;

  const offer = (snapshot: Snapshot, text: string, source: SuggestionSource, origin = source) => {
    const filtered = fit(snapshot, text);
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

  const ask = (snapshot: Snapshot, from: ModelSource): RunningStream =>
    startStream({
      ...from,
      snapshot,
      ledger,
      onText(running) {
        // With the first words it shows whether what was typed meanwhile is what the model has to say.
        const at = lastAsked?.snapshot;
        if (running !== stream || !at || at.documentId !== running.snapshot.documentId) return;
        if (!running.agreesWith(at)) restart(at);
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

  const restart = (snapshot: Snapshot): RunningStream | undefined => {
    stream?.abort();
    stream = model && clock.nowMs() >= pausedUntilMs ? ask(snapshot, model) : undefined;
    return stream;
  };

  /** What the predictor is sure of. */
  const predict = async (snapshot: Snapshot, signal: AbortSignal): Promise<Prediction | undefined> => {
    if (!predictor) return undefined;
    const { path, prefix, suffix } = snapshot;
    const patience = Promise.withResolvers<undefined>();
    const timer = clock.after(predictorPatienceMs, () => patience.resolve(undefined));
    try {
      const prediction = await Promise.race([predictor.predict({ path, prefix, suffix }, signal), patience.promise]);
      return prediction && prediction.confidence >= minConfidence && !signal.aborted ? prediction : undefined;
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

  const climb = async (snapshot: Snapshot, signal: AbortSignal): Promise<Suggestion | undefined> => {
    const local = fromLive(snapshot) ?? fromCache(snapshot);
    if (local) return local.source === "live" && local.origin === "predictor" ? grown(local, snapshot, signal) : local;
    if (stream?.hasAnswered(snapshot)) return fromPredictor(snapshot, signal);
    const reused = stream?.agreesWith(snapshot) ? stream : undefined;
    if (reused?.rest(snapshot)) {
      const suggestion = await fromStream(reused, snapshot, "stream", signal);
      if (suggestion || signal.aborted) return suggestion;
    }
    if (signal.aborted) return undefined;
    const running = reused && !reused.isDone ? reused : restart(snapshot);
    const predicted = await fromPredictor(snapshot, signal);
    if (predicted || !running || signal.aborted) return predicted;
    const streamed = await fromStream(running, snapshot, running === reused ? "stream" : "network", signal);
    if (streamed || signal.aborted || running.hasFailed) return streamed;
    if (running.agreesWith(snapshot) || running.hasAnswered(snapshot)) return undefined;
    // The answer went another way than the typing did meanwhile, so the model is asked from here.
    const next = stream === running ? restart(snapshot) : stream;
    return next && fromStream(next, snapshot, "network", signal);
  };

  return {
    async suggest(snapshot, signal) {
      const startedMs = clock.nowMs();
      const asked = { snapshot, atMs: startedMs, hasAnswer: false };
      lastAsked = asked;
      const suggestion = await climb(snapshot, signal);
      asked.hasAnswer = true;
      if (!suggestion || signal.aborted) return undefined;
      ledger.offered(suggestion.source, clock.nowMs() - startedMs);
      return suggestion;
    },
    documentChanged(documentId, read) {
      const running = stream;
      if (!running || running.isDone || running.snapshot.documentId !== documentId) return;
      if (!read().some((snapshot) => running.agreesWith(snapshot))) running.abort();
    },
    accepted(suggestion) {
      ledger.accepted(suggestion.origin, suggestion.insertText.length);
    },
    use(sources) {
      const isModelNew = model === undefined && sources.model !== undefined;
      if (model && model.provider !== sources.model?.provider) {
        cache.clear();
        if (live?.origin !== "predictor") live = undefined;
      }
      if (!sources.predictor && live?.origin === "predictor") live = undefined;
      predictor = sources.predictor;
      model = sources.model;
      pausedUntilMs = -Infinity;
      stream?.abort();
      stream = undefined;
      // VS Code asked while the model was still being reached, and asks again only after the next key.
      if (isModelNew && lastAsked?.hasAnswer && liveRest(lastAsked.snapshot) === undefined) {
        options.onBetter(lastAsked.snapshot);
      }
    },
    dispose() {
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

const fit = (snapshot: Snapshot, text: string) => {
  const filtered = filterCompletion({ ...snapshot, text, multiline: isLineEnd(snapshot.suffix) });
  return filtered && filtered.insertText.trim().length >= minUsefulCharacters ? filtered : undefined;
};

const hasWholeLine = (text: string): boolean => /\S[^\n]*\n/.test(text);

/** While text still comes, the last line is a fragment: showing it would make it jump. */
const wholeLines = (text: string, isDone: boolean): string => (isDone ? text : text.slice(0, text.lastIndexOf("\n")));

/** How long the server itself asked to be left alone. */
const retryAfterMs = (error: unknown): number | undefined =>
  error instanceof Error && "retryAfterMs" in error && typeof error.retryAfterMs === "number"
    ? error.retryAfterMs
    : undefined;

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
  /** A better text than the one on screen is there for the same cursor: ask again. */
  onBetter(): void;
  /** A request failed; called for every failure that is not a cancellation. */
  onFailure(error: unknown): void;
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
   * To be told of every edit: closes the running request at once when the document took another way. `read` is only
   * called while a request for this document is running.
   */
  documentChanged(documentId: string, read: () => Snapshot): void;
  /** Call when the user took a suggestion. */
  accepted(suggestion: Suggestion): void;
  use(sources: { predictor?: PredictionSource | undefined; model?: ModelSource | undefined }): void;
  /** Closes the running request and forgets everything. */
  dispose(): void;
};

type Live = { snapshot: Snapshot; text: string; origin: SuggestionSource };

// Below this the predictor's text is wrong too often to be worth a look. Its confidence is calibrated, and it cuts its
// texts to reach this much: about eight of ten shown are right (test/bench/predictor.bench.ts).
const minConfidence = 0.5;
const minUsefulCharacters = 2;
const defaultCacheBytes = 4_000_000;

// How long a failed server is left alone. A fault that only the user can mend ends when the sources are set anew.
const pauseMsByKind: Readonly<Record<string, number>> = {
  unreachable: 5000,
  timeout: 5000,
  loading: 5000,
  "server-error": 3000,
  "rate-limited": 30_000,
  "bad-response": 10_000,
  truncated: 0,
  "context-overflow": 0,
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
  let lastAsked: Snapshot | undefined;

  const offer = (snapshot: Snapshot, text: string, source: SuggestionSource, origin = source) => {
    const filtered = fit(snapshot, text);
    if (!filtered) return undefined;
    if (source !== "live") live = { snapshot, text, origin };
    return { ...filtered, source, origin } satisfies Suggestion;
  };

  const fromLive = (snapshot: Snapshot): Suggestion | undefined => {
    if (!live || live.snapshot.documentId !== snapshot.documentId) return undefined;
    if (suffixKey(live.snapshot.suffix) !== suffixKey(snapshot.suffix)) return undefined;
    const rest = remainder(live.snapshot.prefix, live.text, snapshot.prefix);
    return rest === undefined ? undefined : offer(snapshot, rest, "live", live.origin);
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
        if (rest !== undefined && (running.isDone || hasWholeLine(rest)))
          return offer(snapshot, wholeLines(rest, running.isDone), source);
        if (running.isDone) return undefined;
        await Promise.race([running.progress(), stopped.promise]);
      }
      return undefined;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  };

  const ended = (finished: RunningStream, from: ModelSource) => {
    if (finished.text === "") return;
    cache.add(finished.snapshot, from.model, finished.text);
    improveLive(finished);
  };

  /** The model's whole answer takes the place of the predictor's, or of its own first line, while untouched. */
  const improveLive = (finished: RunningStream) => {
    const shown = live;
    if (!shown || !lastAsked || lastAsked.prefix !== shown.snapshot.prefix) return;
    if (shown.origin === "cache" || shown.origin === "live") return;
    const rest = finished.rest(lastAsked);
    if (rest === undefined || rest === shown.text) return;
    const before = fit(lastAsked, shown.text);
    const after = fit(lastAsked, rest);
    if (!after || after.insertText === before?.insertText) return;
    live = { snapshot: lastAsked, text: rest, origin: shown.origin === "predictor" ? "network" : shown.origin };
    options.onBetter();
  };

  const ask = (snapshot: Snapshot, from: ModelSource): RunningStream =>
    startStream({
      ...from,
      snapshot,
      ledger,
      onEnd: (finished) => ended(finished, from),
      onFailure(error) {
        const kind = kindOf(error);
        pausedUntilMs = clock.nowMs() + (pauseMsByKind[kind] ?? Infinity);
        options.onFailure(error);
      },
    });

  /** What the predictor is sure of. */
  const predict = async (snapshot: Snapshot, signal: AbortSignal): Promise<Prediction | undefined> => {
    const { path, prefix, suffix } = snapshot;
    const prediction = await predictor?.predict({ path, prefix, suffix }, signal).catch(() => undefined);
    return prediction && prediction.confidence >= minConfidence && !signal.aborted ? prediction : undefined;
  };

  const fromPredictor = async (snapshot: Snapshot, signal: AbortSignal): Promise<Suggestion | undefined> => {
    const prediction = await predict(snapshot, signal);
    return prediction && offer(snapshot, prediction.text, "predictor");
  };

  /** The predictor sees further with every key: what is on screen grows, but its beginning stays as it is. */
  const grown = async (shown: Suggestion, snapshot: Snapshot, signal: AbortSignal): Promise<Suggestion> => {
    const prediction = await predict(snapshot, signal);
    const goesOn = prediction && prediction.text.length > shown.insertText.length;
    if (!goesOn || !prediction.text.startsWith(shown.insertText)) return shown;
    return offer(snapshot, prediction.text, "predictor") ?? shown;
  };

  const climb = async (snapshot: Snapshot, signal: AbortSignal): Promise<Suggestion | undefined> => {
    const local = fromLive(snapshot) ?? fromCache(snapshot);
    if (local?.origin === "predictor") return grown(local, snapshot, signal);
    if (local) return local;
    const reused = stream?.agreesWith(snapshot) ? stream : undefined;
    if (reused?.rest(snapshot)) {
      const suggestion = await fromStream(reused, snapshot, "stream", signal);
      if (suggestion || signal.aborted) return suggestion;
    }
    if (stream?.hasAnswered(snapshot)) return fromPredictor(snapshot, signal);
    if (signal.aborted) return undefined;
    if (!reused || reused.isDone) {
      stream?.abort();
      stream = model && clock.nowMs() >= pausedUntilMs ? ask(snapshot, model) : undefined;
    }
    const predicted = await fromPredictor(snapshot, signal);
    if (predicted || !stream || signal.aborted) return predicted;
    return fromStream(stream, snapshot, stream === reused ? "stream" : "network", signal);
  };

  return {
    async suggest(snapshot, signal) {
      const startedMs = clock.nowMs();
      lastAsked = snapshot;
      const suggestion = await climb(snapshot, signal);
      if (!suggestion || signal.aborted) return undefined;
      ledger.offered(suggestion.source, clock.nowMs() - startedMs);
      return suggestion;
    },
    documentChanged(documentId, read) {
      if (!stream || stream.isDone || stream.snapshot.documentId !== documentId) return;
      if (!stream.agreesWith(read())) stream.abort();
    },
    accepted(suggestion) {
      ledger.accepted(suggestion.origin, suggestion.insertText.length);
    },
    use(sources) {
      const isModelNew = model === undefined && sources.model !== undefined;
      predictor = sources.predictor;
      model = sources.model;
      pausedUntilMs = -Infinity;
      stream?.abort();
      stream = undefined;
      // VS Code asked while the model was still being reached, and asks again only after the next key.
      if (isModelNew && lastAsked && live?.snapshot !== lastAsked) options.onBetter();
    },
    dispose() {
      stream?.abort();
      stream = undefined;
      live = undefined;
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

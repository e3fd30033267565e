import type { Clock } from "../base/clock.ts";
import type { BudgetedCache } from "../cache/cacheBudget.ts";
import type { Ledger } from "../metrics/ledger.ts";
import type { PredictionSource } from "../predictor/predictorService.ts";
import type { Provider } from "../provider/provider.ts";
import { minUsefulCharacters } from "./fit.ts";
import { createLadder, type Suggestion } from "./ladder.ts";
import { createPromptBuilder, type PromptBuilder } from "./prompt.ts";
import { createRequests, type ModelSource } from "./requests.ts";
import type { RunningStream } from "./runningStream.ts";
import { placeBehind, typedBetween, type Snapshot } from "./snapshot.ts";
import { createSpeculation } from "./speculation.ts";
import { createSuggestionCache } from "./suggestionCache.ts";
import { createUndoMemory } from "./undoMemory.ts";
import { createVerdicts } from "./verdicts.ts";

export type { Suggestion } from "./ladder.ts";
export type { ModelSource } from "./requests.ts";

export type CompletionEngineOptions = {
  readonly clock: Clock;
  readonly ledger: Ledger;
  /** Default: anchored, without other files. */
  readonly prompts?: PromptBuilder;
  /** Whether a server that charges is also asked for what comes behind the text on screen. Default: it is not. */
  readonly speculateOnMetered?: () => boolean;
  /** Whether anything is asked ahead now. Default: it is. */
  readonly speculates?: () => boolean;
  /** A better text than what was answered for this snapshot is there: ask again if the cursor is still there. */
  readonly onBetter: (snapshot: Snapshot) => void;
  /** A request was answered: whatever was wrong with the server is over. */
  readonly onSuccess: () => void;
  /** A request failed; called for every failure that is not a cancellation. */
  readonly onFailure: (error: unknown) => void;
};

/** An edit at the cursor; 0 units: it only took text away. */
export type Edit = { readonly insertedUnits: number };

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
  /**
   * To be told that the cursor went elsewhere without an edit. `read` gives the place; it is only called when needed, and
   * tells nothing if the document has changed by then.
   */
  cursorJumped(read: () => Snapshot | undefined): void;
  /** The user took this text of a suggestion, as a whole or a part of it. */
  accepted(suggestion: Suggestion): void;
  /** Call after `documentChanged` when an edit was undone: if that took a suggestion back, it is not offered there again. */
  undone(documentId: string): void;
  /** Sets what is asked. Another model's remembered answers are forgotten. */
  use(sources: { predictor?: PredictionSource | undefined; model?: ModelSource | undefined }): void;
  /** What models proposed, for the budget of all caches. */
  readonly cache: BudgetedCache;
  /** Closes the running request and forgets everything. */
  dispose(): void;
};

// VS Code does not ask while ghost text is switched off or snoozed there, and then nobody would see what is asked for.
const maxUnasked = 3;
// Longer after the last edit somebody reads, and reading keeps no model loaded and no fan running.
const editingMs = 60_000;
// What was answered for some thousand places.
const cacheBytes = 4_000_000;

export const createCompletionEngine = (options: CompletionEngineOptions): CompletionEngine => {
  const { clock, ledger } = options;
  const cache = createSuggestionCache(cacheBytes);
  let predictor: PredictionSource | undefined;
  let model: ModelSource | undefined;
  /** Whose answers are remembered. */
  let answering: Provider | undefined;
  /** What VS Code asked for last, while the document is as it was then. */
  let lastAsked: { snapshot: Snapshot; atMs: number; hasAnswer: boolean } | undefined;
  /** Where the cursor is: asked for, or typed to since. */
  let here: Snapshot | undefined;
  /** The document whose last edit took text away. */
  let deletedIn: string | undefined;
  let lastEditMs = -Infinity;
  /** Where VS Code was made to ask again for a prediction that came late. */
  let lateAt: Snapshot | undefined;
  let lastAskedMs = -Infinity;
  /** Requests begun since VS Code last asked for ghost text. */
  let unasked = 0;
  const speculates = () => options.speculates?.() !== false;
  const undoMemory = createUndoMemory();
  const asksAheadOnMetered = () => options.speculateOnMetered?.() === true;
  const verdicts = createVerdicts(clock, ({ snapshot, confidence }, isRight) => {
    if (confidence !== undefined) predictor?.feedback?.({ path: snapshot.path, confidence, isRight });
  });
  const requests = createRequests({
    clock,
    ledger,
    prompts: options.prompts ?? createPromptBuilder({ clock }),
    onText(running) {
      if (running !== requests.current) return;
      improve(running);
      // With the first words it shows whether what was typed meanwhile is what the model has to say.
      if (!here || here.documentId !== running.snapshot.documentId || running.agreesWith(here)) return;
      if (running.isSpeculated || isAnswered(here)) running.abort();
      else requests.begin(here);
    },
    onEnd(finished, from) {
      options.onSuccess();
      if (finished.text !== "") {
        cache.add(finished.snapshot, from.model, finished.text, finished.isAhead);
        improve(finished);
      }
      speculation.serverFree();
    },
    onFailure: options.onFailure,
  });
  /** True when the model's word for this place is known, be it nothing that can be shown: it would say the same again. */
  const isAnswered = (snapshot: Snapshot): boolean => {
    if (requests.current?.hasAnswered(snapshot)) return true;
    if (!model) return false;
    return (cache.find(snapshot, model.model)?.text.trim().length ?? 0) >= minUsefulCharacters;
  };
  const ladder = createLadder({
    clock,
    requests,
    verdicts,
    undoMemory,
    predictor: () => predictor,
    hasModel: () => model !== undefined,
    remembered: (snapshot) => model && cache.find(snapshot, model.model),
    isAnswered,
    onLatePrediction(snapshot) {
      // Once for each place: a predictor that is always late would be asked for ever.
      const isAgain = lateAt?.prefix === snapshot.prefix && lateAt.documentId === snapshot.documentId;
      if (isAgain || lastAsked?.snapshot !== snapshot || !lastAsked.hasAnswer || ladder.drawnRest(snapshot)) return;
      lateAt = snapshot;
      options.onBetter(snapshot);
    },
    isHere: ({ prefix }) => here !== undefined && typedBetween(prefix, here.prefix) === "",
  });
  const speculation = createSpeculation({
    clock,
    requests,
    onMetered: asksAheadOnMetered,
    isAnswered: (place) => requests.isUnderWay(place) || isAnswered(place),
  });

  /** A better text takes the place of the one on screen. */
  const improve = (running: RunningStream) => {
    const asked = lastAsked;
    if (asked && ladder.improve(running, asked)) options.onBetter(asked.snapshot);
  };

  /** Begins a request for what was typed just now, or for what comes behind the text on screen when that is about to end. */
  const startEarly = (snapshot: Snapshot, { insertedUnits }: Edit) => {
    if (!model || requests.isUnderWay(snapshot) || unasked >= maxUnasked) return;
    const shown = ladder.drawnRest(snapshot);
    if (shown) {
      const { insertText, replaceAfter } = shown;
      if (requests.isMetered && !asksAheadOnMetered()) return;
      if (replaceAfter > 0 || insertText.length > requests.rhythm.keysAhead()) return;
      const behind = placeBehind(snapshot, insertText, replaceAfter);
      if (requests.isUnderWay(behind) || isAnswered(behind)) return;
      unasked++;
      requests.begin(behind);
      return;
    }
    if (isAnswered(snapshot)) return;
    unasked++;
    const delayMs = insertedUnits > 1 || atBeginning.test(snapshot.prefix.slice(-200)) ? 0 : requests.rhythm.delayMs();
    if (delayMs <= 0) requests.begin(snapshot);
    else requests.beginLater(snapshot, delayMs);
  };

  return {
    async suggest(snapshot, signal, isInvoked = false) {
      const startedMs = clock.nowMs();
      here = snapshot;
      unasked = 0;
      lastAskedMs = startedMs;
      const asked = { snapshot, atMs: startedMs, hasAnswer: false };
      lastAsked = asked;
      verdicts.cursorAt(snapshot);
      // Who takes text away is not waiting for more of it.
      const mayAsk = deletedIn !== snapshot.documentId || isInvoked;
      const suggestion = await ladder.climb(snapshot, signal, { mayAsk, isInvoked });
      asked.hasAnswer = true;
      if (!suggestion || signal.aborted) return undefined;
      ledger.offered(suggestion.source, clock.nowMs() - startedMs - (suggestion.heldMs ?? 0));
      undoMemory.offered(snapshot, suggestion.insertText);
      // What an edit has overtaken meanwhile is no longer on screen.
      if (lastAsked === asked && speculates()) speculation.shown(snapshot, suggestion);
      return suggestion;
    },
    documentChanged(documentId, read, edit) {
      requests.cancelDue();
      if (lastAsked?.snapshot.documentId === documentId) {
        lastAsked = undefined;
        speculation.cancel();
      }
      undoMemory.edited(documentId);
      const { current } = requests;
      const isRunning = current !== undefined && !current.isDone && current.snapshot.documentId === documentId;
      const isDeletion = edit !== undefined && edit.insertedUnits === 0;
      if (isDeletion) deletedIn = documentId;
      else if (deletedIn === documentId) deletedIn = undefined;
      // Reading the document takes time at every key: without a model nobody needs it.
      if (!isRunning && (!model || !edit || isDeletion)) return;
      const places = read();
      if (isRunning && !places.some((snapshot) => current.agreesWith(snapshot))) current.abort();
      const [place] = places;
      if (!edit || isDeletion || !place) return;
      here = place;
      lastEditMs = clock.nowMs();
      requests.rhythm.typed();
      startEarly(place, edit);
    },
    cursorJumped(read) {
      if (!model || !speculates() || clock.nowMs() - lastEditMs >= editingMs) return;
      speculation.jumped(() => {
        const place = read();
        if (place) here = place;
        return place;
      });
    },
    accepted(suggestion) {
      undoMemory.accepted(suggestion.insertText);
    },
    undone(documentId) {
      const place = undoMemory.undone(documentId);
      if (!place) return;
      verdicts.undone(documentId);
      if (model) cache.forget(place, model.model);
      ladder.forgetLive();
      deletedIn = documentId;
    },
    use(sources) {
      const isModelNew = model === undefined && sources.model !== undefined;
      if (model && model.provider !== sources.model?.provider) ladder.forgetLive("model");
      // While any setting changes there is no model for a moment; its answers are still good if it comes back.
      if (sources.model && sources.model.provider !== answering) {
        answering = sources.model.provider;
        cache.clear();
        speculation.clear();
      }
      if (!sources.predictor) ladder.forgetLive("predictor");
      predictor = sources.predictor;
      model = sources.model;
      requests.use(model);
      // VS Code asked while the model was still being reached, and asks again only after the next key.
      if (isModelNew && lastAsked?.hasAnswer && !ladder.drawnRest(lastAsked.snapshot)) {
        options.onBetter(lastAsked.snapshot);
      }
    },
    cache: {
      name: "suggestions",
      sizeBytes: () => cache.sizeBytes,
      lastUsedMs: () => lastAskedMs,
      shrink: (toBytes) => cache.shrink(toBytes),
    },
    dispose() {
      here = undefined;
      ladder.forgetLive();
      lastAsked = undefined;
      predictor = undefined;
      model = undefined;
      requests.use(undefined);
      speculation.clear();
      verdicts.clear();
      undoMemory.clear();
      cache.clear();
    },
  };
};

// Behind these a new expression, member or line begins: nothing of it is typed yet that a guess could get wrong.
const atBeginning = /[([{.]$|\n[^\S\n]*$/;

import type { Clock } from "../base/clock.ts";
import type { SuggestionSource } from "../metrics/ledger.ts";
import type { PredictionSource, Proposal } from "../predictor/predictorService.ts";
import { createCalm } from "./calm.ts";
import { isPredictorPreferred, isSameWay } from "./choice.ts";
import type { FilteredCompletion } from "./filters.ts";
import { fit } from "./fit.ts";
import { improved, type Asked } from "./improve.ts";
import { drawnRest, liveRest, withRest, type Live } from "./live.ts";
import { predictSoon } from "./predictSoon.ts";
import type { Requests } from "./requests.ts";
import type { RunningStream } from "./runningStream.ts";
import type { Snapshot } from "./snapshot.ts";
import { stableText } from "./stableText.ts";
import type { Remembered } from "./suggestionCache.ts";
import type { UndoMemory } from "./undoMemory.ts";
import type { Verdicts } from "./verdicts.ts";

/** Ghost text for one place. */
export type Suggestion = {
  readonly insertText: string;
  /** UTF-16 units behind the cursor, on its line, that accepting overwrites. */
  readonly replaceAfter: number;
  readonly source: SuggestionSource;
  /** Where the text came from at first, also while it is typed through (`source` is then `live`). */
  readonly origin: SuggestionSource;
  /** How long it was held back on purpose. */
  readonly heldMs?: number;
};

export type LadderOptions = {
  readonly clock: Clock;
  readonly requests: Requests;
  readonly verdicts: Verdicts;
  readonly undoMemory: UndoMemory;
  readonly predictor: () => PredictionSource | undefined;
  /** Whether a model may be asked: then nothing of the predictor's is shown that is only a guess. */
  readonly hasModel: () => boolean;
  readonly remembered: (snapshot: Snapshot) => Remembered | undefined;
  /** Whether the model's word for this place is known, be it nothing that can be shown. */
  readonly isAnswered: (snapshot: Snapshot) => boolean;
  /** The predictor has something to show for this place, after it was answered without. */
  readonly onLatePrediction: (snapshot: Snapshot) => void;
  /** Whether the cursor is still at this place. */
  readonly isHere: (snapshot: Snapshot) => boolean;
};

/** `mayAsk`: the last rung sends a request. `isInvoked`: somebody asked by hand, and nothing is held back for calm. */
export type Climb = { readonly mayAsk: boolean; readonly isInvoked: boolean };

/** The rungs from the text on screen to the network. */
export type Ladder = {
  /** The text of the first rung that has one. */
  climb(snapshot: Snapshot, signal: AbortSignal, how: Climb): Promise<Suggestion | undefined>;
  /** What of the text on screen is still drawn at `snapshot`. */
  drawnRest(snapshot: Snapshot): FilteredCompletion | undefined;
  /** Puts a better text of the model's in the place of what was answered; false: there is none, or it comes too late. */
  improve(running: RunningStream, asked: Asked): boolean;
  /** Takes the text on screen for gone; with `origin`, only one from there. */
  forgetLive(origin?: "predictor" | "model"): void;
};

// The predictor answers in well under a millisecond; when its thread is busy, nobody waits for it longer than this.
const predictorPatienceMs = 30;
// Where there is a text of the model's to show, the predictor only gets the time that it takes when all is well.
const rivalPatienceMs = 1;

// A right text on screen must not turn into a wrong one: it takes more to lengthen it than to show it.
const growingConfidence = 0.95;
// One more sign on screen is not worth that somebody reads it anew.
const leastGrowthUnits = 4;

// With something before it on the line.
const behindBlank = /\S[ \t]+$/;

/** Nothing is on screen yet. */
export const createLadder = (options: LadderOptions): Ladder => {
  const { clock, requests, verdicts, undoMemory, isAnswered } = options;
  const calm = createCalm(clock);
  let live: Live | undefined;

  /** Takes `drawn` for what is on screen from now on, unless the user has just undone the same. */
  const show = (next: Live, snapshot: Snapshot, drawn: FilteredCompletion, source: SuggestionSource) => {
    if (undoMemory.isRefused(snapshot, drawn.insertText)) return undefined;
    if (source !== "live") verdicts.claim(snapshot, drawn.insertText, next.confidence);
    live = { ...next, isNew: false };
    return { ...drawn, source, origin: next.origin } satisfies Suggestion;
  };

  const offer = (
    snapshot: Snapshot,
    text: string,
    origin: SuggestionSource,
    confidence?: number,
    isSignWelcome = false,
  ) => {
    const drawn = fit(snapshot, text, isSignWelcome ? 1 : undefined, isSignWelcome);
    return drawn && show({ snapshot, text, drawn, origin, confidence, isNew: true }, snapshot, drawn, origin);
  };

  const fromLive = (snapshot: Snapshot): Suggestion | undefined => {
    const rest = liveRest(live, snapshot);
    if (live && rest === undefined) calm.left(live, snapshot);
    const drawn = drawnRest(live, snapshot);
    if (!live || rest === undefined || !drawn) return undefined;
    return show(withRest(live, snapshot, rest, drawn), snapshot, drawn, live.isNew ? live.origin : "live");
  };

  /** What the predictor is sure of. */
  const predict = (snapshot: Snapshot, signal: AbortSignal, patienceMs = predictorPatienceMs) =>
    predictSoon(options.predictor(), snapshot, { clock, patienceMs, signal });

  /** Of a secret document no model is told, and there the predictor has nobody to wait for. */
  const mayAskModel = ({ isSecret }: Snapshot): boolean => options.hasModel() && !isSecret;

  /** Where a model may be asked, only what is sure is shown before it has answered. */
  const mayShow = (snapshot: Snapshot, { isUnsure }: Proposal): boolean => !(isUnsure && mayAskModel(snapshot));

  /**
   * Who has stopped typing sees even a lone sign: it says that the block ends here, or that a comment begins or goes on. Not
   * behind a blank, where more blanks may come first, to put columns in line.
   */
  const offerPrediction = (snapshot: Snapshot, { text, confidence, isGuess }: Proposal) =>
    offer(snapshot, text, "predictor", confidence, isGuess === true && !behindBlank.test(snapshot.prefix.slice(-200)));

  /** `onLate`: what to do with a text that comes too late to be waited for. */
  const fromPredictor = async (
    snapshot: Snapshot,
    signal: AbortSignal,
    isInvoked: boolean,
    onLate: (prediction: Proposal) => void = () => options.onLatePrediction(snapshot),
  ): Promise<Suggestion | undefined> => {
    const prediction = await predictSoon(options.predictor(), snapshot, {
      clock,
      patienceMs: predictorPatienceMs,
      signal,
      onLate: (late) => mayShow(snapshot, late) && onLate(late),
    });
    if (!prediction || !mayShow(snapshot, prediction)) return undefined;
    if (mayAskModel(snapshot)) return offerPrediction(snapshot, prediction);
    const waitedSinceMs = clock.nowMs();
    const isCalm = isInvoked || (await calm.wait(snapshot, prediction, signal));
    const suggestion = isCalm ? offerPrediction(snapshot, prediction) : undefined;
    return suggestion && { ...suggestion, heldMs: clock.nowMs() - waitedSinceMs };
  };

  /** The model's text, unless the predictor knows better. */
  const fromModel = async (snapshot: Snapshot, text: string, source: SuggestionSource, signal: AbortSignal) => {
    const rival = await predict(snapshot, signal, rivalPatienceMs);
    if (signal.aborted) return undefined;
    const isBeaten = rival && !rival.isGuess && isPredictorPreferred(rival, text, verdicts.modelRate);
    return (isBeaten ? offerPrediction(snapshot, rival) : undefined) ?? offer(snapshot, text, source);
  };

  /** The predictor sees further with every key: what is on screen grows, but its beginning stays as it is. */
  const grown = async (shown: Suggestion, snapshot: Snapshot, signal: AbortSignal): Promise<Suggestion> => {
    const prediction = await predict(snapshot, signal);
    const rest = liveRest(live, snapshot);
    if (!live || !prediction || rest === undefined) return shown;
    if (prediction.text.length < rest.length + leastGrowthUnits) return shown;
    if (prediction.confidence < growingConfidence || !prediction.text.startsWith(rest)) return shown;
    const drawn = fit(snapshot, prediction.text);
    if (!drawn?.insertText.startsWith(shown.insertText)) return shown;
    return show(withRest(live, snapshot, prediction.text, drawn), snapshot, drawn, "live") ?? shown;
  };

  const fromStream = async (running: RunningStream, snapshot: Snapshot, signal: AbortSignal) => {
    const soFar = running.rest(snapshot) ?? "";
    if (!running.isDone) {
      // A line takes the model a while: where the predictor sees it go the same way, its text is there at once.
      const prediction = await predict(snapshot, signal);
      if (prediction && !prediction.isGuess && isSameWay(prediction.text, soFar)) {
        const suggestion = offerPrediction(snapshot, prediction);
        if (suggestion) return suggestion;
      }
    }
    const text = await stableText(running, snapshot, signal);
    return text === undefined || signal.aborted ? undefined : fromModel(snapshot, text, sourceOf(running), signal);
  };

  /** What the model says; it is asked again, while `isWanted`, if the typing went another way than its answer. */
  const fromRequest = async (
    snapshot: Snapshot,
    signal: AbortSignal,
    requested: Promise<RunningStream | undefined>,
    before: RunningStream | undefined,
    isWanted: () => boolean,
  ): Promise<{ readonly text: string; readonly source: SuggestionSource } | undefined> => {
    const running = await requested;
    if (!running || signal.aborted) return undefined;
    const text = await stableText(running, snapshot, signal);
    if (signal.aborted || !isWanted()) return undefined;
    if (text !== undefined) return { text, source: running === before ? sourceOf(running) : "network" };
    if (running.hasFailed || running.agreesWith(snapshot) || running.hasAnswered(snapshot)) return undefined;
    const next = requests.current === running ? requests.begin(snapshot) : requests.current;
    const nextText = next && (await stableText(next, snapshot, signal));
    return nextText === undefined || signal.aborted ? undefined : { text: nextText, source: "network" };
  };

  const fromNetwork = async (
    snapshot: Snapshot,
    signal: AbortSignal,
    isInvoked: boolean,
  ): Promise<Suggestion | undefined> => {
    const before = requests.current;
    const late = Promise.withResolvers<Proposal>();
    let isWaiting = true;
    const requested = requests.joined(snapshot, () => options.isHere(snapshot), signal);
    const predicted = await fromPredictor(snapshot, signal, isInvoked, (prediction) =>
      isWaiting && mayAskModel(snapshot) ? late.resolve(prediction) : options.onLatePrediction(snapshot),
    );
    if (predicted || signal.aborted) return predicted;
    const answered = fromRequest(snapshot, signal, requested, before, () => isWaiting);
    // While the model is waited for, a prediction is better late than never; what the model says then replaces it.
    const first = await Promise.race([answered, late.promise]);
    const predictedLate = first && "confidence" in first ? offerPrediction(snapshot, first) : undefined;
    const answer = predictedLate ? undefined : await answered;
    isWaiting = false;
    if (predictedLate || signal.aborted) return predictedLate;
    return answer && offer(snapshot, answer.text, answer.source);
  };

  return {
    async climb(snapshot, signal, { mayAsk, isInvoked }) {
      const shown = fromLive(snapshot);
      if (shown)
        return shown.source === "live" && shown.origin === "predictor" ? grown(shown, snapshot, signal) : shown;
      const remembered = options.remembered(snapshot);
      if (remembered) {
        const source = remembered.isSpeculated ? "speculation" : "cache";
        const suggestion = await fromModel(snapshot, remembered.text, source, signal);
        if (suggestion || signal.aborted) return suggestion;
      }
      if (isAnswered(snapshot)) return fromPredictor(snapshot, signal, isInvoked);
      const { current } = requests;
      if (current?.rest(snapshot)) {
        const suggestion = await fromStream(current, snapshot, signal);
        if (suggestion || signal.aborted) return suggestion;
      }
      return mayAsk ? fromNetwork(snapshot, signal, isInvoked) : fromPredictor(snapshot, signal, isInvoked);
    },
    drawnRest: (snapshot) => drawnRest(live, snapshot),
    improve(running, asked) {
      const better = improved(running, asked, live, { nowMs: clock.nowMs(), modelRate: verdicts.modelRate });
      if (better) live = { ...better, snapshot: asked.snapshot, origin: "network", confidence: undefined, isNew: true };
      return better !== undefined;
    },
    forgetLive(origin) {
      if (!origin || (live?.origin === "predictor") === (origin === "predictor")) live = undefined;
    },
  };
};

const sourceOf = (running: RunningStream): SuggestionSource => (running.isAhead ? "speculation" : "stream");

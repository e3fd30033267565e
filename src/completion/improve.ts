import { isPredictorPreferred, isWorthChange } from "./choice.ts";
import { fit } from "./fit.ts";
import { drawnRest, isUntouched, liveRest, type Live } from "./live.ts";
import type { RunningStream } from "./runningStream.ts";
import type { Snapshot } from "./snapshot.ts";
import { stablePart } from "./stableText.ts";

// Later than this the user has looked at what there was, or has taken it off the screen: nothing replaces it any more.
const withinMs = 1500;

/** What VS Code asked for last. */
export type Asked = { readonly snapshot: Snapshot; readonly atMs: number; readonly hasAnswer: boolean };

/** A text, and what of it is to be drawn. */
export type Improved = Pick<Live, "text" | "drawn">;

/**
 * The text of `running` that should take the place of what VS Code was answered: of the predictor's text, of the first
 * line of the same answer, or of nothing. Undefined: what is there stays, because the user has begun to take it, has had
 * time to look at it, or would gain nothing.
 */
export const improved = (
  running: RunningStream,
  { snapshot, atMs, hasAnswer }: Asked,
  live: Live | undefined,
  { nowMs, modelRate }: { readonly nowMs: number; readonly modelRate: number },
): Improved | undefined => {
  if (nowMs - atMs > withinMs) return undefined;
  const shownRest = liveRest(live, snapshot);
  const isFromModel = shownRest !== undefined && live?.origin !== "predictor";
  // A text of the model's that is shown grows once, when all of it is there, not line by line.
  if (isFromModel && !running.isDone) return undefined;
  // Somebody still waits for this stream and gets its text without being told.
  if (shownRest === undefined && !hasAnswer) return undefined;
  const rest = running.rest(snapshot);
  const text = rest === undefined || running.isDone ? rest : stablePart(rest, snapshot);
  if (text === undefined) return undefined;
  const drawn = fit(snapshot, text);
  const better = drawn && { text, drawn };
  if (!better || shownRest === undefined || !live) return better;
  if (!isUntouched(live, snapshot) || live.origin === "cache" || live.origin === "speculation") return undefined;
  const shown = drawnRest(live, snapshot);
  if (shown && !isWorthChange(shown.insertText, drawn.insertText)) return undefined;
  if (live.origin !== "predictor" || live.confidence === undefined) return better;
  return isPredictorPreferred({ text: shownRest, confidence: live.confidence }, text, modelRate) ? undefined : better;
};

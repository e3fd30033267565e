import type { Proposal } from "../predictor/predictorService.ts";

// A whole line of a model's is right less often than this, but its next word, which is what a prediction is about, more
// often than not.
const leastConfidence = 0.92;

const firstLine = (text: string): string => text.slice(0, (text.indexOf("\n") + 1 || text.length + 1) - 1);

/** True when one of the two texts is the beginning of the other. */
export const isSameWay = (one: string, other: string): boolean => one.startsWith(other) || other.startsWith(one);

/**
 * Whether the predictor's text is shown where the model says `modelText`: they contradict each other, and the prediction
 * is right more often than the model lately was (`modelRate`, 0 to 1).
 */
export const isPredictorPreferred = (prediction: Proposal, modelText: string, modelRate: number): boolean =>
  !isSameWay(prediction.text, firstLine(modelText)) && prediction.confidence >= Math.max(leastConfidence, modelRate);

/**
 * Whether `better` is worth a change on screen: it goes on where `shown` ends, or its first line is another one. A text
 * on screen never becomes shorter.
 */
export const isWorthChange = (shown: string, better: string): boolean => {
  if (better.startsWith(shown)) return better.slice(shown.length).trim() !== "";
  return !shown.startsWith(better) && firstLine(shown).trimEnd() !== firstLine(better).trimEnd();
};

import { coefficients, hiddenCount } from "./coefficients.ts";
import { candidateCount, situationCount } from "./features.ts";

/** What a place's features add up to, whatever stands there. */
export type PlaceSums = Float64Array;

const stride = hiddenCount + 1;
const candidateFrom = situationCount * stride;
const outFrom = candidateFrom + candidateCount * stride;
export const coefficientCount = outFrom + hiddenCount;

export const createSums = (): PlaceSums => new Float64Array(stride);

const add = (features: Float64Array, from: number, sums: Float64Array): void => {
  let at = from;
  for (let i = 0; i < features.length; i++, at += stride) {
    const value = features[i]!;
    if (value === 0) continue;
    for (let k = 0; k < stride; k++) sums[k]! += value * coefficients[at + k]!;
  }
};

/** Adds up a place's features, into `sums`. */
export const sumPlace = (features: Float64Array, sums: PlaceSums): void => {
  sums.fill(0);
  add(features, 0, sums);
};

const both = createSums();

/** How well a token with these features fits the place: the logarithm of its chance against that of nothing known. */
export const scoreOf = (place: PlaceSums, features: Float64Array): number => {
  both.set(place);
  add(features, candidateFrom, both);
  let score = both[hiddenCount]!;
  for (let k = 0; k < hiddenCount; k++) if (both[k]! > 0) score += both[k]! * coefficients[outFrom + k]!;
  return score;
};

import assert from "node:assert/strict";
import { test } from "node:test";
import { coefficients } from "../../../src/predictor/coefficients.ts";
import {
  candidateCount,
  candidateFeatures,
  createCandidate,
  createSituation,
  situationCount,
  situationFeatures,
} from "../../../src/predictor/features.ts";
import { coefficientCount, createSums, scoreOf, sumPlace } from "../../../src/predictor/ranking.ts";

const scoreWith = (place: Partial<ReturnType<typeof createSituation>>, token: object): number => {
  const [situation, candidate] = [createSituation(), createCandidate()];
  Object.assign(situation, { totalCount: 4, rivals: 2, placeRivals: 2, longestOfAll: 4, lastSort: 1, ...place });
  Object.assign(candidate, {
    share: 0.5,
    placeShare: 0.5,
    count: 2,
    longest: 4,
    sort: 1,
    isWord: true,
    hasGap: true,
    ...token,
  });
  const [placeRow, tokenRow] = [new Float64Array(situationCount), new Float64Array(candidateCount)];
  const sums = createSums();
  situationFeatures(situation, placeRow);
  sumPlace(placeRow, sums);
  candidateFeatures(situation, candidate, tokenRow);
  return scoreOf(sums, tokenRow);
};

test("there is a coefficient for each weight, and every one is a number", () => {
  assert.equal(coefficients.length, coefficientCount);
  assert.ok(coefficients.every(Number.isFinite));
});

test("a token scores more with more context, with more of the weight, and as the bracket that is due", () => {
  const [near, far] = [
    { longest: 12, rivalLongest: 1 },
    { longest: 1, rivalLongest: 12 },
  ];
  assert.ok(scoreWith({ longestOfAll: 12 }, near) > scoreWith({ longestOfAll: 12 }, far));
  assert.ok(scoreWith({}, { share: 0.9, placeShare: 0.9 }) > scoreWith({}, { share: 0.1, placeShare: 0.1 }));
  const closer = { sort: 5, isWord: false };
  assert.ok(scoreWith({}, { ...closer, closing: 1 }) > scoreWith({}, { ...closer, closing: -1 }));
});

test("a score does not depend on what was scored before", () => {
  const first = scoreWith({}, {});
  scoreWith({ isInQuotes: true }, { share: 0.99 });
  assert.equal(scoreWith({}, {}), first);
});

test("every fact makes a finite score, also at its bounds", () => {
  for (const share of [0, 1]) {
    for (const standardLeft of [0, 1]) {
      const place = { hasStandard: true, standardLeft, isFirst: true, lastSort: 0, lineEndSort: 9 };
      assert.ok(Number.isFinite(scoreWith(place, { share, placeShare: share, standard: share, count: 0 })));
    }
  }
});

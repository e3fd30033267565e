import assert from "node:assert/strict";
import { test } from "node:test";
import { createBallot } from "../../../src/predictor/ballot.ts";
import { createCandidate, createSituation } from "../../../src/predictor/features.ts";
import { createTokenBuffer, createVocabulary, gap, tokenId } from "../../../src/predictor/vocabulary.ts";

const setUp = () => {
  const vocabulary = createVocabulary();
  const buffer = createTokenBuffer();
  const ballot = createBallot(vocabulary);
  const tokenOf = (text: string): number => {
    vocabulary.tokenize(`x${text}`, 0, text.length + 1, true, buffer);
    return buffer.tokens[buffer.length - 1]!;
  };
  const place = { typedUnits: 0, weight: 1, length: 3, beyond: 0, file: 7 };
  const flags = { isOwn: false, isNear: false, isTranslated: false };
  return {
    ballot,
    tokenOf,
    cast: (text: string, said: Partial<typeof place & typeof flags> = {}) =>
      ballot.castPlace({ token: tokenOf(text), ...place, ...flags, ...said }),
    texts: () => ballot.bests().map(({ token }) => vocabulary.textOf(tokenId(token))),
    facts: (at: number) => {
      ballot.describePlace(createSituation());
      const facts = createCandidate();
      ballot.describe(ballot.bests()[at]!, facts);
      return facts;
    },
  };
};

test("the votes with most weight come first, and those with next to none of it not at all", () => {
  const { ballot, cast, texts } = setUp();
  cast("+", { weight: 2 });
  cast(" alpha", { weight: 300 });
  cast(" beta", { weight: 100 });
  cast("-", { weight: 1 });
  cast(" beta", { weight: 250 });
  assert.deepEqual(texts(), ["beta", "alpha"]);
  ballot.clear();
  assert.deepEqual(texts(), []);
});

test("tells where a token's places are, and how it stands against the best of the others", () => {
  const { cast, ballot, tokenOf, facts } = setUp();
  cast(" alpha", { weight: 9, isOwn: true, length: 5 });
  cast(" alpha", { isNear: true, isTranslated: true, beyond: 4 });
  cast(" beta", { length: 4, beyond: 2 });
  ballot.castStandard(tokenOf(" beta"), 0, 0.25, 2);
  const { count, ownCount, folderCount, translatedCount, longest, rivalLongest } = facts(0);
  assert.deepEqual([count, ownCount, folderCount, translatedCount, longest, rivalLongest], [2, 1, 1, 1, 5, 4]);
  const { longestBeyond, rivalLongestBeyond, standard, rivalStandard, hasGap } = facts(0);
  assert.deepEqual([longestBeyond, rivalLongestBeyond, standard, rivalStandard, hasGap], [4, 2, 0, 0.25, true]);
  assert.deepEqual([facts(1).rivalLongest, facts(1).rivalStandard, facts(1).standardOrder], [5, 0, 2]);
});

test("words stand behind the gap that the likeliest word stands behind", () => {
  const { ballot, cast } = setUp();
  cast("+", { weight: 9 });
  assert.equal(ballot.gapOfWords(), undefined);
  cast(" beta", { weight: 2 });
  cast("alpha", { weight: 1 });
  assert.equal(ballot.gapOfWords(), gap.space);
});

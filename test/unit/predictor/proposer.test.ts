import assert from "node:assert/strict";
import { test } from "node:test";
import { createPredictor, type Prediction, type Predictor } from "../../../src/predictor/predictor.ts";
import { createProposer } from "../../../src/predictor/proposer.ts";

/** Knows these texts for every place, the longest last. */
const knowing = (...texts: Prediction[]): Predictor => ({
  ...createPredictor({ standardFolder: null }),
  propose: (_path, _prefix, _suffix, floors) =>
    floors.map((floor) => texts.findLast(({ confidence }) => confidence >= floor)).find((text) => text !== undefined),
});

test("proposes the longest text that somebody who types may see, and no guess", () => {
  const proposer = createProposer(
    knowing(
      { text: "log(", confidence: 0.9 },
      { text: "log(error", confidence: 0.6 },
      { text: "x()", confidence: 0.4 },
    ),
    "balanced",
  );
  assert.deepEqual(proposer.propose("a.ts", "", ""), {
    text: "log(error",
    confidence: 0.6,
    isGuess: false,
    isUnsure: true,
  });
});

test("guesses the surest text, not the longest", () => {
  const texts = [
    { text: "log", confidence: 0.45 },
    { text: "log(error", confidence: 0.36 },
    { text: "log(error);", confidence: 0.16 },
  ];
  assert.deepEqual(createProposer(knowing(...texts), "balanced").propose("a.ts", "", ""), {
    text: "log",
    confidence: 0.45,
    isGuess: true,
    isUnsure: true,
  });
  assert.equal(createProposer(knowing(...texts.slice(2)), "balanced").propose("a.ts", "", "")?.text, "log(error);");
  assert.equal(createProposer(knowing(...texts), "quiet").propose("a.ts", "", ""), undefined);
});

const isUnsureAt = (confidence: number, name: "quiet" | "balanced" | "eager") =>
  createProposer(knowing({ text: "log(", confidence }), name).propose("a.ts", "", "")?.isUnsure;

test("beside a model, what is shown is surer", () => {
  assert.deepEqual(
    [isUnsureAt(0.69, "balanced"), isUnsureAt(0.7, "balanced"), isUnsureAt(0.8, "quiet"), isUnsureAt(0.5, "eager")],
    [true, false, true, false],
  );
});

test("a lone sign is for somebody who has stopped typing, however sure it is", () => {
  const proposer = createProposer(knowing({ text: "\n}", confidence: 0.95 }), "balanced");
  assert.equal(proposer.propose("a.ts", "", "")?.isGuess, true);
});

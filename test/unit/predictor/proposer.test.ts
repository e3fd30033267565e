import assert from "node:assert/strict";
import { test } from "node:test";
import { createPredictor, type Prediction, type Predictor } from "../../../src/predictor/predictor.ts";
import { createProposer } from "../../../src/predictor/proposer.ts";

/** Proposes this text everywhere, where it is sure enough. */
const knowing = (prediction: Prediction): Predictor => ({
  ...createPredictor({ standardFolder: null }),
  propose: (_path, _prefix, _suffix, least) => (prediction.confidence >= least ? prediction : undefined),
});

const proposed = (confidence: number, name: "quiet" | "balanced" | "eager") =>
  createProposer(knowing({ text: "log(", confidence }), name).propose("a.ts", "", "");

test("what is sure enough for somebody who types is no guess", () => {
  assert.deepEqual(proposed(0.6, "balanced"), { text: "log(", confidence: 0.6, isGuess: false, isUnsure: true });
  assert.equal(proposed(0.6, "quiet")?.isGuess, true);
  assert.equal(proposed(0.4, "eager")?.isGuess, false);
});

test("a guess is for somebody who has stopped typing, and only as unsure as the setting allows", () => {
  assert.deepEqual(proposed(0.45, "balanced"), { text: "log(", confidence: 0.45, isGuess: true, isUnsure: true });
  assert.equal(proposed(0.45, "quiet"), undefined);
  assert.equal(proposed(0.01, "eager"), undefined);
});

const isUnsureAt = (confidence: number, name: "quiet" | "balanced" | "eager") => proposed(confidence, name)?.isUnsure;

test("beside a model, what is shown is surer", () => {
  assert.deepEqual(
    [isUnsureAt(0.69, "balanced"), isUnsureAt(0.7, "balanced"), isUnsureAt(0.8, "quiet"), isUnsureAt(0.5, "eager")],
    [true, false, true, false],
  );
});

test("a lone sign is for somebody who has stopped typing, however sure it is", () => {
  for (const [text, isGuess] of [
    ["\n}", true],
    ["//", true],
    ["\n  ///", true],
    ["});", false],
    ["// x", false],
  ] as const)
    assert.equal(
      createProposer(knowing({ text, confidence: 0.95 }), "balanced").propose("a.ts", "", "")?.isGuess,
      isGuess,
    );
});

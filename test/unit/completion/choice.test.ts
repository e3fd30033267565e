import assert from "node:assert/strict";
import { test } from "node:test";
import { isPredictorPreferred, isWorthChange } from "../../../src/completion/choice.ts";

for (const [name, shown, better, expected] of [
  ["another first line", "guess();", "right();", true],
  ["the shown text is a beginning of it", "throw new", "throw new Error();", true],
  ["the same and more lines", "a();", "a();\nb();", true],
  ["the same", "a();", "a();", false],
  ["a beginning of the shown text", "a().b();", "a()", false],
  ["only another line further down", "a();\nb();", "a();\nc();", false],
  ["only white space behind it", "a();", "a(); \n", false],
] as const) {
  test(`${expected ? "worth" : "not worth"} a change: ${name}`, () => {
    assert.equal(isWorthChange(shown, better), expected);
  });
}

test("the predictor is preferred when it contradicts and is surer than the model was right", () => {
  const sure = { text: "guess()", confidence: 0.95 };
  assert.equal(isPredictorPreferred(sure, "other();\nguess()", 0.7), true);
  assert.equal(isPredictorPreferred(sure, "other();", 0.97), false);
  assert.equal(isPredictorPreferred({ ...sure, confidence: 0.8 }, "other();", 0.1), false);
  assert.equal(isPredictorPreferred(sure, "guess() + 1;", 0.7), false);
  assert.equal(isPredictorPreferred(sure, "gue", 0.7), false);
});

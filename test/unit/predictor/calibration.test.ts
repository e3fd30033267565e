import assert from "node:assert/strict";
import { test } from "node:test";
import { createCalibration } from "../../../src/predictor/calibration.ts";

/** Predicts "right" at a claimed chance of 0.5, and then types what `typed` says. */
const predictAndType = (calibration: ReturnType<typeof createCalibration>, typed: string, times: number): void => {
  for (let i = 0; i < times; i++) {
    calibration.observe("a.ts", `line ${i} `);
    calibration.expect("a.ts", `line ${i} `, "right", 0.5);
    calibration.observe("a.ts", `line ${i} ${typed}`);
  }
};

test("leaves confidence as it is until something was observed", () => {
  const calibration = createCalibration();
  for (const chance of [0, 0.1, 0.5, 0.9, 1]) assert.ok(Math.abs(calibration.correct(chance) - chance) < 1e-6);
});

test("moves confidence towards how often predictions were right", () => {
  for (const [typed, low, high] of [
    ["right()", 0.6, 0.75],
    ["wrong()", 0.25, 0.4],
    ["r\n", 0.25, 0.4],
    ["rig", 0.5, 0.5],
  ] as const) {
    const calibration = createCalibration();
    predictAndType(calibration, typed, 300);
    assert.ok(calibration.correct(0.5) >= low && calibration.correct(0.5) <= high, typed);
    assert.ok(calibration.correct(0.9) > calibration.correct(0.5));
    assert.ok(calibration.correct(1) <= 1);
  }
});

test("judges a prediction once, while its text is typed key by key", () => {
  const calibration = createCalibration();
  calibration.expect("a.ts", "x = ", "right", 0.5);
  for (const typed of ["r", "ri", "rig", "righ"]) {
    calibration.observe("a.ts", `x = ${typed}`);
    calibration.expect("a.ts", `x = ${typed}`, "ght()", 0.5);
    assert.equal(calibration.correct(0.5), 0.5);
  }
  calibration.observe("a.ts", "x = right");
  assert.ok(calibration.correct(0.5) > 0.5);
});

test("judges nothing when the cursor went elsewhere", () => {
  const calibration = createCalibration();
  for (const [path, prefix] of [
    ["b.ts", "x = wrong"],
    ["a.ts", "x"],
    ["a.ts", "y = wrong"],
  ] as const) {
    calibration.expect("a.ts", "x = ", "right", 0.5);
    calibration.observe(path, prefix);
  }
  assert.equal(calibration.correct(0.5), 0.5);
});

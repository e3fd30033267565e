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
  for (const chance of [0, 0.1, 0.5, 0.9, 1]) assert.ok(Math.abs(calibration.correct("a.ts", chance) - chance) < 1e-6);
});

test("moves confidence towards how often predictions were right", () => {
  for (const [typed, low, high] of [
    ["right()", 0.85, 0.96],
    ["wrong()", 0.04, 0.15],
    ["r\n", 0.04, 0.15],
    ["rig", 0.5, 0.5],
  ] as const) {
    const calibration = createCalibration();
    predictAndType(calibration, typed, 300);
    assert.ok(calibration.correct("a.ts", 0.5) >= low && calibration.correct("a.ts", 0.5) <= high, typed);
    assert.ok(calibration.correct("a.ts", 0.9) > calibration.correct("a.ts", 0.5));
    assert.ok(calibration.correct("a.ts", 1) <= 1);
  }
});

test("judges a prediction once, while its text is typed key by key", () => {
  const calibration = createCalibration();
  calibration.expect("a.ts", "x = ", "right", 0.5);
  for (const typed of ["r", "ri", "rig", "righ"]) {
    calibration.observe("a.ts", `x = ${typed}`);
    calibration.expect("a.ts", `x = ${typed}`, "ght()", 0.5);
    assert.equal(calibration.correct("a.ts", 0.5), 0.5);
  }
  calibration.observe("a.ts", "x = right");
  assert.ok(calibration.correct("a.ts", 0.5) > 0.5);
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
  assert.equal(calibration.correct("a.ts", 0.5), 0.5);
});

test("learns from outcomes that it is told, for their language only", () => {
  const calibration = createCalibration();
  for (let i = 0; i < 300; i++) calibration.decide("a.ts", false, calibration.correct("b.ts", 0.5));
  assert.ok(calibration.correct("c.ts", 0.5) < 0.35);
  assert.ok(Math.abs(calibration.correct("a.go", 0.5) - 0.5) < 1e-9);
  for (let i = 0; i < 5000; i++) calibration.decide(`a.x${i}`, true, 0.9);
  // Of the languages only those used last are held.
  assert.equal(calibration.correct("a.x0", 0.5), 0.5);
  assert.ok(calibration.correct("a.x4999", 0.5) > 0.5);
});

test("ignores outcomes of impossible confidence", () => {
  const calibration = createCalibration();
  for (const confidence of [Number.NaN, -1, 2, Infinity]) calibration.decide("a.ts", false, confidence);
  assert.equal(calibration.correct("a.ts", 0.5), 0.5);
});

test("counts a prediction that was reported once, not again for what is typed", () => {
  const [told, silent] = [createCalibration(), createCalibration()];
  for (const calibration of [told, silent]) {
    calibration.expect("a.ts", "x = ", "right", 0.5);
    if (calibration === told) calibration.decide("a.ts", true, 0.5);
    calibration.observe("a.ts", "x = right");
  }
  assert.equal(told.correct("a.ts", 0.5), silent.correct("a.ts", 0.5));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { mayTell, mutedForToday, type AlertState } from "../../../src/memory/alertGate.ts";

const minuteMs = 60_000;
const nowMs = new Date(2026, 10, 21, 14, 30).getTime();

/** Alerts every minute: after how many minutes somebody is told. */
const toldAt = (minutes: number, isCritical = false): number[] => {
  let state: AlertState = {};
  const told: number[] = [];
  for (let minute = 0; minute < minutes; minute++) {
    const next = mayTell(state, nowMs + minute * minuteMs, isCritical);
    if (!next) continue;
    state = next;
    told.push(minute);
  }
  return told;
};

test("after each notification nobody is told for twice as long, at most for an hour", () => {
  assert.deepEqual(toldAt(240), [0, 10, 30, 70, 130, 190]);
});

test("what stays critical rests as long", () => {
  assert.deepEqual(toldAt(240, true), [0, 10, 30, 70, 130, 190]);
});

test("what has become critical is told at once, however lately a warning was", () => {
  const warned = mayTell({}, nowMs, false)!;
  assert.equal(mayTell(warned, nowMs + minuteMs, false), undefined);
  assert.ok(mayTell(warned, nowMs + minuteMs, true));
});

test("after hours without an alert the next one is news again", () => {
  const state = { toldAtMs: nowMs, restMs: 60 * minuteMs };
  assert.equal(mayTell(state, nowMs + 5 * 60 * minuteMs, false)?.restMs, 10 * minuteMs);
});

test("muted, nothing is told until the local midnight, not even what is critical", () => {
  const muted = mutedForToday({ toldAtMs: nowMs, restMs: 1 }, nowMs);
  const midnightMs = new Date(2026, 10, 22).getTime();
  assert.equal(muted.mutedUntilMs, midnightMs);
  assert.equal(mayTell(muted, midnightMs - 1, true), undefined);
  assert.ok(mayTell(muted, midnightMs, false));
});

test("a clock that was set back keeps nobody quiet", () => {
  assert.ok(mayTell({ toldAtMs: nowMs + 1e12, restMs: 60 * minuteMs }, nowMs, false));
});

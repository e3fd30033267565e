import assert from "node:assert/strict";
import { test } from "node:test";
import { createSnooze } from "../../../src/host/snooze.ts";
import { createFakeClock } from "../../fake/clock.ts";

const minuteMs = 60_000;

const setUp = () => {
  const clock = createFakeClock();
  const snooze = createSnooze(clock);
  const heard: (number | undefined)[] = [];
  snooze.onDidChange(() => heard.push(snooze.leftMs()));
  return { clock, snooze, heard };
};

test("rests for its time, tells every minute, and then leaves no timer", () => {
  const { clock, snooze, heard } = setUp();
  assert.equal(snooze.leftMs(), undefined);
  snooze.start(2.5 * minuteMs);
  clock.advance(10 * minuteMs);
  assert.deepEqual(heard, [2.5 * minuteMs, 2 * minuteMs, minuteMs, undefined]);
  assert.deepEqual([snooze.leftMs(), clock.pending()], [undefined, []]);
});

test("a new time takes the place of the one that runs", () => {
  const { clock, snooze } = setUp();
  snooze.start(5 * minuteMs);
  clock.advance(minuteMs);
  snooze.start(60 * minuteMs);
  clock.advance(10 * minuteMs);
  assert.equal(snooze.leftMs(), 50 * minuteMs);
});

test("without an end it needs no timer, and resuming ends it once", () => {
  const { clock, snooze, heard } = setUp();
  snooze.start(Infinity);
  assert.deepEqual([snooze.leftMs(), clock.pending()], [Infinity, []]);
  snooze.end();
  snooze.end();
  assert.deepEqual(heard, [Infinity, undefined]);
});

test("what the machine slept through is over when it wakes up", () => {
  const { clock, snooze } = setUp();
  let sleptMs = 0;
  const sleeper = createSnooze({ ...clock, dateMs: () => clock.dateMs() + sleptMs });
  sleeper.start(5 * minuteMs);
  sleptMs = 60 * minuteMs;
  assert.equal(sleeper.leftMs(), undefined);
  snooze.dispose();
  sleeper.dispose();
  assert.deepEqual(clock.pending(), []);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createRhythm } from "../../../src/completion/rhythm.ts";
import { createFakeClock } from "../../fake/clock.ts";

const after = (keys: number, gapMs: number, firstTextMs?: number) => {
  const clock = createFakeClock();
  const rhythm = createRhythm(clock);
  if (firstTextMs !== undefined) rhythm.answered(firstTextMs);
  for (let key = 0; key < keys; key++) {
    clock.advance(gapMs);
    rhythm.typed();
  }
  return rhythm;
};

test("a server that answers later than the next key comes is asked at once", () => {
  assert.equal(after(50, 150, 400).delayMs(), 0);
});

test("a fast server is asked when no further key came, at most 120 ms later", () => {
  assert.ok(Math.abs(after(50, 100, 40).delayMs() - 80) < 1);
  assert.equal(after(50, 400, 20).delayMs(), 120);
});

test("nobody waits before the server's time is known, nor for the first key after a pause", () => {
  assert.equal(after(50, 150).delayMs(), 0);
  const clock = createFakeClock();
  const rhythm = createRhythm(clock);
  rhythm.answered(20);
  clock.advance(200);
  rhythm.typed();
  clock.advance(200);
  rhythm.typed();
  assert.ok(rhythm.delayMs() > 100);
  clock.advance(5000);
  rhythm.typed();
  assert.equal(rhythm.delayMs(), 0);
});

test("a pause does not count as a gap between keys", () => {
  const clock = createFakeClock();
  const rhythm = createRhythm(clock);
  rhythm.answered(400);
  for (let key = 0; key < 50; key++) {
    clock.advance(key % 2 ? 100 : 60_000);
    rhythm.typed();
  }
  assert.equal(rhythm.keysAhead(), 5);
});

test("looks as many keys ahead as the server needs, 2 to 12", () => {
  assert.equal(after(50, 150, 450).keysAhead(), 4);
  assert.equal(after(50, 150, 20).keysAhead(), 2);
  assert.equal(after(50, 150, 9000).keysAhead(), 12);
});

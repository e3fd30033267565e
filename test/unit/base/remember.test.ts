import assert from "node:assert/strict";
import { test } from "node:test";
import { remember } from "../../../src/base/remember.ts";
import { createFakeClock } from "../../fake/clock.ts";

test("several who ask at once, and later within the time, get one answer", async () => {
  const clock = createFakeClock();
  const answers: PromiseWithResolvers<number>[] = [];
  const ask = remember(clock, 60_000, () => {
    const answer = Promise.withResolvers<number>();
    answers.push(answer);
    return answer.promise;
  });
  const both = Promise.all([ask(), ask()]);
  for (const [index, answer] of answers.entries()) answer.resolve(index + 1);
  assert.deepEqual(await both, [1, 1]);
  clock.advance(59_999);
  assert.equal(await ask(), 1);
  assert.equal(answers.length, 1);
});

test("who waits as long after an answer gets a new one", async () => {
  const clock = createFakeClock();
  let asked = 0;
  const ask = remember(clock, 60_000, async () => ++asked);
  assert.equal(await ask(), 1);
  let later: Promise<number> | undefined;
  clock.after(60_000, () => {
    later = ask();
  });
  clock.advance(60_000);
  assert.equal(await later, 2);
  assert.deepEqual(clock.pending(), [60_000]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { onceAborted, orAborted, pause } from "../../../src/base/wait.ts";
import { createFakeClock } from "../../fake/clock.ts";

test("a pause lasts as long as it should, and leaves no timer when it is cancelled", async () => {
  const clock = createFakeClock();
  const short = pause(clock, 100);
  await clock.timer(100);
  clock.advance(100);
  await short;
  for (const which of [0, 1]) {
    const controllers = [new AbortController(), new AbortController()] as const;
    const long = pause(clock, 1_000, controllers[0].signal, undefined, controllers[1].signal);
    assert.deepEqual(clock.pending(), [1_000]);
    controllers[which]?.abort();
    await assert.rejects(long, { name: "AbortError" });
    assert.deepEqual(clock.pending(), []);
  }
  await pause(clock, 0);
  await assert.rejects(pause(clock, 1, AbortSignal.abort()), { name: "AbortError" });
});

test("a wait ends with what it waits for, with its fault, or with the signal", async () => {
  const { signal } = new AbortController();
  assert.equal(await orAborted(Promise.resolve(1), signal), 1);
  await assert.rejects(orAborted(Promise.reject(new Error("own")), signal), { message: "own" });
  await assert.rejects(orAborted(new Promise(() => {}), AbortSignal.abort()), { name: "AbortError" });
  // A foreign reason never takes the place of a cancellation.
  await assert.rejects(orAborted(new Promise(() => {}), AbortSignal.abort(new Error("other"))), { name: "AbortError" });
});

test("of two signals one call back comes, and none once it was stopped", () => {
  const [first, second] = [new AbortController(), new AbortController()];
  let calls = 0;
  onceAborted([first.signal, undefined, second.signal], () => void calls++);
  const stop = onceAborted([first.signal], () => void (calls += 10));
  stop();
  first.abort();
  second.abort();
  assert.equal(calls, 1);
  onceAborted([first.signal], () => void calls++);
  assert.equal(calls, 2);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../src/base/clock.ts";
import { createDisposableList } from "../../../src/base/disposable.ts";
import { lazy } from "../../../src/base/lazy.ts";

test("lazy loads once, and again after a failure", async () => {
  let calls = 0;
  const load = lazy(async () => {
    if (++calls === 1) throw new Error("first");
    return calls;
  });
  await assert.rejects(load(), /first/);
  assert.deepEqual(await Promise.all([load(), load()]), [2, 2]);
});

test("disposes last in, first out, late additions at once, and all of them when one fails", () => {
  const order: string[] = [];
  const list = createDisposableList();
  list.add({ dispose: () => order.push("a") });
  list.add({
    dispose() {
      order.push("b");
      throw new Error("b failed");
    },
  });
  assert.throws(() => list.dispose(), AggregateError);
  list.add({ dispose: () => order.push("late") });
  assert.deepEqual(order, ["b", "a", "late"]);
});

test("an item that has ended earlier is let go of", () => {
  const order: string[] = [];
  const list = createDisposableList();
  const ended = list.add({ dispose: () => order.push("ended") });
  list.add({ dispose: () => order.push("other") });
  list.remove(ended);
  list.remove(ended);
  list.dispose();
  assert.deepEqual(order, ["other"]);
});

test("a wait that is too long for a timer does not end at once", (context) => {
  const setTimer = context.mock.method(globalThis, "setTimeout");
  systemClock.after(1e18, () => {}).dispose();
  assert.equal(setTimer.mock.calls[0]?.arguments[1], 2 ** 31 - 1);
});

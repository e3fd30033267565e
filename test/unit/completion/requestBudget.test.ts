import assert from "node:assert/strict";
import { test } from "node:test";
import { createRequestBudget } from "../../../src/completion/requestBudget.ts";
import { createFakeClock } from "../../fake/clock.ts";

test("so many requests in any minute, and the place of one that is a minute old is free again", () => {
  const clock = createFakeClock();
  const budget = createRequestBudget(clock, 2);
  assert.deepEqual([budget.take(), budget.take(), budget.take()], [true, true, false]);
  clock.advance(59_999);
  assert.equal(budget.take(), false);
  clock.advance(1);
  assert.equal(budget.take(), true);
});

test("what is asked ahead leaves half of the share to what somebody waits for", () => {
  const budget = createRequestBudget(createFakeClock(), 4);
  assert.deepEqual([budget.take(true), budget.take(true), budget.take(true)], [true, true, false]);
  assert.deepEqual([budget.take(), budget.take(), budget.take()], [true, true, false]);
});

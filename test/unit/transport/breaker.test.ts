import assert from "node:assert/strict";
import { test } from "node:test";
import { createBreaker, type Breaker } from "../../../src/transport/breaker.ts";
import { createFakeClock } from "../../fake/clock.ts";

const make = ({ random = () => 0 }: { random?: () => number } = {}) => {
  const clock = createFakeClock();
  return { clock, breaker: createBreaker({ clock, random }) };
};

const fail = (breaker: Breaker, times: number): void => {
  for (let time = 0; time < times; time++) {
    const permit = breaker.tryEnter();
    assert.ok(permit, `request ${time + 1} was not let through`);
    permit.failure();
  }
};

test("five failures in a row open it, four do not", () => {
  const { breaker } = make();
  fail(breaker, 4);
  assert.equal(breaker.state, "closed");
  fail(breaker, 1);
  assert.equal(breaker.state, "open");
  assert.equal(breaker.openMs(), 5_000);
  assert.equal(breaker.tryEnter(), undefined);
});

test("a success in between starts the count anew", () => {
  const { breaker } = make();
  fail(breaker, 4);
  breaker.tryEnter()?.success();
  fail(breaker, 4);
  assert.equal(breaker.state, "closed");
});

test("what says nothing about the server neither counts nor starts the count anew", () => {
  const { breaker } = make();
  for (let time = 0; time < 20; time++) breaker.tryEnter()?.neutral();
  assert.equal(breaker.state, "closed");
  fail(breaker, 4);
  breaker.tryEnter()?.neutral();
  fail(breaker, 1);
  assert.equal(breaker.state, "open");
});

test("half-open, exactly one of twenty is let through; its success closes", () => {
  const { clock, breaker } = make();
  fail(breaker, 5);
  clock.advance(4_999);
  assert.equal(breaker.tryEnter(), undefined);
  clock.advance(1);
  assert.equal(breaker.state, "half-open");
  assert.equal(breaker.openMs(), 0);
  const permits = Array.from({ length: 20 }, () => breaker.tryEnter()).filter((permit) => permit !== undefined);
  assert.equal(permits.length, 1);
  permits[0]?.success();
  assert.equal(breaker.state, "closed");
  fail(breaker, 4);
  assert.equal(breaker.state, "closed", "the failures before are forgotten");
});

test("a test request that was cancelled makes room for the next one", () => {
  const { clock, breaker } = make();
  fail(breaker, 5);
  clock.advance(5_000);
  breaker.tryEnter()?.neutral();
  assert.equal(breaker.state, "half-open");
  assert.ok(breaker.tryEnter());
  assert.equal(breaker.tryEnter(), undefined);
});

test("stays open longer after each test request that fails, up to a minute, and starts anew after a success", () => {
  const { clock, breaker } = make();
  fail(breaker, 5);
  const opened: number[] = [];
  for (let time = 0; time < 6; time++) {
    opened.push(breaker.openMs());
    clock.advance(breaker.openMs());
    fail(breaker, 1);
  }
  assert.deepEqual(opened, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  clock.advance(60_000);
  breaker.tryEnter()?.success();
  fail(breaker, 5);
  assert.equal(breaker.openMs(), 5_000);
});

test("opens for up to a quarter less, so that several windows do not come back together", () => {
  const { breaker } = make({ random: () => 0.999_999 });
  fail(breaker, 5);
  assert.equal(Math.round(breaker.openMs()), 3_750);
});

test("a request from before it opened neither closes it nor keeps it open", () => {
  const { clock, breaker } = make();
  const slow = breaker.tryEnter();
  const slower = breaker.tryEnter();
  fail(breaker, 5);
  slow?.success();
  assert.equal(breaker.state, "open");
  clock.advance(5_000);
  const probe = breaker.tryEnter();
  slower?.failure();
  assert.equal(breaker.state, "half-open");
  probe?.success();
  assert.equal(breaker.state, "closed");
});

test("failures of requests from before it opened do not open it again", () => {
  const { clock, breaker } = make();
  const slow = Array.from({ length: 5 }, () => breaker.tryEnter());
  fail(breaker, 5);
  clock.advance(5_000);
  breaker.tryEnter()?.success();
  for (const permit of slow) permit?.failure();
  assert.equal(breaker.state, "closed");
});

test("a permit ends once", () => {
  const { breaker } = make();
  const permit = breaker.tryEnter();
  for (let time = 0; time < 10; time++) permit?.failure();
  assert.equal(breaker.state, "closed");
});

test("can be closed by whoever knows that the server works", () => {
  const { breaker } = make();
  fail(breaker, 5);
  breaker.reset();
  assert.equal(breaker.state, "closed");
  assert.equal(breaker.openMs(), 0);
  assert.ok(breaker.tryEnter());
});

test("looks at no date: setting the computer's clock changes nothing", () => {
  const clock = createFakeClock();
  let dateMs = Date.UTC(2026, 0, 1);
  const breaker = createBreaker({ clock: { ...clock, dateMs: () => dateMs }, random: () => 0 });
  fail(breaker, 5);
  dateMs += 3_600_000;
  assert.equal(breaker.state, "open");
  assert.equal(breaker.openMs(), 5_000);
});

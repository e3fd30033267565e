import assert from "node:assert/strict";
import { test } from "node:test";
import { createCapacity } from "../../../src/transport/capacity.ts";
import type { Finished } from "../../../src/transport/comparison.ts";

/** Feeds requests that took `totalMs` with as many running as the limit allows, unless told otherwise. */
const createHarness = (initialLimit: number) => {
  const capacity = createCapacity({ initialLimit, minLimit: 1, maxLimit: 64 });
  const feed = (
    count: number,
    totalMs: number | ((index: number) => Partial<Finished> & { readonly totalMs: number }),
    { isFull = true } = {},
  ): void => {
    const running = capacity.limit;
    for (let index = 0; index < count; index++) {
      const request = typeof totalMs === "number" ? { totalMs } : totalMs(index);
      capacity.finish(capacity.begin(), { startRunning: running, meanRunning: running, ...request }, isFull);
    }
  };
  return { capacity, feed };
};

test("with nothing to compare it looks whether fewer are faster, and comes back if they are not", () => {
  const { capacity, feed } = createHarness(8);
  feed(8, 1000);
  assert.equal(capacity.limit, 4);
  feed(4, 1000);
  assert.equal(capacity.limit, 8);
});

test("where fewer are faster it goes on down, by less, until they are not", () => {
  const { capacity, feed } = createHarness(8);
  feed(8, 2000);
  feed(4, 1000);
  assert.equal(capacity.limit, 3);
  feed(4, 1000);
  assert.equal(capacity.limit, 4);
});

test("the first ones of a crowd say nothing about it", () => {
  const { capacity, feed } = createHarness(8);
  feed(20, () => ({ totalMs: 1000, startRunning: 1, meanRunning: 8 }));
  assert.equal(capacity.limit, 8);
});

test("what was started under another limit says nothing about this one", () => {
  const { capacity, feed } = createHarness(8);
  const early = Array.from({ length: 10 }, () => capacity.begin());
  feed(8, 1000);
  assert.equal(capacity.limit, 4);
  for (const ticket of early) capacity.finish(ticket, { totalMs: 1000, startRunning: 8, meanRunning: 8 }, true);
  assert.equal(capacity.limit, 4);
});

test("a server that becomes slower while fewer are tried is not taken for one with room", () => {
  const { capacity, feed } = createHarness(8);
  feed(8, 1000);
  assert.equal(capacity.limit, 4);
  feed(4, 4000);
  assert.ok(capacity.limit < 8, `limit ${capacity.limit}`);
});

test("more is tried only while others wait", () => {
  const { capacity, feed } = createHarness(1);
  feed(20, 1000, { isFull: false });
  assert.equal(capacity.limit, 1);
  feed(4, 1000);
  assert.equal(capacity.limit, 2);
  feed(4, 1000, { isFull: false });
  assert.deepEqual([capacity.limit, capacity.isProbing], [2, false]);
});

test("where more did not help, trying it again takes longer each time", () => {
  const { capacity, feed } = createHarness(1);
  const untilTried = (): number => {
    for (let count = 1; count < 1000; count++) {
      feed(1, 1000);
      if (capacity.limit === 2) return count;
    }
    return Infinity;
  };
  const counts = Array.from({ length: 5 }, () => {
    const count = untilTried();
    feed(4, 2000);
    assert.equal(capacity.limit, 1);
    return count;
  });
  assert.deepEqual(counts, [4, 16, 32, 64, 64]);
});

test("a single very slow request decides nothing", () => {
  const { capacity, feed } = createHarness(1);
  feed(4, 1000);
  feed(4, (index) => ({ totalMs: index === 1 ? 60_000 : 1000 }));
  for (let count = 0; count < 8 && capacity.limit < 3; count++) feed(1, 1000);
  assert.equal(capacity.limit, 3);
});

const lengths = {
  "a prompt's length": (tokens: number) => ({
    totalMs: 100 + tokens,
    firstTokenMs: 100 + tokens,
    promptTokens: tokens,
  }),
  "an answer's length": (tokens: number) => ({
    totalMs: 100 + 10 * tokens,
    firstTokenMs: 100,
    promptTokens: 50,
    generatedTokens: tokens,
  }),
} as const;

for (const [what, take] of Object.entries(lengths)) {
  test(`${what} is taken into account`, () => {
    const { capacity, feed } = createHarness(1);
    feed(4, (index) => take([100, 200, 400, 800][index]!));
    assert.equal(capacity.limit, 2);
    feed(4, () => take(800));
    assert.equal(capacity.limit, 3);
  });
}

const lone = { totalMs: 1100, firstTokenMs: 100, promptTokens: 50 };
for (const [what, restsMs, firstTokenMs, expected] of [
  ["first tokens that come late, as in a queue, are too much", [1000, 1000], 1100, 1],
  ["first tokens that come slower are too much, however long the answers", [500, 3000], 200, 1],
  ["answers that all take longer are too much", [1900, 1900], 100, 1],
  ["answers of other lengths are nothing to worry about", [100, 1900], 100, 3],
] as const) {
  test(`without the lengths of answers, ${what}`, () => {
    const { capacity, feed } = createHarness(1);
    feed(4, () => lone);
    feed(4, (index) => ({ ...lone, firstTokenMs, totalMs: firstTokenMs + restsMs[index % 2]! }));
    assert.equal(capacity.limit, expected);
  });
}

/** Goes up to `limit` on a server that has room. */
const grow = ({ capacity, feed }: ReturnType<typeof createHarness>, limit: number, request: Finished | typeof lone) => {
  while (capacity.limit < limit) feed(1, () => request);
  feed(Math.max(4, limit), () => request, { isFull: false });
  assert.deepEqual([capacity.limit, capacity.isProbing], [limit, false]);
};

test("who waits in the server's queue tells by that how many are too many", () => {
  const harness = createHarness(1);
  grow(harness, 5, lone);
  harness.feed(10, () => ({ ...lone, firstTokenMs: 350, totalMs: 1350 }));
  assert.equal(harness.capacity.limit, 4);
});

test("it goes down only when a second round of requests says the same", () => {
  const harness = createHarness(1);
  grow(harness, 4, lone);
  harness.feed(4, 2200, { isFull: false });
  assert.equal(harness.capacity.limit, 4);
  harness.feed(4, 1100, { isFull: false });
  harness.feed(4, 2200, { isFull: false });
  assert.equal(harness.capacity.limit, 4);
  harness.feed(4, 2200, { isFull: false });
  assert.equal(harness.capacity.limit, 2);
});

test("on a server that has become faster what was known about fewer is measured again", () => {
  const harness = createHarness(1);
  grow(harness, 4, lone);
  harness.feed(4, 100, { isFull: false });
  harness.feed(4, 100, { isFull: false });
  assert.equal(harness.capacity.limit, 2);
  harness.feed(4, 100, { isFull: false });
  assert.equal(harness.capacity.limit, 4);
});

test("what is known about fewer is measured again after four hundred requests", () => {
  const { capacity, feed } = createHarness(4);
  const limits = new Set<number>();
  feed(4, 1000, { isFull: false });
  feed(4, 1000, { isFull: false });
  for (let count = 0; count < 420; count++) {
    limits.add(capacity.limit);
    feed(1, 1000, { isFull: false });
  }
  assert.deepEqual([...limits], [4, 2]);
});

test("above a known end only clear evidence counts", () => {
  const { capacity, feed } = createHarness(1);
  feed(4, 1000);
  feed(4, 2000);
  assert.equal(capacity.limit, 1);
  while (capacity.limit === 1) feed(1, 1000);
  feed(12, (index) => ({ totalMs: index % 2 === 0 ? 1000 : 1900 }));
  assert.equal(capacity.limit, 1);
});

test("up to a known end it goes at once, in steps that do not pass it", () => {
  const { capacity, feed } = createHarness(10);
  capacity.refuse(capacity.begin(), 10);
  const limits: number[] = [];
  while (capacity.limit < 10 && limits.length < 200) {
    if (limits.at(-1) !== capacity.limit) limits.push(capacity.limit);
    feed(1, 1000);
  }
  assert.deepEqual(limits, [5, 4, 5, 6, 7, 8, 9]);
});

test("work that leaves one place free tries that one first, and finds a limit that is one too high", () => {
  const { capacity } = createHarness(1);
  capacity.setSlots(5);
  const tried: number[] = [];
  for (let count = 0; count < 200 && tried.length === 0; count++) {
    const running = capacity.limit - 1;
    const totalMs = 1000 * Math.max(1, running / 4);
    capacity.finish(capacity.begin(), { startRunning: running, meanRunning: running, totalMs }, true);
    if (capacity.isProbing) tried.push(capacity.limit);
  }
  assert.deepEqual(tried, [5]);
  for (let count = 0; count < 5; count++) {
    capacity.finish(capacity.begin(), { startRunning: 5, meanRunning: 5, totalMs: 1250 }, true);
  }
  assert.equal(capacity.limit, 4);
});

test("a refusal while more is tried goes back to what was good, another halves", () => {
  const { capacity, feed } = createHarness(8);
  feed(8, 1000);
  feed(4, 1000);
  feed(8, 1000);
  assert.deepEqual([capacity.limit, capacity.isProbing], [10, true]);
  capacity.refuse(capacity.begin(), 10);
  assert.deepEqual([capacity.limit, capacity.isProbing, capacity.hasRefused], [8, false, true]);
  capacity.refuse(capacity.begin(), 8);
  assert.equal(capacity.limit, 4);
});

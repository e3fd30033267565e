import assert from "node:assert/strict";
import { test } from "node:test";
import { createByteLru } from "../../../src/cache/byteLru.ts";
import { createCacheBudget, type BudgetedCache } from "../../../src/cache/cacheBudget.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createRandom } from "../../fake/sizeSeries.ts";

/** Gives back all but `keptBytes`, which somebody needs now; the size goes down in steps of `entryBytes`. */
const createCache = (
  name: string,
  start: { sizeBytes: number; lastUsedMs: number; keptBytes?: number; entryBytes?: number },
) => {
  const { lastUsedMs, keptBytes = 0, entryBytes = 1 } = start;
  let { sizeBytes } = start;
  const asked: number[] = [];
  return {
    name,
    sizeBytes: () => sizeBytes,
    lastUsedMs: () => lastUsedMs,
    shrink(toBytes: number) {
      asked.push(toBytes);
      while (sizeBytes > toBytes && sizeBytes > keptBytes) sizeBytes = Math.max(keptBytes, sizeBytes - entryBytes);
    },
    asked,
    startBytes: start.sizeBytes,
    keptBytes,
    entryBytes,
  };
};

const budgetOf = (caches: readonly BudgetedCache[], nowMs = 100_000) => {
  const clock = createFakeClock();
  clock.advance(nowMs);
  const budget = createCacheBudget({ clock });
  for (const cache of caches) budget.register(cache);
  return budget;
};

test("within the limit nobody gives back", () => {
  const caches = [
    createCache("a", { sizeBytes: 60, lastUsedMs: 0 }),
    createCache("b", { sizeBytes: 40, lastUsedMs: 0 }),
  ];
  assert.equal(budgetOf(caches).keepWithin(100), 0);
  assert.deepEqual(
    caches.map(({ asked }) => asked),
    [[], []],
  );
});

test("the largest of equally cold ones gives back, and no more than is needed", () => {
  const small = createCache("small", { sizeBytes: 40, lastUsedMs: 0 });
  const large = createCache("large", { sizeBytes: 60, lastUsedMs: 0 });
  assert.equal(budgetOf([small, large]).keepWithin(90), 10);
  assert.deepEqual([small.asked, large.asked], [[], [50]]);
});

test("the coldest of equally large ones gives back, and one in use as the last", () => {
  const hot = createCache("hot", { sizeBytes: 50, lastUsedMs: 100_000 });
  const warm = createCache("warm", { sizeBytes: 50, lastUsedMs: 60_000 });
  const never = createCache("never", { sizeBytes: 50, lastUsedMs: -Infinity });
  budgetOf([hot, warm, never]).keepWithin(70);
  assert.deepEqual([hot.sizeBytes(), warm.sizeBytes(), never.sizeBytes()], [50, 20, 0]);
});

test("one that is in use is no reason to empty all small ones", () => {
  const large = createCache("large", { sizeBytes: 5000, lastUsedMs: 100_000 });
  const small = createCache("small", { sizeBytes: 10, lastUsedMs: 0 });
  budgetOf([large, small]).keepWithin(4000);
  assert.deepEqual([large.sizeBytes(), small.sizeBytes()], [3990, 10]);
});

test("where one needs what it has, the next one gives back", () => {
  const needed = createCache("needed", { sizeBytes: 90, lastUsedMs: 0, keptBytes: 80 });
  const other = createCache("other", { sizeBytes: 50, lastUsedMs: 90_000 });
  const budget = budgetOf([needed, other]);
  assert.equal(budget.keepWithin(100), 40);
  assert.deepEqual([needed.sizeBytes(), other.sizeBytes(), budget.sizeBytes()], [80, 20, 100]);
});

test("one that was taken out is neither counted nor asked", () => {
  const gone = createCache("gone", { sizeBytes: 1000, lastUsedMs: 0 });
  const budget = budgetOf([createCache("a", { sizeBytes: 10, lastUsedMs: 0 })]);
  budget.register(gone).dispose();
  assert.equal(budget.sizeBytes(), 10);
  budget.keepWithin(0);
  assert.deepEqual(gone.asked, []);
});

test("random caches: the limit holds, in the order of cost, however they were registered", () => {
  const random = createRandom(7);
  const whole = (below: number) => Math.floor(random() * below);
  for (let round = 0; round < 500; round++) {
    const nowMs = 1_000_000;
    const starts = Array.from({ length: 1 + whole(8) }, (_, number) => ({
      name: `cache ${number}`,
      sizeBytes: whole(4) === 0 ? 0 : whole(5000),
      lastUsedMs: whole(5) === 0 ? -Infinity : whole(nowMs),
      keptBytes: whole(3) === 0 ? whole(800) : 0,
      entryBytes: 1 + whole(60),
    }));
    const make = () =>
      starts.map((start) =>
        createCache(start.name, { ...start, keptBytes: Math.min(start.keptBytes, start.sizeBytes) }),
      );
    const caches = make();
    const before = caches.reduce((sum, { startBytes }) => sum + startBytes, 0);
    const least = caches.reduce((sum, { keptBytes }) => sum + keptBytes, 0);
    const limit = whole(before + 100);
    const budget = budgetOf(caches, nowMs);
    const freed = budget.keepWithin(limit);
    const after = budget.sizeBytes();
    const about = JSON.stringify({ round, limit, starts });
    assert.equal(after, before - freed, about);
    assert.ok(after <= Math.max(limit, least), about);
    // At most one of them, the last that was asked, gave back more than was needed, and that by less than an entry.
    const coarsest = Math.max(...caches.map(({ entryBytes }) => entryBytes));
    assert.ok(freed === 0 || after > limit - coarsest, about);
    const cost = ({ startBytes, lastUsedMs }: (typeof caches)[number]) =>
      startBytes * Math.max(1000, nowMs - lastUsedMs());
    const askedLeast = Math.min(...caches.filter(({ asked }) => asked.length > 0).map(cost));
    for (const cache of caches) {
      assert.ok(cache.asked.length <= 1, about);
      if (cache.asked.length === 0 && cache.startBytes > 0) assert.ok(cost(cache) <= askedLeast, about);
    }
    const others = make().toReversed();
    budgetOf(others, nowMs).keepWithin(limit);
    assert.deepEqual(
      others.toReversed().map((cache) => cache.sizeBytes()),
      caches.map((cache) => cache.sizeBytes()),
      about,
    );
  }
});

test("a cache limited in bytes gives back what was not asked for longest", () => {
  const dropped: string[] = [];
  const cache = createByteLru<{ text: string }>({
    maxBytes: 100_000,
    sizeOf: ({ text }) => text.length,
    onDrop: ({ text }) => void dropped.push(text.trim()),
  });
  for (const key of ["a", "b", "c"]) cache.set(key, { text: key.padEnd(1000) });
  cache.get("a");
  cache.shrink(cache.sizeBytes);
  assert.equal(cache.count, 3);
  cache.shrink(cache.sizeBytes - 1);
  assert.deepEqual(dropped, ["b"]);
  cache.shrink(0);
  assert.deepEqual([cache.count, cache.sizeBytes, dropped], [0, 0, ["b", "c", "a"]]);
});

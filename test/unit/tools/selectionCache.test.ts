import assert from "node:assert/strict";
import { test } from "node:test";
import { createSelectionCache } from "../../../src/tools/selectionCache.ts";

test("the cache is bounded and keeps what is asked for", () => {
  const cache = createSelectionCache();
  const often = ["a"];
  cache.set("often", 5, undefined, 0, often);
  for (let at = 0; at < 10_000; at++) {
    cache.set(`q${at}`, 5, undefined, 0, []);
    assert.equal(cache.get("often", 5, undefined, 0), often);
    assert.ok(cache.size <= 512);
  }
  assert.equal(cache.get("q0", 5, undefined, 0), undefined);
});

test("one request with many histories keeps the last few", () => {
  const cache = createSelectionCache();
  for (let at = 0; at < 100; at++) cache.set("same", 5, { tools: [], previous: [`p${at}`] }, 0, [`${at}`]);
  assert.deepEqual(cache.get("same", 5, { tools: [], previous: ["p99"] }, 0), ["99"]);
  assert.equal(cache.get("same", 5, { tools: [], previous: ["p1"] }, 0), undefined);
});

test("another k, another history and a new lesson are other questions", () => {
  const cache = createSelectionCache();
  const context = { tools: ["t"], previous: ["p"] };
  cache.set("q", 5, context, 1, ["a"]);
  assert.deepEqual(cache.get("q", 5, { tools: ["t"], previous: ["p"] }, 1), ["a"]);
  assert.equal(cache.wasExact(), true);
  assert.equal(cache.get("q", 6, context, 1), undefined);
  assert.equal(cache.get("q", 5, { tools: ["t"], previous: [] }, 1), undefined);
  assert.equal(cache.get("q", 5, context, 2), undefined);
  assert.equal(cache.get("q", 5, undefined, 1), undefined);
  assert.deepEqual(cache.get("q", 5, { tools: ["t", "u"], previous: ["p"] }, 2), ["a"]);
  assert.equal(cache.wasExact(), false);
});

test("histories that change after they were given do not change what was kept", () => {
  const cache = createSelectionCache();
  const tools = ["t"];
  cache.set("q", 5, { tools, previous: [] }, 0, ["a"]);
  tools.push("u");
  cache.get("q", 5, { tools: ["t"], previous: [] }, 0);
  assert.equal(cache.wasExact(), true);
});

test("a pasted file is not kept as a key", () => {
  const cache = createSelectionCache();
  cache.set("x".repeat(10_000), 5, undefined, 0, []);
  assert.equal(cache.size, 0);
});

test("giving back drops what was not asked for of late first", () => {
  const cache = createSelectionCache();
  for (let at = 0; at < 256; at++) cache.set(`q${at}`, 5, undefined, 0, ["a", "b"]);
  cache.set("young", 5, undefined, 0, ["a"]);
  const fullBytes = cache.sizeBytes();
  assert.ok(fullBytes > 256 * 2 * "q100".length);
  cache.shrink(fullBytes);
  assert.equal(cache.sizeBytes(), fullBytes);
  cache.shrink(fullBytes - 1);
  assert.equal(cache.size, 1);
  assert.deepEqual(cache.get("young", 5, undefined, 0), ["a"]);
  cache.shrink(0);
  assert.deepEqual([cache.size, cache.sizeBytes()], [0, 0]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createDisposableList } from "../../../src/base/disposable.ts";
import { lazy } from "../../../src/base/lazy.ts";
import { redact } from "../../../src/base/log.ts";

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

test("what looks like a secret does not reach the log", () => {
  for (const [line, planted] of [
    ["Authorization: Bearer abc.def-123", "abc.def-123"],
    ["key sk-or-v1-0123456789abcdef failed", "0123456789abcdef"],
    ['{"api_key": "hunter2hunter2"}', "hunter2hunter2"],
    ["proxy http://me:geheim@host:3128", "geheim"],
    ["GET http://host/path?token=topsecret&a=1", "topsecret"],
  ] as const) {
    assert.doesNotMatch(redact(line), new RegExp(planted), line);
  }
  assert.equal(redact("llamacpp answered in 12 ms"), "llamacpp answered in 12 ms");
});

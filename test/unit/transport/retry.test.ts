import assert from "node:assert/strict";
import { test } from "node:test";
import { fullJitterMs, retryDelayMs } from "../../../src/transport/retry.ts";

const backoff = (random: number) => ({ baseMs: 500, capMs: 8_000, random: () => random });

test("the wait lies between nothing and a limit that doubles up to its cap", () => {
  const limits = [0, 1, 2, 3, 4, 5, 60].map((retry) => fullJitterMs(retry, backoff(1)));
  assert.deepEqual(limits, [500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
  assert.equal(fullJitterMs(3, backoff(0)), 0);
  assert.equal(fullJitterMs(3, backoff(0.25)), 1_000);
});

test("a server's own wish is kept exactly, never shortened, and not jittered", () => {
  for (const random of [0, 0.5, 0.999]) {
    assert.equal(retryDelayMs({ retries: 0, retryAfterMs: 2_000, leftMs: 10_000 }, backoff(random)), 2_000);
  }
  assert.equal(retryDelayMs({ retries: 0, retryAfterMs: 20_000, leftMs: 60_000 }, backoff(0)), 20_000, "above the cap");
});

test("what would take longer than is left is not waited for at all", () => {
  assert.equal(retryDelayMs({ retries: 0, retryAfterMs: 3_600_000, leftMs: 10_000 }, backoff(0)), undefined);
  assert.equal(retryDelayMs({ retries: 4, retryAfterMs: undefined, leftMs: 3_999 }, backoff(0.5)), undefined);
  assert.equal(retryDelayMs({ retries: 4, retryAfterMs: undefined, leftMs: 4_000 }, backoff(0.5)), 4_000);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { requestFacts } from "../../../src/memory/requestFacts.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import { createFakeClock } from "../../fake/clock.ts";

const setUp = () => {
  const clock = createFakeClock();
  const ledger = createLedger({ clock });
  const start = () => ledger.startRequest({ feature: "completion", provider: "llamacpp", model: "m" });
  const facts = () => requestFacts(ledger.snapshot().requests, clock.nowMs());
  return { clock, start, facts };
};

test("prompts that were refused for their length, or sent anew in a shorter form, in the last hour", () => {
  const { clock, start, facts } = setUp();
  start().end("failed", "context-overflow");
  start().end("failed", "timeout");
  const shortened = start();
  shortened.span.set("shortened", true);
  shortened.end("ok");
  assert.equal(facts().truncatedPrompts, 2);
  clock.advance(3_600_001);
  start().end("ok");
  assert.equal(facts().truncatedPrompts, 0);
});

test("how many requests waited at once; who comes as another goes waits alone", () => {
  const { clock, start, facts } = setUp();
  assert.equal(facts().waitedForSlots, 0);
  const [first, second, third] = [start(), start(), start()];
  const waits = [second.span.child("queue"), third.span.child("queue")] as const;
  clock.advance(100);
  waits[0].end();
  const fourth = start();
  const wait = fourth.span.child("queue");
  clock.advance(100);
  for (const span of [waits[1], wait]) span.end();
  for (const request of [first, second, third, fourth]) request.end("ok");
  assert.equal(facts().waitedForSlots, 2);
});

test("how many ran at once, once there were enough of them; who waits does not run", () => {
  const { clock, start, facts } = setUp();
  for (let round = 0; round < 9; round++) {
    const [one, other] = [start(), start()];
    const wait = other.span.child("queue");
    clock.advance(50);
    one.end("ok");
    wait.end();
    clock.advance(50);
    other.end("ok");
  }
  assert.equal(facts().usedSlots, undefined, "18 requests tell little");
  for (let more = 0; more < 2; more++) start().end("ok");
  assert.equal(facts().usedSlots, 1);
  const together = [start(), start(), start()] as const;
  const queuedMs = clock.nowMs();
  clock.advance(10);
  assert.equal(facts().usedSlots, 1, "nobody knows yet which of them wait");
  // A wait is written down when it is over.
  together[2].span.child("queue", queuedMs).end();
  clock.advance(10);
  for (const request of together) request.end("ok");
  assert.equal(facts().usedSlots, 3);
});

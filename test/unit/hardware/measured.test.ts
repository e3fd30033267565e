import assert from "node:assert/strict";
import { test } from "node:test";
import { measuredSpeed } from "../../../src/hardware/measured.ts";
import { createLedger, firstTokenSpan, type TokenUsage } from "../../../src/metrics/ledger.ts";
import { createFakeClock } from "../../fake/clock.ts";

type Request = {
  readonly usage: TokenUsage;
  readonly readingMs: number;
  readonly writingMs: number;
  readonly outcome?: "ok" | "cancelled";
  readonly model?: string;
};

const measured = (...requests: readonly Request[]) => {
  const clock = createFakeClock();
  const ledger = createLedger({ clock });
  for (const { usage, readingMs, writingMs, outcome = "ok", model = "m" } of requests) {
    const request = ledger.startRequest({ feature: "chat", provider: "llamacpp", model });
    const first = request.span.child(firstTokenSpan);
    clock.advance(readingMs);
    first.end();
    request.span.child("generation");
    clock.advance(writingMs);
    request.usage(usage);
    request.end(outcome);
  }
  return measuredSpeed(ledger.snapshot().requests, { provider: "llamacpp", models: ["m", "n"] });
};

const usual: Request = {
  usage: { promptTokens: 1000, cachedTokens: 0, generatedTokens: 51 },
  readingMs: 500,
  writingMs: 1000,
};

test("medians from three requests on, nothing before", () => {
  assert.deepEqual(measured(usual, usual), {});
  const slow = { ...usual, readingMs: 5000, writingMs: 10_000 };
  assert.deepEqual(measured(usual, slow, usual), { tokensPerSecond: 50, promptTokensPerSecond: 2000 });
  assert.deepEqual(measured(usual, slow, usual, slow).tokensPerSecond, 27.5);
});

test("short answers, other models, and what was broken off do not count", () => {
  const short = { ...usual, usage: { ...usual.usage, generatedTokens: 8 } };
  assert.equal(measured(short, short, short).tokensPerSecond, undefined);
  assert.deepEqual(measured(usual, usual, { ...usual, model: "other" }), {});
  assert.deepEqual(measured(usual, usual, { ...usual, outcome: "cancelled" }), {});
});

test("reading counts what was read, and only where the server tells it", () => {
  const cached = { ...usual, usage: { ...usual.usage, cachedTokens: 500 } };
  assert.equal(measured(cached, cached, cached).promptTokensPerSecond, 1000);
  const nearlyAll = { ...usual, usage: { ...usual.usage, cachedTokens: 900 } };
  assert.equal(measured(nearlyAll, nearlyAll, nearlyAll).promptTokensPerSecond, undefined);
  const untold = { ...usual, usage: { promptTokens: 1000, generatedTokens: 51 } };
  assert.equal(measured(untold, untold, untold).promptTokensPerSecond, undefined);
});

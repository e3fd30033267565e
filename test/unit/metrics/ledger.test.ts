import assert from "node:assert/strict";
import { test } from "node:test";
import { createLedger, firstTokenSpan } from "../../../src/metrics/ledger.ts";
import { noToolSelections } from "../../../src/metrics/toolTally.ts";
import { createFakeClock } from "../../fake/clock.ts";

const about = { feature: "completion", provider: "llamacpp", model: "m" } as const;

test("a request's trace holds its parts with their times", () => {
  const clock = createFakeClock();
  const ledger = createLedger({ clock });
  const request = ledger.startRequest(about);
  const first = request.span.child(firstTokenSpan);
  clock.advance(80);
  first.end();
  const generation = request.span.child("generation");
  clock.advance(20);
  request.usage({ promptTokens: 100, cachedTokens: 90, generatedTokens: 7 });
  request.end("ok");
  const [row] = ledger.snapshot().requests;
  assert.equal(row!.trace.endMs! - row!.trace.startMs, 100);
  assert.deepEqual(
    row!.trace.children.map(({ name, startMs, endMs }) => [name, endMs! - startMs]),
    [
      [firstTokenSpan, 80],
      ["generation", 20],
    ],
  );
  assert.equal(generation.record.endMs, row!.trace.endMs);
});

test("totals count every outcome and the tokens of all requests, also of those that fell out of the ring", () => {
  const ledger = createLedger({ clock: createFakeClock(), capacity: 2 });
  for (const outcome of ["ok", "cancelled", "failed"] as const) {
    const request = ledger.startRequest(about);
    request.usage({ promptTokens: 10, generatedTokens: 1 });
    request.end(outcome, outcome === "failed" ? "timeout" : undefined);
  }
  const { requests, requestTotals } = ledger.snapshot();
  assert.deepEqual(
    requests.map(({ outcome }) => outcome),
    ["failed", "cancelled"],
  );
  assert.deepEqual(requestTotals, {
    started: 3,
    ok: 1,
    cancelled: 1,
    failed: 1,
    promptTokens: 30,
    cachedTokens: 0,
    generatedTokens: 3,
    costUsd: undefined,
  });
});

test("what was charged is added up where servers say it, and never becomes nonsense", () => {
  const ledger = createLedger({ clock: createFakeClock() });
  for (const costUsd of [0.25, undefined, Number.NaN, -1, Infinity, 0.5]) {
    const request = ledger.startRequest(about);
    if (costUsd !== undefined) request.usage({ costUsd });
    request.end("ok");
  }
  assert.equal(ledger.snapshot().requestTotals.costUsd, 0.75);
});

test("what a cancelled request cost is known later, and counted once", () => {
  const ledger = createLedger({ clock: createFakeClock() });
  const request = ledger.startRequest(about);
  request.usage({ generatedTokens: 3 });
  request.end("cancelled");
  request.lateUsage({ promptTokens: 100, generatedTokens: 5, costUsd: 0.5 });
  request.lateUsage({ costUsd: 0.25 });
  const { requests, requestTotals } = ledger.snapshot();
  assert.deepEqual(requests[0]!.usage, { promptTokens: 100, generatedTokens: 5, costUsd: 0.25 });
  const { promptTokens, generatedTokens, costUsd, cancelled } = requestTotals;
  assert.deepEqual([promptTokens, generatedTokens, costUsd, cancelled], [100, 5, 0.25, 1]);
});

test("tells how many requests are under way", () => {
  const ledger = createLedger({ clock: createFakeClock() });
  const requests = ["ok", "cancelled", "failed"].map(() => ledger.startRequest(about));
  assert.equal(ledger.runningCount(), 3);
  requests[0]!.end("ok");
  requests[0]!.end("ok");
  requests[1]!.end("cancelled");
  assert.equal(ledger.runningCount(), 1);
  requests[2]!.end("failed", "timeout");
  assert.equal(ledger.runningCount(), 0);
});

test("an ended request cannot be ended or charged again", () => {
  const ledger = createLedger({ clock: createFakeClock() });
  const request = ledger.startRequest(about);
  request.end("ok");
  request.usage({ promptTokens: 5 });
  request.end("failed", "timeout");
  assert.equal(ledger.snapshot().requestTotals.ok, 1);
  assert.equal(ledger.snapshot().requestTotals.failed, 0);
  assert.deepEqual(ledger.snapshot().requests[0]!.usage, {});
});

test("suggestions are counted by where they came from", () => {
  const ledger = createLedger({ clock: createFakeClock() });
  ledger.offered("predictor", 1);
  ledger.offered("predictor", 3);
  ledger.accepted("predictor", 12);
  const row = ledger.snapshot().suggestions.find(({ source }) => source === "predictor")!;
  assert.deepEqual([row.offered, row.accepted, row.acceptedCharacters], [2, 1, 12]);
  assert.ok(row.p95Ms! >= 3 && row.p95Ms! < 3.2);
});

test("what is taken in parts and then as a whole is one accept, and what stands later is a share of characters", () => {
  const ledger = createLedger({ clock: createFakeClock() });
  ledger.shown("network");
  ledger.accepted("network", 4, { isWhole: false, isFirst: true });
  ledger.accepted("network", 5, { isWhole: false, isFirst: false });
  const row = () => ledger.snapshot().suggestions.find(({ source }) => source === "network")!;
  assert.deepEqual([row().shown, row().accepted, row().acceptedInPart, row().keptShare], [1, 0, 1, undefined]);
  ledger.accepted("network", 3, { isWhole: true, isFirst: false });
  assert.deepEqual([row().accepted, row().acceptedInPart, row().acceptedCharacters], [1, 0, 12]);
  ledger.kept("network", 9, 1 / 3);
  ledger.undone("network", 3);
  assert.deepEqual([row().keptShare, row().undone], [3 / 12, 1]);
});

test("tells listeners about changes until they leave", () => {
  const ledger = createLedger({ clock: createFakeClock() });
  let calls = 0;
  const listening = ledger.onDidChange(() => calls++);
  ledger.offered("live", 0.1);
  listening.dispose();
  ledger.offered("live", 0.1);
  assert.equal(calls, 1);
});

test("a smaller capacity takes effect at once, and a larger one for what comes", () => {
  const ledger = createLedger({ clock: createFakeClock(), capacity: 5 });
  const ids = () => ledger.snapshot().requests.map(({ id }) => id);
  for (let count = 0; count < 5; count++) ledger.startRequest(about).end("ok");
  let changes = 0;
  ledger.onDidChange(() => changes++);
  ledger.setCapacity(2);
  assert.deepEqual([ids(), changes], [[5, 4], 1]);
  ledger.setCapacity(3);
  for (let count = 0; count < 2; count++) ledger.startRequest(about).end("ok");
  assert.deepEqual(ids(), [7, 6, 5]);
  assert.equal(ledger.snapshot().requestTotals.ok, 7);
});

test("giving back drops the oldest requests that have ended, and no count", () => {
  const clock = createFakeClock();
  const ledger = createLedger({ clock });
  assert.deepEqual([ledger.sizeBytes(), ledger.lastUsedMs()], [0, -Infinity]);
  const running = ledger.startRequest(about);
  clock.advance(50);
  for (let count = 0; count < 3; count++) {
    const request = ledger.startRequest(about);
    request.span.child("connect").end();
    request.end("ok");
  }
  assert.equal(ledger.lastUsedMs(), 50);
  const ids = () => ledger.snapshot().requests.map(({ id }) => id);
  ledger.shrink(ledger.sizeBytes());
  assert.deepEqual(ids(), [4, 3, 2, 1]);
  ledger.shrink(ledger.sizeBytes() - 1);
  assert.deepEqual(ids(), [4, 3, 1]);
  ledger.shrink(0);
  assert.deepEqual(ids(), [1]);
  running.end("ok");
  assert.equal(ledger.snapshot().requestTotals.ok, 4);
  assert.equal(ledger.runningCount(), 0);
});

test("the newest sums over chosen tools are kept and told to listeners", () => {
  const ledger = createLedger({ clock: createFakeClock() });
  let changes = 0;
  ledger.onDidChange(() => void changes++);
  assert.equal(ledger.snapshot().tools, undefined);
  ledger.toolsChosen(noToolSelections);
  const totals = { ...noToolSelections, searches: 2 };
  ledger.toolsChosen(totals);
  assert.deepEqual([ledger.snapshot().tools, changes], [totals, 2]);
});

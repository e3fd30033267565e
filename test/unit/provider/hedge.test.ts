import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { isAbortError } from "../../../src/base/abort.ts";
import { silentLog } from "../../../src/base/log.ts";
import { startSpan } from "../../../src/metrics/spans.ts";
import { createCounters } from "../../../src/provider/counters.ts";
import { createFirstTokenWindow, createHedgeBudget } from "../../../src/provider/hedge.ts";
import {
  ProviderError,
  type Capabilities,
  type CompletionRequest,
  type Usage,
} from "../../../src/provider/provider.ts";
import { createRouter, type Target } from "../../../src/provider/router.ts";
import { createServers } from "../../../src/provider/servers.ts";
import { createTransportClient } from "../../../src/transport/client.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createModelServer } from "../../fake/modelServer.ts";
import { assertFault, collectParts } from "./harness.ts";
import { createScriptedProvider, settle, type ScriptedProvider } from "./scriptedProvider.ts";

const completion: CompletionRequest = { prefix: "const a = ", suffix: ";", maxTokens: 8 };
const usualMs = 100;
/** Half as much again as usual. */
const delayMs = 150;

suite("the usual time to the first token", () => {
  test("nothing is slow until twenty answers were seen", () => {
    const window = createFirstTokenWindow();
    for (let count = 0; count < 19; count++) window.add(usualMs);
    assert.equal(window.slowMs(), undefined);
    window.add(usualMs);
    assert.equal(window.slowMs(), delayMs);
  });

  test("one slow answer in twenty, or in twelve, does not change what is slow", () => {
    for (const every of [20, 12]) {
      const window = createFirstTokenWindow();
      for (let count = 0; count < 200; count++) window.add(count % every === 0 ? 1_000 : usualMs);
      assert.equal(window.slowMs(), delayMs);
    }
  });

  test("only the last two hundred answers count", () => {
    const window = createFirstTokenWindow();
    for (let count = 0; count < 200; count++) window.add(1_000);
    for (let count = 0; count < 179; count++) window.add(usualMs);
    assert.equal(window.slowMs(), 1_500);
    for (let count = 0; count < 2; count++) window.add(usualMs);
    assert.equal(window.slowMs(), delayMs);
  });
});

suite("the budget", () => {
  test("extra requests never exceed their share, and a quiet time saves up for twelve", () => {
    const budget = createHedgeBudget(createFakeClock(), { maxShare: 0.1 });
    let taken = 0;
    for (let requests = 1; requests <= 100; requests++) {
      budget.requested();
      if (budget.take(0)) taken++;
      assert.ok(taken <= requests * 0.1);
    }
    assert.ok(taken >= 9);
    for (let requests = 0; requests < 1_000; requests++) budget.requested();
    let burst = 0;
    while (budget.take(0)) burst++;
    assert.equal(burst, 12);
  });

  test("what costs money stops at the day's amount, and goes on a day later", () => {
    const clock = createFakeClock();
    const budget = createHedgeBudget(clock, { maxShare: 1, maxUsdPerDay: 0.05 });
    for (let requests = 0; requests < 12; requests++) budget.requested();
    assert.ok(budget.take(0.03));
    assert.equal(budget.take(0.03), undefined);
    assert.ok(budget.take(0.02));
    assert.equal(budget.take(0.001), undefined);
    assert.ok(budget.take(0), "what is free is not held back");
    clock.advance(86_400_000);
    assert.ok(budget.take(0.03));
  });

  test("what is charged in the end takes the place of what was expected", () => {
    const budget = createHedgeBudget(createFakeClock(), { maxShare: 1, maxUsdPerDay: 0.05 });
    for (let requests = 0; requests < 12; requests++) budget.requested();
    const unknown = budget.take(undefined);
    assert.equal(budget.take(undefined), undefined, "a price that is not known may be all that is left");
    unknown?.settle(0.01);
    assert.ok(budget.take(0.04));
  });

  test("an amount of zero allows only what is free", () => {
    const budget = createHedgeBudget(createFakeClock(), { maxShare: 1, maxUsdPerDay: 0 });
    budget.requested();
    assert.equal(budget.take(undefined), undefined);
    assert.equal(budget.take(0.001), undefined);
    assert.ok(budget.take(0));
  });
});

/** A router that has seen `warmUp` answers after 100 ms each. */
const createHarness = async (
  targets: readonly (Omit<Target, "provider"> & { readonly provider: ScriptedProvider })[],
  { warmUp = 25, costUsd }: { readonly warmUp?: number; readonly costUsd?: number } = {},
) => {
  const clock = createFakeClock();
  const counters = createCounters();
  const router = createRouter({ targets, strategy: "ordered", hedging: {}, clock, log: silentLog, counters });
  const [first] = targets;
  assert.ok(first);
  const usage: Usage = costUsd === undefined ? {} : { costUsd };
  const answerUsually = async (): Promise<void> => {
    const outcome = collectParts(router.streamCompletion(completion));
    await settle();
    clock.advance(usualMs);
    first.provider.calls.at(-1)!.text("x");
    first.provider.calls.at(-1)!.end(usage);
    await outcome;
  };
  for (let count = 0; count < warmUp; count++) await answerUsually();
  return { clock, counters, router };
};

const createPair = async (a: object = {}, b: object = {}, options = {}) => {
  const first = createScriptedProvider("a", a);
  const second = createScriptedProvider("b", b);
  const harness = await createHarness([{ provider: first }, { provider: second }], options);
  return { first, second, ...harness };
};

/** Asks, and lets as much time go by that an extra request is due. */
const startSlowly = async (
  { router, clock }: { router: ReturnType<typeof createRouter>; clock: ReturnType<typeof createFakeClock> },
  options = {},
) => {
  const outcome = collectParts(router.streamCompletion(completion, options));
  await settle();
  clock.advance(delayMs);
  await settle();
  return { outcome };
};

suite("hedging", () => {
  test("the first is slow: the extra request wins, the first is closed in the same turn, both are traced", async () => {
    const harness = await createPair();
    const { first, second, counters, clock } = harness;
    const span = startSpan(clock, "completion");
    const { outcome } = await startSlowly(harness, { span });
    const slow = first.calls.at(-1)!;
    assert.equal(second.calls.length, 1);
    assert.equal(slow.isClosed(), false);
    second.calls[0]!.text("2");
    await settle();
    assert.ok(slow.isClosed());
    second.calls[0]!.end({ generatedTokens: 1, costUsd: 0.25 });
    const { text, end } = await outcome;
    assert.equal(text, "2");
    assert.deepEqual(end, { type: "end", reason: "stop", usage: { generatedTokens: 1, costUsd: 0.25 }, model: "b" });
    assert.equal(counters.hedges, 1);
    assert.equal(counters.hedgesWon, 1);
    const child = span.record.children.find(({ name }) => name === "hedge");
    assert.deepEqual(child?.attributes, { origin: "http://b", isUsed: true });
    assert.equal((child?.startMs ?? 0) - span.record.startMs, delayMs);
  });

  test("the first answers before the delay: no extra request is sent, and no timer is left", async () => {
    const { first, second, clock, router, counters } = await createPair();
    const outcome = collectParts(router.streamCompletion(completion));
    await settle();
    clock.advance(delayMs - 1);
    first.calls.at(-1)!.text("1");
    await settle();
    assert.deepEqual(clock.pending(), []);
    clock.advance(10_000);
    first.calls.at(-1)!.end();
    assert.equal((await outcome).text, "1");
    assert.equal(second.calls.length, 0);
    assert.equal(counters.hedges, 0);
  });

  test("the first answers after all: the extra request is closed, and has not won", async () => {
    const harness = await createPair();
    const { first, second, counters } = harness;
    const { outcome } = await startSlowly(harness);
    first.calls.at(-1)!.text("1");
    await settle();
    assert.ok(second.calls[0]!.isClosed());
    first.calls.at(-1)!.end();
    assert.equal((await outcome).text, "1");
    assert.equal(counters.hedges, 1);
    assert.equal(counters.hedgesWon, 0);
  });

  test("an answer without text is one: nobody waits for the other's", async () => {
    const harness = await createPair();
    const { outcome } = await startSlowly(harness);
    harness.first.calls.at(-1)!.end();
    const { parts } = await outcome;
    assert.equal(parts.length, 1);
    assert.ok(harness.second.calls[0]!.isClosed());
  });

  test("one fails: the other answers; both fail: one error, the first one's", async () => {
    for (const firstToFail of ["first", "second"] as const) {
      const harness = await createPair();
      const { outcome } = await startSlowly(harness);
      const other = firstToFail === "first" ? harness.second : harness.first;
      harness[firstToFail].calls.at(-1)!.fail(new ProviderError("server-error", "x"));
      await settle();
      other.calls.at(-1)!.text("1");
      other.calls.at(-1)!.end();
      assert.equal((await outcome).text, "1");
    }
    const harness = await createPair();
    const { outcome } = await startSlowly(harness);
    harness.first.calls.at(-1)!.fail(new ProviderError("server-error", "x"));
    harness.second.calls.at(-1)!.fail(new ProviderError("unreachable", "x"));
    assertFault((await outcome).error, "server-error");
    assert.equal(harness.second.calls.length, 1);
  });

  test("a cancellation during the delay: no extra request, at once, and no timer is left", async () => {
    const { second, clock, router } = await createPair();
    const controller = new AbortController();
    const outcome = collectParts(router.streamCompletion(completion, { signal: controller.signal }));
    await settle();
    assert.deepEqual(clock.pending(), [delayMs]);
    controller.abort();
    assert.ok(isAbortError((await outcome).error));
    assert.deepEqual(clock.pending(), []);
    clock.advance(10_000);
    await settle();
    assert.equal(second.calls.length, 0);
  });

  test("a cancellation beside an extra request closes both", async () => {
    const harness = await createPair();
    const controller = new AbortController();
    const { outcome } = await startSlowly(harness, { signal: controller.signal });
    controller.abort();
    assert.ok(isAbortError((await outcome).error));
    assert.ok(harness.first.calls.at(-1)!.isClosed());
    assert.ok(harness.second.calls[0]!.isClosed());
  });

  test("nothing is slow before enough answers were seen", async () => {
    const harness = await createPair({}, {}, { warmUp: 19 });
    const { outcome } = await startSlowly(harness);
    harness.clock.advance(10_000);
    await settle();
    assert.equal(harness.second.calls.length, 0);
    harness.first.calls.at(-1)!.end();
    await outcome;
  });

  test("a used up budget sends nothing", async () => {
    const harness = await createPair();
    for (const hedges of [1, 1]) {
      const { outcome } = await startSlowly(harness);
      assert.equal(harness.counters.hedges, hedges);
      harness.first.calls.at(-1)!.end();
      await outcome;
    }
    assert.equal(harness.second.calls.length, 1);
  });

  test("an answer that comes after a fault is not sent for twice", async () => {
    const [a, b, c] = ["a", "b", "c"].map((name) => createScriptedProvider(name));
    assert.ok(a && b && c);
    const { clock, router, counters } = await createHarness([{ provider: a }, { provider: b }, { provider: c }]);
    for (let count = 0; count < 25; count++) {
      const outcome = collectParts(router.streamCompletion(completion));
      await settle();
      a.calls.at(-1)!.fail(new ProviderError("paused", "x"));
      await settle();
      clock.advance(count < 24 ? usualMs : 10_000);
      await settle();
      b.calls.at(-1)!.end();
      await outcome;
    }
    assert.equal(c.calls.length, 0);
    assert.equal(counters.hedges, 0);
  });

  test("the background and speculation wait", async () => {
    for (const priority of ["chat", "background", "speculation"]) {
      const harness = await createPair();
      const { outcome } = await startSlowly(harness, { priority });
      assert.equal(harness.second.calls.length, 0);
      harness.first.calls.at(-1)!.end();
      await outcome;
    }
  });

  test("a chat waits", async () => {
    const { first, second, clock, router } = await createPair();
    const outcome = collectParts(router.streamChat({ messages: [{ role: "user", content: "Hello" }] }));
    await settle();
    clock.advance(10_000);
    await settle();
    assert.equal(second.calls.length, 0);
    first.calls.at(-1)!.end();
    await outcome;
  });

  test("nobody gets an extra request who bills aborted ones, works on one at a time or cannot complete", async () => {
    const metered = { isMetered: true };
    for (const [a, b] of [
      [metered, {}],
      [{}, metered],
      [{}, { isMetered: true, billsAborted: true }],
      [{ slots: 1 }, {}],
      [{}, { slots: 1 }],
      [{}, { fillInMiddle: "none" }],
    ] as const) {
      const harness = await createPair(a, b);
      const { outcome } = await startSlowly(harness);
      assert.equal(harness.second.calls.length, 0, JSON.stringify([a, b]));
      assert.equal(harness.counters.hedges, 0);
      harness.first.calls.at(-1)!.end();
      await outcome;
    }
  });

  test("an Ollama that does not say how many it works on counts as working on one", async () => {
    const first = createScriptedProvider("a");
    const second = createScriptedProvider("b", {}, "ollama");
    const harness = await createHarness([{ provider: first }, { provider: second }]);
    const { outcome } = await startSlowly(harness);
    assert.equal(second.calls.length, 0);
    first.calls.at(-1)!.end();
    await outcome;
  });

  test("nobody gets an extra request while one of the two wants a pause, is tested or is full", async () => {
    const free = { limit: 4, running: 1, queued: 0, pausedMs: () => 0 };
    const cases: readonly [Omit<Target, "provider">, Omit<Target, "provider">, number][] = [
      [{ limiter: free }, { limiter: free }, 1],
      [{ limiter: { ...free, pausedMs: () => 1 } }, {}, 0],
      [{}, { limiter: { ...free, pausedMs: () => 1 } }, 0],
      [{ breaker: { state: "half-open" } }, {}, 0],
      [{}, { breaker: { state: "half-open" } }, 0],
      [{}, { breaker: { state: "open" } }, 0],
      [{}, { limiter: { ...free, running: 4 } }, 0],
      [{}, { limiter: { ...free, queued: 1 } }, 0],
    ];
    for (const [a, b, expected] of cases) {
      const first = createScriptedProvider("a");
      const second = createScriptedProvider("b");
      const harness = await createHarness([
        { provider: first, ...a },
        { provider: second, ...b },
      ]);
      const { outcome } = await startSlowly(harness);
      assert.equal(second.calls.length, expected, JSON.stringify([a, b]));
      first.calls.at(-1)!.end();
      await outcome;
    }
  });

  test("without another, the same server gets it when it has room", async () => {
    const free = { limit: 4, running: 1, queued: 0, pausedMs: () => 0 };
    const cases: readonly [object, Omit<Target, "provider">, number][] = [
      [{ slots: 2 }, {}, 1],
      [{}, { limiter: free }, 1],
      [{}, { limiter: { ...free, running: 4 } }, 0],
      [{ slots: 1 }, { replicas: 2 }, 1],
      [{ slots: 1 }, {}, 0],
      [{}, {}, 0],
    ];
    for (const [told, about, extra] of cases) {
      const only = createScriptedProvider("a", told);
      const harness = await createHarness([{ provider: only, ...about }]);
      const { outcome } = await startSlowly(harness);
      assert.equal(only.calls.length, 26 + extra, JSON.stringify([told, about]));
      only.calls.at(-1)!.text("1");
      only.calls.at(-1)!.end();
      assert.equal((await outcome).text, "1");
    }
  });

  test("another that cannot be reached is passed over", async () => {
    const only = createScriptedProvider("a", { slots: 2 });
    const dead = createScriptedProvider("b", new ProviderError("unreachable", "x"));
    const harness = await createHarness([{ provider: only }, { provider: dead }]);
    const { outcome } = await startSlowly(harness);
    assert.equal(only.calls.length, 27);
    only.calls.at(-1)!.end();
    await outcome;
  });

  test("an answer that comes while another is asked what it can do makes the extra request needless", async () => {
    const first = createScriptedProvider("a");
    const asked = Promise.withResolvers<Capabilities>();
    const second = { ...createScriptedProvider("b"), capabilities: () => asked.promise };
    const harness = await createHarness([{ provider: first }, { provider: second }]);
    const { outcome } = await startSlowly(harness);
    first.calls.at(-1)!.end();
    await outcome;
    asked.resolve(await first.capabilities());
    await settle();
    assert.equal(harness.counters.hedges, 0);
  });

  test("what the first one's lost answer cost counts for the day's amount", async () => {
    const perToken = { isMetered: true, billsAborted: false };
    for (const lostUsd of [0.01, 0.04]) {
      const harness = await createPair(perToken, perToken, { costUsd: 0.02, warmUp: 40 });
      const { first, second, counters } = harness;
      const { outcome } = await startSlowly(harness);
      const lost = first.calls.at(-1)!;
      second.calls[0]!.text("1");
      second.calls[0]!.end({ costUsd: 0.02 });
      await outcome;
      lost.options.onLateUsage?.({ costUsd: lostUsd });
      const next = await startSlowly(harness);
      assert.equal(counters.hedges, lostUsd === 0.01 ? 2 : 1);
      first.calls.at(-1)!.end();
      await next.outcome;
    }
  });

  test("it costs no more than it may, and what is told of an unused answer's cost is counted", async () => {
    const perToken = { isMetered: true, billsAborted: false };
    const dear = await createPair(perToken, perToken, { costUsd: 1 });
    const denied = await startSlowly(dear);
    assert.equal(dear.second.calls.length, 0);
    dear.first.calls.at(-1)!.end();
    await denied.outcome;

    const harness = await createPair(perToken, perToken, { costUsd: 0.001 });
    const { outcome } = await startSlowly(harness);
    const lost = harness.first.calls.at(-1)!;
    harness.second.calls[0]!.text("1");
    harness.second.calls[0]!.end({ costUsd: 0.002 });
    assert.equal((await outcome).end?.usage.costUsd, 0.002);
    assert.equal(harness.counters.unusedUsd, 0);
    lost.options.onLateUsage?.({ costUsd: 0.0005 });
    assert.equal(harness.counters.unusedUsd, 0.0005);
  });

  test("late costs of a request that a person cancelled are not hedging's, and reach who asked", async () => {
    const { first, router, counters } = await createPair({ isMetered: true, billsAborted: false });
    const told: Usage[] = [];
    const controller = new AbortController();
    const call = { signal: controller.signal, onLateUsage: (usage: Usage) => void told.push(usage) };
    const outcome = collectParts(router.streamCompletion(completion, call));
    await settle();
    controller.abort();
    await outcome;
    first.calls.at(-1)!.options.onLateUsage?.({ costUsd: 0.001 });
    assert.deepEqual(told, [{ costUsd: 0.001 }]);
    assert.equal(counters.unusedUsd, 0);
  });

  test("an answer that was given up for slow counts as slow", async () => {
    const harness = await createPair({}, {}, { warmUp: 20 });
    // Three of 23 are slow then, which moves the 90th percentile; what was given up early does not count.
    for (const waitMs of [...Array<number>(10).fill(10), 400, 400, 400]) {
      const controller = new AbortController();
      const outcome = collectParts(harness.router.streamCompletion(completion, { signal: controller.signal }));
      await settle();
      harness.clock.advance(waitMs);
      await settle();
      controller.abort();
      await outcome;
    }
    void collectParts(harness.router.streamCompletion(completion));
    await settle();
    assert.deepEqual(harness.clock.pending(), [600]);
  });
});

/** Two servers on real sockets with room for several, guarded, behind a hedging router. */
const createServed = async (context: TestContext) => {
  const clock = createFakeClock();
  const fakes = await Promise.all([0, 1].map(() => createModelServer({ slots: 4 })));
  const transport = createTransportClient({ clock, log: silentLog });
  const servers = createServers({ transport, clock, log: silentLog, apiKeyFor: () => Promise.resolve(undefined) });
  context.after(async () => {
    servers.dispose();
    await transport.close();
    await Promise.all(fakes.map((fake) => fake.close()));
  });
  const targets = await Promise.all(
    fakes.map(async ({ url }) => {
      const provider = await servers.open({ provider: "llamacpp", baseUrl: url, model: "" });
      return { provider, breaker: provider.breaker, limiter: provider.limiter };
    }),
  );
  const router = createRouter({ targets, strategy: "ordered", hedging: {}, clock, log: silentLog });
  return { clock, servers: fakes, router };
};

test("over sockets the loser's connection is closed when the winner's first text is there", async (context) => {
  const { clock, servers, router } = await createServed(context);
  for (let count = 0; count < 25; count++) await collectParts(router.streamCompletion(completion));
  const [first, second] = servers;
  assert.ok(first && second);
  first.script("/completion", { hasHead: false, finish: "hang" });
  first.script("/infill", { hasHead: false, finish: "hang" });
  const outcome = collectParts(router.streamCompletion(completion));
  const before = first.requests.length;
  // The warm-up took no time on this clock, so the floor decides.
  await clock.timer(25);
  while (first.requests.length === before) await settle();
  clock.advance(25);
  const { text, error } = await outcome;
  assert.equal(error, undefined);
  assert.equal(text, "return 42;");
  await first.requests.at(-1)!.closedByClient;
});

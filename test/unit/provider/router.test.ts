import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { abortError, isAbortError } from "../../../src/base/abort.ts";
import type { Log } from "../../../src/base/log.ts";
import { startSpan } from "../../../src/metrics/spans.ts";
import { createCounters } from "../../../src/provider/counters.ts";
import { ProviderError, type ChatRequest, type CompletionRequest, type Usage } from "../../../src/provider/provider.ts";
import { createRouter, type RouterOptions, type Target } from "../../../src/provider/router.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { assertFault, collectParts, type Outcome } from "./harness.ts";
import { createScriptedProvider, settle } from "./scriptedProvider.ts";

const completion: CompletionRequest = { prefix: "const a = ", suffix: ";", maxTokens: 8 };
const chat: ChatRequest = { messages: [{ role: "user", content: "Hello" }] };
const tools = [{ name: "read", description: "Reads a file", parameters: { type: "object" } }];

const createHarness = (targets: readonly Target[], options: Partial<RouterOptions> = {}) => {
  const clock = createFakeClock();
  const counters = createCounters();
  const lines: string[] = [];
  const keep = (line: string): void => void lines.push(line);
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep };
  const router = createRouter({ targets, strategy: "ordered", clock, log, counters, ...options });
  return { clock, counters, lines, router };
};

/** Two plain providers behind a router. */
const createPair = (options: Partial<RouterOptions> = {}) => {
  const a = createScriptedProvider("a");
  const b = createScriptedProvider("b");
  return { a, b, ...createHarness([{ provider: a }, { provider: b }], options) };
};

const fault = (kind: ProviderError["kind"], options = {}): ProviderError => new ProviderError(kind, kind, options);

suite("fallback", () => {
  test("the first target answers, and nobody else is asked anything", async () => {
    const { a, b, router, counters } = createPair();
    const outcome = collectParts(router.streamCompletion(completion));
    await settle();
    a.calls[0]!.text("1");
    a.calls[0]!.end({ costUsd: 0.5 });
    assert.deepEqual((await outcome).parts, [
      { type: "text", text: "1" },
      { type: "end", reason: "stop", usage: { costUsd: 0.5 } },
    ]);
    assert.equal(b.calls.length + b.questions(), 0);
    assert.equal(counters.fallbacks, 0);
  });

  test("another target is asked after a fault before any output, and its model is named", async () => {
    for (const kind of [
      "unreachable",
      "offline",
      "paused",
      "timeout",
      "server-error",
      "rate-limited",
      "payment-required",
      "loading",
    ] as const) {
      const { a, b, router, counters } = createPair();
      const outcome = collectParts(router.streamCompletion(completion));
      await settle();
      a.calls[0]!.fail(fault(kind));
      await settle();
      b.calls[0]!.text("2");
      b.calls[0]!.end();
      const { text, end, error } = await outcome;
      assert.equal(error, undefined, kind);
      assert.equal(text, "2");
      assert.equal(end?.model, "b");
      assert.equal(counters.fallbacks, 1);
    }
  });

  test("once a text or a tool call was handed out, a fault ends the answer", async () => {
    for (const part of [
      { type: "text", text: "1" },
      { type: "tool-call", call: { id: "1", name: "read", argumentsJson: "{}" } },
    ] as const) {
      const { a, b, router } = createPair();
      const outcome = collectParts(router.streamChat({ ...chat, tools }));
      await settle();
      a.calls[0]!.part(part);
      await settle();
      a.calls[0]!.fail(fault("unreachable"));
      const { parts, error } = await outcome;
      assert.deepEqual(parts, [part]);
      assertFault(error, "unreachable");
      assert.equal(b.calls.length, 0);
    }
  });

  test("a request that is to blame itself is not sent to another", async () => {
    for (const kind of ["bad-request", "moderated"] as const) {
      const { a, b, router } = createPair();
      const outcome = collectParts(router.streamCompletion(completion));
      await settle();
      a.calls[0]!.fail(fault(kind));
      assertFault((await outcome).error, kind);
      assert.equal(b.calls.length, 0);
    }
  });

  test("a key that was refused is not tried with another model at the same origin", async () => {
    for (const kind of ["unauthorized", "payment-required"] as const) {
      const a = createScriptedProvider("cloud", { model: "a" });
      const b = createScriptedProvider("cloud", { model: "b" });
      const local = createScriptedProvider("local");
      const { router } = createHarness([{ provider: a }, { provider: b }, { provider: local }]);
      const outcome = collectParts(router.streamCompletion(completion));
      await settle();
      a.calls[0]!.fail(fault(kind));
      await settle();
      assert.equal(b.calls.length, 0);
      local.calls[0]!.text("x");
      local.calls[0]!.end();
      assert.equal((await outcome).text, "x");
    }
  });

  test("a turn with tools that the server may have begun is not asked for twice", async () => {
    for (const hasTools of [true, false]) {
      const { a, b, router } = createPair();
      const outcome = collectParts(router.streamChat(hasTools ? { ...chat, tools } : chat));
      await settle();
      a.calls[0]!.fail(fault("truncated"));
      await settle();
      assert.equal(b.calls.length, hasTools ? 0 : 1);
      b.calls[0]?.end();
      await outcome;
    }
  });

  test("when all fail, one error tells why: the first, unless it only says that nothing was sent", async () => {
    for (const [first, second, told] of [
      ["server-error", "unreachable", "server-error"],
      ["paused", "unreachable", "unreachable"],
      ["paused", "paused", "paused"],
    ] as const) {
      const { a, b, router } = createPair();
      const outcome = collectParts(router.streamCompletion(completion));
      await settle();
      a.calls[0]!.fail(fault(first));
      await settle();
      b.calls[0]!.fail(fault(second));
      assertFault((await outcome).error, told);
    }
  });

  test("the second fault that may be charged ends the call", async () => {
    const { a, b, router } = createPair();
    const c = createScriptedProvider("c");
    const three = createHarness([{ provider: a }, { provider: b }, { provider: c }]);
    const outcome = collectParts(three.router.streamChat(chat));
    await settle();
    a.calls[0]!.fail(fault("truncated"));
    await settle();
    assert.deepEqual([a.calls[0]!.options.noBilledRetry, b.calls[0]!.options.noBilledRetry], [true, true]);
    b.calls[0]!.fail(fault("truncated"));
    assertFault((await outcome).error, "truncated");
    assert.equal(c.calls.length, 0);

    // The first one's guard has already sent it twice.
    const spent = fault("truncated");
    spent.billedRequests = 2;
    const second = collectParts(router.streamChat(chat));
    await settle();
    a.calls[1]!.fail(spent);
    assertFault((await second).error, "truncated");
    assert.equal(b.calls.length, 1);
  });

  test("where no other is able, the one more request that may be charged is the same target's", async () => {
    const a = createScriptedProvider("a");
    const blind = createScriptedProvider("blind", { fillInMiddle: "none" });
    for (const targets of [[{ provider: a }], [{ provider: a }, { provider: blind }]]) {
      const { router } = createHarness(targets);
      // The first request finds out what each can do.
      for (const end of [() => a.calls.at(-1)!.fail(fault("server-error")), () => a.calls.at(-1)!.end()]) {
        const outcome = collectParts(router.streamCompletion(completion));
        await settle();
        end();
        await outcome;
      }
      assert.equal(a.calls.at(-1)!.options.noBilledRetry, undefined);
    }
  });

  test("what a target charges for an answer that another gave is counted, not told", async () => {
    const { a, b, router, counters } = createPair();
    const told: Usage[] = [];
    const call = { onLateUsage: (usage: Usage) => void told.push(usage) };
    const outcome = collectParts(router.streamChat(chat, call));
    await settle();
    a.calls[0]!.fail(fault("truncated"));
    await settle();
    a.calls[0]!.options.onLateUsage!({ costUsd: 0.5 });
    b.calls[0]!.text("1");
    b.calls[0]!.end({ costUsd: 0.25 });
    assert.equal((await outcome).end?.usage.costUsd, 0.25);
    assert.deepEqual([told, counters.unusedUsd], [[], 0.5]);

    const failing = collectParts(router.streamChat(chat, call));
    await settle();
    a.calls[1]!.fail(fault("server-error"));
    await settle();
    b.calls[1]!.fail(fault("server-error"));
    assertFault((await failing).error, "server-error");
    a.calls[1]!.options.onLateUsage!({ costUsd: 1 });
    b.calls[1]!.options.onLateUsage!({ costUsd: 2 });
    assert.deepEqual([told, counters.unusedUsd], [[{ costUsd: 2 }], 1.5]);
  });

  test("the log gets one line when another answers, and one when the first does again", async () => {
    const { a, b, router, lines } = createPair();
    for (let index = 0; index < 3; index++) {
      const outcome = collectParts(router.streamCompletion(completion));
      await settle();
      a.calls[index]!.fail(fault(index === 0 ? "unreachable" : "paused"));
      await settle();
      b.calls[index]!.end();
      await outcome;
    }
    for (const index of [3, 4]) {
      const outcome = collectParts(router.streamCompletion(completion));
      await settle();
      a.calls[index]!.end();
      await outcome;
    }
    const there = "Switched from a at http://a to b at http://b: unreachable";
    assert.deepEqual(lines, [there, "Back at a at http://a"]);
    const outcome = collectParts(router.streamCompletion(completion));
    await settle();
    a.calls[5]!.fail(fault("unreachable"));
    await settle();
    b.calls[3]!.end();
    await outcome;
    assert.deepEqual(lines, [there, "Back at a at http://a", there]);
  });

  test("an answer that ends without its end has broken off", async () => {
    const silent = { ...createScriptedProvider("a"), async *streamCompletion() {} };
    const b = createScriptedProvider("b");
    const { router } = createHarness([{ provider: silent }, { provider: b }]);
    const outcome = collectParts(router.streamCompletion(completion));
    await settle();
    b.calls[0]!.text("2");
    b.calls[0]!.end();
    assert.equal((await outcome).text, "2");
  });

  test("a cancellation from elsewhere, such as the end of the program, is no fault: nobody else is asked", async () => {
    const { a, b, router } = createPair();
    const outcome = collectParts(router.streamCompletion(completion));
    await settle();
    a.calls[0]!.fail(abortError());
    assert.ok(isAbortError((await outcome).error));
    assert.equal(b.calls.length, 0);
  });

  test("a cancelled request is sent to nobody else", async () => {
    const { a, b, router } = createPair();
    const controller = new AbortController();
    const outcome = collectParts(router.streamCompletion(completion, { signal: controller.signal }));
    await settle();
    controller.abort();
    assert.ok(isAbortError((await outcome).error));
    assert.ok(a.calls[0]!.isClosed());
    assert.equal(b.calls.length, 0);
  });

  test("a cancellation ends an answer that is being handed out, and leaving early closes it", async () => {
    const { a, router } = createPair();
    const controller = new AbortController();
    const outcome = collectParts(router.streamCompletion(completion, { signal: controller.signal }));
    await settle();
    a.calls[0]!.text("1");
    await settle();
    controller.abort();
    const { text, error } = await outcome;
    assert.equal(text, "1");
    assert.ok(isAbortError(error));

    const left = (async () => {
      for await (const part of router.streamCompletion(completion)) if (part.type === "text") break;
    })();
    await settle();
    a.calls[1]!.text("1");
    await left;
    assert.ok(a.calls[1]!.isClosed());
  });

  test("what the fallback does hangs under a span of its own, what the first does does not", async () => {
    const { a, b, clock, router } = createPair();
    const span = startSpan(clock, "completion");
    const outcome = collectParts(router.streamCompletion(completion, { span }));
    await settle();
    assert.equal(a.calls[0]!.options.span, span);
    a.calls[0]!.fail(fault("unreachable"));
    await settle();
    b.calls[0]!.options.span?.child("connect");
    b.calls[0]!.end();
    await outcome;
    const [child] = span.record.children;
    assert.equal(child?.name, "fallback");
    assert.deepEqual(child?.attributes, { origin: "http://b", isUsed: true });
    assert.equal(child?.children[0]?.name, "connect");
    assert.notEqual(child?.endMs, undefined);
  });
});

suite("what a model can do", () => {
  const image = { type: "image", mediaType: "image/png", base64: "AA==" } as const;
  const long = "x".repeat(8_000);

  test("a model that is known not to be able is skipped, not tried", async () => {
    for (const [lacking, request] of [
      [{ tools: false }, { ...chat, tools }],
      [{ vision: false }, { messages: [{ role: "user", content: [image] }] }],
      [{ contextTokens: 1_000 }, { messages: [{ role: "user", content: long }] }],
    ] as const) {
      const a = createScriptedProvider("a", lacking);
      const b = createScriptedProvider("b");
      const { router, counters, lines } = createHarness([{ provider: a }, { provider: b }]);
      const outcome = collectParts(router.streamChat(request));
      await settle();
      assert.equal(a.calls.length, 0);
      b.calls[0]!.text("2");
      b.calls[0]!.end();
      assert.equal((await outcome).text, "2");
      assert.equal(counters.fallbacks, 0);
      assert.deepEqual(lines, []);
    }
  });

  test("tools that are not asked for, and what is not known, keep nobody out", async () => {
    const a = createScriptedProvider("a", { tools: false, vision: false, contextTokens: 1_000 });
    const b = createScriptedProvider("b", fault("server-error"));
    const { router } = createHarness([{ provider: a }, { provider: b }]);
    const outcome = collectParts(router.streamChat({ ...chat, tools: [] }));
    await settle();
    a.calls[0]!.fail(fault("unreachable"));
    await settle();
    b.calls[0]!.end();
    assert.equal((await outcome).error, undefined);
  });

  test("a fallback that is not able is not tried either: the first one's fault is told", async () => {
    const a = createScriptedProvider("a");
    const b = createScriptedProvider("b", { contextTokens: 1_000 });
    const { router } = createHarness([{ provider: a }, { provider: b }]);
    const outcome = collectParts(router.streamChat({ messages: [{ role: "user", content: long }] }));
    await settle();
    a.calls[0]!.fail(fault("server-error"));
    assertFault((await outcome).error, "server-error");
    assert.equal(b.calls.length, 0);
  });

  test("when no model is able, the error says what each lacks", async () => {
    const a = createScriptedProvider("a", { tools: false });
    const b = createScriptedProvider("b", { tools: false });
    const one = await collectParts(createHarness([{ provider: a }]).router.streamChat({ ...chat, tools }));
    assertFault(one.error, "unsupported");
    assert.equal(one.error.message, "The model a cannot call tools");
    const two = createHarness([{ provider: a }, { provider: b }]).router.streamChat({ ...chat, tools });
    const { error } = await collectParts(two);
    assertFault(error, "unsupported");
    assert.equal(error.message, "No model can do this: The model a cannot call tools; The model b cannot call tools");
    assert.equal(a.calls.length + b.calls.length, 0);
  });

  test("a chat that is too long for all goes to the model that takes most, whose guard can shorten it", async () => {
    const a = createScriptedProvider("a", { contextTokens: 500 });
    const b = createScriptedProvider("b", { contextTokens: 1_000 });
    const { router } = createHarness([{ provider: a }, { provider: b }]);
    const outcome = collectParts(router.streamChat({ messages: [{ role: "user", content: long }] }));
    await settle();
    assert.equal(a.calls.length, 0);
    b.calls[0]!.fail(fault("context-overflow"));
    assertFault((await outcome).error, "context-overflow");
    assert.equal(a.calls.length, 0);
  });

  test("a completion skips models that cannot fill in, and is cut to what a model takes", async () => {
    const a = createScriptedProvider("a", { fillInMiddle: "none" });
    const b = createScriptedProvider("b", { contextTokens: 1_000 });
    const { router } = createHarness([{ provider: a }, { provider: b }]);
    const outcome = collectParts(router.streamCompletion({ prefix: long, suffix: "", maxTokens: 100 }));
    await settle();
    assert.equal(a.calls.length, 0);
    const { request } = b.calls[0]!;
    assert.ok("prefix" in request && request.prefix.length > 1_000 && request.prefix.length < 3_600);
    b.calls[0]!.end();
    await outcome;
  });

  test("what a target can do is asked once, and again after it has answered", async () => {
    const { a, router } = createPair();
    const first = collectParts(router.streamChat({ ...chat, tools }));
    await settle();
    a.setCapabilities({ tools: false });
    a.calls[0]!.end();
    await first;
    await settle();
    assert.equal(a.questions(), 2);
    void collectParts(router.streamChat({ ...chat, tools }));
    await settle();
    assert.equal(a.calls.length, 1);
    assert.equal(a.questions(), 2);
  });
});

suite("as a provider", () => {
  test("it is its first target, for whoever asks about the server", async () => {
    const { router } = createPair();
    assert.equal(router.origin, "http://a");
    assert.equal(router.kind, "openai-compatible");
    assert.deepEqual(await router.models(), [{ id: "a" }]);
    assert.deepEqual(await router.health(), { status: "ok" });
    const found = await router.validateConnection("chat");
    assert.equal(found.ok && found.model, "a");
  });

  test("capabilities are those of the first that tells any; who told nothing the last time is asked last", async () => {
    const { a, b, router } = createPair();
    assert.equal((await router.capabilities()).model, "a");
    a.setCapabilities(fault("unreachable"));
    assert.equal((await router.capabilities()).model, "b");
    assert.equal((await router.capabilities()).model, "b");
    assert.equal(a.questions(), 2);
    b.setCapabilities(fault("offline"));
    await assert.rejects(router.capabilities(), { kind: "unreachable" });
    a.setCapabilities({});
    assert.equal((await router.capabilities()).model, "a");
    a.setCapabilities(fault("bad-request"));
    b.setCapabilities({});
    await assert.rejects(router.capabilities(), { kind: "bad-request" });
  });

  test("who answers again is the one whose capabilities count", async () => {
    const { a, router } = createPair();
    a.setCapabilities(fault("server-error"));
    assert.equal((await router.capabilities()).model, "b");
    a.setCapabilities({});
    const outcome = collectParts(router.streamCompletion(completion));
    await settle();
    a.calls[0]!.end();
    await outcome;
    assert.equal((await router.capabilities()).model, "a");
  });

  test("who cannot be reached when asked what it can do is not waited for again, but gets the next request", async () => {
    const { a, b, router, counters } = createPair();
    a.setCapabilities(fault("unreachable"));
    for (const requests of [0, 1, 2]) {
      const outcome = collectParts(router.streamCompletion(completion));
      await settle();
      assert.equal(a.calls.length, requests);
      a.calls.at(-1)?.fail(fault("unreachable"));
      await settle();
      b.calls.at(-1)!.text("2");
      b.calls.at(-1)!.end();
      assert.equal((await outcome).text, "2");
      assert.equal(a.questions(), 1);
    }
    assert.equal(counters.fallbacks, 3);
  });

  test("a target that is left alone for now is not asked what it can do", async () => {
    const a = createScriptedProvider("a");
    const b = createScriptedProvider("b");
    const { router } = createHarness([{ provider: a, breaker: { state: "open" } }, { provider: b }]);
    assert.equal((await router.capabilities()).model, "b");
    const outcome = collectParts(router.streamCompletion(completion));
    await settle();
    assert.equal(a.questions(), 0);
    a.calls[0]!.fail(fault("paused"));
    await settle();
    b.calls[0]!.end();
    await outcome;
  });

  test("without targets there is no router", () => {
    assert.throws(() => createHarness([]), RangeError);
  });
});

/** Several providers that are asked at once. */
const createField = (capabilities: readonly object[], options: Partial<RouterOptions> = {}) => {
  const providers = capabilities.map((told, index) => createScriptedProvider(`p${index}`, told));
  return {
    providers,
    ...createHarness(
      providers.map((provider) => ({ provider })),
      { strategy: "fastest", ...options },
    ),
  };
};

suite("fastest", () => {
  test("all are asked at once; the first text wins and the others are closed in the same turn", async () => {
    const { providers, router } = createField([{}, {}, {}]);
    const outcome = collectParts(router.streamCompletion(completion));
    await settle();
    assert.deepEqual(
      providers.map(({ calls }) => calls.length),
      [1, 1, 1],
    );
    providers[0]!.calls[0]!.fail(fault("unauthorized"));
    providers[2]!.calls[0]!.text("");
    await settle();
    providers[1]!.calls[0]!.text("1");
    await settle();
    assert.deepEqual(
      providers.map(({ calls }) => calls[0]!.isClosed()),
      [true, false, true],
    );
    providers[1]!.calls[0]!.end();
    const { text, end } = await outcome;
    assert.equal(text, "1");
    assert.equal(end?.model, "p1");
  });

  test("an answer without any text wins only when nobody has one", async () => {
    const { providers, router } = createField([{}, {}, {}]);
    const first = collectParts(router.streamCompletion(completion));
    await settle();
    providers[0]!.calls[0]!.end();
    await settle();
    providers[1]!.calls[0]!.text("1");
    providers[1]!.calls[0]!.end();
    assert.equal((await first).text, "1");

    const second = collectParts(router.streamCompletion(completion));
    await settle();
    providers[0]!.calls[1]!.end();
    providers[1]!.calls[1]!.end();
    await settle();
    providers[2]!.calls[1]!.fail(fault("unreachable"));
    const { error, end } = await second;
    assert.equal(error, undefined);
    assert.ok(end);
  });

  test("models that cost money are only asked when all free ones have failed", async () => {
    const { providers, router, counters } = createField([{ isMetered: true }, {}]);
    const outcome = collectParts(router.streamCompletion(completion));
    await settle();
    assert.equal(providers[0]!.calls.length, 0);
    providers[1]!.calls[0]!.fail(fault("unreachable"));
    await settle();
    providers[0]!.calls[0]!.text("paid");
    providers[0]!.calls[0]!.end();
    assert.equal((await outcome).text, "paid");
    assert.equal(counters.fallbacks, 1);
  });

  test("a server on the internet counts as paid while it tells nothing, one nearby as free", async () => {
    for (const [name, isRaced] of [
      ["api.example.com", false],
      ["192.168.1.20", true],
    ] as const) {
      const silent = createScriptedProvider(name, fault("server-error", { status: 500 }));
      const free = createScriptedProvider("free");
      const { router } = createHarness([{ provider: free }, { provider: silent }], { strategy: "fastest" });
      const outcome = collectParts(router.streamCompletion(completion));
      await settle();
      assert.equal(silent.calls.length === 1, isRaced, name);
      free.calls[0]!.text("1");
      free.calls[0]!.end();
      assert.equal((await outcome).text, "1");
    }
  });

  test("a lost answer's cost that was told at its end is counted", async () => {
    const { providers, router, counters } = createField([{}, {}]);
    const outcome = collectParts(router.streamCompletion(completion));
    await settle();
    providers[0]!.calls[0]!.end({ costUsd: 0.5 });
    await settle();
    providers[1]!.calls[0]!.text("1");
    providers[1]!.calls[0]!.end({ costUsd: 0.25 });
    assert.equal((await outcome).end?.usage.costUsd, 0.25);
    await settle();
    assert.equal(counters.unusedUsd, 0.5);
  });

  test("models that cost money race when that is allowed", async () => {
    const { providers, router } = createField([{ isMetered: true }, {}], { allowPaidRace: true });
    const outcome = collectParts(router.streamCompletion(completion));
    await settle();
    assert.equal(providers[0]!.calls.length, 1);
    providers[0]!.calls[0]!.end();
    providers[1]!.calls[0]!.end();
    await outcome;
  });

  test("turns with tools, the background and speculation are not raced", async () => {
    for (const send of [
      (router: ReturnType<typeof createRouter>) => router.streamChat({ ...chat, tools }),
      (router: ReturnType<typeof createRouter>) => router.streamChat(chat, { priority: "background" }),
      (router: ReturnType<typeof createRouter>) => router.streamCompletion(completion, { priority: "speculation" }),
    ]) {
      const { providers, router } = createField([{}, {}]);
      const outcome = collectParts(send(router));
      await settle();
      assert.equal(providers[1]!.calls.length, 0);
      providers[0]!.calls[0]!.end();
      await outcome;
    }
  });

  test("a cancellation closes all at once", async () => {
    const { providers, router } = createField([{}, {}]);
    const controller = new AbortController();
    const outcome: Promise<Outcome> = collectParts(router.streamCompletion(completion, { signal: controller.signal }));
    await settle();
    controller.abort();
    assert.ok(isAbortError((await outcome).error));
    assert.deepEqual(
      providers.map(({ calls }) => calls[0]!.isClosed()),
      [true, true],
    );
  });
});

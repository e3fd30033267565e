// Several models behind one provider: cases 33 and 35, and where others lead to another server (1, 3, 7, 20 to 24, 32).
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { createCounters } from "../../src/provider/counters.ts";
import type { GuardedProvider } from "../../src/provider/guard.ts";
import type { HedgingOptions } from "../../src/provider/hedge.ts";
import type { ProviderKind, ToolDefinition } from "../../src/provider/provider.ts";
import { createRouter } from "../../src/provider/router.ts";
import {
  createModelServer,
  hangReply,
  jsonReply,
  resetReply,
  sse,
  streamReply,
  type ModelServer,
  type ModelServerOptions,
  type ScriptedReply,
} from "../fake/modelServer.ts";
import { assertFault, collectParts } from "../unit/provider/harness.ts";
import { createRawServer } from "../unit/transport/harness.ts";
import { baseUrlOf, createNetwork, drive, generatingRequests, modelId, question, settle, until } from "./harness.ts";

type Place = { readonly kind: ProviderKind; readonly server?: ModelServerOptions };

const completion = { prefix: "const a = ", suffix: ";\n", maxTokens: 5 };
const tools: readonly ToolDefinition[] = [{ name: "write", description: "", parameters: { type: "object" } }];
/** Longer than every pause between attempts, shorter than every deadline. */
const backoffMs = 9_000;

/** A router over guarded providers, one for each server; a server may be a bare address. */
const createRouting = async (
  context: TestContext,
  places: readonly (Place | { readonly kind: ProviderKind; readonly baseUrl: string })[],
  hedging?: HedgingOptions,
) => {
  const network = createNetwork(context);
  const counters = createCounters();
  const servers: ModelServer[] = [];
  const providers: GuardedProvider[] = [];
  for (const place of places) {
    let baseUrl: string;
    if ("baseUrl" in place) {
      baseUrl = place.baseUrl;
    } else {
      // OpenRouter names what a model can do only where it names a price.
      const own = place.kind === "ollama" ? { ollama: {} } : place.kind === "openrouter" ? { costUsd: 0 } : {};
      const server = await createModelServer({
        modelId,
        chat: () => `chat ${servers.length}`,
        ...own,
        ...place.server,
      });
      context.after(() => server.close());
      servers.push(server);
      baseUrl = baseUrlOf(place.kind, server);
    }
    providers.push(await network.servers.open({ provider: place.kind, baseUrl, model: modelId }));
  }
  const router = createRouter({
    targets: providers.map((provider) => ({ provider, breaker: provider.breaker, limiter: provider.limiter })),
    strategy: "ordered",
    clock: network.clock,
    log: network.log,
    counters,
    ...(hedging ? { hedging } : {}),
  });
  const [first, second] = servers as [ModelServer, ModelServer];
  return { ...network, router, first, second, providers, counted: counters };
};

const fault = (status: number, message: string, headers: Readonly<Record<string, string>> = {}): ScriptedReply =>
  jsonReply(status, { error: { code: status, message } }, headers);

test("#01 a server that is not running is replaced by the next", async (context) => {
  const dead = await createModelServer();
  await dead.close();
  const { clock, router, first, counted } = await createRouting(context, [
    { kind: "llamacpp", baseUrl: dead.url },
    { kind: "llamacpp" },
  ]);
  const { result, waitedMs } = await drive(clock, collectParts(router.streamChat(question)), backoffMs);
  assert.equal(result.error, undefined);
  assert.equal(generatingRequests(first).length, 1);
  assert.equal(counted.fallbacks, 1);
  assert.ok(waitedMs <= 2 * 250, `${waitedMs} ms`);
});

test("#03 a server that takes the connection and says nothing is replaced by the next", async (context) => {
  const { port } = await createRawServer(context, (socket) => socket.resume());
  const { clock, router, first } = await createRouting(context, [
    { kind: "llamacpp", baseUrl: `https://127.0.0.1:${port}` },
    { kind: "llamacpp" },
  ]);
  const { result, waitedMs } = await drive(clock, collectParts(router.streamChat(question)), 10_000);
  assert.equal(result.error, undefined);
  assert.equal(generatingRequests(first).length, 1);
  // What it is able to do is asked first, and that it does not tell either.
  assert.ok(waitedMs <= 20_000, `${waitedMs} ms`);
});

for (const hasTools of [false, true]) {
  test(`#07 a connection that breaks after the head ${hasTools ? "ends a turn with tools" : "leads to the next server"}`, async (context) => {
    const { clock, router, first, second } = await createRouting(context, [
      { kind: "openai-compatible" },
      { kind: "openai-compatible" },
    ]);
    await router.capabilities();
    const headOnly = streamReply([() => settle(5)], "reset");
    first.script("/v1/chat", headOnly, headOnly);
    const request = hasTools ? { ...question, tools } : question;
    const { result } = await drive(clock, collectParts(router.streamChat(request)), backoffMs);
    if (hasTools) {
      assertFault(result.error, "truncated");
      assert.equal(generatingRequests(first).length, 1);
      assert.equal(generatingRequests(second).length, 0);
    } else {
      assert.equal(result.error, undefined);
      // The one more request that may be charged goes to where it is more likely to succeed.
      assert.deepEqual([generatingRequests(first).length, generatingRequests(second).length], [1, 1]);
    }
  });
}

test("#08 after the first text no other server is asked", async (context) => {
  const { clock, router, first, second } = await createRouting(context, [
    { kind: "openai-compatible" },
    { kind: "openai-compatible" },
  ]);
  const hasRead = Promise.withResolvers<void>();
  const event = { choices: [{ index: 0, delta: { content: "Hello" }, finish_reason: null }] };
  first.script("/v1/chat", streamReply([sse(event), () => hasRead.promise], "reset"));
  let text = "";
  await assert.rejects(async () => {
    for await (const part of router.streamChat(question)) {
      if (part.type === "text") text += part.text;
      hasRead.resolve();
    }
  });
  clock.advance(60_000);
  await settle();
  assert.equal(text, "Hello");
  assert.equal(generatingRequests(first).length, 1);
  assert.equal(generatingRequests(second).length, 0);
});

test("#20 a refused key is not tried at the same origin under another model's name, but elsewhere", async (context) => {
  const network = createNetwork(context);
  const [refusing, other] = [await createModelServer({ modelId }), await createModelServer({ modelId })];
  context.after(() => Promise.all([refusing.close(), other.close()]));
  const open = (server: ModelServer, model: string) =>
    network.servers.open({ provider: "openrouter", baseUrl: baseUrlOf("openrouter", server), model });
  const targets = [
    { provider: await open(refusing, modelId) },
    { provider: await open(refusing, "qwen/qwen2.5-coder-32b") },
    { provider: await open(other, modelId) },
  ];
  const { clock, log } = network;
  const router = createRouter({ targets, strategy: "ordered", clock, log });
  refusing.script("/v1/chat", ...Array.from({ length: 3 }, () => fault(401, "No auth credentials found")));
  const outcome = await collectParts(router.streamChat(question));
  assert.equal(outcome.error, undefined);
  assert.equal(generatingRequests(refusing).length, 1);
  assert.equal(generatingRequests(other).length, 1);
});

test("#21 without credit a local server may take over", async (context) => {
  const { router, first, second } = await createRouting(context, [{ kind: "openrouter" }, { kind: "llamacpp" }]);
  first.script("/v1/chat", fault(402, "Insufficient credits"));
  first.script("/v1/completions", fault(402, "Insufficient credits"));
  assert.equal((await collectParts(router.streamChat(question))).error, undefined);
  assert.equal((await collectParts(router.streamCompletion(completion))).error, undefined);
  assert.equal(generatingRequests(second).length, 2);
});

test("#22 a text that one server refuses is not passed on to the next", async (context) => {
  const { router, first, second } = await createRouting(context, [{ kind: "openrouter" }, { kind: "llamacpp" }]);
  const refused = { code: 403, message: "Input was flagged", metadata: { reasons: ["hate"], flagged_input: "x" } };
  first.script("/v1/chat", jsonReply(403, { error: refused }));
  const outcome = await collectParts(router.streamChat(question));
  assertFault(outcome.error, "moderated");
  assert.equal(generatingRequests(second).length, 0);
});

test("#23 after all attempts the next server is asked", async (context) => {
  const { clock, router, first, second, counted } = await createRouting(context, [
    { kind: "openrouter" },
    { kind: "openrouter" },
  ]);
  first.script("/v1/chat", ...Array.from({ length: 5 }, () => fault(503, "overloaded")));
  const { result, waitedMs } = await drive(clock, collectParts(router.streamChat(question)), backoffMs);
  assert.equal(result.error, undefined);
  assert.equal(generatingRequests(first).length, 3);
  assert.equal(generatingRequests(second).length, 1);
  assert.equal(counted.fallbacks, 1);
  assert.ok(waitedMs <= 10_000);
});

test("#24 a chat goes elsewhere when a server wants to be left alone for an hour, and so does the next one", async (context) => {
  const { clock, router, first, second } = await createRouting(context, [
    { kind: "openrouter" },
    { kind: "openrouter" },
  ]);
  first.script("/v1/chat", fault(429, "later", { "retry-after": "3600" }));
  for (let count = 1; count <= 3; count++) {
    const { result, waitedMs } = await drive(clock, collectParts(router.streamChat(question)), backoffMs);
    assert.equal(result.error, undefined);
    assert.equal(waitedMs, 0);
    assert.equal(generatingRequests(second).length, count);
  }
  assert.equal(generatingRequests(first).length, 1);
});

const hedging: HedgingOptions = { maxShare: 0.5, floorMs: 25 };

/** Enough quick answers that what is slow is known, and that extra requests are saved up. */
const warmUp = async (routing: Awaited<ReturnType<typeof createRouting>>, count = 30): Promise<void> => {
  const { clock, router, first } = routing;
  for (let index = 0; index < count; index++) {
    first.script(
      "/v1/completions",
      streamReply([
        async () => clock.advance(10),
        sse({ choices: [{ index: 0, text: "quick", finish_reason: "stop" }] }),
        sse("[DONE]"),
      ]),
    );
    const outcome = await collectParts(router.streamCompletion(completion));
    assert.equal(outcome.error, undefined);
  }
};
const completions = (server: ModelServer) =>
  generatingRequests(server).filter(({ path }) => path === "/v1/completions");

test("#33 a slow answer is asked for once more elsewhere; the quicker one counts, the other is closed", async (context) => {
  const routing = await createRouting(context, [{ kind: "openai-compatible" }, { kind: "openai-compatible" }], hedging);
  const { clock, router, first, second, counted } = routing;
  await warmUp(routing);
  const before = completions(first).length;
  first.script("/v1/completions", hangReply);
  const outcome = collectParts(router.streamCompletion(completion));
  await until(() => completions(first).length > before);
  const slow = first.requests.at(-1)!;
  await until(() => clock.pending().some((delayMs) => delayMs >= 10 && delayMs <= 30));
  assert.equal(completions(second).length, 0, "nothing before it is slow");
  clock.advance(30);
  const { error, text } = await outcome;
  assert.equal(error, undefined);
  assert.equal(text, "return 42;");
  await slow.closedByClient;
  assert.equal(completions(second).length, 1);
  assert.deepEqual([counted.hedges, counted.hedgesWon], [1, 1]);
});

test("#33 what comes in time is not asked for twice", async (context) => {
  const routing = await createRouting(context, [{ kind: "openai-compatible" }, { kind: "openai-compatible" }], hedging);
  await warmUp(routing, 60);
  routing.clock.advance(60_000);
  await settle();
  assert.equal(completions(routing.second).length, 0);
  assert.equal(routing.counted.hedges, 0);
  assert.deepEqual(routing.clock.pending(), []);
});

test("#33 when both fail there is one error", async (context) => {
  const routing = await createRouting(context, [{ kind: "openai-compatible" }, { kind: "openai-compatible" }], hedging);
  const { clock, router, first, second } = routing;
  await warmUp(routing);
  const goOn = Promise.withResolvers<void>();
  const failing: ScriptedReply = { hasHead: false, body: [() => goOn.promise], finish: "reset" };
  const before = completions(first).length;
  first.script("/v1/completions", failing, resetReply, resetReply);
  second.script("/v1/completions", failing, resetReply, resetReply);
  const outcome = collectParts(router.streamCompletion(completion));
  await until(() => completions(first).length > before);
  await until(() => clock.pending().some((delayMs) => delayMs >= 10 && delayMs <= 30));
  clock.advance(30);
  await until(() => completions(second).length === 1);
  goOn.resolve();
  const { result } = await drive(clock, outcome, backoffMs);
  assertFault(result.error, "unreachable");
  assert.equal(result.parts.length, 0);
});

test("#33 a used-up budget sends no extra request", async (context) => {
  const routing = await createRouting(
    context,
    [{ kind: "openai-compatible" }, { kind: "openai-compatible" }],
    // 31 requests save up not even one.
    { ...hedging, maxShare: 0.03 },
  );
  const { clock, router, first, second } = routing;
  await warmUp(routing, 25);
  const before = completions(first).length;
  first.script("/v1/completions", hangReply);
  const leaving = new AbortController();
  const outcome = collectParts(router.streamCompletion(completion, { signal: leaving.signal }));
  await until(() => completions(first).length > before);
  clock.advance(1_000);
  await settle();
  assert.equal(completions(second).length, 0);
  leaving.abort();
  await outcome;
});

for (const count of [1, 2]) {
  test(`#33 ${count === 1 ? "a server that works" : "of two servers that work"} on one request at a time none gets an extra one`, async (context) => {
    const places = Array.from({ length: count }, () => ({ kind: "llamacpp" as const }));
    const routing = await createRouting(context, places, hedging);
    const { clock, router, first, second, counted } = routing;
    for (let index = 0; index < 30; index++) await collectParts(router.streamCompletion(completion));
    await routing.providers.at(-1)!.capabilities();
    const before = generatingRequests(first).length;
    first.script("/completion", hangReply);
    const leaving = new AbortController();
    const outcome = collectParts(router.streamCompletion(completion, { signal: leaving.signal }));
    await until(() => generatingRequests(first).length > before);
    clock.advance(10_000);
    await settle();
    assert.equal(generatingRequests(first).length, before + 1);
    if (count === 2) assert.equal(generatingRequests(second).length, 0);
    assert.equal(counted.hedges, 0);
    leaving.abort();
    await outcome;
  });
}

test("#33 no chat is asked for twice, with tools or without", async (context) => {
  const chats = await createRouting(context, [{ kind: "openai-compatible" }, { kind: "openai-compatible" }], hedging);
  await warmUp(chats);
  for (const request of [question, { ...question, tools }]) {
    chats.first.script("/v1/chat", hangReply);
    const leaving = new AbortController();
    const chat = collectParts(chats.router.streamChat(request, { signal: leaving.signal }));
    await chats.first.nextRequest("/v1/chat");
    chats.clock.advance(10_000);
    await settle();
    assert.equal(generatingRequests(chats.second).length, 0);
    leaving.abort();
    await chat;
  }
});

test("#33 what an extra request costs is counted, whether its answer was used or not", async (context) => {
  const paid: ModelServerOptions = {
    costUsd: 0.001,
    providerName: "OpenAI",
    pricing: { prompt: "0.000001", completion: "0.000002" },
  };
  const routing = await createRouting(
    context,
    [
      { kind: "openrouter", server: paid },
      { kind: "openrouter", server: paid },
    ],
    { ...hedging, maxUsdPerDay: 1 },
  );
  const { clock, router, first, second, counted } = routing;
  // Only after it has seen which company answers does it know that aborting stops the bill.
  const event = { id: "gen-1", provider: "OpenAI", choices: [{ index: 0, text: "quick", finish_reason: "stop" }] };
  const usage = { prompt_tokens: 5, completion_tokens: 1, cost: 0.001 };
  const quick = streamReply([
    async () => clock.advance(10),
    sse(event),
    sse({ ...event, choices: [], usage }),
    sse("[DONE]"),
  ]);
  second.script("/v1/completions", quick);
  await collectParts(routing.providers[1]!.streamCompletion(completion));
  for (let index = 0; index < 30; index++) {
    first.script("/v1/completions", quick);
    await collectParts(router.streamCompletion(completion));
  }
  const [before, beforeSecond] = [completions(first).length, completions(second).length];
  first.script("/v1/completions", {
    ...streamReply([], "hang"),
    headers: { "content-type": "text/event-stream", "x-generation-id": "gen-lost" },
  });
  first.script("/v1/generation", jsonReply(200, { data: { id: "gen-lost", total_cost: 0.25 } }));
  second.script("/v1/completions", quick);
  const outcome = collectParts(router.streamCompletion(completion));
  await until(() => completions(first).length > before);
  await until(() => clock.pending().some((delayMs) => delayMs >= 10 && delayMs <= 30));
  clock.advance(30);
  const { error, end } = await outcome;
  assert.equal(error, undefined);
  assert.equal(end?.usage.costUsd, 0.001);
  assert.equal(completions(second).length, beforeSecond + 1);
  for (let atMs = 0; atMs < 60_000; atMs += 500) {
    clock.advance(500);
    await settle(4);
  }
  assert.equal(counted.hedges, 1);
  assert.ok(Math.abs(counted.unusedUsd - 0.25) < 1e-9, `${counted.unusedUsd} US dollars`);
});

test("#32 cancelling before the extra request ends it at once, and none is sent", async (context) => {
  const routing = await createRouting(context, [{ kind: "openai-compatible" }, { kind: "openai-compatible" }], hedging);
  const { clock, router, first, second } = routing;
  await warmUp(routing);
  const before = completions(first).length;
  first.script("/v1/completions", hangReply);
  const leaving = new AbortController();
  const outcome = collectParts(router.streamCompletion(completion, { signal: leaving.signal }));
  await until(() => completions(first).length > before);
  await until(() => clock.pending().some((delayMs) => delayMs >= 10 && delayMs <= 30));
  const abortedAt = performance.now();
  leaving.abort();
  const { error } = await outcome;
  assert.ok(performance.now() - abortedAt < 20);
  assert.ok(error instanceof Error);
  assert.equal(error.name, "AbortError");
  clock.advance(60_000);
  await settle();
  assert.equal(completions(first).length, before + 1);
  assert.equal(completions(second).length, 0);
  assert.deepEqual(clock.pending(), []);
});

test("#35 a model that calls no tools is not asked to", async (context) => {
  const { router, first, second } = await createRouting(context, [
    { kind: "openrouter", server: { tools: false } },
    { kind: "openrouter", server: { tools: true } },
  ]);
  const outcome = await collectParts(router.streamChat({ ...question, tools }));
  assert.equal(outcome.error, undefined);
  assert.equal(generatingRequests(first).length, 0);
  assert.equal(generatingRequests(second).length, 1);
  // Without tools it is the first again.
  await collectParts(router.streamChat(question));
  assert.equal(generatingRequests(first).length, 1);
});

test("#35 a model that reads no images gets none", async (context) => {
  const { router, first, second } = await createRouting(context, [
    { kind: "openrouter", server: { vision: false } },
    { kind: "openrouter", server: { vision: true } },
  ]);
  const content = [
    { type: "text", text: "What is this?" },
    { type: "image", mediaType: "image/png", base64: "iVBORw0KGgo=" },
  ] as const;
  const outcome = await collectParts(router.streamChat({ messages: [{ role: "user", content }] }));
  assert.equal(outcome.error, undefined);
  assert.equal(generatingRequests(first).length, 0);
  assert.equal(generatingRequests(second).length, 1);
});

test("#35 a model whose context is too short is left out", async (context) => {
  const { router, first, second } = await createRouting(context, [
    { kind: "openai-compatible", server: { contextTokens: 1_000 } },
    { kind: "openai-compatible", server: { contextTokens: 100_000 } },
  ]);
  const content = "words of all kinds and lengths ".repeat(1_000);
  const outcome = await collectParts(router.streamChat({ messages: [{ role: "user", content }] }));
  assert.equal(outcome.error, undefined);
  assert.equal(generatingRequests(first).length, 0);
  assert.equal(generatingRequests(second).length, 1);
});

test("#35 where no model is able nobody is asked, and the error says so", async (context) => {
  const { router, first, second } = await createRouting(context, [
    { kind: "openrouter", server: { tools: false } },
    { kind: "openrouter", server: { tools: false } },
  ]);
  const outcome = await collectParts(router.streamChat({ ...question, tools }));
  assertFault(outcome.error, "unsupported");
  assert.equal(generatingRequests(first).length + generatingRequests(second).length, 0);
});

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { silentLog } from "../../../src/base/log.ts";
import { createLateUsageLookup } from "../../../src/provider/openRouterBilling.ts";
import { ProviderError, type ProviderOptions, type Usage } from "../../../src/provider/provider.ts";
import { createProvider } from "../../../src/provider/registry.ts";
import { createFakeClock, type FakeClock } from "../../fake/clock.ts";
import { hangReply, htmlReply, jsonReply, sse, streamReply, type ModelServerOptions } from "../../fake/modelServer.ts";
import {
  assertFault,
  bodyOf,
  collectParts,
  createProviderHarness,
  messages,
  rejectsWithFault,
  request,
} from "./harness.ts";

const model = "qwen/qwen-2.5-coder-32b-instruct";
const chatPath = "/v1/chat/completions";

const createHarness = (
  context: TestContext,
  more: Partial<ProviderOptions> & { readonly server?: ModelServerOptions } = {},
) =>
  createProviderHarness(context, "openrouter", {
    model,
    apiKey: async () => "sk-or-secret",
    server: { modelId: model, costUsd: 0.000_25 },
    ...more,
  });

// The streams below are written after OpenRouter's documentation, not recorded.
const head = { id: "gen-1", object: "chat.completion.chunk", created: 1, model, provider: "Some" };
const keepAlive = ": OPENROUTER PROCESSING\n\n";
const chunk = (delta: object, finish: string | null = null, more: object = {}): string =>
  sse({ ...head, choices: [{ index: 0, delta, finish_reason: finish, native_finish_reason: finish }], ...more });
const usage = {
  prompt_tokens: 9,
  completion_tokens: 2,
  total_tokens: 11,
  cost: 0.0125,
  is_byok: false,
  prompt_tokens_details: { cached_tokens: 4 },
};

test("a chat streams its text and says what it cost; keep-alives and reasoning stay out", async (context) => {
  const { server, provider } = await createHarness(context);
  server.script(
    chatPath,
    streamReply([
      keepAlive,
      keepAlive,
      chunk({ role: "assistant", content: "" }),
      chunk({ content: "", reasoning: "hm", reasoning_details: [] }),
      chunk({ content: "Hel" }),
      keepAlive,
      chunk({ content: "lo" }),
      chunk({ content: "" }, "stop"),
      chunk({ role: "assistant", content: "" }, null, { usage }),
      sse("[DONE]"),
    ]),
  );
  const { text, end } = await collectParts(provider.streamChat({ messages, maxTokens: 5, temperature: 0.2 }));
  assert.equal(text, "Hello");
  assert.deepEqual(end, {
    type: "end",
    reason: "stop",
    usage: { promptTokens: 9, cachedTokens: 4, generatedTokens: 2, costUsd: 0.0125 },
  });
  const sent = await server.nextRequest(chatPath);
  assert.deepEqual(bodyOf(sent), { model, messages, max_tokens: 5, temperature: 0.2, stream: true });
  assert.equal(sent.headers["authorization"], "Bearer sk-or-secret");
  assert.equal(sent.headers["x-openrouter-title"], "Hotpath");
  assert.match(String(sent.headers["http-referer"]), /^https:\/\//);
  assert.equal(sent.headers["accept"], "text/event-stream");
});

test("a known family gets a raw prompt, without an empty field", async (context) => {
  const { server, provider } = await createHarness(context);
  const { text, end } = await collectParts(provider.streamCompletion({ ...request, stop: ["\n\n"] }));
  assert.equal(text, "return 42;");
  assert.equal(end?.usage.costUsd, 0.000_25);
  assert.deepEqual(bodyOf(await server.nextRequest("/v1/completions")), {
    model,
    prompt: "<|fim_prefix|>const a = <|fim_suffix|>;\n<|fim_middle|>",
    max_tokens: 32,
    stop: ["\n\n", "<|endoftext|>", "<|file_sep|>", "<|repo_name|>"],
    stream: true,
  });
  assert.equal(server.requests.length, 1);
});

test("a model of no known family is asked in a chat, since the settings name it", async (context) => {
  const { server, provider } = await createHarness(context, { model: "some/chat-model" });
  assert.equal((await collectParts(provider.streamCompletion(request))).text, "Hello from the model.");
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    ["/v1/chat/completions"],
  );
  assert.equal((await provider.capabilities()).fillInMiddle, "chat");
});

test("without a key nothing is asked", async (context) => {
  for (const apiKey of [async () => undefined, async () => " \n"]) {
    const { server, provider, transport } = await createHarness(context, { apiKey });
    assertFault((await collectParts(provider.streamCompletion(request))).error, "unauthorized");
    assertFault((await collectParts(provider.streamChat({ messages }))).error, "unauthorized");
    await rejectsWithFault(provider.models(), "unauthorized");
    const health = await provider.health();
    assert.equal(health.status, "down");
    assertFault(health.error, "unauthorized");
    assert.equal(server.requests.length, 0);
    assert.equal(transport.counters().opened, 0);
  }
});

test("without a model nothing is asked: the first of hundreds would be a guess that costs money", async (context) => {
  const { server, provider } = await createHarness(context, { model: "" });
  assertFault((await collectParts(provider.streamCompletion(request))).error, "model-not-found");
  assertFault((await collectParts(provider.streamChat({ messages }))).error, "model-not-found");
  await rejectsWithFault(provider.capabilities(), "model-not-found");
  assert.equal(server.requests.length, 0);
});

const listReply = jsonReply(200, {
  data: [
    {
      id: "openrouter/auto",
      context_length: 2_000_000,
      pricing: { prompt: "-1", completion: "-1" },
      top_provider: { context_length: null },
    },
    {
      id: model,
      context_length: 131_072,
      pricing: { prompt: "0.0000002", completion: "0.0000006", request: "0" },
      top_provider: { context_length: 32_768, max_completion_tokens: null },
    },
    { id: "some/free:free", context_length: 8192, pricing: { prompt: "0", completion: "0" } },
    { id: "some/odd", pricing: { prompt: "", completion: "n/a" } },
    { id: "some/bare", pricing: null },
  ],
});

test("models come with context and prices, as far as they make sense", async (context) => {
  const { server, provider } = await createHarness(context);
  server.script("/v1/models", listReply);
  assert.deepEqual(await provider.models(), [
    { id: "openrouter/auto", contextTokens: 2_000_000 },
    { id: model, contextTokens: 32_768, promptUsdPerToken: 0.000_000_2, completionUsdPerToken: 0.000_000_6 },
    { id: "some/free:free", contextTokens: 8192, promptUsdPerToken: 0, completionUsdPerToken: 0 },
    { id: "some/odd" },
    { id: "some/bare" },
  ]);
});

test("capabilities come from the list, once, for a variant too", async (context) => {
  const { server, provider } = await createHarness(context, { model: `${model}:nitro` });
  server.script("/v1/models", listReply);
  const expected = {
    model: `${model}:nitro`,
    fillInMiddle: "raw-template",
    slots: undefined,
    contextTokens: 32_768,
    isMetered: true,
    billsAborted: true,
  };
  assert.deepEqual(await provider.capabilities(), expected);
  assert.deepEqual(await provider.capabilities(), expected);
  assert.equal(server.requests.length, 1);
});

test("a model that is not in the list has an unknown context", async (context) => {
  const { server, provider } = await createHarness(context, { model: "@preset/mine" });
  server.script("/v1/models", listReply);
  const { contextTokens, isMetered } = await provider.capabilities();
  assert.equal(contextTokens, undefined);
  assert.equal(isMetered, true);
});

test("a written stream reads the same wherever it is split", async (context) => {
  const { server, provider } = await createHarness(context);
  const body = Buffer.from(
    keepAlive +
      chunk({ content: 'a🚀"error"' }) +
      chunk({ content: "ü\r\n" }, "stop") +
      sse({ ...head, choices: [], usage }) +
      sse("[DONE]"),
  );
  for (let at = 1; at < body.length; at++) {
    server.script(chatPath, streamReply([body.subarray(0, at), body.subarray(at)]));
    const { text, end, error } = await collectParts(provider.streamChat({ messages }));
    assert.equal(error, undefined);
    assert.equal(text, 'a🚀"error"ü\r\n', `split at ${at}`);
    assert.equal(end?.usage.costUsd, 0.0125);
  }
  assert.equal(server.connections().opened, 1);
});

test("a cost is never charged twice and never a strange number", async (context) => {
  const { server, provider } = await createHarness(context);
  const cases = [
    [[{ cost: 0.5 }, { cost: 0.5 }], 0.5],
    [[{ cost: 0.5 }, { cost: null }], 0.5],
    [[{ cost: null }], undefined],
    [[{ cost: -1 }], undefined],
    [[{ cost: "0.5" }], undefined],
    [[{ cost: 0 }], 0],
    [[], undefined],
  ] as const;
  for (const [usages, costUsd] of cases) {
    const events = usages.map((said) => sse({ choices: [], usage: said }));
    server.script(chatPath, streamReply([chunk({ content: "x" }, "stop"), ...events, sse("[DONE]")]));
    assert.equal((await collectParts(provider.streamChat({ messages }))).end?.usage.costUsd, costUsd);
  }
});

test("cached tokens are never more than there were", async (context) => {
  const { server, provider } = await createHarness(context);
  const said = { prompt_tokens: 5, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 50 } };
  server.script(
    chatPath,
    streamReply([chunk({ content: "x" }, "stop"), sse({ choices: [], usage: said }), sse("[DONE]")]),
  );
  assert.equal((await collectParts(provider.streamChat({ messages }))).end?.usage.cachedTokens, 5);
});

test("an error inside a stream keeps the text before it, whatever its code looks like", async (context) => {
  const { server, provider } = await createHarness(context);
  const failed = { choices: [{ index: 0, delta: { content: "" }, finish_reason: "error" }] };
  const faults = [
    [{ error: { code: 502, message: "Upstream" }, ...failed }, "server-error"],
    [{ error: { code: "server_error", message: "Upstream" }, ...failed }, "server-error"],
    [{ error: { code: 429, message: "Slow", metadata: { error_type: "rate_limit_exceeded" } } }, "rate-limited"],
    [{ error: { code: 402, message: "Credit" } }, "payment-required"],
    [{ error: { code: 400, message: "No", metadata: { error_type: "context_length_exceeded" } } }, "context-overflow"],
    [{ error: { code: 200, message: "Late", metadata: { error_type: "timeout" } } }, "timeout"],
    [{ error: { code: 500, message: "New", metadata: { error_type: "never_heard_of" } } }, "server-error"],
    [{ error: { code: 500, message: "New", metadata: { error_type: "constructor" } } }, "server-error"],
    [failed, "server-error"],
  ] as const;
  for (const [fault, kind] of faults) {
    server.script(chatPath, streamReply([chunk({ content: "one" }), sse({ ...head, ...fault }), sse("[DONE]")]));
    const { text, end, error } = await collectParts(provider.streamChat({ messages }));
    assert.equal(text, "one");
    assert.equal(end, undefined);
    assertFault(error, kind);
  }
});

test("error answers have their kinds, by the type where there is one", async (context) => {
  const { server, provider } = await createHarness(context);
  const faults = [
    [400, { message: "Bad" }, "bad-request"],
    [400, { message: "x", metadata: { error_type: "token_limit_exceeded" } }, "context-overflow"],
    [400, { message: "x", metadata: { error_type: "image_too_large" } }, "bad-request"],
    [401, { message: "No auth credentials found" }, "unauthorized"],
    [402, { message: "Insufficient credits" }, "payment-required"],
    [403, { message: "Key disabled" }, "unauthorized"],
    [403, { message: "Flagged", metadata: { reasons: ["violence"], flagged_input: "x" } }, "moderated"],
    [403, { message: "Blocked", metadata: { patterns: ["secret"] } }, "moderated"],
    [403, { message: "No", metadata: { error_type: "permission_denied", patterns: ["secret"] } }, "moderated"],
    [403, { message: "Your input was flagged by a guardrail" }, "moderated"],
    [404, { message: "No endpoints found that support tool use." }, "unsupported"],
    [404, { message: "No endpoints found for x/y." }, "model-not-found"],
    [404, { message: "Gone", metadata: { error_type: "not_found" } }, "model-not-found"],
    [404, { message: "Not Found" }, "unsupported"],
    [400, { message: "x/y is not a valid model ID" }, "model-not-found"],
    [408, { message: "Late" }, "timeout"],
    [413, { message: "Large" }, "context-overflow"],
    [429, { message: "Slow" }, "rate-limited"],
    [502, { message: "Bad", metadata: { error_type: "provider_unavailable" } }, "server-error"],
    [503, { message: "No provider", metadata: { error_type: "provider_overloaded" } }, "server-error"],
    [524, { message: "Edge" }, "server-error"],
    [529, { message: "Overloaded" }, "server-error"],
  ] as const;
  for (const [status, fault, kind] of faults) {
    server.script(chatPath, jsonReply(status, { error: { code: status, ...fault } }));
    const { error } = await collectParts(provider.streamChat({ messages }));
    assertFault(error, kind);
    assert.equal(error.status, status);
  }
  assert.equal(server.requests.length, faults.length);
});

test("what the provider behind it said is in the message, cut to an excerpt", async (context) => {
  const { server, provider } = await createHarness(context);
  const metadata = { provider_name: "Some", raw: `model is \n overloaded ${"x".repeat(1000)}` };
  server.script(chatPath, jsonReply(429, { error: { code: 429, message: "Provider returned error", metadata } }));
  const { error } = await collectParts(provider.streamChat({ messages }));
  assertFault(error, "rate-limited");
  assert.match(error.message, /Some: model is overloaded/);
  assert.ok(error.message.length < 240, error.message);
});

test("an error with status 200 instead of a stream is known by its inner code", async (context) => {
  const { server, provider } = await createHarness(context);
  const body = { error: { code: 402, message: "Credit" }, choices: [{ message: { content: null } }] };
  server.script(chatPath, jsonReply(200, body));
  assertFault((await collectParts(provider.streamChat({ messages }))).error, "payment-required");
  server.script("/v1/models", jsonReply(200, { error: { code: 429, message: "Slow" } }));
  await rejectsWithFault(provider.models(), "rate-limited");
});

test("the time to wait comes from either header", async (context) => {
  const { server, provider, clock } = await createHarness(context);
  const nowMs = clock.dateMs();
  const cases = [
    [{ "retry-after": "2" }, 2_000],
    [{ "retry-after": "3600" }, 3_600_000],
    [{ "retry-after": new Date(nowMs + 30_000).toUTCString() }, 30_000],
    [{ "retry-after": "soon" }, undefined],
    [{ "x-ratelimit-reset": String(nowMs + 5_000) }, 5_000],
    [{ "x-ratelimit-reset": String(nowMs / 1000 + 5) }, 5_000],
    [{ "x-ratelimit-reset": "1" }, 1_000],
    [{ "x-ratelimit-reset": "soon" }, undefined],
    [{ "retry-after": "2", "x-ratelimit-reset": String(nowMs + 5_000) }, 2_000],
  ] as const;
  for (const [headers, retryAfterMs] of cases) {
    server.script(chatPath, jsonReply(429, { error: { code: 429, message: "Slow" } }, headers));
    const { error } = await collectParts(provider.streamChat({ messages }));
    assertFault(error, "rate-limited");
    assert.equal(error.retryAfterMs, retryAfterMs);
  }
});

test("a page for people and an event that is not JSON are bad responses", async (context) => {
  const { server, provider } = await createHarness(context);
  server.script(chatPath, htmlReply, streamReply([chunk({ content: "one" }), sse('{"error": nothing')]));
  assertFault((await collectParts(provider.streamChat({ messages }))).error, "bad-response");
  const { text, error } = await collectParts(provider.streamChat({ messages }));
  assert.equal(text, "one");
  assertFault(error, "bad-response");
});

test("an event over several lines, with any line ends and a byte order mark, is read as one", async (context) => {
  const { server, provider } = await createHarness(context);
  for (const end of ["\n", "\r\n", "\r"]) {
    const lines = [
      "id: 1",
      'data:{"choices": [',
      'data: {"delta": {"content": "one"},',
      'data: "finish_reason": "stop"}]}',
    ];
    const marked = ["", "data: [DONE]", "", ""];
    server.script(chatPath, streamReply([`\uFEFFretry: 5${end}${end}${[...lines, ...marked].join(end)}`]));
    const { text, end: last, error } = await collectParts(provider.streamChat({ messages }));
    assert.equal(error, undefined);
    assert.equal(text, "one");
    assert.equal(last?.reason, "stop");
  }
});

test("one endless event is a bad response and closes the socket", async (context) => {
  const { server, provider } = await createHarness(context);
  server.script(chatPath, streamReply([`data: ${"x".repeat(3 * 1024 * 1024)}`], "hang"));
  assertFault((await collectParts(provider.streamChat({ messages }))).error, "bad-response");
  await (
    await server.nextRequest(chatPath)
  ).closedByClient;
});

test("neither a finish reason nor [DONE] is a truncated answer, and nothing is asked twice", async (context) => {
  const { server, provider } = await createHarness(context);
  server.script(chatPath, streamReply([chunk({ content: "one" })]), streamReply([chunk({ content: "one" })], "cut"));
  for (let count = 1; count <= 2; count++) {
    const { text, error } = await collectParts(provider.streamChat({ messages }));
    assert.equal(text, "one");
    assertFault(error, "truncated");
    assert.equal(server.requests.length, count);
  }
});

test("[DONE] alone and a finish reason alone are complete answers", async (context) => {
  const { server, provider } = await createHarness(context);
  server.script(
    chatPath,
    streamReply([chunk({ content: "one" }), sse("[DONE]")]),
    streamReply([chunk({ content: "one" }, "length")]),
  );
  assert.equal((await collectParts(provider.streamChat({ messages }))).end?.reason, "other");
  assert.equal((await collectParts(provider.streamChat({ messages }))).end?.reason, "length");
});

test("a redirect is refused, so that the key stays here", async (context) => {
  const { server, provider } = await createHarness(context);
  server.script(chatPath, { status: 307, headers: { location: "http://127.0.0.1:1/" } });
  assertFault((await collectParts(provider.streamChat({ messages }))).error, "bad-response");
});

test("an answer that never begins is given up, and the socket is closed", async (context) => {
  const { server, provider, clock } = await createHarness(context, { firstByteMs: 2_000 });
  server.script(chatPath, hangReply);
  const outcome = collectParts(provider.streamChat({ messages }));
  const seen = await server.nextRequest(chatPath);
  await clock.timer(2_000);
  clock.advance(2_000);
  assertFault((await outcome).error, "timeout");
  await seen.closedByClient;
});

test("cancelling closes the socket before and after the first event", async (context) => {
  const { server, provider, clock } = await createHarness(context);
  server.script(chatPath, hangReply, streamReply([keepAlive, chunk({ content: "one" })], "hang"));
  const early = new AbortController();
  const outcome = collectParts(provider.streamChat({ messages }, { signal: early.signal }));
  const first = await server.nextRequest(chatPath);
  early.abort();
  const { error } = await outcome;
  assert.ok(error instanceof Error && error.name === "AbortError");
  await first.closedByClient;
  const late = new AbortController();
  const stream = provider.streamChat({ messages }, { signal: late.signal })[Symbol.asyncIterator]();
  await stream.next();
  const pending = stream.next();
  late.abort();
  await assert.rejects(pending, { name: "AbortError" });
  await (
    await server.nextRequest(chatPath)
  ).closedByClient;
  assert.deepEqual(clock.pending(), []);
});

test("health asks about the key", async (context) => {
  const { server, provider } = await createHarness(context);
  assert.deepEqual(await provider.health(), { status: "ok" });
  assert.equal(server.requests[0]?.path, "/v1/key");
  server.script("/v1/key", jsonReply(200, { data: { limit: 5, limit_remaining: 0.01 } }));
  assert.deepEqual(await provider.health(), { status: "ok" });
  server.script(
    "/v1/key",
    jsonReply(200, { data: { limit: 5, limit_remaining: 0 } }),
    jsonReply(401, { error: { code: 401, message: "User not found." } }),
    htmlReply,
  );
  for (const kind of ["payment-required", "unauthorized", "bad-response"] as const) {
    const health = await provider.health();
    assert.equal(health.status, "down");
    assertFault(health.error, kind);
  }
  await server.close();
  const dead = await provider.health();
  assert.equal(dead.status, "down");
  assertFault(dead.error, "unreachable");
});

test("no error tells the key, and none goes over plain http to the internet", async (context) => {
  const { server, provider, transport, clock } = await createHarness(context);
  server.script("/v1/models", jsonReply(401, { error: { code: 401, message: "Wrong key" } }));
  const faults = [await provider.models().catch((error: unknown) => error)];
  const options = { baseUrl: "http://openrouter.ai/api/v1", model, apiKey: async () => "sk-or-secret" };
  const open = await createProvider("openrouter", options, { transport, clock, log: silentLog });
  const before = transport.counters().requests;
  faults.push(await open.models().catch((error: unknown) => error));
  assertFault(faults[1], "bad-request");
  assert.equal(transport.counters().requests, before);
  for (const fault of faults) assert.doesNotMatch(`${String(fault)} ${JSON.stringify(fault)}`, /secret/);
});

const freeModel = "qwen/qwen-2.5-coder-7b:free";

/** Makes the clock run past every pause of a lookup, one at a time. */
const passPauses = async (clock: FakeClock, delaysMs: readonly number[]): Promise<void> => {
  for (const delayMs of delaysMs) {
    await clock.timer(delayMs);
    clock.advance(delayMs);
  }
};

const nothingToTell = (): void => assert.fail("there is nothing to tell");

/** Waits until no request and no pause is left. */
const allQuiet = async (clock: FakeClock): Promise<void> => {
  while (clock.pending().length > 0) await setImmediate();
};

test("a cancelled answer's cost is asked for until it is known, and told once", async (context) => {
  const { server, provider, clock } = await createHarness(context, {
    server: { modelId: model, costUsd: 0.02, generationMisses: 2 },
  });
  const late: Usage[] = [];
  const told = Promise.withResolvers<void>();
  const onLateUsage = (lateUsage: Usage): void => {
    late.push(lateUsage);
    told.resolve();
  };
  const controller = new AbortController();
  server.script(chatPath, {
    headers: { "content-type": "text/event-stream", "x-generation-id": "gen/7 a" },
    body: [chunk({ content: "one" })],
    finish: "hang",
  });
  const call = { signal: controller.signal, onLateUsage };
  for await (const part of provider.streamChat({ messages }, call)) {
    if (part.type === "text") break;
  }
  await passPauses(clock, [4_000, 8_000, 16_000]);
  await told.promise;
  assert.deepEqual(late, [{ costUsd: 0.02, promptTokens: 7, generatedTokens: 2 }]);
  const asked = server.requests.filter(({ path }) => path.startsWith("/v1/generation"));
  assert.deepEqual(
    asked.map(({ path }) => path),
    Array.from({ length: 3 }, () => "/v1/generation?id=gen%2F7%20a"),
  );
  await allQuiet(clock);
});

test("the cost is asked for after every end that does not tell it, by the answer's own id too", async (context) => {
  const { server, provider, clock } = await createHarness(context, {
    server: { modelId: model, costUsd: 0.02, generationMisses: 0 },
  });
  const ends = [
    streamReply([chunk({ content: "x" }, "stop"), sse("[DONE]")]),
    streamReply([chunk({ content: "x" })], "cut"),
    streamReply([chunk({ content: "x" }), sse({ ...head, error: { code: 502, message: "Gone" } })]),
    streamReply([chunk({ content: "x" }, "stop"), sse({ choices: [], usage: { cost: null } }), sse("[DONE]")]),
  ];
  for (const reply of ends) {
    server.script(chatPath, reply);
    const told = Promise.withResolvers<Usage>();
    await collectParts(provider.streamChat({ messages }, { onLateUsage: told.resolve }));
    await passPauses(clock, [4_000]);
    assert.equal((await told.promise).costUsd, 0.02);
    assert.equal((await server.nextRequest("/v1/generation")).path, "/v1/generation?id=gen-1");
  }
});

test("nobody asks for a cost that was told, that nobody wants, or of an answer that never began", async (context) => {
  const { server, provider, clock } = await createHarness(context);
  const done = sse("[DONE]");
  server.script(
    chatPath,
    streamReply([chunk({ content: "x" }, "stop", { usage }), done]),
    streamReply([chunk({ content: "x" }, "stop"), done]),
    jsonReply(429, { error: { code: 429, message: "Slow" } }),
    hangReply,
  );
  await collectParts(provider.streamChat({ messages }, { onLateUsage: nothingToTell }));
  await collectParts(provider.streamChat({ messages }));
  await collectParts(provider.streamChat({ messages }, { onLateUsage: nothingToTell }));
  const controller = new AbortController();
  const running = collectParts(
    provider.streamChat({ messages }, { onLateUsage: nothingToTell, signal: controller.signal }),
  );
  for (let count = 0; count < 4; count++) await server.nextRequest(chatPath);
  controller.abort();
  await running;
  assert.deepEqual(clock.pending(), []);
  assert.equal(server.requests.length, 4);
});

test("asking for the cost ends when it stays unknown, when the key is refused, and with the program", async (context) => {
  const { server, provider, clock, transport } = await createHarness(context, {
    server: { modelId: model, costUsd: 0.02, generationMisses: 100 },
  });
  const cut = streamReply([chunk({ content: "x" })], "cut");
  server.script(chatPath, cut, cut, cut);
  await collectParts(provider.streamChat({ messages }, { onLateUsage: nothingToTell }));
  await passPauses(clock, [4_000, 8_000, 16_000]);
  for (let count = 0; count < 3; count++) await (await server.nextRequest("/v1/generation")).answered;
  await allQuiet(clock);

  server.script("/v1/generation", jsonReply(401, { error: { code: 401, message: "No" } }));
  await collectParts(provider.streamChat({ messages }, { onLateUsage: nothingToTell }));
  await passPauses(clock, [4_000]);
  await (
    await server.nextRequest("/v1/generation")
  ).answered;
  await setImmediate();

  await collectParts(provider.streamChat({ messages }, { onLateUsage: nothingToTell }));
  await clock.timer(4_000);
  assert.deepEqual(clock.pending(), [4_000]);
  await transport.close();
  clock.advance(4_000);
  await allQuiet(clock);
  assert.equal(server.requests.filter(({ path }) => path.startsWith("/v1/generation")).length, 4);
});

test("a cost that makes no sense is not told", async (context) => {
  const { server, provider, clock } = await createHarness(context);
  const odd = [null, -1, "0.5", undefined].map((cost) => jsonReply(200, { data: { id: "gen-1", total_cost: cost } }));
  const data = { id: "gen-1", total_cost: 0, native_tokens_prompt: 5, native_tokens_cached: 9, tokens_completion: 3 };
  for (const replies of [odd.slice(0, 2), odd.slice(2)]) {
    const told = Promise.withResolvers<Usage>();
    server.script(chatPath, streamReply([chunk({ content: "x" })], "cut"));
    server.script("/v1/generation", ...replies, jsonReply(200, { data }));
    await collectParts(provider.streamChat({ messages }, { onLateUsage: told.resolve }));
    await passPauses(clock, [4_000, 8_000, 16_000]);
    assert.deepEqual(await told.promise, { costUsd: 0, promptTokens: 5, cachedTokens: 5, generatedTokens: 3 });
  }
});

test("a cost that was told before the answer broke off needs no question", async (context) => {
  const { server, provider, clock } = await createHarness(context);
  const told: Usage[] = [];
  server.script(chatPath, streamReply([chunk({ content: "x" }, null, { usage })], "cut"));
  await collectParts(provider.streamChat({ messages }, { onLateUsage: (lateUsage) => void told.push(lateUsage) }));
  assert.deepEqual(told, [{ costUsd: 0.0125 }]);
  assert.deepEqual(clock.pending(), []);
});

/** Asks for the costs of answers, and writes down what was asked. */
const createLookup = (answer: (id: string) => Promise<unknown>) => {
  const clock = createFakeClock();
  const ending = new AbortController();
  const asked: string[] = [];
  const wire = {
    origin: "https://openrouter.ai",
    getJson: (path: string) => {
      asked.push(path.split("=")[1]!);
      return answer(path);
    },
  };
  const lookup = createLateUsageLookup(wire, { clock, log: silentLog, signal: ending.signal });
  return { clock, ending, asked, lookup };
};

test("costs are asked for one at a time, no earlier than four seconds later, and only the newest twenty", async () => {
  const answers: (() => void)[] = [];
  const { clock, asked, lookup } = createLookup(
    () => new Promise((resolve) => void answers.push(() => resolve({ data: { total_cost: 0.5 } }))),
  );
  const told: Usage[] = [];
  for (let id = 0; id < 30; id++) lookup.find(`${id}`, (lateUsage) => void told.push(lateUsage));
  clock.advance(3_999);
  await setImmediate();
  assert.deepEqual([asked, clock.pending().length], [[], 1]);
  clock.advance(1);
  while (told.length < 20) {
    await setImmediate();
    clock.advance(0);
    assert.ok(answers.length <= 1);
    answers.pop()?.();
  }
  await setImmediate();
  assert.deepEqual(
    asked,
    Array.from({ length: 20 }, (_, index) => `${index + 10}`),
  );
  assert.deepEqual(clock.pending(), []);
  lookup.find("again", () => {});
  assert.equal(clock.pending().length, 1);
});

test("the program's end ends the waiting for costs, and a refusal forgets them all", async () => {
  const { clock, ending, asked, lookup } = createLookup(() =>
    Promise.reject(new ProviderError("rate-limited", "slow down")),
  );
  for (const id of ["a", "b", "c"]) lookup.find(id, nothingToTell);
  clock.advance(4_000);
  await setImmediate();
  assert.deepEqual([asked, clock.pending()], [["a"], []]);

  lookup.find("d", nothingToTell);
  assert.equal(clock.pending().length, 1);
  ending.abort();
  await setImmediate();
  lookup.find("e", nothingToTell);
  assert.deepEqual([asked, clock.pending()], [["a"], []]);
});

test("whether a cancelled request is charged is learned from who answers", async (context) => {
  const { server, provider } = await createHarness(context);
  server.script("/v1/models", listReply);
  const answerFrom = async (name: string): Promise<boolean | undefined> => {
    server.script(chatPath, streamReply([chunk({ content: "x" }, "stop", { provider: name, usage }), sse("[DONE]")]));
    await collectParts(provider.streamChat({ messages }));
    return (await provider.capabilities()).billsAborted;
  };
  assert.equal((await provider.capabilities()).billsAborted, true);
  assert.equal(await answerFrom("DeepInfra"), false);
  assert.equal(await answerFrom("Together"), false);
  assert.equal(await answerFrom("Google AI Studio"), true);
  assert.equal(await answerFrom("DeepInfra"), true);
});

test("a free model costs nothing, also when cancelled", async (context) => {
  const { server, provider, clock } = await createHarness(context, { model: freeModel });
  server.script(
    "/v1/models",
    jsonReply(200, { data: [{ id: freeModel, context_length: 8192, pricing: { prompt: "0", completion: "0" } }] }),
  );
  const { isMetered, billsAborted } = await provider.capabilities();
  assert.equal(isMetered, false);
  assert.equal(billsAborted, false);
  server.script(chatPath, streamReply([chunk({ content: "x" })], "cut"));
  await collectParts(provider.streamChat({ messages }, { onLateUsage: nothingToTell }));
  assert.deepEqual(clock.pending(), []);
});

test("usage comes in all its parts, none larger than the whole", async (context) => {
  const { server, provider } = await createHarness(context);
  const said = {
    prompt_tokens: 100,
    completion_tokens: 20,
    cost: 0.5,
    prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 4_000 },
    completion_tokens_details: { reasoning_tokens: 15 },
  };
  server.script(chatPath, streamReply([chunk({ content: "x" }, "stop", { usage: said }), sse("[DONE]")]));
  assert.deepEqual((await collectParts(provider.streamChat({ messages }))).end?.usage, {
    promptTokens: 100,
    cachedTokens: 60,
    cacheWriteTokens: 100,
    generatedTokens: 20,
    reasoningTokens: 15,
    costUsd: 0.5,
  });
});

test("the limit's headers count inside of the body too", async (context) => {
  const { server, provider, clock } = await createHarness(context);
  const headers = { "X-RateLimit-Limit": "50", "X-RateLimit-Reset": String(clock.dateMs() + 90_000) };
  server.script(
    chatPath,
    jsonReply(429, { error: { code: 429, message: "free-models-per-day", metadata: { headers } } }),
  );
  const { error } = await collectParts(provider.streamChat({ messages }));
  assertFault(error, "rate-limited");
  assert.equal(error.retryAfterMs, 90_000);
});

test("a refused text tells the reasons and not the text", async (context) => {
  const { server, provider } = await createHarness(context);
  const metadata = { reasons: ["violence", "self-harm"], flagged_input: "my secret prompt", provider_name: "Some" };
  server.script(chatPath, jsonReply(403, { error: { code: 403, message: "Flagged", metadata } }));
  const { error } = await collectParts(provider.streamChat({ messages }));
  assertFault(error, "moderated");
  assert.match(error.message, /Some: violence, self-harm/);
  assert.doesNotMatch(error.message, /secret/);
});

test("a prompt that is too long tells both sizes", async (context) => {
  const { server, provider } = await createHarness(context);
  const message =
    "This endpoint's maximum context length is 131072 tokens. However, you requested about 140000 tokens (139000 of text input, 1000 in the output).";
  server.script(chatPath, jsonReply(400, { error: { code: 400, message } }));
  const { error } = await collectParts(provider.streamChat({ messages }));
  assertFault(error, "context-overflow");
  assert.equal(error.contextTokens, 131_072);
  assert.equal(error.promptTokens, 139_000);
});

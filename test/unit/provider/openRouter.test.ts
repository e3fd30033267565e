import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import type { ProviderOptions } from "../../../src/provider/provider.ts";
import { createProvider } from "../../../src/provider/registry.ts";
import { hangReply, htmlReply, jsonReply, sse, streamReply } from "../../fake/modelServer.ts";
import { assertFault, bodyOf, collectParts, createProviderHarness, rejectsWithFault } from "./harness.ts";

const request = { prefix: "const a = ", suffix: ";\n", maxTokens: 32 };
const messages = [{ role: "user", content: "Hi" }] as const;
const model = "qwen/qwen-2.5-coder-32b-instruct";
const chatPath = "/v1/chat/completions";

const createHarness = (context: TestContext, more: Partial<ProviderOptions> = {}) =>
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
  assert.equal(sent.headers["accept-encoding"], undefined);
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

test("a model of no known family gets no ghost text request", async (context) => {
  const { server, provider } = await createHarness(context, { model: "some/chat-model" });
  assertFault((await collectParts(provider.streamCompletion(request))).error, "unsupported");
  assert.equal(server.requests.length, 0);
  assert.equal((await provider.capabilities()).fillInMiddle, "none");
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
  };
  assert.deepEqual(await provider.capabilities(), expected);
  assert.deepEqual(await provider.capabilities(), expected);
  assert.equal(server.requests.length, 1);
});

test("a model that is not in the list has an unknown context", async (context) => {
  const { server, provider } = await createHarness(context, { model: "@preset/mine" });
  server.script("/v1/models", listReply);
  assert.equal((await provider.capabilities()).contextTokens, undefined);
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
    [403, { message: "Flagged", metadata: { reasons: ["violence"], flagged_input: "x" } }, "bad-request"],
    [403, { message: "Blocked", metadata: { patterns: ["secret"] } }, "bad-request"],
    [403, { message: "No", metadata: { error_type: "permission_denied", patterns: ["secret"] } }, "bad-request"],
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
  assert.ok(error.message.length < 320);
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
    [{ "x-ratelimit-reset": "1" }, 0],
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

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { silentLog } from "../../../src/base/log.ts";
import { htmlReply, jsonReply, loadingReply, resetReply, sse, streamReply } from "../../fake/modelServer.ts";
import { createProvider } from "../../../src/provider/registry.ts";
import type { TransportClient } from "../../../src/transport/client.ts";
import {
  assertFault,
  bodyOf,
  collectParts,
  createProviderHarness,
  rejectsWithFault,
  request,
  messages,
} from "./harness.ts";

const piece = (text: string, finish: string | null = null): string =>
  sse({ choices: [{ index: 0, text, finish_reason: finish }] });

test("a model of no known family gets prompt and suffix", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible", {
    server: { complete: ({ prefix, suffix }) => `${prefix}|${suffix}` },
  });
  assert.deepEqual(await provider.capabilities(), {
    model: "oracle",
    fillInMiddle: "suffix-parameter",
    slots: undefined,
    contextTokens: 8192,
  });
  const { text, end } = await collectParts(provider.streamCompletion({ ...request, stop: ["\n\n"], temperature: 0.1 }));
  assert.equal(text, "const a = |;\n");
  assert.equal(end?.reason, "stop");
  assert.ok((end.usage.generatedTokens ?? 0) > 0);
  assert.deepEqual(bodyOf(await server.nextRequest("/v1/completions")), {
    model: "oracle",
    prompt: request.prefix,
    suffix: request.suffix,
    max_tokens: 32,
    temperature: 0.1,
    stop: ["\n\n"],
    stream: true,
    stream_options: { include_usage: true },
  });
});

test("a known family gets a raw prompt and at most four stop texts", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible", {
    model: "Qwen/Qwen2.5-Coder-1.5B",
  });
  assert.equal((await provider.capabilities()).fillInMiddle, "raw-template");
  await collectParts(provider.streamCompletion(request));
  const sent = bodyOf(await server.nextRequest("/v1/completions"));
  assert.equal(sent["prompt"], "<|fim_prefix|>const a = <|fim_suffix|>;\n<|fim_middle|>");
  assert.equal(sent["suffix"], undefined);
  assert.ok(Array.isArray(sent["stop"]) && sent["stop"].length === 4);
});

test("Ollama gets the suffix even for a known family, and never an empty one", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible", {
    model: "qwen2.5-coder:1.5b",
  });
  server.script("/api/version", jsonReply(200, { version: "0.12.0" }));
  assert.equal((await provider.capabilities()).fillInMiddle, "suffix-parameter");
  await collectParts(provider.streamCompletion(request));
  await collectParts(provider.streamCompletion({ ...request, suffix: "" }));
  const first = bodyOf(await server.nextRequest("/v1/completions"));
  assert.equal(first["prompt"], request.prefix);
  assert.equal(first["suffix"], request.suffix);
  assert.equal(bodyOf(await server.nextRequest("/v1/completions"))["suffix"], "\n");
});

test("a server that refuses the suffix, and has no chat, is asked once, and then the model counts as unable", async (context) => {
  for (const status of [400, 422]) {
    const { server, provider } = await createProviderHarness(context, "openai-compatible", {
      server: { takesChat: false },
    });
    server.script("/v1/completions", jsonReply(status, { object: "error", message: "suffix is not supported" }));
    for (let count = 0; count < 3; count++) {
      assertFault((await collectParts(provider.streamCompletion(request))).error, "unsupported");
    }
    assert.equal((await provider.capabilities()).fillInMiddle, "none");
    assert.equal(server.requests.filter(({ path }) => path === "/v1/completions").length, 1);
  }
});

test("other refusals do not count against the suffix", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  server.script(
    "/v1/completions",
    jsonReply(400, { error: { message: "maximum context length is 10 tokens", code: 400 } }),
    jsonReply(429, { error: { message: "later" } }),
    jsonReply(400, { error: { message: "max_tokens must be at least 64" } }),
    jsonReply(422, { detail: [{ loc: ["body", "temperature"], msg: "Input should be a valid number" }] }),
    jsonReply(500, { error: { message: "suffix: out of memory" } }),
  );
  for (const kind of ["context-overflow", "rate-limited", "bad-request", "bad-request", "server-error"] as const) {
    assertFault((await collectParts(provider.streamCompletion(request))).error, kind);
  }
  assert.equal((await provider.capabilities()).fillInMiddle, "suffix-parameter");
  assert.equal((await collectParts(provider.streamCompletion(request))).text, "return 42;");
});

test("a server without a list of models works with the model that the settings name", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible", { model: "mine" });
  server.script("/v1/models", jsonReply(404, { detail: "Not Found" }));
  assert.equal((await provider.capabilities()).model, "mine");
});

test("a server without any model says so", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  server.script("/v1/models", jsonReply(200, { object: "list", data: [] }));
  await rejectsWithFault(provider.capabilities(), "model-not-found");
});

test("a finish reason without [DONE] is a complete answer", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  server.script("/v1/completions", streamReply([piece("one"), piece("", "length")]));
  const { text, end, error } = await collectParts(provider.streamCompletion(request));
  assert.equal(error, undefined);
  assert.equal(text, "one");
  assert.deepEqual(end, { type: "end", reason: "length", usage: {} });
});

test("[DONE] without a finish reason is a complete answer", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  server.script("/v1/completions", streamReply([piece("one"), sse("[DONE]")]));
  const { end } = await collectParts(provider.streamCompletion(request));
  assert.equal(end?.reason, "other");
});

test("neither a finish reason nor [DONE] is a truncated answer, and its text stays", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  server.script("/v1/completions", streamReply([piece("one"), piece(" two")]));
  const { text, end, error } = await collectParts(provider.streamCompletion(request));
  assert.equal(text, "one two");
  assert.equal(end, undefined);
  assertFault(error, "truncated");
});

test("a cut after the finish reason loses nothing", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  server.script("/v1/completions", streamReply([piece("one") + piece("", "stop")], "cut"));
  const { text, end, error } = await collectParts(provider.streamCompletion(request));
  assert.equal(error, undefined);
  assert.equal(text, "one");
  assert.equal(end?.reason, "stop");
});

test("an error after the finish reason is one all the same", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  server.script("/v1/completions", streamReply([piece("one", "stop"), sse({ error: { code: 500, message: "x" } })]));
  const { text, end, error } = await collectParts(provider.streamCompletion(request));
  assert.equal(text, "one");
  assert.equal(end, undefined);
  assertFault(error, "server-error");
});

test("data after [DONE] is ignored and the connection is used again", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "openai-compatible");
  const rest = Promise.withResolvers<void>();
  server.script(
    "/v1/completions",
    streamReply([piece("one", "stop") + sse("[DONE]"), () => rest.promise, piece("after")]),
  );
  const { text } = await collectParts(provider.streamCompletion(request));
  assert.equal(text, "one");
  const sent = await server.nextRequest("/v1/completions");
  rest.resolve();
  await sent.answered;
  // The client learns of the end a moment after the server has sent it; then its last timer is gone.
  while (clock.pending().length > 0) await setImmediate();
  await provider.models();
  assert.equal(server.requests.at(-1)?.connection, sent.connection);
});

test("errors inside a stream keep the text before them", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  const faults = [
    { error: { code: 502, message: "upstream" }, choices: [{ delta: {}, finish_reason: "error" }] },
    { error: { code: "server_error", message: "upstream" } },
    { object: "error", message: "upstream", code: 500 },
    { error: "upstream" },
  ];
  for (const fault of faults) {
    server.script("/v1/completions", streamReply([piece("one"), sse(fault), sse("[DONE]")]));
    const { text, error } = await collectParts(provider.streamCompletion(request));
    assert.equal(text, "one");
    assertFault(error, "server-error");
  }
});

test("comment lines are no text", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  server.script(
    "/v1/completions",
    streamReply([": PROCESSING\n\n", ": PROCESSING\n\n", piece("one", "stop"), sse("[DONE]")]),
  );
  const { parts } = await collectParts(provider.streamCompletion(request));
  assert.deepEqual(
    parts.map(({ type }) => type),
    ["text", "end"],
  );
});

test("strange numbers in usage never become strange counts", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  const usages = [
    { prompt_tokens: 5, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 50 } },
    { prompt_tokens: -1, completion_tokens: null, prompt_tokens_details: null },
    null,
  ];
  const seen = [];
  for (const usage of usages) {
    server.script("/v1/completions", streamReply([piece("x", "stop"), sse({ choices: [], usage }), sse("[DONE]")]));
    seen.push((await collectParts(provider.streamCompletion(request))).end?.usage);
  }
  assert.deepEqual(seen, [{ promptTokens: 5, cachedTokens: 5, generatedTokens: 2 }, {}, {}]);
});

test("a page for people instead of an answer is a bad response", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  server.script("/v1/models", htmlReply);
  await rejectsWithFault(provider.models(), "bad-response");
});

test("a server that loads its model is waited for", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "openai-compatible");
  server.script("/v1/models", loadingReply);
  const capabilities = provider.capabilities();
  await clock.timer(250);
  clock.advance(250);
  assert.equal((await capabilities).model, "oracle");
});

test("health tells a working, a loading, a locked and a dead server apart", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  assert.deepEqual(await provider.health(), { status: "ok" });
  server.script("/v1/models", loadingReply);
  assert.deepEqual(await provider.health(), { status: "loading" });
  server.script("/v1/models", jsonReply(401, { error: { message: "no" } }));
  const locked = await provider.health();
  assert.equal(locked.status, "down");
  assertFault(locked.error, "unauthorized");
  await server.close();
  const dead = await provider.health();
  assert.equal(dead.status, "down");
  assertFault(dead.error, "unreachable");
});

test("the key goes with every request, read anew each time", async (context) => {
  const keys = ["first", " second\n"];
  const { server, provider } = await createProviderHarness(context, "openai-compatible", {
    apiKey: async () => keys.shift(),
  });
  await provider.models();
  await provider.models();
  await provider.models();
  assert.deepEqual(
    server.requests.map(({ headers }) => headers["authorization"]),
    ["Bearer first", "Bearer second", undefined],
  );
});

test("a key is not sent over plain http to the internet", async (context) => {
  const { transport, clock } = await createProviderHarness(context, "openai-compatible");
  const provider = await createProvider(
    "openai-compatible",
    { baseUrl: "http://api.example.com/v1", model: "m", apiKey: async () => "secret-key" },
    { transport, clock, log: silentLog },
  );
  const before = transport.counters().requests;
  await assert.rejects(provider.models(), (error) => {
    assertFault(error, "bad-request");
    assert.doesNotMatch(error.message, /secret-key/);
    return true;
  });
  assert.equal(transport.counters().requests, before);
});

test("no error tells the key", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible", {
    apiKey: async () => "secret\u0001key",
  });
  const faults = [await provider.models().catch((error: unknown) => error)];
  server.script("/v1/models", jsonReply(401, { error: { message: "Wrong key" } }));
  faults.push(await provider.models().catch((error: unknown) => error));
  for (const fault of faults) assert.doesNotMatch(`${String(fault)} ${JSON.stringify(fault)}`, /secret/);
});

test("an address that cannot be used is refused before anything is asked", async (context) => {
  const { transport, clock } = await createProviderHarness(context, "openai-compatible");
  for (const kind of ["llamacpp", "openai-compatible"] as const) {
    const made = createProvider(
      kind,
      { baseUrl: "http://a:b@host/v1", model: "" },
      { transport, clock, log: silentLog },
    );
    await rejectsWithFault(made, "bad-request");
  }
});

test("a chat streams its text", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  const { text, end } = await collectParts(provider.streamChat({ messages: [{ role: "user", content: "Hi" }] }));
  assert.equal(text, "Hello from the model.");
  assert.equal(end?.reason, "stop");
  assert.equal(end.usage.generatedTokens, 4);
  assert.equal(bodyOf(await server.nextRequest("/v1/chat/completions"))["model"], "oracle");
});

test("a refusal that names the suffix in any way is one, until the server was gone", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible", {
    server: { takesChat: false },
  });
  server.script(
    "/v1/completions",
    jsonReply(422, { detail: [{ loc: ["body", "suffix"], msg: "Extra inputs are not permitted" }] }),
  );
  assertFault((await collectParts(provider.streamCompletion(request))).error, "unsupported");
  assert.equal((await provider.capabilities()).fillInMiddle, "none");
  server.script("/v1/models", resetReply, resetReply);
  assert.equal((await provider.health()).status, "down");
  server.unscript();
  assert.equal((await collectParts(provider.streamCompletion(request))).text, "return 42;");
});

test("LM Studio's own list tells context, slots and abilities of what is loaded", async (context) => {
  const lmStudio = { parallel: 4 };
  const options = {
    server: { lmStudio, tools: true, vision: false, contextTokens: 4096, apiKey: "k" },
    apiKey: async () => "k",
  };
  const { server, provider } = await createProviderHarness(context, "openai-compatible", options);
  assert.deepEqual(await provider.capabilities(), {
    model: "oracle",
    fillInMiddle: "suffix-parameter",
    slots: 4,
    contextTokens: 4096,
    tools: true,
    vision: false,
  });
  assert.deepEqual(await provider.models(), [
    { id: "oracle", contextTokens: 4096, sizeBytes: 1_000_000, tools: true, vision: false, writesText: true },
  ]);
  server.script("/api/v1/models", jsonReply(200, { error: "Unexpected endpoint or method. (GET /api/v1/models)" }));
  assert.deepEqual(await provider.models(), [{ id: "oracle" }]);
});

test("LM Studio's model that is not loaded has no context yet, and an embedding model is nobody's first choice", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible", {
    server: { lmStudio: { isLoaded: false } },
  });
  const owned_by = "organization_owner";
  const list = {
    data: [
      { id: "text-embedding-nomic", owned_by },
      { id: "oracle", owned_by },
    ],
  };
  server.script("/v1/models", jsonReply(200, list));
  const { model, contextTokens, slots } = await provider.capabilities();
  assert.equal(model, "oracle");
  assert.equal(contextTokens, undefined);
  assert.equal(slots, undefined);
});

test("another server is not asked for LM Studio's list", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  await provider.capabilities();
  assert.equal(
    server.requests.some(({ path }) => path === "/api/v1/models"),
    false,
  );
});

test("vLLM's list tells the context", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  server.script("/v1/models", jsonReply(200, { data: [{ id: "m", owned_by: "vllm", max_model_len: 16_384 }] }));
  assert.equal((await provider.capabilities()).contextTokens, 16_384);
});

test("a key that cannot be read is told as one", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible", {
    model: "m",
    apiKey: () => Promise.reject(new Error("the keyring is locked")),
  });
  await rejectsWithFault(provider.models(), "unauthorized");
  assertFault((await collectParts(provider.streamChat({ messages }))).error, "unauthorized");
  assert.equal(server.requests.length, 0);
});

test("questions at the same time reach the server once", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  const lists = await Promise.all(Array.from({ length: 10 }, () => provider.models()));
  assert.equal(server.requests.length, 1);
  for (const list of lists) assert.deepEqual(list, lists[0]);
});

test("a server on the internet is taken for one that is paid, until it says otherwise", async (context) => {
  const { server, transport, clock } = await createProviderHarness(context, "openai-compatible");
  const elsewhere = "https://api.example.com";
  const rerouted: TransportClient = {
    ...transport,
    getText: (asked, maxBytes) =>
      transport.getText({ ...asked, url: asked.url.replace(elsewhere, server.url) }, maxBytes),
  };
  const options = { baseUrl: `${elsewhere}/v1`, model: "m" };
  const provider = await createProvider("openai-compatible", options, { transport: rerouted, clock, log: silentLog });
  assert.equal((await provider.capabilities()).isMetered, true);
});

test("a key that is a common word changes nothing of what the server says", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible", {
    apiKey: () => Promise.resolve("1234"),
  });
  server.script(
    "/v1/models",
    jsonReply(200, { data: [{ id: "codellama-1234", created: 1712345678, max_model_len: 12345 }] }),
  );
  const { model, contextTokens } = await provider.capabilities();
  assert.deepEqual([model, contextTokens], ["codellama-1234", 12345]);
  server.script("/v1/chat/completions", jsonReply(400, { error: { message: "at most 12345 messages" } }));
  const { error } = await collectParts(provider.streamChat({ messages }));
  assertFault(error, "bad-request");
  assert.match(error.message, /at most 12345 messages/);
});

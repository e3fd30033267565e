import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import {
  hangReply,
  htmlReply,
  jsonReply,
  loadingReply,
  resetReply,
  sse,
  streamReply,
  type ScriptedReply,
} from "../../fake/modelServer.ts";
import { readRecording } from "../../fake/recordings.ts";
import { createProvider } from "../../../src/provider/registry.ts";
import {
  assertFault,
  bodyOf,
  collectParts,
  createProviderHarness,
  rejectsWithFault,
  request,
  testStreams,
} from "./harness.ts";

const recorded = async (name: string): Promise<ScriptedReply> => {
  const { status, headers, body } = await readRecording(name);
  return { status, headers, body: [body] };
};

const token = (content: string): string => sse({ index: 0, content, stop: false });

const lastEvent = sse({
  content: "",
  stop: true,
  stop_type: "eos",
  timings: { cache_n: 1, prompt_n: 2, predicted_n: 3 },
});

test("a known family gets a raw prompt on /completion, with the cache on and no echo", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp", {
    server: { complete: () => "alpha beta", tokenDelayMs: 0 },
  });
  const { text, end } = await collectParts(
    provider.streamCompletion({ ...request, stop: ["\n\n", "}"], temperature: 0 }),
  );
  assert.equal(text, "alpha beta");
  assert.equal(end?.reason, "stop");
  assert.equal(end.usage.generatedTokens, 2);
  const sent = await server.nextRequest("/completion");
  assert.deepEqual(bodyOf(sent), {
    prompt: "<|fim_prefix|>const a = <|fim_suffix|>;\n<|fim_middle|>",
    n_predict: 32,
    temperature: 0,
    stop: ["\n\n", "}", "<|endoftext|>", "<|file_sep|>"],
    stream: true,
    cache_prompt: true,
    response_fields: ["content", "stop", "stop_type", "timings"],
  });
  assert.equal(sent.headers["authorization"], undefined);
});

test("a family whose marks a raw prompt cannot spell goes to /infill first", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp", {
    server: { modelPath: "/models/codellama-7b.Q4_K_M.gguf" },
  });
  await collectParts(provider.streamCompletion(request));
  assert.equal(bodyOf(await server.nextRequest("/infill"))["input_prefix"], request.prefix);
});

test("an unknown family goes to /infill", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp", {
    server: { modelPath: "/models/llama-3.1-8b.gguf", complete: ({ prefix, suffix }) => `${prefix}|${suffix}` },
  });
  assert.equal((await provider.capabilities()).fillInMiddle, "infill");
  const { text } = await collectParts(provider.streamCompletion(request));
  assert.equal(text, "const a = |;\n");
  const sent = bodyOf(await server.nextRequest("/infill"));
  assert.equal(sent["input_prefix"], request.prefix);
  assert.equal(sent["input_suffix"], request.suffix);
  assert.equal(sent["prompt"], undefined);
});

test("a model that can neither fill in nor chat is not asked a second time", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp", {
    server: { modelPath: "/models/llama-3.1-8b.gguf", takesInfill: false, takesChat: false },
  });
  for (let count = 0; count < 2; count++) {
    assertFault((await collectParts(provider.streamCompletion(request))).error, "unsupported");
  }
  assert.equal((await provider.capabilities()).fillInMiddle, "none");
  assert.equal(server.requests.filter(({ path }) => path === "/infill").length, 1);
});

test("capabilities come from recorded /props and are asked for once", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  server.script("/props", await recorded("02-props"));
  const expected = {
    model: "/models/tiny-coder.gguf",
    fillInMiddle: "infill",
    slots: 2,
    contextTokens: 2048,
    tools: true,
    vision: false,
  };
  assert.deepEqual(await provider.capabilities(), expected);
  assert.deepEqual(await provider.capabilities(), expected);
  assert.equal(server.requests.length, 1);
});

test("models come from a recorded list with context and size", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  server.script("/v1/models", await recorded("04-v1-models"));
  assert.deepEqual(await provider.models(), [
    { id: "/models/tiny-coder.gguf", contextTokens: 8192, sizeBytes: 5_259_264 },
  ]);
});

test("a router's list tells what its models read and write", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  server.script("/v1/models", await recorded("82-router-models"));
  const models = await provider.models();
  assert.equal(models.length, 4);
  for (const { vision, writesText } of models) {
    assert.equal(vision, false);
    assert.equal(writesText, true);
  }
});

test("an address that ends in /v1 is taken", async (context) => {
  const { server, transport, clock } = await createProviderHarness(context, "llamacpp");
  const provider = await createProvider(
    "llamacpp",
    { baseUrl: `${server.url}/v1/`, model: "" },
    { transport, clock, log: silentLog },
  );
  assert.deepEqual(await provider.health(), { status: "ok" });
  assert.equal(server.requests[0]?.path, "/health");
});

test("a router is asked about the model that the settings name, without loading it", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp", { model: "tiny-coder" });
  server.script("/props?", await recorded("93-router-props-model"));
  server.script("/props", await recorded("84-router-props"));
  assert.equal((await provider.capabilities()).model, "tiny-coder");
  assert.equal(server.requests[1]?.path, "/props?model=tiny-coder&autoload=false");
  await collectParts(provider.streamCompletion(request));
  assert.equal(bodyOf(await server.nextRequest("/infill"))["model"], "tiny-coder");
});

test("a router's model that is not loaded is known by its name for now", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp", { model: "qwen2.5-coder-1.5b" });
  server.script("/props?", await recorded("85-router-props-model-noautoload"));
  server.script("/props", await recorded("84-router-props"));
  assert.deepEqual(await provider.capabilities(), {
    model: "qwen2.5-coder-1.5b",
    fillInMiddle: "raw-template",
    slots: undefined,
    contextTokens: undefined,
  });
});

test("a router without a model in the settings says what is missing", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  server.script("/props", await recorded("84-router-props"));
  await rejectsWithFault(provider.capabilities(), "model-not-found");
});

test("another program at the address is a bad response", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  server.script("/props", jsonReply(404, { detail: "Not Found" }), htmlReply);
  await rejectsWithFault(provider.capabilities(), "bad-response");
  await rejectsWithFault(provider.capabilities(), "bad-response");
});

test("the fifth stop text and those after it are cut here", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp", {
    server: { complete: () => "one two STOP5 three" },
  });
  const stop = ["s1", "s2", "s3", "s4", "STOP5"];
  const { text, end } = await collectParts(provider.streamCompletion({ ...request, stop }));
  assert.equal(text, "one two ");
  assert.equal(end?.reason, "stop");
  assert.deepEqual(bodyOf(await server.nextRequest("/completion"))["stop"], stop.slice(0, 4));
});

testStreams({
  kind: "llamacpp",
  path: "/completion",
  reply: streamReply,
  token,
  last: lastEvent,
  usage: { promptTokens: 3, cachedTokens: 1, generatedTokens: 3 },
  broken: sse(`{"content": ${"x".repeat(1000)}`),
  endless: `data: ${"x".repeat(3 * 1024 * 1024)}`,
});

test("an error inside a stream keeps the text before it", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  server.script(
    "/completion",
    streamReply([token("one"), sse({ error: { code: 500, message: "compute failed", type: "server_error" } })]),
  );
  const { text, error } = await collectParts(provider.streamCompletion(request));
  assert.equal(text, "one");
  assertFault(error, "server-error");
  assert.match(error.message, /compute failed/);
});

test("an error outside of the data lines keeps the text before it, too", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  const old = `error: ${JSON.stringify({ code: 500, message: "slot lost", type: "server_error" })}\n\n`;
  const named = `event: error\n${sse({ error: { message: "slot lost" } })}`;
  for (const fault of [old, named]) {
    server.script("/completion", streamReply([token("one"), fault]));
    const { text, error } = await collectParts(provider.streamCompletion(request));
    assert.equal(text, "one");
    assertFault(error, "server-error");
    assert.match(error.message, /slot lost/);
  }
});

test("a page for people instead of a stream is a bad response", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  server.script("/completion", htmlReply);
  assertFault((await collectParts(provider.streamCompletion(request))).error, "bad-response");
});

test("an error with status 200 is known by its inner code", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  server.script("/completion", jsonReply(200, { error: { code: 429, message: "later" }, choices: null }));
  assertFault((await collectParts(provider.streamCompletion(request))).error, "rate-limited");
});

test("a prompt that is too long, a wrong key and a busy gateway have their kinds", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  server.script("/completion", await recorded("28-err-ctx-overflow"), await recorded("54-auth-wrong"), {
    status: 429,
    headers: { "retry-after": "7" },
  });
  assertFault((await collectParts(provider.streamCompletion(request))).error, "context-overflow");
  assertFault((await collectParts(provider.streamCompletion(request))).error, "unauthorized");
  const { error } = await collectParts(provider.streamCompletion(request));
  assertFault(error, "rate-limited");
  assert.equal(error.retryAfterMs, 7_000);
});

test("a dead server is unreachable and its health is down", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  await server.close();
  assertFault((await collectParts(provider.streamCompletion(request))).error, "unreachable");
  const health = await provider.health();
  assert.equal(health.status, "down");
  assertFault(health.error, "unreachable");
});

test("after the server was gone its capabilities are asked for again", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp", { server: { keepAlive: "" } });
  await provider.capabilities();
  server.script("/completion", resetReply, resetReply);
  assertFault((await collectParts(provider.streamCompletion(request))).error, "unreachable");
  await provider.capabilities();
  assert.equal(server.requests.filter(({ path }) => path === "/props").length, 2);
});

test("health tells loading, busy and ok apart", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp", { apiKey: async () => "right" });
  assert.deepEqual(await provider.health(), { status: "ok" });
  const free = server.takeSlots();
  assert.deepEqual(await provider.health(), { status: "busy" });
  free();
  server.setLoading(true);
  assert.deepEqual(await provider.health(), { status: "loading" });
});

test("health tells that the key is wrong", async (context) => {
  const { provider } = await createProviderHarness(context, "llamacpp", { server: { apiKey: "right" } });
  const health = await provider.health();
  assert.equal(health.status, "down");
  assertFault(health.error, "unauthorized");
});

test("a loading server is waited for, and then asked again", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "llamacpp");
  server.setLoading(true);
  const outcome = collectParts(provider.streamCompletion(request));
  for (let polls = 0; polls < 3; polls++) {
    await clock.timer(250);
    clock.advance(250);
    await server.nextRequest("/health");
  }
  await clock.timer(250);
  server.setLoading(false);
  clock.advance(250);
  const { text, error } = await outcome;
  assert.equal(error, undefined);
  assert.equal(text, "return 42;");
  assert.deepEqual(clock.pending(), []);
});

test("a server that loads between the questions and the request is waited for too", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "llamacpp");
  await provider.capabilities();
  server.script("/completion", loadingReply);
  const outcome = collectParts(provider.streamCompletion(request));
  await clock.timer(250);
  clock.advance(250);
  assert.equal((await outcome).text, "return 42;");
});

test("waiting for a loading server ends with the bound", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "llamacpp", { loadMs: 1_000 });
  server.setLoading(true);
  const outcome = rejectsWithFault(provider.capabilities(), "loading");
  for (let polls = 0; polls < 4; polls++) {
    await clock.timer(250);
    clock.advance(250);
  }
  await outcome;
  assert.deepEqual(clock.pending(), []);
  assert.equal(server.requests.filter(({ path }) => path === "/health").length, 3);
});

test("waiting for a loading server can be cancelled", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "llamacpp");
  server.setLoading(true);
  const controller = new AbortController();
  const outcome = collectParts(provider.streamCompletion(request, { signal: controller.signal }));
  await clock.timer(250);
  controller.abort();
  const { error } = await outcome;
  assert.ok(error instanceof Error && error.name === "AbortError");
  assert.deepEqual(clock.pending(), []);
});

test("a request that waits for a slot is not given up while the server works", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "llamacpp", { firstByteMs: 2_000 });
  await provider.capabilities();
  const free = server.takeSlots();
  const outcome = collectParts(provider.streamCompletion(request));
  await server.nextRequest("/completion");
  for (let rounds = 0; rounds < 3; rounds++) {
    await clock.timer(2_000);
    clock.advance(2_000);
    await server.nextRequest("/slots");
  }
  await clock.timer(2_000);
  free();
  const { text, error } = await outcome;
  assert.equal(error, undefined);
  assert.equal(text, "return 42;");
});

test("a request to a server that does nothing is given up", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "llamacpp", { firstByteMs: 2_000 });
  server.script("/completion", hangReply);
  const outcome = collectParts(provider.streamCompletion(request));
  const seen = await server.nextRequest("/completion");
  await clock.timer(2_000);
  clock.advance(2_000);
  assertFault((await outcome).error, "timeout");
  await seen.closedByClient;
});

test("a server that is too busy to list its slots but says that it lives is not given up", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "llamacpp", { firstByteMs: 2_000 });
  await provider.capabilities();
  server.script("/slots", hangReply);
  const free = server.takeSlots();
  const outcome = collectParts(provider.streamCompletion(request));
  await server.nextRequest("/completion");
  await clock.timer(2_000);
  clock.advance(2_000);
  await server.nextRequest("/slots");
  await clock.timer(5_000);
  clock.advance(5_000);
  await server.nextRequest("/health");
  await clock.timer(2_000);
  free();
  assert.equal((await outcome).text, "return 42;");
});

test("health is busy when the server is too busy to list its slots", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "llamacpp");
  server.script("/slots", hangReply);
  const health = provider.health();
  await server.nextRequest("/slots");
  await clock.timer(5_000);
  clock.advance(5_000);
  assert.deepEqual(await health, { status: "busy" });
});

test("a chat is given more time for its first byte than ghost text", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "llamacpp");
  server.script("/v1/chat/completions", hangReply);
  const controller = new AbortController();
  const messages = [{ role: "user", content: "Hi" }] as const;
  const chat = collectParts(provider.streamChat({ messages }, { signal: controller.signal }));
  await clock.timer(600_000);
  controller.abort();
  await chat;
  server.script("/completion", hangReply);
  const completion = collectParts(provider.streamCompletion(request));
  await clock.timer(120_000);
  clock.advance(120_000);
  assertFault((await completion).error, "timeout");
});

test("closing the client cancels, which is no fault of the server's", async (context) => {
  const { server, provider, transport } = await createProviderHarness(context, "llamacpp");
  server.script("/completion", streamReply([token("one")], "hang"));
  const stream = provider.streamCompletion(request)[Symbol.asyncIterator]();
  await stream.next();
  const pending = stream.next();
  await Promise.all([assert.rejects(pending, { name: "AbortError" }), transport.close()]);
  await assert.rejects(provider.models(), { name: "AbortError" });
});

test("a cancelled consumer gets nothing more, not even text that waited for a stop text", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  server.script("/completion", streamReply([token("one\n")], "hang"));
  const controller = new AbortController();
  const stop = ["\n\n"];
  const stream = provider.streamCompletion({ ...request, stop }, { signal: controller.signal });
  const outcome = collectParts(
    (async function* () {
      for await (const part of stream) {
        yield part;
        controller.abort();
      }
    })(),
  );
  const { text, error } = await outcome;
  assert.equal(text, "one");
  assert.ok(error instanceof Error && error.name === "AbortError");
});

test("ten completions and their questions use one connection", async (context) => {
  const { server, provider, transport } = await createProviderHarness(context, "llamacpp");
  for (let count = 0; count < 10; count++) await collectParts(provider.streamCompletion(request));
  assert.equal(server.connections().opened, 1);
  assert.equal(transport.counters().reused, 10);
});

const chunk = (delta: object, finish: string | null = null): string =>
  sse({ choices: [{ index: 0, delta, finish_reason: finish }] });

test("a chat streams its text, and reasoning stays out of it", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  server.script(
    "/v1/chat/completions",
    streamReply([
      chunk({ role: "assistant", content: null }),
      chunk({ reasoning_content: "thinking" }),
      chunk({ content: "Hel" }),
      chunk({ content: "lo" }),
      chunk({}, "stop"),
      sse({
        choices: [],
        usage: { prompt_tokens: 9, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 4 } },
      }),
      sse("[DONE]"),
      sse({ choices: [{ index: 0, delta: { content: "after the end" } }] }),
    ]),
  );
  const messages = [{ role: "user", content: "Hi" }] as const;
  const { text, end } = await collectParts(provider.streamChat({ messages, maxTokens: 5 }));
  assert.equal(text, "Hello");
  assert.deepEqual(end, {
    type: "end",
    reason: "stop",
    usage: { promptTokens: 9, cachedTokens: 4, generatedTokens: 2 },
  });
  assert.deepEqual(bodyOf(await server.nextRequest("/v1/chat/completions")), {
    messages,
    max_tokens: 5,
    stream: true,
    stream_options: { include_usage: true },
  });
});

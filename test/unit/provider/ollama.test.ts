import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { ollamaRunner } from "../../../src/provider/ollamaModel.ts";
import { createProvider } from "../../../src/provider/registry.ts";
import { hangReply, htmlReply, jsonReply, linesReply, ndjson, resetReply } from "../../fake/modelServer.ts";
import {
  assertFault,
  bodyOf,
  collectParts,
  createProviderHarness,
  messages,
  rejectsWithFault,
  request,
  testStreams,
} from "./harness.ts";

const coder = { modelId: "qwen2.5-coder:1.5b-base" };
const busyReply = jsonReply(503, { error: "server busy, please try again.  maximum pending requests exceeded" });

// The streams below are written after Ollama's documentation and source, not recorded.
const token = (response: string): string => ndjson({ model: "m", response, done: false });
const last = (more: object = {}): string =>
  ndjson({ model: "m", response: "", done: true, done_reason: "stop", prompt_eval_count: 7, eval_count: 2, ...more });
const said = (message: object): string =>
  ndjson({ model: "m", message: { role: "assistant", ...message }, done: false });

test("a known family gets a raw prompt with the constant context and time to live", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", {
    server: { ...coder, complete: ({ prefix, suffix }) => `[${prefix}|${suffix}]` },
  });
  const { text, end } = await collectParts(provider.streamCompletion({ ...request, stop: ["\n\n"], temperature: 0 }));
  assert.equal(text, "[const a = |;\n]");
  assert.equal(end?.reason, "stop");
  assert.deepEqual(Object.keys(end.usage), ["promptTokens", "generatedTokens"]);
  const { options, ...sent } = bodyOf(await server.nextRequest("/api/generate"));
  assert.deepEqual(sent, {
    model: "qwen2.5-coder:1.5b-base",
    prompt: "<|fim_prefix|>const a = <|fim_suffix|>;\n<|fim_middle|>",
    raw: true,
    stream: true,
    keep_alive: "30m",
    truncate: false,
    shift: false,
  });
  const { stop, ...others } = options as Readonly<Record<string, unknown>>;
  assert.deepEqual(others, { num_ctx: 8192, num_predict: 32, temperature: 0 });
  assert.ok(Array.isArray(stop) && stop[0] === "\n\n" && stop.includes("<|endoftext|>"));
});

test("a model of no known family with a place for the suffix gets prompt and suffix, neither ever empty", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", {
    server: { modelId: "oracle", ollama: { capabilities: ["completion", "insert"] } },
  });
  assert.deepEqual(await provider.capabilities(), {
    model: "oracle",
    fillInMiddle: "suffix-parameter",
    slots: undefined,
    contextTokens: 8192,
    tools: false,
    vision: false,
  });
  await collectParts(provider.streamCompletion(request));
  await collectParts(provider.streamCompletion({ ...request, prefix: "", suffix: "" }));
  assert.deepEqual(bodyOf(await server.nextRequest("/api/generate")), {
    model: "oracle",
    prompt: request.prefix,
    suffix: request.suffix,
    stream: true,
    options: { num_ctx: 8192, num_predict: 32 },
    keep_alive: "30m",
    truncate: false,
    shift: false,
  });
  const empty = bodyOf(await server.nextRequest("/api/generate"));
  assert.equal(empty["prompt"], "\n");
  assert.equal(empty["suffix"], "\n");
});

test("a model without a form to fill in is asked in a chat", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", {
    server: { modelId: "llama3.2" },
  });
  assert.equal((await provider.capabilities()).fillInMiddle, "chat");
  assert.equal((await collectParts(provider.streamCompletion(request))).text, "Hello from the model.");
  assert.equal(server.requests.filter(({ path }) => path === "/api/generate").length, 0);
  assert.equal((await collectParts(provider.streamChat({ messages }))).text, "Hello from the model.");
});

test("a release that lists no capabilities is judged by its template", async (context) => {
  const ollama = { capabilities: undefined, template: "{{ .Prompt }}<x>{{ .Suffix }}" };
  const { provider } = await createProviderHarness(context, "ollama", { server: { modelId: "oracle", ollama } });
  assert.equal((await provider.capabilities()).fillInMiddle, "suffix-parameter");
});

test("a family is known by what the weights are called, unless a name says that it cannot fill in", async (context) => {
  const fillIn = async (modelId: string, more: object, parentModel = ""): Promise<string> => {
    const modelInfo = { "general.architecture": "a", ...more };
    const { provider } = await createProviderHarness(context, "ollama", {
      server: { modelId, ollama: { modelInfo, parentModel } },
    });
    return (await provider.capabilities()).fillInMiddle;
  };
  assert.equal(await fillIn("mine:latest", { "general.basename": "Qwen2.5-Coder" }), "raw-template");
  assert.equal(await fillIn("mine:latest", {}, "starcoder2:3b"), "raw-template");
  assert.equal(await fillIn("mine:latest", { "general.basename": "Qwen2.5" }), "chat");
  const starCoder = { "general.basename": "starcoder2", "general.finetune": "Instruct" };
  assert.equal(await fillIn("mine:latest", starCoder), "chat");
  assert.equal(await fillIn("starcoder2:instruct", {}, "starcoder2:15b"), "chat");
});

test("a model that only embeds is not asked to write", async (context) => {
  const { provider } = await createProviderHarness(context, "ollama", {
    server: { ...coder, ollama: { capabilities: ["embedding"] } },
  });
  await rejectsWithFault(provider.capabilities(), "model-not-found");
});

test("a model that was trained for less than the constant context has less", async (context) => {
  const modelInfo = { "general.architecture": "phi", "phi.context_length": 2048 };
  const { provider } = await createProviderHarness(context, "ollama", { server: { ...coder, ollama: { modelInfo } } });
  assert.equal((await provider.capabilities()).contextTokens, 2048);
});

test("ghost text and chat say the same about the loaded model", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", { server: coder });
  await collectParts(provider.streamCompletion(request));
  await collectParts(provider.streamCompletion({ ...request, maxTokens: 5, temperature: 1, stop: ["x"] }));
  await collectParts(provider.streamChat({ messages, maxTokens: 500, temperature: 0.5 }));
  await collectParts(provider.streamChat({ messages }));
  const generating = server.requests.filter(({ path }) => path === "/api/generate" || path === "/api/chat").map(bodyOf);
  assert.equal(generating.length, 4);
  // Everything beyond these belongs to one request; https://github.com/ollama/ollama `api.Runner` has the rest.
  const own = new Set(["num_predict", "temperature", "stop"]);
  for (const body of generating) {
    const options = Object.entries(body["options"] as object).filter(([name]) => !own.has(name));
    assert.deepEqual(options, [["num_ctx", ollamaRunner.num_ctx]]);
    assert.equal(body["keep_alive"], ollamaRunner.keep_alive);
    assert.equal(body["truncate"], false);
    assert.equal(body["shift"], false);
  }
});

test("a chat streams its text, and thinking stays out of it", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", { server: coder });
  server.script(
    "/api/chat",
    linesReply([said({ content: "", thinking: "hm" }), said({ content: "Hel" }), said({ content: "lo" }), last()]),
  );
  const { text, end } = await collectParts(provider.streamChat({ messages, maxTokens: 9 }));
  assert.equal(text, "Hello");
  assert.deepEqual(end, { type: "end", reason: "stop", usage: { promptTokens: 7, generatedTokens: 2 } });
  assert.deepEqual(bodyOf(await server.nextRequest("/api/chat")), {
    model: "qwen2.5-coder:1.5b-base",
    messages,
    stream: true,
    options: { num_ctx: 8192, num_predict: 9 },
    keep_alive: "30m",
    truncate: false,
    shift: false,
  });
});

test("a written stream reads the same wherever it is split", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", { server: coder });
  const body = Buffer.from(token('a🚀"ü') + token(' "error":\\n') + last({ done_reason: "length" }));
  for (let at = 1; at < body.length; at++) {
    server.script("/api/generate", linesReply([body.subarray(0, at), body.subarray(at)]));
    const { text, end, error } = await collectParts(provider.streamCompletion(request));
    assert.equal(error, undefined);
    assert.equal(text, 'a🚀"ü "error":\\n', `split at ${at}`);
    assert.deepEqual(end, { type: "end", reason: "length", usage: { promptTokens: 7, generatedTokens: 2 } });
  }
  assert.equal(server.connections().opened, 1);
});

test("each reason to end has its name", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", { server: coder });
  const reasons = [];
  for (const reason of ["stop", "length", "load", undefined]) {
    server.script("/api/generate", linesReply([token("x"), last({ done_reason: reason })]));
    reasons.push((await collectParts(provider.streamCompletion(request))).end?.reason);
  }
  assert.deepEqual(reasons, ["stop", "length", "other", "other"]);
});

test("missing and strange numbers in usage never become strange counts", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", { server: coder });
  server.script("/api/generate", linesReply([last({ prompt_eval_count: -1, eval_count: null })]));
  assert.deepEqual((await collectParts(provider.streamCompletion(request))).end?.usage, {});
});

test("models come with their size", async (context) => {
  const { provider } = await createProviderHarness(context, "ollama", { server: coder });
  const [model] = await provider.models();
  assert.equal(model?.sizeBytes, 1_000_000);
});

test("models come with what newer releases list of them, and with what older ones let one guess", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama");
  const models = [
    { model: "new", capabilities: ["completion", "tools", "vision"] },
    { model: "new-embed", capabilities: ["embedding"] },
    { model: "old-embed", details: { families: ["nomic-bert"] } },
    { name: "old", size: 5, details: { families: ["qwen2"] } },
  ];
  server.script("/api/tags", jsonReply(200, { models }));
  assert.deepEqual(await provider.models(), [
    { id: "new", tools: true, vision: true, writesText: true },
    { id: "new-embed", tools: false, vision: false, writesText: false },
    { id: "old-embed", writesText: false },
    { id: "old", sizeBytes: 5 },
  ]);
});

test("addresses that end in /v1 or /api are taken", async (context) => {
  const { server, transport, clock } = await createProviderHarness(context, "ollama", { server: coder });
  for (const end of ["/v1/", "/api", "/"]) {
    const baseUrl = `${server.url}${end}`;
    const provider = await createProvider("ollama", { baseUrl, model: "" }, { transport, clock, log: silentLog });
    assert.deepEqual(await provider.health(), { status: "ok" });
  }
  assert.deepEqual(new Set(server.requests.map(({ path }) => path)), new Set(["/api/version"]));
});

testStreams({
  kind: "ollama",
  server: coder,
  path: "/api/generate",
  reply: linesReply,
  token,
  last: last(),
  usage: { promptTokens: 7, generatedTokens: 2 },
  broken: `{"response": ${"x".repeat(1000)}\n`,
  endless: "x".repeat(3 * 1024 * 1024),
});

test("an error line keeps the text before it", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", { server: coder });
  const faults = [
    ["an error was encountered while running the model: unexpected EOF", "server-error"],
    ["the prompt exceeds the available context size", "context-overflow"],
  ] as const;
  for (const [message, kind] of faults) {
    server.script("/api/generate", linesReply([token("one"), ndjson({ error: message })]));
    const { text, error } = await collectParts(provider.streamCompletion(request));
    assert.equal(text, "one");
    assertFault(error, kind);
    assert.ok(error.message.includes(message));
  }
});

test("error answers have their kinds", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", { server: coder });
  await provider.capabilities();
  const faults = [
    [404, "model 'x' not found", "model-not-found"],
    [400, "the input length exceeds the context length", "context-overflow"],
    [500, "the request exceeds the available context size", "context-overflow"],
    [400, '"x" does not support chat', "unsupported"],
    [400, "invalid option provided", "bad-request"],
    [401, "unauthorized", "unauthorized"],
    [500, "model requires more system memory (9 GiB) than is available (4 GiB)", "server-error"],
    [503, "upstream went away", "server-error"],
  ] as const;
  for (const [status, message, kind] of faults) {
    server.script("/api/chat", jsonReply(status, { error: message }));
    const { error } = await collectParts(provider.streamChat({ messages }));
    assertFault(error, kind);
    assert.equal(error.status, status);
    assert.ok(error.message.includes(message));
  }
});

test("an error with status 200 instead of a stream is an error", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", { server: coder });
  server.script("/api/generate", jsonReply(200, { error: "no runner" }));
  assertFault((await collectParts(provider.streamCompletion(request))).error, "server-error");
});

test("a page for people and another program are bad responses", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", { model: "m", server: coder });
  server.script("/api/generate", htmlReply);
  server.script("/api/show", htmlReply, jsonReply(404, { detail: "Not Found" }));
  server.script("/api/tags", { status: 404, headers: { "content-type": "text/plain" }, body: ["404 page not found"] });
  await rejectsWithFault(provider.capabilities(), "bad-response");
  await rejectsWithFault(provider.capabilities(), "bad-response");
  await rejectsWithFault(provider.models(), "bad-response");
});

test("a model that the server does not have is not found, and is looked for again", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", { model: "gone", server: coder });
  for (let count = 0; count < 2; count++) {
    assertFault((await collectParts(provider.streamCompletion(request))).error, "model-not-found");
  }
  assert.equal(server.requests.filter(({ path }) => path === "/api/show").length, 2);
});

test("a server without any model says so", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama");
  server.script("/api/tags", jsonReply(200, { models: [] }));
  await rejectsWithFault(provider.capabilities(), "model-not-found");
});

test("a server that refuses to fill in is asked once, and then the model counts as one that chats", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", {
    server: { modelId: "oracle", ollama: { capabilities: ["completion", "insert"] } },
  });
  server.script("/api/generate", jsonReply(400, { error: '"oracle" does not support insert' }));
  for (let count = 0; count < 3; count++) {
    assert.equal((await collectParts(provider.streamCompletion(request))).text, "Hello from the model.");
  }
  assert.equal((await provider.capabilities()).fillInMiddle, "chat");
  assert.equal(server.requests.filter(({ path }) => path === "/api/generate").length, 1);
});

test("a server with a full queue is asked again until it has room", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "ollama", { server: coder });
  server.script("/api/generate", busyReply, busyReply);
  const outcome = collectParts(provider.streamCompletion(request));
  for (let polls = 0; polls < 2; polls++) {
    await clock.timer(1_000);
    clock.advance(1_000);
    await server.nextRequest("/api/generate");
  }
  const { text, error } = await outcome;
  assert.equal(error, undefined);
  assert.equal(text, "return 42;");
  assert.deepEqual(clock.pending(), []);
});

test("waiting for a full queue ends with the bound", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "ollama", { loadMs: 2_000, server: coder });
  server.script("/api/generate", busyReply, busyReply, busyReply, busyReply);
  const outcome = collectParts(provider.streamCompletion(request));
  for (let polls = 0; polls < 2; polls++) {
    await clock.timer(1_000);
    clock.advance(1_000);
  }
  assertFault((await outcome).error, "loading");
  assert.equal(server.requests.filter(({ path }) => path === "/api/generate").length, 3);
});

test("waiting for a full queue can be cancelled", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "ollama", { server: coder });
  server.script("/api/generate", busyReply);
  const controller = new AbortController();
  const outcome = collectParts(provider.streamCompletion(request, { signal: controller.signal }));
  await clock.timer(1_000);
  controller.abort();
  const { error } = await outcome;
  assert.ok(error instanceof Error && error.name === "AbortError");
  assert.deepEqual(clock.pending(), []);
});

test("a cold load is waited for without a byte of an answer", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "ollama", {
    firstByteMs: 2_000,
    server: coder,
  });
  server.setLoading(true);
  const outcome = collectParts(provider.streamCompletion(request));
  await server.nextRequest("/api/generate");
  for (let rounds = 0; rounds < 200; rounds++) {
    await clock.timer(2_000);
    clock.advance(2_000);
    await server.nextRequest("/api/ps");
  }
  await clock.timer(2_000);
  assert.deepEqual(await provider.health(), { status: "loading" });
  server.setLoading(false);
  const { text, error } = await outcome;
  assert.equal(error, undefined);
  assert.equal(text, "return 42;");
  assert.deepEqual(await provider.health(), { status: "ok" });
});

test("a load that takes longer than the bound is given up as one", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "ollama", {
    firstByteMs: 2_000,
    loadMs: 4_000,
    server: coder,
  });
  server.setLoading(true);
  const outcome = collectParts(provider.streamCompletion(request));
  const seen = await server.nextRequest("/api/generate");
  for (let rounds = 0; rounds < 2; rounds++) {
    await clock.timer(2_000);
    clock.advance(2_000);
  }
  assertFault((await outcome).error, "loading");
  await seen.closedByClient;
});

test("a server that does not even list its models is given up at the first deadline", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "ollama", {
    firstByteMs: 2_000,
    server: coder,
  });
  server.script("/api/generate", hangReply);
  server.script("/api/ps", jsonReply(500, { error: "broken" }));
  const outcome = collectParts(provider.streamCompletion(request));
  await server.nextRequest("/api/generate");
  await clock.timer(2_000);
  clock.advance(2_000);
  assertFault((await outcome).error, "timeout");
});

test("a cold load can be cancelled, which closes the socket", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "ollama", { server: coder });
  server.setLoading(true);
  const controller = new AbortController();
  const outcome = collectParts(provider.streamCompletion(request, { signal: controller.signal }));
  const seen = await server.nextRequest("/api/generate");
  controller.abort();
  const { error } = await outcome;
  assert.ok(error instanceof Error && error.name === "AbortError");
  await seen.closedByClient;
  assert.deepEqual(clock.pending(), []);
});

test("the context that is really set aside is learned after the first answer", async (context) => {
  const warnings: string[] = [];
  const { server, transport, clock } = await createProviderHarness(context, "ollama", {
    server: { ...coder, ollama: { contextTokens: 4096 } },
  });
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
  const provider = await createProvider("ollama", { baseUrl: server.url, model: "" }, { transport, clock, log });
  assert.equal((await provider.capabilities()).contextTokens, 8192);
  await collectParts(provider.streamCompletion(request));
  await collectParts(provider.streamCompletion(request));
  assert.equal((await provider.capabilities()).contextTokens, 4096);
  assert.equal(server.requests.filter(({ path }) => path === "/api/ps").length, 1);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /4096/);
});

test("a prompt that the server cut without a word is no success", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", {
    server: { ...coder, ollama: { contextTokens: 4096 } },
  });
  server.script("/api/generate", linesReply([token("one"), last({ prompt_eval_count: 4096 })]));
  const { text, end, error } = await collectParts(provider.streamCompletion(request));
  assert.equal(text, "one");
  assert.equal(end, undefined);
  assertFault(error, "context-overflow");
});

test("a model that runs somewhere else is named in the log", async (context) => {
  const warnings: string[] = [];
  const { server, transport, clock } = await createProviderHarness(context, "ollama", {
    server: { ...coder, ollama: { remoteHost: "https://ollama.com:443" } },
  });
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
  const provider = await createProvider("ollama", { baseUrl: server.url, model: "" }, { transport, clock, log });
  await provider.capabilities();
  assert.match(warnings.join("\n"), /ollama\.com/);
});

test("health tells a working, a busy, a locked and a dead server and another program apart", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", { server: coder });
  assert.deepEqual(await provider.health(), { status: "ok" });
  await provider.capabilities();
  const free = server.takeSlots();
  const outcome = collectParts(provider.streamCompletion(request));
  await server.nextRequest("/api/generate");
  assert.deepEqual(await provider.health(), { status: "busy" });
  free();
  await outcome;
  const kinds = [];
  server.script("/api/version", jsonReply(401, { error: "unauthorized" }), htmlReply, jsonReply(200, {}));
  for (let count = 0; count < 3; count++) {
    const health = await provider.health();
    assert.ok(health.status === "down");
    assert.ok("kind" in health.error);
    kinds.push(health.error.kind);
  }
  assert.deepEqual(kinds, ["unauthorized", "bad-response", "bad-response"]);
  await server.close();
  const dead = await provider.health();
  assert.equal(dead.status, "down");
  assertFault(dead.error, "unreachable");
});

test("after the server was gone its model is asked for again", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", { server: { ...coder, keepAlive: "" } });
  await provider.capabilities();
  server.script("/api/generate", resetReply, resetReply);
  assertFault((await collectParts(provider.streamCompletion(request))).error, "unreachable");
  await provider.capabilities();
  assert.equal(server.requests.filter(({ path }) => path === "/api/show").length, 2);
});

test("a key goes along when one is set, to show and generate alike", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", {
    apiKey: async () => "secret",
    server: coder,
  });
  await collectParts(provider.streamCompletion(request));
  assert.deepEqual(new Set(server.requests.map(({ headers }) => headers["authorization"])), new Set(["Bearer secret"]));
});

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { createServers, type ServerSetting } from "../../../src/provider/servers.ts";
import { createTransportClient } from "../../../src/transport/client.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createModelServer, jsonReply, type ModelServerOptions } from "../../fake/modelServer.ts";
import { settle } from "./guardHarness.ts";
import { assertFault, collectParts, rejectsWithFault } from "./harness.ts";

const question = { messages: [{ role: "user", content: "Say something." }] } as const;
const completion = { prefix: "const answer = ", suffix: ";\n", maxTokens: 16 };
const model = "qwen2.5-coder-7b";

const create = async (context: TestContext, serverOptions: ModelServerOptions = {}) => {
  const clock = createFakeClock();
  const server = await createModelServer({ modelId: model, ...serverOptions });
  const transport = createTransportClient({ clock, log: silentLog });
  const asked: string[] = [];
  const servers = createServers({
    transport,
    clock,
    log: silentLog,
    apiKeyFor: (origin) => {
      asked.push(origin);
      return Promise.resolve("sk-test-0123456789");
    },
    random: () => 0.5,
  });
  context.after(async () => {
    servers.dispose();
    await transport.close();
    await server.close();
  });
  return { clock, server, transport, servers, asked };
};

test("all that name one server and model share one provider, however they write the address", async (context) => {
  const { servers } = await create(context);
  const open = async (provider: ServerSetting["provider"], baseUrl: string, name = "m") =>
    servers.open({ provider, baseUrl, model: name });
  const first = await open("llamacpp", "http://127.0.0.1:8080");
  assert.equal(await open("llamacpp", " HTTP://127.0.0.1:8080/ "), first);
  assert.equal(await open("llamacpp", "http://127.0.0.1:8080/v1/"), first);
  const ollama = await open("ollama", "http://127.0.0.1:11434/api");
  assert.equal(await open("ollama", "http://127.0.0.1:11434/v1"), ollama);
  const [same, again] = await Promise.all([
    open("openai-compatible", "http://127.0.0.1:8080/v1"),
    open("openai-compatible", "http://127.0.0.1:8080/v1/"),
  ]);
  assert.equal(same, again);

  assert.notEqual(same, first, "another wire format");
  assert.notEqual(await open("llamacpp", "http://127.0.0.1:8081"), first, "another port");
  assert.notEqual(await open("llamacpp", "http://127.0.0.1:8080", "n"), first, "another model");
  assert.notEqual(await open("openai-compatible", "http://127.0.0.1:8080"), same, "another path");
  assert.equal(servers.states().length, 6);
});

test("an address that cannot be used is refused every time, and asks nobody", async (context) => {
  const { servers, asked } = await create(context);
  const setting = { provider: "ollama", baseUrl: "ftp://example.com", model: "m" } as const;
  await rejectsWithFault(servers.open(setting), "bad-request");
  await rejectsWithFault(servers.open(setting), "bad-request");
  assert.deepEqual([servers.states(), asked], [[], []]);
});

test("a key is asked for by the origin that gets it, anew for each request", async (context) => {
  const { server, servers, asked } = await create(context);
  const provider = await servers.open({ provider: "llamacpp", baseUrl: server.url, model });
  assert.deepEqual(asked, []);
  assert.equal((await collectParts(provider.streamChat(question))).error, undefined);
  await settle();
  assert.deepEqual(new Set(asked), new Set([server.url]));
  assert.equal(asked.length, server.requests.length);
});

test("chat and ghost text on one model know of each other; the state tells", async (context) => {
  const { clock, server, servers } = await create(context);
  const provider = await servers.open({ provider: "llamacpp", baseUrl: server.url, model });
  const state = () => servers.states()[0];
  assert.deepEqual(state(), {
    kind: "llamacpp",
    origin: server.url,
    model,
    limit: 1,
    running: 0,
    queued: 0,
    breaker: "closed",
    openMs: 0,
    pausedMs: 0,
  });
  server.script("/v1/chat/completions", { hasHead: false, finish: "hang" });
  const leaving = new AbortController();
  const chat = collectParts(provider.streamChat(question, { signal: leaving.signal }));
  await server.nextRequest("/v1/chat/completions");
  const ghostText = collectParts(provider.streamCompletion(completion));
  await settle();
  assert.deepEqual([state()?.running, state()?.queued], [1, 1]);
  leaving.abort();
  await chat;
  assert.equal((await ghostText).text, "return 42;");

  server.script("/completion", jsonReply(429, {}, { "retry-after": "60" }));
  assertFault((await collectParts(provider.streamCompletion(completion))).error, "rate-limited");
  clock.advance(10_000);
  assert.equal(state()?.pausedMs, 50_000);
});

test("requests to begin with: what each kind of server is known to take", async (context) => {
  const { servers } = await create(context);
  for (const provider of ["llamacpp", "ollama", "openai-compatible", "openrouter"] as const) {
    await servers.open({ provider, baseUrl: "http://127.0.0.1:9/v1", model: "m" });
  }
  assert.deepEqual(
    servers.states().map(({ limit }) => limit),
    [1, 1, 8, 8],
  );
});

test("credit belongs to the key: all models at the origin stop asking, until the key changes", async (context) => {
  const { server, servers } = await create(context, { costUsd: 0.001 });
  const open = (name: string) => servers.open({ provider: "openrouter", baseUrl: `${server.url}/v1`, model: name });
  const one = await open(model);
  const other = await open("qwen2.5-coder-32b");
  server.script("/v1/completions", jsonReply(402, { error: { code: 402, message: "Insufficient credits" } }));
  assertFault((await collectParts(one.streamCompletion(completion))).error, "payment-required");
  assertFault((await collectParts(other.streamCompletion(completion))).error, "payment-required");
  assert.equal(server.requests.length, 1);
  servers.keyChanged();
  assert.equal((await collectParts(other.streamCompletion(completion))).error, undefined);
});

test("another key ends pauses that the server asked for", async (context) => {
  const { server, servers } = await create(context);
  const provider = await servers.open({ provider: "openrouter", baseUrl: `${server.url}/v1`, model });
  const limit = { error: { code: 429, message: "Rate limit exceeded: free-models-per-day" } };
  server.script("/v1/chat/completions", jsonReply(429, limit, { "retry-after": "3600" }));
  assertFault((await collectParts(provider.streamChat(question))).error, "rate-limited");
  assertFault((await collectParts(provider.streamChat(question))).error, "paused");
  servers.keyChanged();
  assert.equal((await collectParts(provider.streamChat(question))).error, undefined);
});

test("what is counted is shared, and handed out as a copy", async (context) => {
  const { servers } = await create(context);
  const before = servers.counters();
  servers.counted.hedges++;
  assert.equal(before.hedges, 0);
  assert.equal(servers.counters().hedges, 1);
});

test("the end of the program ends the questions for what cancelled requests cost", async (context) => {
  const { clock, server, servers } = await create(context, { costUsd: 0.01 });
  const provider = await servers.open({ provider: "openrouter", baseUrl: `${server.url}/v1`, model });
  await provider.capabilities();
  const call = { onLateUsage: () => assert.fail("nobody asks any more") };
  for (let count = 0; count < 3; count++) {
    for await (const part of provider.streamChat(question, call)) if (part.type === "text") break;
  }
  await settle();
  assert.deepEqual(clock.pending(), [4_000]);
  servers.dispose();
  await settle();
  assert.deepEqual(clock.pending(), []);
});

test("the end of the program ends what waits", async (context) => {
  const { clock, server, servers } = await create(context);
  const provider = await servers.open({ provider: "llamacpp", baseUrl: server.url, model });
  server.script("/v1/chat/completions", jsonReply(503, {}), { hasHead: false, finish: "hang" });
  const waiting = collectParts(provider.streamChat(question));
  await clock.timer(250);
  servers.dispose();
  assert.equal(((await waiting).error as Error).name, "AbortError");
  assert.equal(provider.limiter.running, 0);
  assert.deepEqual(clock.pending(), []);
});

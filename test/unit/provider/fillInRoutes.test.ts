import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { isAbortError } from "../../../src/base/abort.ts";
import { silentLog } from "../../../src/base/log.ts";
import type { FillInFacts, FillInMemory } from "../../../src/provider/fillInFacts.ts";
import type { ProviderKind } from "../../../src/provider/provider.ts";
import { createProvider } from "../../../src/provider/registry.ts";
import { createTransportClient, type TransportClient } from "../../../src/transport/client.ts";
import { createFakeClock } from "../../fake/clock.ts";
import {
  createModelServer,
  hangReply,
  jsonReply,
  resetReply,
  sse,
  streamReply,
  type ModelServerOptions,
} from "../../fake/modelServer.ts";
import { assertFault, bodyOf, collectParts, request } from "./harness.ts";

type Kept = Map<string, FillInFacts>;

const memoryIn = (kept: Kept): FillInMemory => ({
  recall: async (origin, model) => kept.get(`${origin} ${model}`),
  remember(origin, model, facts) {
    if (facts) kept.set(`${origin} ${model}`, facts);
    else kept.delete(`${origin} ${model}`);
  },
});

/** A server, and sessions that remember what the ones before them have found. */
const createHarness = async (context: TestContext, kind: ProviderKind, options: ModelServerOptions = {}) => {
  const server = await createModelServer(options);
  context.after(() => server.close());
  const kept: Kept = new Map();
  const open = async (more: { readonly model?: string; readonly isForgetful?: boolean } = {}) => {
    const clock = createFakeClock();
    const transport = createTransportClient({ clock, log: silentLog });
    context.after(() => transport.close());
    const baseUrl = kind === "openai-compatible" || kind === "openrouter" ? `${server.url}/v1` : server.url;
    const provider = await createProvider(
      kind,
      { baseUrl, model: more.model ?? "", apiKey: async () => "k" },
      { transport, clock, log: silentLog, ...(more.isForgetful === true ? {} : { fillInMemory: memoryIn(kept) }) },
    );
    const complete = async () => {
      const { text, error } = await collectParts(provider.streamCompletion({ ...request, stop: ["\n\n"] }));
      assert.equal(error, undefined, String(error));
      return text;
    };
    return { clock, provider, complete, form: async () => (await provider.capabilities()).fillInMiddle };
  };
  let seen = 0;
  /** POSTs since the last look. */
  const posts = (): readonly string[] => {
    const all = server.requests.filter(({ method, path }) => method === "POST" && path !== "/api/show");
    const fresh = all.slice(seen).map(({ path }) => path);
    seen = all.length;
    return fresh;
  };
  return { server, kept, open, posts };
};

const filled = { complete: () => "filled", chat: () => "```ts\nconst a = chatted;\n```" };
const unknown = { ...filled, modelPath: "/models/llama-3.1-8b.gguf" };

test("llama.cpp: a raw prompt, for a family that is known", async (context) => {
  const { open, posts, kept } = await createHarness(context, "llamacpp", filled);
  const session = await open();
  assert.equal(await session.complete(), "filled");
  assert.deepEqual(posts(), ["/completion"]);
  assert.equal(await session.form(), "raw-template");
  assert.deepEqual([...kept.values()], [{ refused: [], works: "raw-template", slots: 1, version: "fake" }]);
});

test("llama.cpp: /infill when no family is known, and the chat when the vocabulary has no marks", async (context) => {
  const works = await createHarness(context, "llamacpp", unknown);
  assert.equal(await (await works.open()).complete(), "filled");
  assert.deepEqual(works.posts(), ["/infill"]);

  const { open, posts } = await createHarness(context, "llamacpp", { ...unknown, takesInfill: false });
  const session = await open();
  assert.equal(await session.form(), "infill");
  assert.equal(await session.complete(), "chatted;");
  assert.equal(await session.complete(), "chatted;");
  assert.deepEqual(posts(), ["/infill", "/v1/chat/completions", "/v1/chat/completions"]);
  assert.equal(await session.form(), "chat");
  // The next session knows.
  const next = await open();
  assert.equal(await next.form(), "chat");
  assert.equal(await next.complete(), "chatted;");
  assert.deepEqual(posts(), ["/v1/chat/completions"]);
});

test("llama.cpp: another release is looked at anew", async (context) => {
  const { server, open, posts } = await createHarness(context, "llamacpp", { ...unknown, takesInfill: false });
  await (await open()).complete();
  posts();
  server.script("/props", jsonReply(200, { model_path: unknown.modelPath, total_slots: 1, build_info: "b2-new" }));
  assert.equal(await (await open()).complete(), "chatted;");
  assert.deepEqual(posts(), ["/infill", "/v1/chat/completions"]);
});

test("llama.cpp: what was remembered and is wrong is found anew in the same call", async (context) => {
  const { server, open, posts } = await createHarness(context, "llamacpp", unknown);
  const session = await open();
  server.script("/infill", jsonReply(501, { error: { message: "Infill is not supported", code: 501 } }));
  assert.equal(await session.complete(), "chatted;");
  posts();
  server.script("/v1/chat/completions", jsonReply(404, { error: { message: "File Not Found", code: 404 } }));
  assert.equal(await (await open()).complete(), "filled");
  assert.deepEqual(posts(), ["/v1/chat/completions", "/infill"]);
  assert.equal(await (await open()).form(), "infill");
});

test("llama.cpp: where nothing works it is asked once, and again after ten minutes and in the next session", async (context) => {
  const { open, posts, kept } = await createHarness(context, "llamacpp", {
    ...unknown,
    takesInfill: false,
    takesChat: false,
  });
  const session = await open();
  for (let count = 0; count < 3; count++) {
    assertFault((await collectParts(session.provider.streamCompletion(request))).error, "unsupported");
  }
  assert.deepEqual(posts(), ["/infill", "/v1/chat/completions"]);
  assert.equal(await session.form(), "none");
  assert.equal(kept.size, 0);
  session.clock.advance(600_000);
  assertFault((await collectParts(session.provider.streamCompletion(request))).error, "unsupported");
  assert.deepEqual(posts(), ["/infill", "/v1/chat/completions"]);
  assertFault((await collectParts((await open()).provider.streamCompletion(request))).error, "unsupported");
  assert.deepEqual(posts(), ["/infill", "/v1/chat/completions"]);
});

test("what was remembered is forgotten when nothing works any more", async (context) => {
  const { server, open, kept } = await createHarness(context, "llamacpp", unknown);
  await (await open()).complete();
  assert.equal(kept.size, 1);
  server.script("/infill", jsonReply(501, { error: { message: "not supported", code: 501 } }));
  server.script("/v1/chat/completions", jsonReply(404, { error: { message: "File Not Found", code: 404 } }));
  assertFault((await collectParts((await open()).provider.streamCompletion(request))).error, "unsupported");
  assert.equal(kept.size, 0);
});

test("once text was given, no refusal leads to another request", async (context) => {
  const { server, open, posts } = await createHarness(context, "llamacpp", unknown);
  const { provider } = await open();
  const error = { error: { message: "Infill is not supported", code: 501 } };
  server.script("/infill", streamReply([sse({ content: "some", stop: false }), sse(error)]));
  const outcome = await collectParts(provider.streamCompletion(request));
  assert.equal(outcome.text, "some");
  assertFault(outcome.error, "unsupported");
  assert.deepEqual(posts(), ["/infill"]);
});

test("other faults refuse nothing", async (context) => {
  const { server, open, kept } = await createHarness(context, "llamacpp", unknown);
  const session = await open();
  server.script(
    "/infill",
    jsonReply(500, { error: { message: "infill: out of memory", code: 500 } }),
    jsonReply(400, { error: { message: "temperature must be a number", code: 400 } }),
    jsonReply(429, { error: { message: "infill: later", code: 429 } }),
  );
  for (const kind of ["server-error", "bad-request", "rate-limited"] as const) {
    assertFault((await collectParts(session.provider.streamCompletion(request))).error, kind);
  }
  assert.equal(await session.form(), "infill");
  assert.equal(kept.size, 0);
});

test("Ollama: suffix, and the chat when the release refuses it, until there is another one", async (context) => {
  const options = { ...filled, ollama: { capabilities: ["completion", "insert", "thinking"] } };
  const { server, open, posts, kept } = await createHarness(context, "ollama", options);
  assert.equal(await (await open()).complete(), "filled");
  assert.deepEqual(posts(), ["/api/generate"]);
  kept.clear();
  server.script("/api/generate", jsonReply(400, { error: '"oracle" does not support insert' }));
  assert.equal(await (await open()).complete(), "chatted;");
  assert.deepEqual(posts(), ["/api/generate", "/api/chat"]);
  assert.equal(bodyOf(server.requests.findLast(({ path }) => path === "/api/chat"))["think"], false);
  assert.equal(await (await open()).complete(), "chatted;");
  assert.deepEqual(posts(), ["/api/chat"]);
  server.script("/api/version", jsonReply(200, { version: "0.13.0" }));
  assert.equal(await (await open()).complete(), "filled");
  assert.deepEqual(posts(), ["/api/generate"]);
});

test("Ollama: a known family wants neither check nor version", async (context) => {
  const { server, open, posts } = await createHarness(context, "ollama", {
    ...filled,
    modelId: "qwen2.5-coder:1.5b",
    ollama: {},
  });
  assert.equal(await (await open()).complete(), "filled");
  assert.deepEqual(posts(), ["/api/generate"]);
  assert.ok(!server.requests.some(({ path }) => path === "/api/version"));
});

test("OpenAI format: one small request shows once whether the suffix is read", async (context) => {
  const { server, open, posts, kept } = await createHarness(context, "openai-compatible", filled);
  const session = await open();
  assert.equal(await session.form(), "suffix-parameter");
  assert.deepEqual(posts(), [], "asked before a request was due");
  assert.equal(await session.complete(), "filled");
  assert.equal(await session.complete(), "filled");
  assert.deepEqual(posts(), ["/v1/completions", "/v1/completions", "/v1/completions"]);
  const check = bodyOf(server.requests.find(({ method }) => method === "POST"));
  assert.equal(check["max_tokens"], 1);
  assert.ok(JSON.stringify(check).length < 600);
  assert.ok(!JSON.stringify(check).includes(request.prefix));
  assert.deepEqual([...kept.values()], [{ refused: [], works: "suffix-parameter" }]);
  assert.equal(await (await open()).complete(), "filled");
  assert.deepEqual(posts(), ["/v1/completions"], "the second session checked again");
});

test("OpenAI format: a server that takes the suffix and does not read it is asked in a chat", async (context) => {
  const { open, posts } = await createHarness(context, "openai-compatible", { ...filled, readsSuffix: false });
  assert.equal(await (await open()).complete(), "chatted;");
  assert.deepEqual(posts(), ["/v1/completions", "/v1/chat/completions"]);
  const next = await open();
  assert.equal(await next.form(), "chat");
  assert.equal(await next.complete(), "chatted;");
  assert.deepEqual(posts(), ["/v1/chat/completions"]);
});

test("OpenAI format: where there is no chat either, the prompt alone is better than nothing", async (context) => {
  const { open, posts } = await createHarness(context, "openai-compatible", {
    ...filled,
    readsSuffix: false,
    takesChat: false,
  });
  assert.equal(await (await open()).complete(), "filled");
  assert.deepEqual(posts(), ["/v1/completions", "/v1/chat/completions", "/v1/completions"]);
  assert.equal(await (await open()).complete(), "filled");
  assert.deepEqual(posts(), ["/v1/completions"]);
});

test("OpenAI format: refusals of the check count, its other faults do not", async (context) => {
  const refusing = await createHarness(context, "openai-compatible", { ...filled, takesSuffix: false });
  assert.equal(await (await refusing.open()).complete(), "chatted;");
  const { server, open, posts } = await createHarness(context, "openai-compatible", filled);
  server.script("/v1/completions", jsonReply(500, { error: { message: "Unsupported param: suffix", code: 500 } }));
  server.script("/v1/completions", jsonReply(500, { error: { message: "Unsupported param: suffix", code: 500 } }));
  assert.equal(await (await open()).complete(), "chatted;");
  posts();
  const other = await createHarness(context, "openai-compatible", filled);
  other.server.script("/v1/completions", jsonReply(503, { error: { message: "suffix: overloaded", code: 503 } }));
  const session = await other.open();
  assert.equal(await session.complete(), "filled");
  assert.equal(await session.form(), "suffix-parameter");
});

test("OpenAI format: a check that met a busy server is made again a minute later, and nothing is remembered till then", async (context) => {
  const { server, open, posts, kept } = await createHarness(context, "openai-compatible", {
    ...filled,
    readsSuffix: false,
  });
  server.script("/v1/completions", jsonReply(503, { error: { message: "busy", code: 503 } }));
  const session = await open();
  assert.equal(await session.complete(), "filled");
  assert.deepEqual(posts(), ["/v1/completions", "/v1/completions"]);
  session.clock.advance(59_999);
  assert.equal(await session.complete(), "filled");
  assert.deepEqual(posts(), ["/v1/completions"]);
  assert.equal(kept.size, 0);
  session.clock.advance(1);
  assert.equal(await session.complete(), "chatted;");
  assert.deepEqual(posts(), ["/v1/completions", "/v1/chat/completions"]);
  assert.deepEqual([...kept.values()], [{ refused: ["suffix-parameter"], works: "chat" }]);
});

test("OpenAI format: a server that was gone before anything was remembered is checked anew", async (context) => {
  const { server, open, posts } = await createHarness(context, "openai-compatible", { ...filled, readsSuffix: false });
  const session = await open();
  // The transport sends once more what a kept connection did not carry.
  server.script("/v1/chat/completions", resetReply, resetReply);
  assertFault((await collectParts(session.provider.streamCompletion(request))).error, "unreachable");
  assert.deepEqual(posts(), ["/v1/completions", "/v1/chat/completions", "/v1/chat/completions"]);
  assert.equal(await session.complete(), "chatted;");
  assert.deepEqual(posts(), ["/v1/completions", "/v1/chat/completions"]);
});

test("OpenAI format: a chat-only server", async (context) => {
  const { open, posts } = await createHarness(context, "openai-compatible", { ...filled, takesCompletions: false });
  const session = await open({ model: "qwen2.5-coder" });
  assert.equal(await session.complete(), "chatted;");
  assert.equal(await session.complete(), "chatted;");
  assert.deepEqual(posts(), ["/v1/completions", "/v1/completions", "/v1/chat/completions", "/v1/chat/completions"]);
  assert.equal(await (await open({ model: "qwen2.5-coder" })).form(), "chat");
});

test("OpenAI format: no check without a memory, nor of a family that is known", async (context) => {
  const { open, posts } = await createHarness(context, "openai-compatible", filled);
  assert.equal(await (await open({ isForgetful: true })).complete(), "filled");
  assert.deepEqual(posts(), ["/v1/completions"]);
  assert.equal(await (await open({ model: "qwen2.5-coder" })).complete(), "filled");
  assert.deepEqual(posts(), ["/v1/completions"]);
});

test("OpenAI format: who types on need not wait for the check, which goes on", async (context) => {
  const { server, open } = await createHarness(context, "openai-compatible", filled);
  const { provider } = await open();
  const held = Promise.withResolvers<void>();
  server.script("/v1/completions", {
    ...jsonReply(200, {}),
    body: [() => held.promise, JSON.stringify({ usage: { prompt_tokens: 90 } })],
  });
  const controller = new AbortController();
  const first = collectParts(provider.streamCompletion(request, { signal: controller.signal }));
  await server.nextRequest("/v1/completions");
  controller.abort();
  assert.ok(isAbortError((await first).error));
  const second = collectParts(provider.streamCompletion(request));
  held.resolve();
  assert.equal((await second).text, "filled");
  assert.equal(server.requests.filter(({ path }) => path === "/v1/completions").length, 2);
});

test("fewer stop texts for a server that takes fewer, from then on", async (context) => {
  for (const stopsMax of [1, 0]) {
    const { server, open, posts } = await createHarness(context, "openai-compatible", { ...filled, stopsMax });
    const session = await open({ model: "qwen2.5-coder" });
    assert.equal(await session.complete(), "filled");
    assert.equal(posts().length, stopsMax === 1 ? 2 : 3);
    const stop = bodyOf(server.requests.at(-1))["stop"];
    assert.deepEqual(stop, stopsMax === 1 ? ["\n\n"] : undefined);
    assert.equal(await (await open({ model: "qwen2.5-coder" })).complete(), "filled");
    assert.equal(posts().length, 1, "the second session tried again");
  }
});

test("OpenRouter: nothing is sent to find out, and a model that the raw route refuses is asked in a chat", async (context) => {
  const model = "qwen/qwen3-coder-next";
  const { open, posts, server } = await createHarness(context, "openrouter", {
    ...filled,
    costUsd: 0.001,
    takesCompletions: false,
    modelId: model,
  });
  assert.equal(await (await open({ model })).complete(), "chatted;");
  assert.deepEqual(posts(), ["/v1/completions", "/v1/chat/completions"]);
  assert.equal(await (await open({ model })).complete(), "chatted;");
  assert.deepEqual(posts(), ["/v1/chat/completions"]);
  assert.ok(server.requests.every(({ body }) => !body.includes("one two three")));
});

test("a server that is paid for gets no check, and a chat only for a model that the settings name", async (context) => {
  for (const model of ["", "named"]) {
    const server = await createModelServer({ ...filled, modelId: "named", takesSuffix: false });
    const clock = createFakeClock();
    const transport = createTransportClient({ clock, log: silentLog });
    context.after(async () => {
      await transport.close();
      await server.close();
    });
    const elsewhere = "https://api.example.com";
    const hereUrl = (url: string): string => url.replace(elsewhere, server.url);
    const rerouted: TransportClient = {
      ...transport,
      request: (asked) => transport.request({ ...asked, url: hereUrl(asked.url) }),
      getText: (asked, maxBytes) => transport.getText({ ...asked, url: hereUrl(asked.url) }, maxBytes),
    };
    const provider = await createProvider(
      "openai-compatible",
      { baseUrl: `${elsewhere}/v1`, model },
      { transport: rerouted, clock, log: silentLog, fillInMemory: memoryIn(new Map()) },
    );
    const { text, error } = await collectParts(provider.streamCompletion(request));
    const posts = server.requests.filter(({ method }) => method === "POST");
    assert.equal(bodyOf(posts[0])["prompt"], request.prefix);
    assert.deepEqual(
      posts.map(({ path }) => path),
      model === "" ? ["/v1/completions"] : ["/v1/completions", "/v1/chat/completions"],
    );
    if (model === "") assertFault(error, "unsupported");
    else assert.equal(text, "chatted;");
  }
});

test("slots are remembered for a server that does not tell them this time", async (context) => {
  const { server, open } = await createHarness(context, "openai-compatible", { ...filled, lmStudio: { parallel: 3 } });
  await (await open()).complete();
  server.script("/api/v1/models", jsonReply(500, {}));
  assert.equal((await (await open()).provider.capabilities()).slots, 3);
});

test("the end of the program ends a check", async (context) => {
  const { server, kept } = await createHarness(context, "openai-compatible", filled);
  const clock = createFakeClock();
  const transport = createTransportClient({ clock, log: silentLog });
  const ending = new AbortController();
  const provider = await createProvider(
    "openai-compatible",
    { baseUrl: `${server.url}/v1`, model: "" },
    { transport, clock, log: silentLog, fillInMemory: memoryIn(kept), signal: ending.signal },
  );
  server.script("/v1/completions", hangReply, hangReply);
  const outcome = collectParts(provider.streamCompletion(request));
  const check = await server.nextRequest("/v1/completions");
  ending.abort();
  await check.closedByClient;
  await transport.close();
  await outcome;
  assert.equal(kept.size, 0);
});

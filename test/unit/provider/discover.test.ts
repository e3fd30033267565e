import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import { test, type TestContext } from "node:test";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { discoverServers, identifyServer, localOrigins } from "../../../src/provider/discover.ts";
import { createTransportClient, type TransportClient } from "../../../src/transport/client.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createModelServer, type ModelServerOptions } from "../../fake/modelServer.ts";

const createClient = (context: TestContext, clock = systemClock) => {
  const transport = createTransportClient({ clock, log: silentLog });
  context.after(async () => transport.close());
  return transport;
};

const createFake = async (context: TestContext, options: ModelServerOptions = {}) => {
  const server = await createModelServer(options);
  context.after(async () => server.close());
  return server;
};

type Routes = Readonly<Record<string, unknown>>;

/** A server with these routes; all else is answered by `other`. */
const createRoutes = async (
  context: TestContext,
  routes: Routes,
  other: (response: ServerResponse) => void = (response) => {
    response.writeHead(404);
    response.end();
  },
) => {
  const keys: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    keys.push(request.headers.authorization);
    const path = request.url ?? "";
    if (!Object.hasOwn(routes, path)) {
      other(response);
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.end(typeof routes[path] === "string" ? routes[path] : JSON.stringify(routes[path]));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve());
  });
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return { url: `http://127.0.0.1:${address.port}`, keys };
};

test("llama.cpp and Ollama are told apart by what they answer, with their models, in the order asked", async (context) => {
  const transport = createClient(context);
  const llamaCpp = await createFake(context, { modelId: "qwen2.5-coder" });
  const ollama = await createRoutes(context, {
    "/v1/models": { data: [{ id: "qwen2.5-coder:1.5b" }] },
    "/api/version": { version: "0.12.0" },
    "/api/tags": {
      models: [
        { name: "qwen2.5-coder:1.5b", size: 986_000_000 },
        { name: "gpt-oss:120b-cloud", size: 300, remote_host: "https://ollama.com" },
      ],
    },
    "/api/ps": { models: [{ name: "qwen2.5-coder:1.5b" }] },
  });
  const found = await discoverServers([ollama.url, "http://127.0.0.1:9", llamaCpp.url], { transport });
  assert.deepEqual(found, [
    {
      name: "Ollama",
      kind: "ollama",
      baseUrl: ollama.url,
      wantsKey: false,
      isLoading: false,
      models: [
        { id: "qwen2.5-coder:1.5b", sizeBytes: 986_000_000, isLoaded: true },
        { id: "gpt-oss:120b-cloud", runsAt: "ollama.com", isLoaded: false, isElsewhere: true },
      ],
    },
    {
      name: "llama.cpp",
      kind: "llamacpp",
      baseUrl: llamaCpp.url,
      wantsKey: false,
      isLoading: false,
      models: [{ id: "qwen2.5-coder", isLoaded: true, contextTokens: 8192, sizeBytes: 1_000_000 }],
    },
  ]);
  assert.ok(
    ollama.keys.every((key) => key === undefined),
    "a key went to a server that nobody chose",
  );
});

test("LM Studio is known by its own list, with what is loaded and what is no model for text", async (context) => {
  const transport = createClient(context);
  const server = await createRoutes(
    context,
    {
      "/v1/models": { data: [{ id: "qwen2.5-coder-7b" }, { id: "nomic-embed" }] },
      "/api/v1/models": {
        models: [
          {
            type: "llm",
            key: "qwen2.5-coder-7b",
            size_bytes: 4_700_000_000,
            max_context_length: 32_768,
            loaded_instances: [{ id: "x", config: { context_length: 8192 } }],
            capabilities: { vision: false, trained_for_tool_use: true },
          },
          { type: "embedding", key: "nomic-embed", size_bytes: 84_000_000, loaded_instances: [] },
        ],
      },
    },
    // What it says to routes that it does not know, Ollama's and llama.cpp's among them.
    (response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: "Unexpected endpoint or method." }));
    },
  );
  const found = await identifyServer(`${server.url}/v1/`, { transport });
  assert.deepEqual(found, {
    name: "LM Studio",
    kind: "openai-compatible",
    baseUrl: `${server.url}/v1`,
    wantsKey: false,
    isLoading: false,
    models: [
      {
        id: "qwen2.5-coder-7b",
        contextTokens: 8192,
        sizeBytes: 4_700_000_000,
        tools: true,
        vision: false,
        isLoaded: true,
        writesText: true,
      },
      { id: "nomic-embed", sizeBytes: 84_000_000, isLoaded: false, writesText: false },
    ],
  });
});

test("vLLM is known by its version, another server with OpenAI's list is taken as one", async (context) => {
  const transport = createClient(context);
  const list = { data: [{ id: "Qwen/Qwen2.5-Coder-7B", max_model_len: 16_384, owned_by: "vllm" }] };
  const vllm = await createRoutes(context, { "/v1/models": list, "/version": { version: "0.32.0" } });
  const other = await createRoutes(context, { "/v1/models": { data: [{ id: "m" }] } });
  const gateway = await createRoutes(context, {
    "/v1/models": { data: [{ id: "m" }] },
    "/api/version": { version: "3.1" },
  });
  const [first, second, third] = await discoverServers([vllm.url, other.url, gateway.url], { transport });
  assert.equal(first?.name, "vLLM");
  assert.equal(first.baseUrl, `${vllm.url}/v1`);
  assert.deepEqual(first.models, [{ id: "Qwen/Qwen2.5-Coder-7B", contextTokens: 16_384 }]);
  assert.equal(second?.name, "OpenAI-compatible server");
  assert.equal(third?.name, "OpenAI-compatible server");
});

test("a name that is longer than any path is none", async (context) => {
  const url = await createRoutes(context, { "/v1/models": { data: [{ id: "a" }, { id: "x".repeat(1001) }] } });
  const found = await identifyServer(url.url, { transport: createClient(context) });
  assert.deepEqual(
    found?.models.map(({ id }) => id),
    ["a"],
  );
});

test("other programs on these ports are no model servers", async (context) => {
  const transport = createClient(context);
  const web = await createRoutes(context, {}, (response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end("<html>A web server in development</html>");
  });
  const api = await createRoutes(context, { "/version": { version: "1" }, "/health": { status: "ok" } });
  assert.deepEqual(await discoverServers([web.url, api.url], { transport }), []);
});

test("a server that wants a key is found without one, and its models with one", async (context) => {
  const transport = createClient(context);
  const server = await createFake(context, { apiKey: "a-long-key" });
  const found = await identifyServer(server.url, { transport });
  assert.deepEqual([found?.name, found?.wantsKey, found?.models], ["llama.cpp", true, []]);
  const opened = await identifyServer(server.url, { transport, apiKey: "a-long-key" });
  assert.deepEqual([opened?.name, opened?.wantsKey, opened?.models.length], ["llama.cpp", false, 1]);
});

test("a key goes to no address on the internet without TLS", async (context) => {
  const transport = createClient(context);
  const asked: [url: string, authorization: string | undefined][] = [];
  const listening: TransportClient = {
    ...transport,
    request({ url, headers }) {
      asked.push([url, headers?.["authorization"]]);
      return Promise.reject(new Error("Nothing is sent in this test"));
    },
  };
  for (const origin of ["http://models.example.com", "https://models.example.com", "http://gpu-box:8000"]) {
    await identifyServer(origin, { transport: listening, apiKey: "a-long-key" });
  }
  assert.deepEqual(asked, [
    ["http://models.example.com/v1/models", undefined],
    ["https://models.example.com/v1/models", "Bearer a-long-key"],
    ["http://gpu-box:8000/v1/models", "Bearer a-long-key"],
  ]);
});

test("a llama.cpp whose props are late wants no key; one that hides them does", async (context) => {
  const transport = createClient(context);
  const routes = { "/v1/models": { data: [{ id: "m", owned_by: "llamacpp" }] }, "/health": { status: "ok" } };
  const late = await createRoutes(context, routes);
  const lateOne = await identifyServer(late.url, { transport });
  assert.deepEqual([lateOne?.kind, lateOne?.wantsKey], ["llamacpp", false]);
  const hiding = await createRoutes(context, routes, (response) => {
    response.writeHead(401);
    response.end();
  });
  const hidingOne = await identifyServer(hiding.url, { transport });
  assert.deepEqual([hidingOne?.kind, hidingOne?.wantsKey], ["llamacpp", true]);
});

test("an LM Studio without any model is found", async (context) => {
  const transport = createClient(context);
  const server = await createRoutes(context, { "/v1/models": { data: [] }, "/api/v1/models": { models: [] } });
  const found = await identifyServer(server.url, { transport });
  assert.deepEqual([found?.name, found?.models], ["LM Studio", []]);
});

test("what Ollama and LM Studio tell of a model is read as it is read for a request", async (context) => {
  const transport = createClient(context);
  const ollama = await createRoutes(context, {
    "/v1/models": { data: [] },
    "/api/version": { version: "0.12.0" },
    "/api/tags": {
      models: [
        { name: "coder", capabilities: ["completion", "tools"] },
        { name: "arctic", details: { families: ["bert"] } },
      ],
    },
  });
  const studio = await createRoutes(context, {
    "/v1/models": { data: [] },
    "/api/v1/models": { models: [{ type: "llm", key: "m", max_context_length: 32_768, loaded_instances: [] }] },
  });
  assert.deepEqual((await identifyServer(ollama.url, { transport }))?.models, [
    { id: "coder", tools: true, vision: false, writesText: true, isLoaded: false },
    { id: "arctic", writesText: false, isLoaded: false },
  ]);
  assert.deepEqual((await identifyServer(studio.url, { transport }))?.models, [
    { id: "m", writesText: true, isLoaded: false },
  ]);
});

test("a llama.cpp that reads its model is found", async (context) => {
  const transport = createClient(context);
  const server = await createFake(context);
  server.setLoading(true);
  const found = await identifyServer(server.url, { transport });
  assert.deepEqual([found?.name, found?.isLoading, found?.models], ["llama.cpp", true, []]);
});

test("a port that takes the connection and says nothing is given up, and holds nobody else up", async (context) => {
  const clock = createFakeClock();
  const transport = createClient(context, clock);
  const mute = await createFake(context);
  mute.script("/", { hasHead: false, finish: "hang" });
  const endless = await createFake(context);
  endless.script("/", { status: 200, headers: { "content-type": "application/json" }, body: ["{"], finish: "hang" });
  const server = await createFake(context);
  const both = discoverServers([mute.url, endless.url, server.url], { transport });
  await mute.nextRequest("/v1/models");
  await endless.nextRequest("/v1/models");
  // The good one is asked for its last detail before time moves.
  await Promise.all(["/props", "/health", "/api/ps"].map(async (path) => (await server.nextRequest(path)).answered));
  clock.advance(900);
  const found = await both;
  assert.deepEqual(
    found.map(({ baseUrl }) => baseUrl),
    [server.url],
  );
  await mute.allClosed();
  await endless.allClosed();
});

test("looking can be stopped", async (context) => {
  const transport = createClient(context);
  const mute = await createFake(context);
  mute.script("/", { hasHead: false, finish: "hang" });
  const controller = new AbortController();
  const looking = discoverServers([mute.url], { transport, signal: controller.signal });
  const request = await mute.nextRequest("/v1/models");
  controller.abort();
  await assert.rejects(looking, { name: "AbortError" });
  await request.closedByClient;
});

test("OLLAMA_HOST moves Ollama, in every form that Ollama takes", () => {
  for (const [value, origin] of [
    ["127.0.0.1:11500", "http://127.0.0.1:11500"],
    ["0.0.0.0", "http://127.0.0.1:11434"],
    ["0.0.0.0:11500", "http://127.0.0.1:11500"],
    [":11500", "http://127.0.0.1:11500"],
    ["gpu-box", "http://gpu-box:11434"],
    ["http://gpu-box:11500/", "http://gpu-box:11500"],
    ["https://gpu-box", "https://gpu-box"],
    ["[::1]:11500", "http://[::1]:11500"],
    ["gpu-box:80", "http://gpu-box"],
    ["[::1]", "http://[::1]:11434"],
  ] as const) {
    assert.equal(localOrigins(value)[0], origin, value);
  }
  const usual = localOrigins(undefined);
  assert.equal(usual.length, 5);
  for (const value of ["", "  ", "http://me:secret@host", "::bad::"])
    assert.deepEqual(localOrigins(value), usual, value);
  assert.deepEqual(localOrigins("127.0.0.1"), usual);
});

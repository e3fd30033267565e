import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonReply, type ScriptedReply } from "../../fake/modelServer.ts";
import { readRecording } from "../../fake/recordings.ts";
import { collectParts, createProviderHarness, messages, rejectsWithFault } from "./harness.ts";

const recorded = async (name: string): Promise<ScriptedReply> => {
  const { status, headers, body } = await readRecording(name);
  return { status, headers, body: [body] };
};

const page = (capabilities: readonly string[], trainedTokens: number, more: object = {}) =>
  jsonReply(200, {
    capabilities,
    model_info: { "general.architecture": "qwen2", "qwen2.context_length": trainedTokens },
    ...more,
  });

test("llama.cpp's model is listed with a slot's context, tools and images, as /props tells", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  server.script("/v1/models", await recorded("04-v1-models"));
  server.script("/props", await recorded("02-props"));
  assert.deepEqual(await provider.models(), [
    { id: "/models/tiny-coder.gguf", contextTokens: 2048, sizeBytes: 5_259_264, tools: true, vision: false },
  ]);
});

test("llama.cpp's list stands without /props", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  server.script("/v1/models", await recorded("04-v1-models"));
  server.script("/props", jsonReply(404, { error: { message: "no" } }));
  assert.deepEqual(await provider.models(), [
    { id: "/models/tiny-coder.gguf", contextTokens: 2048, sizeBytes: 5_259_264 },
  ]);
});

test("a router's models come with the context that they will have, and none is loaded by asking", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  server.script("/v1/models", await recorded("82-router-models"));
  server.script("/props", await recorded("84-router-props"));
  const models = await provider.models();
  assert.deepEqual(
    models.map(({ contextTokens }) => contextTokens),
    [4096, 4096, 4096, 4096],
  );
  for (const { path } of server.requests) assert.doesNotMatch(path, /load(?!=false)/);
});

test("a router's loaded model is asked for what it really has", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  const args = ["llama-server", "--ctx-size", "16384", "--parallel", "2"];
  const entry = (id: string, value: string) => ({ id, status: { value, args } });
  server.script("/v1/models", jsonReply(200, { data: [entry("in memory", "loaded"), entry("on disk", "unloaded")] }));
  server.script("/props?", await recorded("93-router-props-model"));
  server.script("/props", await recorded("84-router-props"));
  const [loaded, unloaded] = await provider.models();
  assert.equal(server.requests.at(-1)?.path, "/props?model=in%20memory&autoload=false");
  assert.equal(loaded?.tools, true);
  assert.equal(loaded?.contextTokens, 4096);
  assert.deepEqual(unloaded, { id: "on disk", contextTokens: 8192 });
});

test("capabilities follow a server that came back with another context", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  assert.equal((await provider.capabilities()).contextTokens, 8192);
  const props = { default_generation_settings: { n_ctx: 2048 }, total_slots: 1, model_path: "/models/a.gguf" };
  const list = { data: [{ id: "/models/oracle-qwen2.5-coder.gguf", meta: { n_ctx: 2048 } }] };
  server.script("/v1/models", jsonReply(200, list));
  server.script("/props", jsonReply(200, props), jsonReply(200, props));
  await provider.models();
  assert.equal((await provider.capabilities()).contextTokens, 2048);
});

test("Ollama's models get the context that Hotpath asks for, less where there is less", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama");
  const names = ["long", "short", "shared", "old-embed"];
  const models = names.map((model) => ({ model, digest: model, details: { families: [`${model}-bert`] } }));
  models[0]!.details.families = ["qwen2"];
  models[1]!.details.families = ["qwen2"];
  models[2]!.details.families = ["qwen2"];
  server.script("/api/tags", jsonReply(200, { models }), jsonReply(200, { models }));
  server.script("/api/ps", jsonReply(200, { models: [{ model: "shared:latest", context_length: 4096 }] }));
  server.script(
    "/api/show",
    page(["completion", "tools", "vision"], 131_072),
    page(["completion"], 2048),
    page(["completion"], 32_768),
  );
  assert.deepEqual(await provider.models(), [
    { id: "long", contextTokens: 8192, tools: true, vision: true, writesText: true },
    { id: "short", contextTokens: 2048, tools: false, vision: false, writesText: true },
    { id: "shared", contextTokens: 4096, tools: false, vision: false, writesText: true },
    { id: "old-embed", writesText: false },
  ]);
  await provider.models();
  const asked = server.requests.filter(({ path }) => path === "/api/show");
  assert.equal(asked.length, 3, "a page is read once while the model stays the same, and none of an embedding model");
});

test("an Ollama whose pages and loaded models cannot be read still has its list", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama");
  const models = [{ model: "gpt-oss:20b-cloud", remote_host: "https://ollama.com:443" }, { model: "b" }];
  server.script("/api/tags", jsonReply(200, { models }));
  server.script("/api/ps", jsonReply(500, { error: "broken" }));
  assert.deepEqual(await provider.models(), [{ id: "gpt-oss:20b-cloud", runsAt: "ollama.com" }, { id: "b" }]);
});

test("OpenRouter's models come with their longest answer", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openrouter", { apiKey: async () => "k" });
  const top = { context_length: 200_000, max_completion_tokens: 4096 };
  server.script("/v1/models", jsonReply(200, { data: [{ id: "a/b", context_length: 1e6, top_provider: top }] }));
  assert.deepEqual(await provider.models(), [{ id: "a/b", contextTokens: 200_000, answerTokens: 4096 }]);
});

test("the context and the abilities are read whatever an OpenAI-compatible server calls them", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  const data = [
    { id: "vllm", max_model_len: 1 },
    { id: "gateway", context_length: 2, architecture: { input_modalities: ["text", "image"] } },
    { id: "groq", context_window: 3 },
    { id: "mistral", max_context_length: 4, capabilities: { function_calling: true, vision: false } },
    { id: "llamacpp", meta: { n_ctx: 5 }, capabilities: ["completion"] },
    { id: "openai" },
  ];
  server.script("/v1/models", jsonReply(200, { data }));
  assert.deepEqual(await provider.models(), [
    { id: "vllm", contextTokens: 1 },
    { id: "gateway", contextTokens: 2, vision: true },
    { id: "groq", contextTokens: 3 },
    { id: "mistral", contextTokens: 4, tools: true, vision: false },
    { id: "llamacpp", contextTokens: 5 },
    { id: "openai" },
  ]);
});

test("LM Studio's models that see are told by either of its lists", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  const list = ["a", "b"].map((id) => ({ id, owned_by: "organization_owner" }));
  const models = [
    { key: "a", type: "vlm" },
    { key: "b", type: "llm", capabilities: { vision: true, trained_for_tool_use: true } },
  ];
  server.script("/v1/models", jsonReply(200, { data: list }));
  server.script("/api/v1/models", jsonReply(200, { models }));
  assert.deepEqual(await provider.models(), [
    { id: "a", vision: true, writesText: true },
    { id: "b", tools: true, vision: true, writesText: true },
  ]);
});

test("llama.cpp counts tokens with its own tokenizer, without marks around the text", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  assert.equal(await provider.countTokens?.("one two three"), 3);
  const { body } = await server.nextRequest("/tokenize");
  assert.deepEqual(JSON.parse(body), { content: "one two three", add_special: false });
  server.script("/tokenize", jsonReply(200, { error: "none" }));
  await assert.rejects(async () => provider.countTokens?.("x"));
  server.script("/tokenize", jsonReply(200, {}));
  await rejectsWithFault(provider.countTokens!("x"), "bad-response");
});

test("a router is not asked to count tokens, which would load a model", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp", { model: "a" });
  server.script("/props?", await recorded("93-router-props-model"));
  server.script("/props", await recorded("84-router-props"));
  await rejectsWithFault(provider.countTokens!("x"), "unsupported");
  assert.ok(!server.requests.some(({ path }) => path === "/tokenize"));
});

for (const kind of ["llamacpp", "ollama", "openai-compatible", "openrouter"] as const) {
  test(`${kind}: thinking that stands in the text is left out of a chat`, async (context) => {
    const { provider } = await createProviderHarness(context, kind, {
      model: kind === "openrouter" ? "oracle" : "",
      apiKey: async () => "k",
      server: { chat: () => "<think>Let me see, 1 < 2.</think>\n\nIt is two." },
    });
    const { text, end, error } = await collectParts(provider.streamChat({ messages }));
    assert.equal(error, undefined);
    assert.equal(text, "It is two.");
    assert.equal(end?.reason, "stop");
  });
}

test("a context that the settings name is listed, and what was learned with it is kept", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", {
    model: "long",
    contextTokens: 32_768,
  });
  const shown = page(["completion"], 131_072);
  server.script("/api/show", shown, shown);
  server.script("/api/tags", jsonReply(200, { models: [{ model: "long", digest: "1" }] }));
  assert.equal((await provider.capabilities()).contextTokens, 32_768);
  const [listed] = await provider.models();
  assert.equal(listed?.contextTokens, 32_768);
  await provider.capabilities();
  assert.equal(server.requests.filter(({ path }) => path === "/api/show").length, 2);
});

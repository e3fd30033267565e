import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { whyNotCompletion } from "../../../src/provider/capabilityFilter.ts";
import type { FillInMemory } from "../../../src/provider/fillInFacts.ts";
import { ProviderError } from "../../../src/provider/provider.ts";
import { createProvider } from "../../../src/provider/registry.ts";
import { shrinkCompletion } from "../../../src/provider/shrink.ts";
import { jsonReply } from "../../fake/modelServer.ts";
import { bodyOf, collectParts, createProviderHarness } from "./harness.ts";

const request = {
  prefix: "<mark>whole prompt",
  suffix: "",
  isRaw: true,
  maxTokens: 8,
  stop: ["<end>"],
  temperature: 0,
};

for (const [kind, path, model] of [
  ["llamacpp", "/completion", ""],
  ["openai-compatible", "/v1/completions", ""],
  ["ollama", "/api/generate", ""],
  ["openrouter", "/v1/completions", "a/qwen2.5-coder"],
] as const) {
  test(`${kind}: a raw prompt goes out as it is, with the caller's stop texts alone`, async (context) => {
    const { server, provider } = await createProviderHarness(context, kind, {
      model,
      apiKey: async () => "key",
      server: { complete: () => "answer", tokenDelayMs: 0, ...(model === "" ? {} : { modelId: model }) },
    });
    const { text, end } = await collectParts(provider.streamCompletion(request));
    assert.equal(text, "answer");
    assert.equal(end?.reason, "stop");
    const sent = bodyOf(await server.nextRequest(path)) as Record<string, unknown>;
    assert.equal(sent["prompt"], "<mark>whole prompt");
    assert.equal("suffix" in sent, false);
    const options = (sent["options"] ?? sent) as Record<string, unknown>;
    assert.deepEqual(options["stop"], ["<end>"]);
    assert.equal(sent["raw"], kind === "ollama" ? true : undefined);
  });
}

test("a refused raw prompt is asked no other way, and is no news about filling in", async (context) => {
  const { server, transport, clock } = await createProviderHarness(context, "openai-compatible");
  server.script("/v1/completions", jsonReply(404, { error: { message: "No such route" } }));
  const memory: FillInMemory = {
    recall: async () => undefined,
    remember: () => assert.fail("nothing is remembered"),
  };
  const provider = await createProvider(
    "openai-compatible",
    { baseUrl: `${server.url}/v1`, model: "qwen2.5-coder" },
    { transport, clock, log: silentLog, fillInMemory: memory },
  );
  const { error } = await collectParts(provider.streamCompletion(request));
  assert.ok(error instanceof ProviderError);
  const asked = server.requests.filter(({ path }) => /completions/.test(path));
  assert.equal(asked.length, 1);
  assert.equal((await provider.capabilities()).fillInMiddle, "raw-template");
});

test("Ollama's OpenAI routes put every prompt into a template: none is sent there", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible");
  server.script("/api/version", jsonReply(200, { version: "0.12.0" }));
  const { error } = await collectParts(provider.streamCompletion(request));
  assert.ok(error instanceof ProviderError && error.kind === "unsupported");
  assert.equal(server.requests.filter(({ path }) => path.endsWith("/completions")).length, 0);
});

test("a model that cannot fill in may still take a raw prompt", () => {
  const capabilities = { model: "zeta", fillInMiddle: "none", slots: 1, contextTokens: 4096 } as const;
  assert.equal(whyNotCompletion(capabilities, request), undefined);
  assert.equal(whyNotCompletion(capabilities, { ...request, isRaw: false })?.kind, "unsupported");
});

test("a raw prompt is never cut: a part of it asks for something else", () => {
  const overflow = { contextTokens: 2, promptTokens: 5 };
  assert.equal(shrinkCompletion({ ...request, prefix: "x\n".repeat(100) }, overflow), undefined);
  assert.ok(
    shrinkCompletion({ ...request, isRaw: false, prefix: "x\n".repeat(100) }, { contextTokens: 60, promptTokens: 80 }),
  );
});

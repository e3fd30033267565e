import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { ProviderKind } from "../../../src/provider/provider.ts";
import {
  hangReply,
  jsonReply,
  linesReply,
  ndjson,
  sse,
  streamReply,
  type ModelServerOptions,
} from "../../fake/modelServer.ts";
import { assertFault, bodyOf, createProviderHarness } from "./harness.ts";

const model = "qwen2.5-coder:1.5b-base";
const routes = {
  llamacpp: { completion: "/completion", chat: "/v1/chat/completions" },
  ollama: { completion: "/api/generate", chat: "/api/chat" },
  "openai-compatible": { completion: "/v1/completions", chat: "/v1/chat/completions" },
  openrouter: { completion: "/v1/completions", chat: "/v1/chat/completions" },
} as const satisfies Readonly<Record<ProviderKind, object>>;
const kinds = ["llamacpp", "ollama", "openai-compatible", "openrouter"] as const satisfies readonly ProviderKind[];
const uses = ["completion", "chat"] as const;

const createHarness = (context: TestContext, kind: ProviderKind, server: ModelServerOptions = {}) =>
  createProviderHarness(context, kind, {
    model,
    apiKey: async () => "key",
    server: { modelId: model, modelPath: "/models/qwen2.5-coder.gguf", costUsd: 0.000_03, ...server },
  });

for (const kind of kinds) {
  for (const use of uses) {
    test(`${kind}: a ${use} is tried with one small request, and what it cost is told`, async (context) => {
      const { server, provider, clock } = await createHarness(context, kind, {
        complete: async () => {
          clock.advance(40);
          return "a + b";
        },
        chat: async () => {
          clock.advance(40);
          return "OK.";
        },
      });
      const found = await provider.validateConnection(use);
      assert.ok(found.ok, String(!found.ok && found.error));
      assert.equal(found.model, kind === "llamacpp" ? "/models/qwen2.5-coder.gguf" : model);
      assert.equal(found.firstTokenMs, 40);
      assert.ok(found.totalMs >= found.firstTokenMs);
      assert.ok((found.usage.generatedTokens ?? 0) > 0);
      if (kind === "openrouter") assert.equal(found.usage.costUsd, 0.000_03);
      const sent = server.requests.filter(({ path }) => path.startsWith(routes[kind][use]));
      assert.equal(sent.length, 1);
      const body = bodyOf(sent[0]);
      const options = body["options"] ?? body;
      const { num_predict, n_predict, max_tokens } = Object.assign({}, options) as Readonly<Record<string, number>>;
      assert.ok((num_predict ?? n_predict ?? max_tokens ?? 99) <= 16);
    });
  }

  test(`${kind}: a fault is a finding, a cancellation is thrown`, async (context) => {
    const { server, provider } = await createHarness(context, kind);
    server.script(routes[kind].chat, jsonReply(401, { error: { message: "Wrong key" } }));
    const refused = await provider.validateConnection("chat");
    assert.equal(refused.ok, false);
    assertFault(refused.error, "unauthorized");

    server.script(routes[kind].chat, hangReply);
    const controller = new AbortController();
    const running = provider.validateConnection("chat", { signal: controller.signal });
    await server.nextRequest(routes[kind].chat);
    const { closedByClient } = await server.nextRequest(routes[kind].chat);
    controller.abort();
    await assert.rejects(running, { name: "AbortError" });
    await closedByClient;

    await server.close();
    const dead = await provider.validateConnection("chat");
    assert.equal(dead.ok, false);
    assertFault(dead.error, "unreachable");
  });

  test(`${kind}: an answer without text is a success`, async (context) => {
    const { provider } = await createHarness(context, kind, { complete: () => "", chat: () => "" });
    for (const use of uses) assert.equal((await provider.validateConnection(use)).ok, true, use);
  });
}

test("a model that writes no text is a finding for completions", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", {
    model: "oracle",
    server: { ollama: { capabilities: ["embedding"] } },
  });
  const found = await provider.validateConnection("completion");
  assert.equal(found.ok, false);
  assertFault(found.error, "unsupported");
  assert.equal(
    server.requests.some(({ path }) => path === "/api/generate"),
    false,
  );
});

test("the model that answered is named, where it is another than was asked for", async (context) => {
  const { server, provider } = await createHarness(context, "openrouter");
  const done = { index: 0, delta: { content: "OK" }, finish_reason: "stop" };
  server.script(routes.openrouter.chat, streamReply([sse({ model: "other/model", choices: [done] }), sse("[DONE]")]));
  const found = await provider.validateConnection("chat");
  assert.ok(found.ok);
  assert.equal(found.model, "other/model");
});

test("an answer that breaks off is no success", async (context) => {
  const { server, provider } = await createHarness(context, "ollama");
  server.script(routes.ollama.chat, linesReply([ndjson({ message: { content: "O" }, done: false })], "cut"));
  const found = await provider.validateConnection("chat");
  assert.equal(found.ok, false);
  assertFault(found.error, "truncated");
});

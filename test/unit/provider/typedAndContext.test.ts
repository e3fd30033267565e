import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { fitCompletion } from "../../../src/provider/capabilityFilter.ts";
import type { CompletionRequest } from "../../../src/provider/provider.ts";
import { shrinkCompletion } from "../../../src/provider/shrink.ts";
import { createProvider } from "../../../src/provider/registry.ts";
import { createTransportClient } from "../../../src/transport/client.ts";
import { createDirectConnector } from "../../../src/transport/connector.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { bodyOf, collectParts, createProviderHarness } from "./harness.ts";

const request: CompletionRequest = {
  prefix: "a();\n",
  typed: "const b = ",
  suffix: ";\n",
  maxTokens: 32,
  context: { path: "b.ts", repository: "shop", files: [{ path: "a.ts", text: "export const a = 1;" }] },
};
const told = "<|repo_name|>shop\n<|file_sep|>a.ts\nexport const a = 1;\n<|file_sep|>b.ts\n";
const untold = "<|repo_name|>shop\n<|file_sep|>b.ts\n";
const anchored = "<|fim_prefix|>a();\n<|fim_suffix|>;\n<|fim_middle|>const b = ";
const coder = "qwen2.5-coder";

test("llama.cpp gets a raw prompt that ends with what was typed", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp", {
    server: { modelPath: `/models/${coder}.gguf`, complete: ({ prefix, suffix }) => `${prefix}|${suffix}` },
  });
  const { text } = await collectParts(provider.streamCompletion(request));
  assert.equal(bodyOf(await server.nextRequest("/completion"))["prompt"], told + anchored);
  assert.equal(text, "a();\nconst b = |;\n");
});

test("/infill gets what was typed beside the prefix, and other files if they leave its batch room", async (context) => {
  for (const [contextTokens, files] of [
    [4096, [{ filename: "a.ts", text: "export const a = 1;\n" }]],
    [2048, undefined],
  ] as const) {
    const { server, provider } = await createProviderHarness(context, "llamacpp", {
      server: { modelPath: "/models/llama-3.1-8b.gguf", contextTokens },
    });
    await collectParts(provider.streamCompletion(request));
    const sent = bodyOf(await server.nextRequest("/infill"));
    assert.deepEqual(
      [sent["input_prefix"], sent["prompt"], sent["input_suffix"], sent["input_extra"]],
      ["a();\n", "const b = ", ";\n", files],
    );
  }
});

test("Ollama gets the same raw prompt; where it takes the suffix by name, all before the cursor is one text", async (context) => {
  const raw = await createProviderHarness(context, "ollama", { model: coder, server: { modelId: coder } });
  await collectParts(raw.provider.streamCompletion(request));
  assert.equal(bodyOf(await raw.server.nextRequest("/api/generate"))["prompt"], told + anchored);
  const named = await createProviderHarness(context, "ollama", {
    server: { modelId: "oracle", ollama: { capabilities: ["completion", "insert"] } },
  });
  await collectParts(named.provider.streamCompletion(request));
  const sent = bodyOf(await named.server.nextRequest("/api/generate"));
  assert.deepEqual([sent["prompt"], sent["suffix"]], ["a();\nconst b = ", ";\n"]);
});

test("OpenAI-compatible servers get the same raw prompt, or prompt and suffix", async (context) => {
  const raw = await createProviderHarness(context, "openai-compatible", { model: coder });
  await collectParts(raw.provider.streamCompletion(request));
  assert.equal(bodyOf(await raw.server.nextRequest("/v1/completions"))["prompt"], told + anchored);
  const named = await createProviderHarness(context, "openai-compatible", { model: "oracle" });
  await collectParts(named.provider.streamCompletion(request));
  const sent = bodyOf(await named.server.nextRequest("/v1/completions"));
  assert.deepEqual([sent["prompt"], sent["suffix"]], ["a();\nconst b = ", ";\n"]);
});

test("the text of other files does not leave for models that run elsewhere", async (context) => {
  const open = await createProviderHarness(context, "openrouter", {
    model: `qwen/${coder}`,
    apiKey: () => Promise.resolve("key"),
  });
  await collectParts(open.provider.streamCompletion(request));
  assert.equal(bodyOf(await open.server.nextRequest("/v1/completions"))["prompt"], untold + anchored);
  const remote = await createProviderHarness(context, "ollama", {
    model: coder,
    server: { modelId: coder, ollama: { remoteHost: "https://ollama.com" } },
  });
  await collectParts(remote.provider.streamCompletion(request));
  assert.equal(bodyOf(await remote.server.nextRequest("/api/generate"))["prompt"], untold + anchored);
  assert.ok(!("remoteHost" in (await remote.provider.capabilities())));
});

test("the text of other files goes to a public address only where that is allowed", async (context) => {
  const direct = createDirectConnector();
  // A name that the whole internet could find, led to the server here.
  const transport = createTransportClient({
    clock: createFakeClock(),
    log: silentLog,
    connectorFor: () => (target, callback) => direct({ ...target, hostname: "127.0.0.1" }, callback),
  });
  context.after(() => transport.close());
  for (const [kind, path, options] of [
    ["llamacpp", "/completion", { modelPath: `/models/${coder}.gguf` }],
    ["ollama", "/api/generate", { modelId: coder, ollama: {} }],
  ] as const) {
    const { server, clock } = await createProviderHarness(context, kind, { server: options });
    const sentTo = async (host: string, mayLeave?: boolean): Promise<unknown> => {
      const provider = await createProvider(
        kind,
        { baseUrl: `http://${host}:${server.port}`, model: coder },
        { transport, clock, log: silentLog },
      );
      const files = { ...request.context!, ...(mayLeave === undefined ? {} : { mayLeave }) };
      await collectParts(provider.streamCompletion({ ...request, context: files }));
      return bodyOf(await server.nextRequest(path))["prompt"];
    };
    assert.equal(await sentTo("models.example.com"), untold + anchored, kind);
    assert.equal(await sentTo("models.example.com", false), untold + anchored, kind);
    assert.equal(await sentTo("models.example.com", true), told + anchored, kind);
    assert.equal(await sentTo("gpu.home.arpa"), told + anchored, kind);
  }
});

test("what does not fit goes in this order: other files, the far ends, the beginning of what was typed", () => {
  const long: CompletionRequest = {
    ...request,
    prefix: "p line\n".repeat(400),
    typed: "t line\n".repeat(100),
    suffix: "s line\n".repeat(100),
  };
  const shorter = shrinkCompletion(long, { contextTokens: 1000, promptTokens: 1200 });
  assert.ok(shorter);
  assert.deepEqual(shorter.context, { path: "b.ts", repository: "shop", files: [] });
  assert.equal(shorter.typed, long.typed);
  assert.ok(
    shorter.prefix.length < long.prefix.length && long.prefix.endsWith(shorter.prefix) && shorter.prefix !== "",
  );
  const tiny = shrinkCompletion(long, { contextTokens: 200, promptTokens: 1200 });
  assert.ok(tiny);
  assert.equal(tiny.prefix, "");
  assert.ok(tiny.typed && long.typed?.endsWith(tiny.typed) && tiny.typed.length < long.typed.length);
});

test("other files and typed text count when a request is fitted to another model", () => {
  const capabilities = {
    model: "m",
    fillInMiddle: "raw-template" as const,
    slots: 1,
    contextTokens: 1000,
  };
  const files = [{ path: "a.ts", text: "x".repeat(5000) }];
  const fitted = fitCompletion(capabilities, { ...request, context: { path: "b.ts", files } });
  assert.deepEqual(fitted.context?.files, []);
  assert.ok(fitted.prefix + fitted.typed === "a();\nconst b = ");
  assert.ok((fitCompletion(capabilities, { ...request, typed: "y\n".repeat(3000) }).typed?.length ?? 0) < 6000);
  assert.equal(fitCompletion(capabilities, request), request);
});

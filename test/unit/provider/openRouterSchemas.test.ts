// What goes to OpenRouter and comes from it, held against the schemas of OpenRouter's own SDK (development only).
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ChatRequest$outboundSchema } from "@openrouter/sdk/models/chatrequest.js";
import { ChatResult$inboundSchema } from "@openrouter/sdk/models/chatresult.js";
import { ChatStreamChunk$inboundSchema } from "@openrouter/sdk/models/chatstreamchunk.js";
import type { ChatRequest } from "../../../src/provider/provider.ts";
import { sse, streamReply, type ModelServerOptions } from "../../fake/modelServer.ts";
import { assertFault, bodyOf, collectParts, createProviderHarness, messages } from "./harness.ts";

const model = "qwen/qwen-2.5-coder-32b-instruct";
const chatPath = "/v1/chat/completions";

const createHarness = (context: TestContext, server: ModelServerOptions = {}) =>
  createProviderHarness(context, "openrouter", {
    model,
    apiKey: async () => "sk-or-secret",
    server: { modelId: model, costUsd: 0.000_25, ...server },
  });

/** The SDK names fields as its language does, and writes them with underscores. A tool's own schema stays as it is. */
const toSdkNames = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(toSdkNames);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      name === "parameters" ? inner : toSdkNames(inner),
    ]),
  );
};

const parameters = { type: "object", properties: { file_path: { type: "string" } }, required: ["file_path"] };
const tools = [{ name: "read_file", description: "Reads a file", parameters }];

const requests: Readonly<Record<string, ChatRequest>> = {
  plain: { messages },
  "with limits": { messages, maxTokens: 64, temperature: 0.2 },
  "with tools": { messages, tools, toolChoice: "required" },
  "after a call": {
    messages: [
      { role: "system", content: "Be brief" },
      ...messages,
      {
        role: "assistant",
        content: "",
        toolCalls: [{ id: "c1", name: "read_file", argumentsJson: '{"file_path":"a.ts"}' }],
      },
      { role: "tool", toolCallId: "c1", toolName: "read_file", content: "text" },
    ],
    tools,
  },
  "with an image": {
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image", mediaType: "image/png", base64: "AAAA" },
        ],
      },
    ],
  },
};

for (const [name, request] of Object.entries(requests)) {
  test(`a chat ${name} is what the schema says, and nothing else`, async (context) => {
    const { server, provider } = await createHarness(context);
    await collectParts(provider.streamChat(request));
    const sent = bodyOf(await server.nextRequest(chatPath));
    // A field that the schema does not know is dropped, one of another type throws.
    const known: unknown = ChatRequest$outboundSchema.parse(toSdkNames(sent));
    assert.deepEqual(known, sent);
  });
}

const head = { id: "gen-1", object: "chat.completion.chunk", created: 1, model, provider: "Some" };
const event = (delta: object, finish: string | null = null, more: object = {}) => ({
  ...head,
  choices: [{ index: 0, delta, finish_reason: finish, native_finish_reason: finish, logprobs: null }],
  ...more,
});
const piece = (args: string, more: object = {}) => ({ index: 0, ...more, function: { arguments: args } });
const usage = {
  prompt_tokens: 9,
  completion_tokens: 2,
  total_tokens: 11,
  cost: 0.0125,
  is_byok: false,
  cost_details: {
    upstream_inference_cost: null,
    upstream_inference_prompt_cost: 0,
    upstream_inference_completions_cost: 0,
  },
  prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 1 },
};

// Written after OpenRouter's documentation, not recorded.
const written = [
  event({ role: "assistant", content: "" }),
  event({ role: "assistant", content: "", reasoning: "hm", reasoning_details: [] }),
  event({ content: "Let me " }),
  event({ content: "see." }),
  event({
    tool_calls: [{ index: 0, id: "c1", type: "function", function: { name: "read_file", arguments: "" } }],
  }),
  event({ tool_calls: [piece('{"file_')] }),
  event({ tool_calls: [piece('path":"a.ts"}')] }),
  event({ content: "" }, "tool_calls"),
  event({ role: "assistant", content: "" }, null, { usage }),
];

test("the written stream is what the schema says, and is read as the SDK reads it", async (context) => {
  const { server, provider } = await createHarness(context);
  const parsed = written.map((chunk) => ChatStreamChunk$inboundSchema.parse(chunk));
  server.script(chatPath, streamReply([...written.map(sse), sse("[DONE]")]));
  const { text, parts, end } = await collectParts(provider.streamChat({ messages, tools }));
  const deltas = parsed.flatMap(({ choices }) => choices.map(({ delta }) => delta));
  assert.equal(text, deltas.map(({ content }) => content ?? "").join(""));
  const sdkCalls = deltas.flatMap(({ toolCalls }) => toolCalls ?? []);
  assert.deepEqual(
    parts.filter(({ type }) => type === "tool-call"),
    [
      {
        type: "tool-call",
        call: {
          id: sdkCalls[0]?.id,
          name: sdkCalls[0]?.function?.name,
          argumentsJson: sdkCalls.map((call) => call.function?.arguments ?? "").join(""),
        },
      },
    ],
  );
  const said = parsed.at(-1)?.usage;
  assert.deepEqual(end?.usage, {
    promptTokens: said?.promptTokens,
    cachedTokens: said?.promptTokensDetails?.cachedTokens,
    cacheWriteTokens: said?.promptTokensDetails?.cacheWriteTokens,
    generatedTokens: said?.completionTokens,
    reasoningTokens: said?.completionTokensDetails?.reasoningTokens,
    costUsd: said?.cost,
  });
});

test("an error chunk is what the schema says, and is an error here", async (context) => {
  const { server, provider } = await createHarness(context);
  const error = { code: 429, message: "Slow down", metadata: { error_type: "rate_limit_exceeded" } };
  const chunk = { ...event({ content: "" }, "error"), error };
  assert.equal(ChatStreamChunk$inboundSchema.parse(chunk).error?.message, "Slow down");
  server.script(chatPath, streamReply([sse(written[2]), sse(chunk)]));
  const outcome = await collectParts(provider.streamChat({ messages }));
  assert.equal(outcome.text, "Let me ");
  assertFault(outcome.error, "rate-limited");
});

test("the fake server's own answers are what the schema says", async (context) => {
  const toolCalls = [{ name: "read_file", arguments: '{"file_path":"a.ts"}' }];
  const { server } = await createHarness(context, {
    providerName: "DeepInfra",
    chat: () => ({ text: "Let me see.", toolCalls }),
  });
  const ask = async (stream: boolean): Promise<string> => {
    const response = await fetch(server.url + chatPath, { method: "POST", body: JSON.stringify({ messages, stream }) });
    return response.text();
  };
  const data = (await ask(true)).match(/(?<=^data: )\{.*$/gm) ?? [];
  assert.ok(data.length > 4);
  for (const text of data) ChatStreamChunk$inboundSchema.parse(JSON.parse(text));
  ChatResult$inboundSchema.parse(JSON.parse(await ask(false)));
});

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { ChatRequest, ProviderKind } from "../../../src/provider/provider.ts";
import { jsonReply, linesReply, ndjson, sse, streamReply, type ModelServerOptions } from "../../fake/modelServer.ts";
import { readRecording } from "../../fake/recordings.ts";
import { assertFault, bodyOf, collectParts, createProviderHarness, messages } from "./harness.ts";

const paths = {
  llamacpp: "/v1/chat/completions",
  ollama: "/api/chat",
  "openai-compatible": "/v1/chat/completions",
  openrouter: "/v1/chat/completions",
} as const satisfies Readonly<Record<ProviderKind, string>>;
const kinds = ["llamacpp", "ollama", "openai-compatible", "openrouter"] as const satisfies readonly ProviderKind[];
const openAiKinds = ["llamacpp", "openai-compatible", "openrouter"] as const;

const createHarness = (context: TestContext, kind: ProviderKind, server: ModelServerOptions = {}) =>
  createProviderHarness(context, kind, {
    model: kind === "openrouter" ? "oracle" : "",
    apiKey: async () => "key",
    server: { ...(kind === "openrouter" ? { costUsd: 0.5 } : {}), ...server },
  });

const parameters = { type: "object", properties: { path: { type: "string" } }, required: ["path"] };
const tools = [{ name: "read_file", description: "Reads a file", parameters }];
const toolsSent = [{ type: "function", function: tools[0] }];

const conversation: ChatRequest = {
  messages: [
    { role: "system", content: "Be brief" },
    {
      role: "user",
      content: [
        { type: "text", text: "What is this?" },
        { type: "image", mediaType: "image/png", base64: "AAAA" },
      ],
    },
    {
      role: "assistant",
      content: "",
      toolCalls: [
        { id: "c1", name: "read_file", argumentsJson: '{"path":"a.ts"}' },
        { id: "c2", name: "list", argumentsJson: "{}" },
      ],
    },
    { role: "tool", toolCallId: "c1", toolName: "read_file", content: "text" },
    { role: "tool", toolCallId: "c2", toolName: "list", content: "" },
    { role: "assistant", content: "It is a file." },
    {
      role: "user",
      content: [
        { type: "text", text: "one" },
        { type: "text", text: "two" },
      ],
    },
  ],
  tools,
  toolChoice: "required",
};

for (const kind of openAiKinds) {
  test(`${kind}: a conversation with tools and images is sent in the OpenAI format`, async (context) => {
    const { server, provider } = await createHarness(context, kind);
    await collectParts(provider.streamChat(conversation));
    const sent = bodyOf(await server.nextRequest(paths[kind]));
    assert.deepEqual(sent["tools"], toolsSent);
    assert.equal(sent["tool_choice"], "required");
    assert.deepEqual(sent["messages"], [
      { role: "system", content: "Be brief" },
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
        ],
      },
      {
        role: "assistant",
        tool_calls: [
          { id: "c1", type: "function", function: { name: "read_file", arguments: '{"path":"a.ts"}' } },
          { id: "c2", type: "function", function: { name: "list", arguments: "{}" } },
        ],
      },
      { role: "tool", tool_call_id: "c1", content: "text" },
      { role: "tool", tool_call_id: "c2", content: "" },
      { role: "assistant", content: "It is a file." },
      { role: "user", content: "one\ntwo" },
    ]);
  });
}

test("ollama: a conversation with tools and images is sent in Ollama's own format", async (context) => {
  const { server, provider } = await createHarness(context, "ollama");
  await collectParts(provider.streamChat(conversation));
  const sent = bodyOf(await server.nextRequest("/api/chat"));
  assert.deepEqual(sent["tools"], toolsSent);
  assert.equal(sent["tool_choice"], undefined);
  assert.deepEqual(sent["messages"], [
    { role: "system", content: "Be brief" },
    { role: "user", content: "What is this?", images: ["AAAA"] },
    {
      role: "assistant",
      content: "",
      tool_calls: [
        { id: "c1", function: { name: "read_file", arguments: { path: "a.ts" } } },
        { id: "c2", function: { name: "list", arguments: {} } },
      ],
    },
    { role: "tool", tool_name: "read_file", tool_call_id: "c1", content: "text" },
    { role: "tool", tool_name: "list", tool_call_id: "c2", content: "" },
    { role: "assistant", content: "It is a file." },
    { role: "user", content: "one\ntwo" },
  ]);
});

for (const kind of kinds) {
  test(`${kind}: nothing empty is sent`, async (context) => {
    const { server, provider } = await createHarness(context, kind);
    const requests: readonly ChatRequest[] = [
      { messages },
      { messages, tools: [], toolChoice: "required" },
      { messages: [{ role: "assistant", content: "a", toolCalls: [] }, ...messages], toolChoice: "auto" },
      { messages, tools: [{ name: "now", description: "", parameters: { type: "object" } }], toolChoice: "auto" },
    ];
    const bodies: Readonly<Record<string, unknown>>[] = [];
    for (const request of requests) {
      await collectParts(provider.streamChat(request));
      bodies.push(bodyOf(await server.nextRequest(paths[kind])));
    }
    for (const body of bodies) {
      assert.doesNotMatch(JSON.stringify(body), /null|\[\]|\{\}|""/);
      assert.equal("tool_choice" in body, false);
    }
    assert.deepEqual(
      bodies.map((body) => "tools" in body),
      [false, false, false, true],
    );
  });

  test(`${kind}: calls come complete, after the text and before the end`, async (context) => {
    const toolCalls = [
      { name: "read_file", arguments: '{"path":"a \\"b\\" ü.ts"}' },
      { name: "list", arguments: "{}" },
    ];
    const { provider } = await createHarness(context, kind, { chat: () => ({ text: "Wait.", toolCalls }) });
    const { text, parts, end, error } = await collectParts(provider.streamChat({ messages, tools }));
    assert.equal(error, undefined);
    assert.equal(text, "Wait.");
    const calls = parts.flatMap((part) => (part.type === "tool-call" ? [part.call] : []));
    assert.deepEqual(
      calls.map(({ name, argumentsJson }) => ({ name, arguments: argumentsJson })),
      toolCalls,
    );
    assert.equal(new Set(calls.map(({ id }) => id)).size, 2);
    assert.deepEqual(parts.map(({ type }) => type).slice(-3), ["tool-call", "tool-call", "end"]);
    assert.equal(end?.reason, "tool-calls");
  });
}

const chunk = (delta: object, finish: string | null = null): string =>
  sse({ choices: [{ index: 0, delta, finish_reason: finish }] });
const piece = (args: string, more: object = {}): string =>
  chunk({ tool_calls: [{ index: 0, ...more, function: { ...more, arguments: args } }] });

for (const kind of openAiKinds) {
  test(`${kind}: a call that was cut, and one that is broken, are never given`, async (context) => {
    const { server, provider } = await createHarness(context, kind);
    const begin = chunk({
      tool_calls: [{ index: 0, id: "a", function: { name: "read_file", arguments: '{"path":' } }],
    });
    const cases = [
      [streamReply([chunk({ content: "one" }), begin, chunk({}, "length"), sse("[DONE]")]), "truncated"],
      [streamReply([chunk({ content: "one" }), begin, chunk({}, "tool_calls"), sse("[DONE]")]), "bad-response"],
      [streamReply([chunk({ content: "one" }), begin]), "truncated"],
      [streamReply([chunk({ content: "one" }), begin], "cut"), "truncated"],
      // Complete as it looks, the model had not said that it is.
      [streamReply([chunk({ content: "one" }), begin, piece('"a"}')], "cut"), "truncated"],
    ] as const;
    for (const [reply, wanted] of cases) {
      server.script(paths[kind], reply);
      const { text, parts, end, error } = await collectParts(provider.streamChat({ messages, tools }));
      assert.equal(text, "one");
      assert.equal(
        parts.some(({ type }) => type === "tool-call"),
        false,
      );
      assert.equal(end, undefined);
      assertFault(error, wanted);
    }
  });

  test(`${kind}: a finish reason of stop or length is no reason to drop complete calls`, async (context) => {
    const { server, provider } = await createHarness(context, kind);
    for (const finish of ["stop", "length", "tool_calls"]) {
      const call = chunk({ tool_calls: [{ index: 0, id: "a", function: { name: "list", arguments: "" } }] });
      server.script(paths[kind], streamReply([call, chunk({}, finish), sse("[DONE]")]));
      const { parts, end } = await collectParts(provider.streamChat({ messages, tools }));
      assert.deepEqual(parts[0], { type: "tool-call", call: { id: "a", name: "list", argumentsJson: "{}" } });
      assert.equal(end?.reason, "tool-calls");
    }
  });
}

test("a recorded call of llama.cpp comes out whole", async (context) => {
  const { server, provider } = await createHarness(context, "llamacpp");
  const { body } = await readRecording("60-tool-call-stream");
  server.script(paths.llamacpp, streamReply([body.subarray(0, 999), body.subarray(999)]));
  const { parts, end } = await collectParts(provider.streamChat({ messages, tools }));
  const argumentsJson = '{\n \t \t "path" : "src/b.ts","line" :4 }';
  assert.deepEqual(parts[0], {
    type: "tool-call",
    call: { id: "gCOsWeXL4beU0O1CjUDdw9NyRJNhXaCH", name: "read_file", argumentsJson },
  });
  assert.equal(end?.reason, "tool-calls");
});

test("ollama: a call with its last line, without text, is one, and 'none' tells of no tool", async (context) => {
  const { server, provider } = await createHarness(context, "ollama");
  const message = { role: "assistant", content: "", tool_calls: [{ function: { name: "list", arguments: {} } }] };
  server.script("/api/chat", linesReply([ndjson({ message, done: true, done_reason: "stop" })]));
  const { parts } = await collectParts(provider.streamChat({ messages, tools }));
  assert.deepEqual(
    parts.map(({ type }) => type),
    ["tool-call", "end"],
  );
  await server.nextRequest("/api/chat");
  await collectParts(provider.streamChat({ messages, tools, toolChoice: "none" }));
  assert.equal("tools" in bodyOf(await server.nextRequest("/api/chat")), false);
});

test("a server or model without tools says so as one that cannot", async (context) => {
  const refusals = [
    ["ollama", 400, { error: 'registry.ollama.ai/library/x "x" does not support tools' }],
    ["llamacpp", 500, { error: { code: 500, message: "tools param requires --jinja flag", type: "server_error" } }],
    [
      "openai-compatible",
      400,
      { object: "error", message: '"auto" tool choice requires --enable-auto-tool-choice', code: 400 },
    ],
    ["openrouter", 404, { error: { code: 404, message: "No endpoints found that support tool use." } }],
  ] as const;
  for (const [kind, status, body] of refusals) {
    const { server, provider } = await createHarness(context, kind);
    server.script(paths[kind], jsonReply(status, body));
    assertFault((await collectParts(provider.streamChat({ messages, tools }))).error, "unsupported");
  }
});

test("what a server says of tools and images is among its capabilities", async (context) => {
  const cases = [
    ["llamacpp", { tools: true, vision: false }],
    ["openrouter", { tools: true, vision: true }],
    ["openrouter", { tools: false, vision: false }],
    ["ollama", { ollama: { capabilities: ["completion", "tools", "vision"] } }],
    ["openai-compatible", { lmStudio: { parallel: 4 }, tools: true, vision: true }],
  ] as const satisfies readonly (readonly [ProviderKind, ModelServerOptions])[];
  for (const [kind, serverOptions] of cases) {
    const { provider } = await createHarness(context, kind, serverOptions);
    const { tools: hasTools, vision } = await provider.capabilities();
    assert.equal(hasTools, "tools" in serverOptions ? serverOptions.tools : true, kind);
    assert.equal(vision, "vision" in serverOptions ? serverOptions.vision : true, kind);
  }
  // vLLM says nothing of either.
  const { provider } = await createHarness(context, "openai-compatible");
  assert.equal("tools" in (await provider.capabilities()), false);
});

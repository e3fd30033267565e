// What a server says instead of an answer, or beside it: cases 16 to 19, 22, 38, 44 and 45.
import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  ProviderErrorKind,
  ProviderKind,
  StreamPart,
  ToolDefinition,
  Usage,
} from "../../src/provider/provider.ts";
import {
  htmlReply,
  jsonReply,
  linesReply,
  ndjson,
  sse,
  streamReply,
  type ReplyStep,
  type ScriptedReply,
} from "../fake/modelServer.ts";
import { assertFault, collectParts } from "../unit/provider/harness.ts";
import {
  chatPathOf,
  chunk,
  createHarness,
  generatingRequests,
  lastLine,
  line,
  providerKinds,
  question,
  settle,
} from "./harness.ts";

// Written from the formats' descriptions, not recorded.
const brokenStreams: readonly {
  readonly name: string;
  readonly kind: ProviderKind;
  readonly event: string;
  readonly fault: ProviderErrorKind;
}[] = [
  {
    name: "a numeric code",
    kind: "openrouter",
    event: sse({
      ...chunk("", "error"),
      error: { code: 502, message: "Provider disconnected", metadata: { error_type: "provider_unavailable" } },
    }),
    fault: "server-error",
  },
  {
    name: "a code in words",
    kind: "openrouter",
    event: sse({ ...chunk("", "error"), error: { code: "server_error", message: "Provider disconnected" } }),
    fault: "server-error",
  },
  { name: "a finish reason only", kind: "openrouter", event: sse(chunk("", "error")), fault: "server-error" },
  {
    name: "a rate limit",
    kind: "openrouter",
    event: sse({ ...chunk("", "error"), error: { code: 429, message: "Rate limit exceeded" } }),
    fault: "rate-limited",
  },
  {
    name: "vLLM's older shape",
    kind: "openai-compatible",
    event: sse({ object: "error", message: "EngineCore died", type: "InternalServerError", code: 500 }),
    fault: "server-error",
  },
  {
    name: "vLLM's newer shape",
    kind: "openai-compatible",
    event: sse({ error: { message: "EngineCore died", type: "InternalServerError", code: 500 } }),
    fault: "server-error",
  },
  {
    name: "an event of that name",
    kind: "openai-compatible",
    event: `event: error\ndata: ${JSON.stringify({ message: "Model unloaded" })}\n\n`,
    fault: "server-error",
  },
  {
    name: "llama.cpp's field",
    kind: "llamacpp",
    event: `error: ${JSON.stringify({ code: 500, message: "failed to decode", type: "server_error" })}\n\n`,
    fault: "server-error",
  },
  {
    name: "a line of Ollama's",
    kind: "ollama",
    event: ndjson({ error: "an error was encountered while running the model: CUDA error" }),
    fault: "server-error",
  },
];
for (const { name, kind, event, fault } of brokenStreams) {
  test(`#17 ${kind}: an error in the middle, as ${name}, is one typed error, and the text stays`, async (context) => {
    const { clock, server, provider } = await createHarness(context, kind);
    const text = (content: string): string => (kind === "ollama" ? ndjson(line(content)) : sse(chunk(content)));
    const steps = [text("Hello"), text(" wor"), event, text("LATE")];
    server.script(chatPathOf(kind), kind === "ollama" ? linesReply(steps) : streamReply(steps));
    const outcome = await collectParts(provider.streamChat(question));
    assert.equal(outcome.text, "Hello wor");
    assert.equal(outcome.end, undefined);
    assertFault(outcome.error, fault);
    clock.advance(600_000);
    await settle();
    assert.equal(generatingRequests(server).length, 1);
  });
}

const innerFaults: readonly { readonly code: number; readonly kind: ProviderErrorKind }[] = [
  { code: 400, kind: "bad-request" },
  { code: 401, kind: "unauthorized" },
  { code: 402, kind: "payment-required" },
];
const innerFault = (code: number): ScriptedReply =>
  jsonReply(200, {
    id: "gen-1",
    choices: [{ index: 0, message: { role: "assistant", content: null }, finish_reason: null }],
    error: {
      code,
      message: "Provider returned error",
      metadata: { provider_name: "Acme", raw: "upstream says: the kitchen is on fire" },
    },
  });
for (const { code, kind } of innerFaults) {
  test(`#18 an error ${code} inside of a 200 is that error, with the provider's own words`, async (context) => {
    const { clock, server, provider } = await createHarness(context, "openrouter");
    server.script("/v1/chat", innerFault(code));
    const outcome = await collectParts(provider.streamChat(question));
    assertFault(outcome.error, kind);
    assert.match(outcome.error.message, /Acme.*kitchen is on fire/);
    clock.advance(600_000);
    await settle();
    assert.equal(generatingRequests(server).length, 1);
  });
}

for (const kind of providerKinds) {
  test(`#19 ${kind}: a page for people is no answer; little of it is kept, and it is not asked for again`, async (context) => {
    const { clock, server, provider } = await createHarness(context, kind);
    server.script(chatPathOf(kind), htmlReply);
    const outcome = await collectParts(provider.streamChat(question));
    assertFault(outcome.error, "bad-response");
    const quoted = /Please sign in.*/.exec(outcome.error.message)?.[0];
    assert.ok(quoted && quoted.length <= 200, outcome.error.message);
    clock.advance(600_000);
    await settle();
    assert.equal(generatingRequests(server).length, 1);
  });
}

test("#38 an error's body of 4 MB that nobody reads does not hold the connection's place", async (context) => {
  const { server, transport } = await createHarness(context, "openai-compatible", {
    transport: { connectionsPerOrigin: 1 },
  });
  const piece = Buffer.alloc(64 * 1024, "e");
  const body = Array.from({ length: 64 }, (): ReplyStep => piece);
  server.script("/v1/chat", { status: 500, headers: { "content-type": "text/plain" }, body });
  const url = `${server.url}/v1/chat/completions`;
  const unread = await transport.request({ method: "POST", url, body: "{}" });
  assert.equal(unread.status, 500);
  const next = await transport.request({ method: "POST", url, body: JSON.stringify({ ...question, stream: true }) });
  assert.equal(next.status, 200);
  assert.match(await next.text(100_000), /Hello/);
});

test("#38 of an error's body of 4 MB a provider reads the beginning, and asks on with the same pool", async (context) => {
  const { server, provider } = await createHarness(context, "openai-compatible", {
    transport: { connectionsPerOrigin: 1 },
  });
  const piece = Buffer.alloc(64 * 1024, "e");
  let sentPieces = 0;
  const body = Array.from({ length: 64 }, (): ReplyStep[] => [piece, async () => void sentPieces++]).flat();
  server.script("/v1/chat", { status: 501, headers: { "content-type": "text/plain" }, body });
  const failed = await collectParts(provider.streamChat(question));
  assertFault(failed.error, "unsupported");
  assert.ok(failed.error.message.length < 300);
  const next = await collectParts(provider.streamChat(question));
  assert.equal(next.error, undefined);
});

const usages: readonly {
  readonly name: string;
  readonly events: readonly object[];
  readonly wanted: object;
}[] = [
  { name: "is missing", events: [chunk("Hi", "stop")], wanted: {} },
  {
    name: "comes in the last event, without a choice",
    events: [
      chunk("Hi", "stop"),
      { ...chunk(null), choices: [], usage: { prompt_tokens: 9, completion_tokens: 2, cost: 0.5 } },
    ],
    wanted: { promptTokens: 9, generatedTokens: 2, costUsd: 0.5 },
  },
  {
    name: "comes twice",
    events: [
      { ...chunk("Hi", "stop"), usage: { prompt_tokens: 9, completion_tokens: 2, cost: 0.25 } },
      { ...chunk(null), choices: [], usage: { prompt_tokens: 9, completion_tokens: 2, cost: 0.25 } },
    ],
    wanted: { promptTokens: 9, generatedTokens: 2, costUsd: 0.25 },
  },
  {
    name: "has no cost",
    events: [{ ...chunk("Hi", "stop"), usage: { prompt_tokens: 9, completion_tokens: 2, cost: null } }],
    wanted: { promptTokens: 9, generatedTokens: 2 },
  },
  {
    name: "has nonsense in it",
    events: [{ ...chunk("Hi", "stop"), usage: { prompt_tokens: -1, completion_tokens: "many", cost: -0.5 } }],
    wanted: {},
  },
  {
    name: "is null, as in every event but the last",
    events: [{ ...chunk("Hi", "stop"), usage: null }],
    wanted: {},
  },
  {
    name: "has more cached tokens than there were",
    events: [
      {
        ...chunk("Hi", "stop"),
        usage: { prompt_tokens: 9, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 12 }, cost: 0 },
      },
    ],
    wanted: { promptTokens: 9, cachedTokens: 9, generatedTokens: 2, costUsd: 0 },
  },
];
for (const { name, events, wanted } of usages) {
  test(`#44 usage that ${name} is never NaN, negative or counted twice`, async (context) => {
    const { server, provider } = await createHarness(context, "openrouter");
    server.script("/v1/chat", streamReply([...events.map(sse), sse("[DONE]")]));
    const outcome = await collectParts(provider.streamChat(question));
    assert.equal(outcome.error, undefined);
    assert.deepEqual(outcome.end?.usage, wanted);
  });
}

test("#44 Ollama's usage with nonsense in it is left out", async (context) => {
  const { server, provider } = await createHarness(context, "ollama");
  const end = { ...lastLine, prompt_eval_count: -3, eval_count: null };
  server.script("/api/chat", linesReply([ndjson(line("Hi")), ndjson(end)]));
  const outcome = await collectParts(provider.streamChat(question));
  assert.equal(outcome.error, undefined);
  assert.deepEqual(outcome.end?.usage, {});
});

test("#44 what an aborted answer has cost is asked for until it is known, and told once", async (context) => {
  const { clock, server, provider } = await createHarness(context, "openrouter", { server: { generationMisses: 1 } });
  const event = { ...chunk("Hello"), id: "gen-42" };
  server.script("/v1/chat", {
    ...streamReply([sse(event)], "hang"),
    headers: { "content-type": "text/event-stream", "x-generation-id": "gen-42" },
  });
  const data = {
    id: "gen-42",
    total_cost: 0.125,
    native_tokens_prompt: 9,
    native_tokens_completion: 2,
    cancelled: true,
  };
  server.script(
    "/v1/generation",
    jsonReply(404, { error: { code: 404, message: "Generation gen-42 not found" } }),
    jsonReply(200, { data }),
  );
  const told: Usage[] = [];
  const leaving = new AbortController();
  const stream = provider.streamChat(question, { signal: leaving.signal, onLateUsage: (usage) => told.push(usage) });
  const outcome = collectParts(stream);
  const request = await server.nextRequest("/v1/chat");
  await settle();
  leaving.abort();
  await outcome;
  await request.closedByClient;
  for (let atMs = 0; atMs < 120_000; atMs += 500) {
    clock.advance(500);
    await settle(4);
  }
  assert.deepEqual(
    told.map(({ costUsd }) => costUsd),
    [0.125],
  );
  const asked = server.requests.filter(({ path }) => path.startsWith("/v1/generation"));
  assert.equal(asked.length, 2);
  assert.ok(asked.every(({ path }) => path.includes("id=gen-42")));
  assert.deepEqual(clock.pending(), []);
});

test("#44 an answer that says its cost is not asked for again", async (context) => {
  const { clock, server, provider } = await createHarness(context, "openrouter", { server: { costUsd: 0.5 } });
  const told: Usage[] = [];
  const outcome = await collectParts(provider.streamChat(question, { onLateUsage: (usage) => told.push(usage) }));
  assert.equal(outcome.end?.usage.costUsd, 0.5);
  clock.advance(60_000);
  await settle();
  assert.deepEqual(told, []);
  assert.ok(!server.requests.some(({ path }) => path.startsWith("/v1/generation")));
});

const tools: readonly ToolDefinition[] = ["read", "write"].map((name) => ({
  name,
  description: `To ${name} a file`,
  parameters: { type: "object", properties: { path: { type: "string" } } },
}));
const toolEvent = (tool_calls: readonly object[], finish_reason: string | null = null) => ({
  ...chunk(null),
  choices: [{ index: 0, delta: { tool_calls }, finish_reason }],
});
const callsOf = (parts: readonly StreamPart[]) =>
  parts.flatMap((part) => (part.type === "tool-call" ? [part.call] : []));

const toolStreams: readonly {
  readonly name: string;
  readonly events: readonly object[];
  readonly calls: readonly { readonly id?: string; readonly name: string; readonly args: object }[];
}[] = [
  {
    name: "whose pieces come interleaved",
    events: [
      toolEvent([{ index: 0, id: "a", type: "function", function: { name: "read", arguments: "" } }]),
      toolEvent([{ index: 1, id: "b", type: "function", function: { name: "write", arguments: '{"pa' } }]),
      toolEvent([{ index: 0, function: { arguments: '{"path":' } }]),
      toolEvent([
        { index: 1, function: { arguments: 'th":"y"}' } },
        { index: 0, function: { arguments: '"x"}' } },
      ]),
      toolEvent([], "tool_calls"),
    ],
    calls: [
      { id: "a", name: "read", args: { path: "x" } },
      { id: "b", name: "write", args: { path: "y" } },
    ],
  },
  {
    name: "that is cut in the middle of an escape",
    events: [
      toolEvent([{ index: 0, id: "a", function: { name: "read", arguments: '{"path":"a\\u00' } }]),
      toolEvent([{ index: 0, function: { arguments: "e9\\" } }]),
      toolEvent([{ index: 0, function: { arguments: 'n"}' } }]),
      toolEvent([], "tool_calls"),
    ],
    calls: [{ id: "a", name: "read", args: { path: "a\u00e9\n" } }],
  },
  {
    name: "without an id",
    events: [
      toolEvent([{ index: 0, function: { name: "read", arguments: '{"path":"x"}' } }]),
      toolEvent([], "tool_calls"),
    ],
    calls: [{ name: "read", args: { path: "x" } }],
  },
  {
    name: "whose name comes with every piece",
    events: [
      toolEvent([{ index: 0, id: "a", function: { name: "read", arguments: '{"path"' } }]),
      toolEvent([{ index: 0, id: "a", function: { name: "read", arguments: ':"x"}' } }]),
      toolEvent([], "tool_calls"),
    ],
    calls: [{ id: "a", name: "read", args: { path: "x" } }],
  },
  {
    name: "that finishes with stop",
    events: [
      toolEvent([{ index: 0, id: "a", function: { name: "read", arguments: '{"path":"x"}' } }]),
      toolEvent([], "stop"),
    ],
    calls: [{ id: "a", name: "read", args: { path: "x" } }],
  },
];
for (const kind of ["llamacpp", "openai-compatible", "openrouter"] as const) {
  for (const { name, events, calls } of toolStreams) {
    test(`#45 ${kind}: a tool call ${name} is put together`, async (context) => {
      const { server, provider } = await createHarness(context, kind);
      server.script("/v1/chat", streamReply([...events.map(sse), sse("[DONE]")]));
      const outcome = await collectParts(provider.streamChat({ ...question, tools }));
      assert.equal(outcome.error, undefined);
      const made = callsOf(outcome.parts);
      assert.deepEqual(
        made.map((call) => ({ name: call.name, args: JSON.parse(call.argumentsJson) as unknown })),
        calls.map((call) => ({ name: call.name, args: call.args })),
      );
      for (const [index, call] of made.entries()) assert.equal(call.id, calls[index]?.id ?? call.id);
      assert.ok(made.every((call) => call.id !== ""));
      assert.equal(outcome.end?.reason, "tool-calls");
      assert.equal(outcome.parts.at(-1)?.type, "end");
    });
  }

  for (const [name, last] of [
    ["with finish reason and mark", [sse(toolEvent([], "tool_calls")), sse("[DONE]")]],
    ["without an end", []],
  ] as const) {
    test(`#45 ${kind}: a tool call whose arguments are incomplete, ${name}, is never handed out`, async (context) => {
      const { server, provider } = await createHarness(context, kind);
      const half = toolEvent([{ index: 0, id: "a", function: { name: "write", arguments: '{"path":"x"' } }]);
      server.script("/v1/chat", streamReply([sse(half), ...last]));
      const outcome = await collectParts(provider.streamChat({ ...question, tools }));
      assert.deepEqual(callsOf(outcome.parts), []);
      assert.equal(outcome.end, undefined);
      assertFault(outcome.error, last.length > 0 ? "bad-response" : "truncated");
    });
  }
}

const call = (name: string, path: string) => ({ function: { name, arguments: { path } } });

test("#45 Ollama's tool calls come whole, get ids, and end as tool calls", async (context) => {
  const { server, provider } = await createHarness(context, "ollama");
  server.script(
    "/api/chat",
    linesReply([
      ndjson({ ...line(""), message: { role: "assistant", content: "", tool_calls: [call("read", "x")] } }),
      ndjson({ ...line(""), message: { role: "assistant", content: "", tool_calls: [call("write", "y")] } }),
      ndjson(lastLine),
    ]),
  );
  const outcome = await collectParts(provider.streamChat({ ...question, tools }));
  assert.equal(outcome.error, undefined);
  const made = callsOf(outcome.parts);
  assert.deepEqual(
    made.map(({ name, argumentsJson }) => [name, JSON.parse(argumentsJson) as unknown]),
    [
      ["read", { path: "x" }],
      ["write", { path: "y" }],
    ],
  );
  assert.equal(new Set(made.map(({ id }) => id).filter((id) => id !== "")).size, 2);
  assert.equal(outcome.end?.reason, "tool-calls");
});

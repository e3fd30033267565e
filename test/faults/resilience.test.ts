// Refusals, waiting, trying again and leaving alone: cases 18, 20 to 30, 32, 34 and 43.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../src/base/clock.ts";
import { faultSentence } from "../../src/host/sentences.ts";
import type { ProviderKind } from "../../src/provider/provider.ts";
import { createServers } from "../../src/provider/servers.ts";
import { createTransportClient } from "../../src/transport/client.ts";
import {
  createModelServer,
  hangReply,
  jsonReply,
  linesReply,
  ndjson,
  sse,
  streamReply,
  type ScriptedReply,
} from "../fake/modelServer.ts";
import { assertFault, bodyOf, collectParts, rejectsWithFault } from "../unit/provider/harness.ts";
import { createRawServer } from "../unit/transport/harness.ts";
import {
  baseUrlOf,
  chatPathOf,
  chunk,
  createHarness,
  createNetwork,
  drive,
  generatingRequests,
  lastLine,
  line,
  modelId,
  plantedKey,
  providerKinds,
  question,
  settle,
  until,
} from "./harness.ts";

const completion = { prefix: "const a = ", suffix: ";\n", maxTokens: 5 };
const errorReply = (status: number, message: string, headers: Readonly<Record<string, string>> = {}): ScriptedReply =>
  jsonReply(status, { error: { code: status, message } }, headers);
/** Longer than every pause between attempts, shorter than every deadline. */
const backoffMs = 9_000;

test("#18 an error 429 inside of a 200 is waited out like any other", async (context) => {
  const { clock, server, provider } = await createHarness(context, "openrouter");
  server.script(
    "/v1/chat",
    jsonReply(200, { choices: [{ message: { content: null } }], error: { code: 429, message: "slow down" } }),
  );
  const { result, waitedMs } = await drive(clock, collectParts(provider.streamChat(question)), backoffMs);
  assert.equal(result.error, undefined);
  assert.equal(result.text, "Hello from the model.");
  assert.ok(waitedMs > 0);
  assert.equal(generatingRequests(server).length, 2);
});

for (const kind of providerKinds) {
  test(`#20 ${kind}: a refused key is not tried again, and twenty parallel refusals are one sentence`, async (context) => {
    const { clock, server, servers, provider } = await createHarness(context, kind);
    const refused = jsonReply(401, {
      error: { code: 401, message: "No auth credentials found", type: "authentication_error" },
    });
    server.script(chatPathOf(kind), ...Array.from({ length: 20 }, () => refused));
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => collectParts(provider.streamChat(question))));
    const sentences = new Set<string>();
    for (const { error } of outcomes) {
      assertFault(error, "unauthorized");
      sentences.add(faultSentence(error.kind, "host", (text) => text));
    }
    assert.equal(sentences.size, 1);
    assert.match([...sentences][0]!, /API key/);
    clock.advance(600_000);
    await settle();
    assert.equal(generatingRequests(server).length, 20);
    assert.equal(servers.states()[0]?.breaker, "closed");
    assert.deepEqual(clock.pending(), []);
  });
}

test("#21 without credit nothing is asked for in the background; a chat still tries, and new credit ends it", async (context) => {
  const { clock, server, servers, provider } = await createHarness(context, "openrouter");
  const other = await servers.open({
    provider: "openrouter",
    baseUrl: baseUrlOf("openrouter", server),
    model: "qwen/qwen2.5-coder-32b",
  });
  const noCredit = errorReply(402, "Insufficient credits. Add more using https://openrouter.ai/settings/credits");
  server.script("/v1/completions", noCredit);
  const first = await collectParts(provider.streamCompletion(completion));
  assertFault(first.error, "payment-required");
  assert.match(first.error.message, /openrouter\.ai\/settings\/credits/);
  assert.match(
    faultSentence("payment-required", "host", (text) => text),
    /credit/,
  );
  clock.advance(60_000);
  for (const paying of [provider, other]) {
    assertFault((await collectParts(paying.streamCompletion(completion))).error, "payment-required");
    assertFault(
      (await collectParts(paying.streamChat(question, { priority: "background" }))).error,
      "payment-required",
    );
  }
  assert.equal(generatingRequests(server).length, 1);
  server.script("/v1/chat", noCredit);
  assertFault((await collectParts(provider.streamChat(question))).error, "payment-required");
  assert.equal(generatingRequests(server).length, 2);
  servers.keyChanged();
  assert.equal((await collectParts(other.streamCompletion(completion))).error, undefined);
  assert.equal(servers.states()[0]?.breaker, "closed");
});

test("#22 a text that was refused is not sent again, the reasons are told, and other texts go on", async (context) => {
  const { clock, server, servers, provider } = await createHarness(context, "openrouter");
  const refused = jsonReply(403, {
    error: {
      code: 403,
      message: "Input was flagged",
      metadata: { reasons: ["violence/graphic", "hate"], flagged_input: "a planted…", provider_name: "Acme" },
    },
  });
  for (let count = 0; count < 10; count++) {
    server.script("/v1/chat", refused);
    const outcome = await collectParts(provider.streamChat(question));
    assertFault(outcome.error, "moderated");
    assert.match(outcome.error.message, /violence\/graphic.*hate/);
  }
  clock.advance(600_000);
  await settle();
  assert.equal(generatingRequests(server).length, 10);
  assert.equal(servers.states()[0]?.breaker, "closed");
  assert.equal((await collectParts(provider.streamChat(question))).error, undefined);
});

for (const status of [408, 502, 503, 524, 529]) {
  test(`#23 a ${status} before the stream is tried again, after pauses that grow and differ`, async (context) => {
    const waits: number[] = [];
    for (const random of [0.5, 0.9]) {
      const { clock, server, servers, provider } = await createHarness(context, "openrouter", {
        servers: { random: () => random },
      });
      const fault = errorReply(status, "Provider returned error");
      server.script("/v1/chat", fault, fault);
      const { result, waitedMs } = await drive(clock, collectParts(provider.streamChat(question)), backoffMs);
      assert.equal(result.error, undefined);
      assert.equal(generatingRequests(server).length, 3);
      assert.deepEqual([servers.counters().retries, servers.counters().retriesSucceeded], [2, 1]);
      waits.push(waitedMs);

      server.script("/v1/chat", fault, fault, fault, fault);
      const failed = await drive(clock, collectParts(provider.streamChat(question)), backoffMs);
      assert.ok(failed.result.error instanceof Error);
      assert.ok(failed.waitedMs <= 10_000);
      assert.equal(generatingRequests(server).length, 6);
    }
    // Half of 500 and of 1000 ms, and nine tenths of them.
    assert.ok(Math.abs(waits[0]! - 750) <= 4 && Math.abs(waits[1]! - 1350) <= 4, String(waits));
  });
}

test("#23 no more time is spent on trying again than the user allows", async (context) => {
  const { clock, server, provider } = await createHarness(context, "openrouter", {
    servers: { random: () => 0.999, retryBudgetMs: 1_000 },
  });
  const fault = errorReply(503, "overloaded");
  server.script("/v1/chat", fault, fault, fault);
  const { result, waitedMs } = await drive(clock, collectParts(provider.streamChat(question)), backoffMs);
  assertFault(result.error, "server-error");
  assert.ok(waitedMs <= 1_000);
  assert.equal(generatingRequests(server).length, 2);
});

const httpDate = (dateMs: number): string => new Date(dateMs).toUTCString();
/** The fake clock's first moment. */
const startDateMs = Date.UTC(2026, 0, 1);
for (const { name, headers, leastMs, mostMs } of [
  { name: "Retry-After: 2", headers: { "retry-after": "2" }, leastMs: 2_000, mostMs: 2_200 },
  {
    name: "Retry-After as a date",
    headers: { "retry-after": httpDate(startDateMs + 3_000) },
    leastMs: 3_000,
    mostMs: 3_200,
  },
  {
    name: "X-RateLimit-Reset in milliseconds",
    headers: { "x-ratelimit-reset": String(startDateMs + 4_000) },
    leastMs: 4_000,
    mostMs: 4_200,
  },
  {
    name: "X-RateLimit-Reset in seconds",
    headers: { "x-ratelimit-reset": String((startDateMs + 5_000) / 1000) },
    leastMs: 5_000,
    mostMs: 5_200,
  },
  { name: "Retry-After as garbage", headers: { "retry-after": "soon, maybe" }, leastMs: 1, mostMs: 1_200 },
  { name: "Retry-After below nothing", headers: { "retry-after": "-5" }, leastMs: 1, mostMs: 1_200 },
  { name: "no hint", headers: {}, leastMs: 1, mostMs: 1_200 },
]) {
  test(`#24 a 429 with ${name} is waited out`, async (context) => {
    const { clock, server, provider } = await createHarness(context, "openrouter");
    server.script("/v1/chat", errorReply(429, "slow down", headers));
    const { result, waitedMs } = await drive(clock, collectParts(provider.streamChat(question)), backoffMs);
    assert.equal(result.error, undefined);
    assert.equal(generatingRequests(server).length, 2);
    assert.ok(waitedMs >= leastMs && waitedMs <= mostMs, `${waitedMs} ms`);
  });
}

test("#24 a 429 for an hour fails at once, says when it is over, and pauses ghost text", async (context) => {
  const { clock, server, provider } = await createHarness(context, "openrouter");
  server.script("/v1/chat", errorReply(429, "come back later", { "retry-after": "3600" }));
  const { result, waitedMs } = await drive(clock, collectParts(provider.streamChat(question)), backoffMs);
  assertFault(result.error, "rate-limited");
  assert.equal(result.error.retryAfterMs, 3_600_000);
  assert.equal(waitedMs, 0);
  clock.advance(600_000);
  for (const stream of [provider.streamCompletion(completion), provider.streamChat(question)]) {
    const { error } = await collectParts(stream);
    assertFault(error, "paused");
    assert.equal(error.retryAfterMs, 3_000_000);
  }
  assert.equal(generatingRequests(server).length, 1);
  clock.advance(3_000_000);
  const { result: after } = await drive(clock, collectParts(provider.streamCompletion(completion)), backoffMs);
  assert.equal(after.error, undefined);
});

test("#24 ghost text waits two seconds at most, and is paused by what is longer", async (context) => {
  const { clock, server, provider } = await createHarness(context, "openrouter");
  server.script("/v1/completions", errorReply(429, "slow down", { "retry-after": "3" }));
  const { result, waitedMs } = await drive(clock, collectParts(provider.streamCompletion(completion)), backoffMs);
  assertFault(result.error, "rate-limited");
  assert.equal(waitedMs, 0);
  assert.equal(generatingRequests(server).length, 1);
});

test("#25 twenty refused at the same time share one pause, count once, and come back one by one", async (context) => {
  const { clock, server, servers, provider } = await createHarness(context, "openrouter");
  const state = () => servers.states()[0]!;
  const before = state().limit;
  assert.ok(before >= 4);
  const hold = Promise.withResolvers<void>();
  const refused: ScriptedReply = {
    ...errorReply(429, "slow down", { "retry-after": "1" }),
    hasHead: true,
  };
  // All that may run at the same time are refused at the same time.
  server.script(
    "/v1/chat",
    ...Array.from({ length: before }, () => ({ ...refused, body: [() => hold.promise, ...(refused.body ?? [])] })),
  );
  const outcomes = Array.from({ length: 20 }, () => collectParts(provider.streamChat(question)));
  await until(() => generatingRequests(server).length === before);
  assert.equal(state().running, before);
  assert.equal(state().queued, 20 - before);
  hold.resolve();
  await until(() => state().queued === 20);
  assert.ok(state().limit >= before / 2 - 1 && state().limit < before, `the limit is ${state().limit} of ${before}`);
  clock.advance(999);
  await settle();
  assert.equal(generatingRequests(server).length, before);
  const starts: number[] = [];
  let seen = before;
  while (starts.length < 20) {
    clock.advance(1);
    await settle(4);
    for (; seen < generatingRequests(server).length; seen++) starts.push(clock.nowMs());
    assert.ok(clock.nowMs() < 60_000);
  }
  for (const { error } of await Promise.all(outcomes)) assert.equal(error, undefined);
  assert.ok(new Set(starts.slice(0, 5)).size === 5, `they start at ${starts.slice(0, 5).join(", ")}`);
});

const overflows: readonly {
  readonly kind: ProviderKind;
  readonly reply: ScriptedReply;
  readonly contextTokens?: number;
}[] = [
  {
    kind: "llamacpp",
    contextTokens: 4096,
    reply: jsonReply(400, {
      error: {
        code: 400,
        message: "the request exceeds the available context size",
        type: "exceed_context_size_error",
        n_prompt_tokens: 10_000,
        n_ctx: 4096,
      },
    }),
  },
  {
    kind: "openai-compatible",
    contextTokens: 4096,
    reply: jsonReply(400, {
      error: {
        message:
          "This model's maximum context length is 4096 tokens. However, you requested 10000 tokens. Please reduce the length of the messages.",
        type: "BadRequestError",
        code: "context_length_exceeded",
      },
    }),
  },
  {
    kind: "openrouter",
    reply: jsonReply(400, {
      error: { code: 400, message: "too long", metadata: { error_type: "context_length_exceeded" } },
    }),
  },
];
const turn = (content: string) => ({ role: "user", content }) as const;
for (const { kind, reply, contextTokens } of overflows) {
  test(`#26 ${kind}: what is longer than the context is shortened once and sent once more`, async (context) => {
    const { clock, server, provider } = await createHarness(context, kind);
    const answer = { role: "assistant", content: "fine ".repeat(2_000) } as const;
    const long = {
      messages: [
        { role: "system", content: "Be brief." },
        turn("old ".repeat(2_500)),
        answer,
        turn("older ".repeat(1_500)),
        answer,
        turn("What now?"),
      ] as const,
    };
    server.script(chatPathOf(kind), reply);
    const { result } = await drive(clock, collectParts(provider.streamChat(long)), backoffMs);
    assert.equal(result.error, undefined);
    const [first, second, ...more] = generatingRequests(server);
    assert.deepEqual(more, []);
    assert.ok(second && first);
    // 10 000 tokens were too many: in proportion, this many units fit.
    const fits = contextTokens === undefined ? first.body.length : (first.body.length * contextTokens) / 10_000;
    assert.ok(second.body.length <= fits, `${second.body.length} of ${first.body.length}`);
    assert.ok(second.body.includes("Be brief.") && second.body.includes("What now?"));

    server.script(chatPathOf(kind), reply, reply);
    const again = await drive(clock, collectParts(provider.streamChat(long)), backoffMs);
    assertFault(again.result.error, "context-overflow");
    assert.equal(generatingRequests(server).length, 4);
  });
}

test("#26 a completion that is too long keeps what stands next to the cursor", async (context) => {
  const { clock, server, provider } = await createHarness(context, "llamacpp");
  const prefix = `${"const far = 1;\n".repeat(2_000)}const near = `;
  server.script("/completion", overflows[0]!.reply);
  const { result } = await drive(
    clock,
    collectParts(provider.streamCompletion({ prefix, suffix: ";\n", maxTokens: 5 })),
    backoffMs,
  );
  assert.equal(result.error, undefined);
  const [first, second] = generatingRequests(server);
  assert.ok(second!.body.length < first!.body.length / 2);
  assert.match(String(bodyOf(second)["prompt"]), /const near = <\|fim_suffix\|>/);
});

for (const { name, promptTokens } of [
  { name: "to all that its context holds", promptTokens: 4096 },
  { name: "to far less than was sent", promptTokens: 2_000 },
]) {
  test(`#27 an Ollama that cuts a prompt ${name} is no silent success`, async (context) => {
    const { server, log, provider } = await createHarness(context, "ollama", {
      server: { ollama: { contextTokens: 4096 } },
    });
    server.script(
      "/api/chat",
      linesReply([ndjson(line("Hello")), ndjson({ ...lastLine, prompt_eval_count: promptTokens })]),
    );
    const content = "words of all kinds and lengths ".repeat(3_500);
    const outcome = await collectParts(provider.streamChat({ messages: [{ role: "user", content }] }));
    assertFault(outcome.error, "context-overflow");
    assert.ok(
      log.lines.some((text) => text.includes("4096")),
      "the log says what the server gives",
    );
    assert.equal(generatingRequests(server).length, 1);
  });
}

test("#28 an Ollama that reads its model for 400 s is waited for, shown as loading, and can be left at once", async (context) => {
  const { clock, server, servers, provider } = await createHarness(context, "ollama");
  server.setLoading(true);
  // Ghost text first: of the two it waits less long for a server that does not say why it is silent.
  const outcomes = [collectParts(provider.streamCompletion(completion)), collectParts(provider.streamChat(question))];
  const leaving = new AbortController();
  const left = collectParts(provider.streamChat(question, { signal: leaving.signal }));
  await until(() => generatingRequests(server).length >= 1);
  assert.deepEqual(await provider.health(), { status: "loading" });
  leaving.abort();
  const { error } = await left;
  assert.ok(error instanceof Error);
  assert.equal(error.name, "AbortError");
  for (let atMs = 0; atMs < 400_000; atMs += 5_000) {
    clock.advance(5_000);
    await settle(8);
  }
  assert.deepEqual(await provider.health(), { status: "loading" });
  server.setLoading(false);
  for (const outcome of await Promise.all(outcomes)) {
    assert.equal(outcome.error, undefined);
    assert.ok(outcome.end);
  }
  assert.equal(servers.states()[0]?.breaker, "closed");
  assert.equal(generatingRequests(server).length <= 3, true);
});

test("#28 cancelling a request whose model is being read closes the socket at once", async (context) => {
  const { clock, server, provider } = await createHarness(context, "ollama");
  server.setLoading(true);
  const leaving = new AbortController();
  const outcome = collectParts(provider.streamChat(question, { signal: leaving.signal }));
  const request = await server.nextRequest("/api/chat");
  clock.advance(300_000);
  await settle();
  const abortedAt = performance.now();
  leaving.abort();
  await request.closedByClient;
  assert.ok(performance.now() - abortedAt < 100);
  const { error } = await outcome;
  assert.ok(error instanceof Error);
  assert.equal(error.name, "AbortError");
  assert.deepEqual(clock.pending(), []);
});

test("#29 a llama.cpp that reads its model is asked how far it is, and counts as healthy", async (context) => {
  const { clock, server, servers, provider } = await createHarness(context, "llamacpp");
  server.setLoading(true);
  const outcomes = Array.from({ length: 8 }, () => collectParts(provider.streamChat(question)));
  for (let atMs = 0; atMs < 120_000; atMs += 5_000) {
    clock.advance(5_000);
    await settle(5);
  }
  assert.equal(servers.states()[0]?.breaker, "closed");
  assert.ok(server.requests.some(({ path }) => path === "/health"));
  server.setLoading(false);
  const { result } = await drive(clock, Promise.all(outcomes), backoffMs);
  for (const { error } of result) assert.equal(error, undefined);
  assert.equal(servers.states()[0]?.breaker, "closed");
});

test("#29 an Ollama whose queue is full is asked again, and counts as healthy", async (context) => {
  const { clock, server, servers, provider } = await createHarness(context, "ollama");
  const busy = jsonReply(503, { error: "server busy, please try again.  maximum pending requests exceeded" });
  server.script("/api/chat", ...Array.from({ length: 12 }, () => busy));
  const { result, waitedMs } = await drive(clock, collectParts(provider.streamChat(question)), backoffMs);
  assert.equal(result.error, undefined);
  assert.ok(waitedMs >= 1_000);
  assert.equal(servers.states()[0]?.breaker, "closed");
  assert.equal(generatingRequests(server).length, 13);
});

test("#30 whatever is asked of an Ollama says the same about the loaded model", async (context) => {
  const { server, provider } = await createHarness(context, "ollama", {
    server: { ollama: { capabilities: ["completion", "tools"] } },
  });
  const tools = [{ name: "read", description: "", parameters: { type: "object" } }];
  const outcomes = [
    await collectParts(provider.streamChat(question)),
    await collectParts(provider.streamChat({ ...question, tools, maxTokens: 100, temperature: 0 })),
    await collectParts(provider.streamCompletion(completion)),
    await collectParts(provider.streamCompletion({ ...completion, prefix: "x".repeat(20_000), temperature: 0.5 })),
  ];
  for (const { error } of outcomes) assert.equal(error, undefined);
  for (const use of ["chat", "completion"] as const) assert.ok((await provider.validateConnection(use)).ok);
  const runners = generatingRequests(server).map((request) => {
    const body = bodyOf(request);
    // What may differ from request to request without the model being read again.
    const {
      num_predict: _1,
      temperature: _2,
      stop: _3,
      ...runner
    } = { ...(body["options"] as object) } as Record<string, unknown>;
    return { runner, keep_alive: body["keep_alive"], truncate: body["truncate"], shift: body["shift"] };
  });
  assert.equal(runners.length, 6);
  assert.equal(typeof runners[0]!.runner["num_ctx"], "number");
  for (const runner of runners) assert.deepEqual(runner, runners[0]);
});

test("#32 cancelling between two attempts ends it at once, and nothing is sent any more", async (context) => {
  const { clock, server, provider } = await createHarness(context, "openrouter");
  server.script("/v1/chat", errorReply(503, "overloaded"), errorReply(503, "overloaded"));
  const leaving = new AbortController();
  const outcome = collectParts(provider.streamChat(question, { signal: leaving.signal }));
  await until(() => clock.pending().some((delayMs) => delayMs <= 500));
  await assertLeaves(outcome, leaving);
  clock.advance(600_000);
  await settle();
  assert.equal(generatingRequests(server).length, 1);
  assert.deepEqual(clock.pending(), []);
});

test("#32 cancelling while waiting for the end of a pause ends it at once", async (context) => {
  const { clock, server, provider } = await createHarness(context, "openrouter");
  server.script("/v1/chat", errorReply(429, "slow down", { "retry-after": "5" }));
  const leaving = new AbortController();
  const outcome = collectParts(provider.streamChat(question, { signal: leaving.signal }));
  await until(() => clock.pending().some((delayMs) => delayMs >= 5_000 && delayMs <= 5_200));
  await assertLeaves(outcome, leaving);
  clock.advance(600_000);
  await settle();
  assert.equal(generatingRequests(server).length, 1);
  assert.deepEqual(clock.pending(), []);
});

test("#32 cancelling in the queue ends it at once, and the others keep their turn", async (context) => {
  const { clock, server, servers, provider } = await createHarness(context, "llamacpp");
  server.script("/v1/chat", hangReply);
  const running = new AbortController();
  const first = collectParts(provider.streamChat(question, { signal: running.signal }));
  await server.nextRequest("/v1/chat");
  const leaving = new AbortController();
  const queued = collectParts(provider.streamChat(question, { signal: leaving.signal }));
  const last = collectParts(provider.streamChat(question));
  await until(() => servers.states()[0]?.queued === 2);
  await assertLeaves(queued, leaving);
  assert.equal(servers.states()[0]?.queued, 1);
  await assertLeaves(first, running);
  assert.equal((await last).error, undefined);
  clock.advance(600_000);
  await settle();
  assert.equal(generatingRequests(server).length, 2);
});

test("#32 cancelling while the connection is made ends it at once, and closes it", async (context) => {
  const closed = Promise.withResolvers<void>();
  const { port } = await createRawServer(context, (socket) => {
    socket.resume();
    socket.once("close", () => closed.resolve());
  });
  const { clock, transport, servers } = createNetwork(context);
  const baseUrl = `https://127.0.0.1:${port}/v1`;
  const provider = await servers.open({ provider: "openrouter", baseUrl, model: modelId });
  const leaving = new AbortController();
  const outcome = collectParts(provider.streamChat(question, { signal: leaving.signal }));
  await until(() => clock.pending().includes(10_000));
  await assertLeaves(outcome, leaving);
  await closed.promise;
  assert.equal(transport.counters().requests, 0);
  assert.deepEqual(clock.pending(), []);
});

/** Cancels and expects the end without any time passing on the program's clock, and hardly any on the wall's. */
const assertLeaves = async (outcome: ReturnType<typeof collectParts>, leaving: AbortController): Promise<void> => {
  const abortedAt = performance.now();
  leaving.abort();
  const { error } = await outcome;
  const tookMs = performance.now() - abortedAt;
  assert.ok(error instanceof Error);
  assert.equal(error.name, "AbortError");
  assert.ok(tookMs < 20, `${tookMs} ms`);
};

test("#34 five failures open the breaker; one of twenty tests the server; a success closes it", async (context) => {
  const { clock, server, servers, provider } = await createHarness(context, "openrouter");
  const broken = errorReply(500, "it broke");
  const state = () => servers.states()[0]!;
  while (state().breaker === "closed") {
    assert.ok(generatingRequests(server).length < 5);
    server.script("/v1/chat", broken);
    await drive(clock, collectParts(provider.streamChat(question, { priority: "speculation" })), backoffMs);
  }
  assert.equal(generatingRequests(server).length, 5);
  server.unscript();
  for (let count = 0; count < 20; count++) {
    const { error } = await collectParts(provider.streamChat(question));
    assertFault(error, "paused");
    assert.ok((error.retryAfterMs ?? 0) > 0);
  }
  assert.equal(generatingRequests(server).length, 5);

  // The test fails: it opens for longer.
  const firstOpenMs = state().openMs;
  clock.advance(firstOpenMs);
  assert.equal(state().breaker, "half-open");
  server.script("/v1/chat", broken);
  await collectParts(provider.streamChat(question, { priority: "speculation" }));
  assert.equal(generatingRequests(server).length, 6);
  assert.equal(state().breaker, "open");
  assert.ok(state().openMs > firstOpenMs);

  clock.advance(state().openMs);
  const goOn = Promise.withResolvers<void>();
  server.script(
    "/v1/chat",
    streamReply([() => goOn.promise, sse(chunk("Hello")), sse(chunk(null, "stop")), sse("[DONE]")]),
  );
  const outcomes = Array.from({ length: 20 }, () => collectParts(provider.streamChat(question)));
  await settle();
  assert.equal(generatingRequests(server).length, 7);
  goOn.resolve();
  const { result } = await drive(clock, Promise.all(outcomes), backoffMs);
  const answered = result.filter(({ error }) => error === undefined);
  assert.ok(answered.length >= 1);
  for (const { error } of result) if (error !== undefined) assertFault(error, "paused");
  assert.equal(state().breaker, "closed");
  assert.equal((await collectParts(provider.streamChat(question))).error, undefined);
});

test("#34 what the client did wrong, and what the user cancelled, never opens the breaker", async (context) => {
  const { clock, server, servers, provider } = await createHarness(context, "openrouter");
  const message = "no";
  for (const status of [400, 401, 403, 404, 413, 422]) {
    for (let count = 0; count < 6; count++) {
      server.script("/v1/chat", jsonReply(status, { error: { code: status, message } }));
      await drive(clock, collectParts(provider.streamChat(question)), backoffMs);
    }
    server.unscript();
    assert.equal(servers.states()[0]?.breaker, "closed", String(status));
  }
  for (let count = 0; count < 12; count++) {
    const leaving = new AbortController();
    const started = count % 2 === 0 ? hangReply : streamReply([sse(chunk("Hello"))], "hang");
    server.script("/v1/chat", started);
    const sent = generatingRequests(server).length;
    const outcome = collectParts(provider.streamChat(question, { signal: leaving.signal }));
    await until(() => generatingRequests(server).length > sent);
    await settle(3);
    leaving.abort();
    await outcome;
  }
  assert.equal(servers.states()[0]?.breaker, "closed");
  assert.equal((await collectParts(provider.streamChat(question))).error, undefined);
});

test("#43 pauses and the breaker count time that passes, not what the computer's date says", async (context) => {
  const { clock } = createNetwork(context);
  const server = await createModelServer({ modelId });
  let jumpMs = 0;
  const jumping: Clock = { ...clock, dateMs: () => clock.dateMs() + jumpMs };
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const transport = createTransportClient({ clock: jumping, log });
  const servers = createServers({
    transport,
    clock: jumping,
    log,
    apiKeyFor: () => Promise.resolve(plantedKey),
    random: () => 0.5,
  });
  context.after(async () => {
    await transport.close();
    await server.close();
  });
  const baseUrl = baseUrlOf("openrouter", server);
  const paused = await servers.open({ provider: "openrouter", baseUrl, model: modelId });
  const broken = await servers.open({ provider: "openrouter", baseUrl, model: "qwen/qwen2.5-coder-32b" });
  server.script("/v1/chat", errorReply(429, "later", { "retry-after": "600" }));
  assertFault((await collectParts(paused.streamChat(question))).error, "rate-limited");
  for (let count = 0; count < 5; count++) {
    server.script("/v1/chat", errorReply(500, "it broke"));
    await collectParts(broken.streamChat(question, { priority: "speculation" }));
  }
  const sent = generatingRequests(server).length;
  // The machine slept for an hour, or somebody has set the date, either way.
  for (jumpMs of [3_600_000, -3_600_000]) {
    for (const provider of [paused, broken]) {
      const { error } = await collectParts(provider.streamChat(question));
      assertFault(error, "paused");
    }
  }
  assert.equal(generatingRequests(server).length, sent);
  clock.advance(600_000);
  for (const provider of [paused, broken]) {
    const { result } = await drive(clock, collectParts(provider.streamChat(question)), backoffMs);
    assert.equal(result.error, undefined);
  }
});

test("#29 a server that only says that it is busy is no reason to give up a question", async (context) => {
  const { clock, server, provider } = await createHarness(context, "llamacpp");
  server.setLoading(true);
  const models = provider.models();
  for (let atMs = 0; atMs < 60_000; atMs += 5_000) {
    clock.advance(5_000);
    await settle(5);
  }
  server.setLoading(false);
  const { result } = await drive(clock, models, backoffMs);
  assert.equal(result.length, 1);
  server.setLoading(true);
  const tooLong = rejectsWithFault(provider.models(), "loading");
  for (let atMs = 0; atMs < 660_000; atMs += 5_000) {
    clock.advance(5_000);
    await settle(5);
  }
  await tooLong;
});

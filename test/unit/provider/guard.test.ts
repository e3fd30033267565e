import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { isAbortError } from "../../../src/base/abort.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import { startSpan } from "../../../src/metrics/spans.ts";
import { createAccount } from "../../../src/provider/account.ts";
import { ProviderError, type ProviderErrorKind, type StreamPart, type Usage } from "../../../src/provider/provider.ts";
import { guard } from "../../../src/provider/guard.ts";
import { createProvider } from "../../../src/provider/registry.ts";
import { silentLog } from "../../../src/base/log.ts";
import { createTransportClient } from "../../../src/transport/client.ts";
import { jsonReply, resetReply, sse, streamReply, type ModelServer } from "../../fake/modelServer.ts";
import {
  answer,
  createGuardHarness,
  createOpenLimiter,
  createStubHarness,
  failing,
  settle,
  type Behaviour,
} from "./guardHarness.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { assertFault, bodyOf, collectParts, rejectsWithFault } from "./harness.ts";

const question = { messages: [{ role: "user", content: "Say something." }] } as const;
const tools = [{ name: "read", description: "Reads a file.", parameters: { type: "object" } }];
const completion = { prefix: "const answer = ", suffix: ";\n", maxTokens: 16 };
const chatPath = "/v1/chat/completions";

const generating = ({ requests }: Pick<ModelServer, "requests">) => requests.filter(({ method }) => method === "POST");

const refusal = (status: number, headers: Readonly<Record<string, string>> = {}) =>
  jsonReply(status, { error: { message: "not now", code: status } }, headers);

const chunk = (content: string) => sse({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });

const fault = (kind: ProviderErrorKind, options: ConstructorParameters<typeof ProviderError>[2] = {}): Behaviour =>
  failing(() => new ProviderError(kind, "test", options));

const childNames = ({ children }: { children: readonly { name: string }[] }) => children.map(({ name }) => name);

test("a good answer passes through untouched, and nothing is counted", async (context) => {
  const { server, provider, counters, limiter } = await createGuardHarness(context);
  const { text, end, error } = await collectParts(provider.streamChat(question));
  assert.equal(error, undefined);
  assert.equal(text, "Hello from the model.");
  assert.equal(end?.reason, "stop");
  assert.equal(generating(server).length, 1);
  assert.deepEqual([counters.retries, counters.retriesSucceeded, limiter.running], [0, 0, 0]);
});

// Case 1.
test("a refused connection is tried once more within a quarter of a second, then reported", async (context) => {
  const listener = createServer();
  await new Promise<void>((resolve) => void listener.listen(0, "127.0.0.1", () => resolve()));
  const address = listener.address();
  assert.ok(typeof address === "object" && address !== null);
  await new Promise<void>((resolve) => void listener.close(() => resolve()));
  const { clock, counters, limiter, breaker } = createStubHarness();
  const transport = createTransportClient({ clock, log: silentLog });
  context.after(() => transport.close());
  const raw = await createProvider(
    "ollama",
    { baseUrl: `http://127.0.0.1:${address.port}`, model: "m" },
    { transport, clock, log: silentLog },
  );
  const provider = guard(raw, { limiter, breaker, clock, log: silentLog, counters, random: () => 1 });
  const outcome = collectParts(provider.streamChat(question));
  await clock.timer(250);
  clock.advance(250);
  const { error } = await outcome;
  assertFault(error, "unreachable");
  assert.equal(counters.retries, 1);
  assert.deepEqual(clock.pending(), []);
});

// Case 5.
test("a reset before any byte is followed by exactly one more request on a fresh connection", async (context) => {
  const { clock, server, provider, counters } = await createGuardHarness(context);
  // The connection of the question before is not kept, so the reset hits a fresh one.
  server.script("/v1/models", jsonReply(200, { data: [] }, { connection: "close" }));
  server.script("/api/version", jsonReply(404, {}, { connection: "close" }));
  server.script(chatPath, resetReply);
  const outcome = collectParts(provider.streamChat(question));
  await clock.timer(125);
  clock.advance(125);
  assert.equal((await outcome).text, "Hello from the model.");
  const [first, second, ...others] = generating(server);
  assert.equal(others.length, 0);
  assert.notEqual(first?.connection, second?.connection);
  assert.equal(first?.body, second?.body);
  assert.deepEqual([counters.retries, counters.retriesSucceeded], [1, 1]);
});

test("a server that resets every time sees two requests, on a kept-alive connection as on a fresh one", async (context) => {
  for (const isKept of [true, false]) {
    const { clock, server, provider, counters } = await createGuardHarness(context);
    if (!isKept) {
      server.script("/v1/models", jsonReply(200, { data: [] }, { connection: "close" }));
      server.script("/api/version", jsonReply(404, {}, { connection: "close" }));
    }
    if (isKept) {
      await provider.capabilities();
      await provider.models();
    }
    server.script(chatPath, resetReply, resetReply, resetReply, resetReply);
    const outcome = collectParts(provider.streamChat(question));
    if (!isKept) {
      await clock.timer(125);
      clock.advance(125);
    }
    assertFault((await outcome).error, "unreachable");
    assert.equal(generating(server).length, 2, isKept ? "kept alive" : "fresh");
    assert.equal(counters.retries, isKept ? 0 : 1, "the transport has done it where the connection was kept alive");
  }
});

// Case 7.
test("broken after the head, before any text: once more, but never twice, and never for a turn with tools", async (context) => {
  const { clock, server, provider } = await createGuardHarness(context);
  server.script(chatPath, streamReply([], "reset"), streamReply([], "reset"));
  const outcome = collectParts(provider.streamChat(question));
  await clock.timer(125);
  clock.advance(125);
  assertFault((await outcome).error, "truncated");
  assert.equal(generating(server).length, 2);

  server.script(chatPath, streamReply([], "reset"));
  assertFault((await collectParts(provider.streamChat({ ...question, tools }))).error, "truncated");
  assert.equal(generating(server).length, 3);
});

test("a refusal after an answer that broke off is not tried a third time: it may be charged twice already", async (context) => {
  const { clock, server, provider } = await createGuardHarness(context);
  server.script(chatPath, streamReply([], "reset"), refusal(503));
  const outcome = collectParts(provider.streamChat(question));
  await clock.timer(125);
  clock.advance(125);
  assertFault((await outcome).error, "server-error");
  assert.equal(generating(server).length, 2);
});

// Case 8.
test("once text was handed out, nothing is ever sent again", async (context) => {
  const { clock, server, provider, counters } = await createGuardHarness(context);
  server.script(chatPath, streamReply([chunk("The "), chunk("ans")], "cut"));
  const { text, error } = await collectParts(provider.streamChat(question));
  assert.equal(text, "The ans");
  assertFault(error, "truncated");
  clock.advance(60_000);
  await settle();
  assert.equal(generating(server).length, 1);
  assert.equal(counters.retries, 0);
});

test("a tool call counts as handed out, too", async () => {
  const { clock, state, provider } = createStubHarness({
    behaviours: [
      async function* () {
        yield { type: "tool-call", call: { id: "1", name: "read", argumentsJson: "{}" } };
        throw new ProviderError("truncated", "test");
      },
    ],
  });
  const { parts, error } = await collectParts(provider.streamChat(question));
  assert.equal(parts.length, 1);
  assertFault(error, "truncated");
  clock.advance(60_000);
  await settle();
  assert.equal(state.sent, 1);
});

// Cases 4, 19, 20, 22: what the same request gets again is not sent again.
for (const kind of [
  "certificate",
  "bad-response",
  "unauthorized",
  "moderated",
  "bad-request",
  "model-not-found",
] as const) {
  test(`${kind} is reported at once`, async () => {
    const { clock, state, provider } = createStubHarness({ behaviours: [fault(kind, { status: 400 }), answer] });
    assertFault((await collectParts(provider.streamChat(question))).error, kind);
    assert.deepEqual(clock.pending(), []);
    assert.equal(state.sent, 1);
  });
}

// Case 21.
test("without credit only a chat still asks; its answer, a good test or time let the others ask again", async () => {
  const { clock, state, provider } = createStubHarness({ behaviours: [fault("payment-required", { status: 402 })] });
  const ghostText = () => collectParts(provider.streamCompletion(completion));
  assertFault((await ghostText()).error, "payment-required");
  assertFault((await ghostText()).error, "payment-required");
  assertFault(
    (await collectParts(provider.streamChat(question, { priority: "background" }))).error,
    "payment-required",
  );
  assert.equal(state.sent, 1);
  assertFault((await collectParts(provider.streamChat(question))).error, "payment-required");
  assert.equal(state.sent, 2);

  clock.advance(599_999);
  await ghostText();
  assert.equal(state.sent, 2);
  clock.advance(1);
  await ghostText();
  assert.equal(state.sent, 3);

  state.behaviours = [answer];
  assert.equal((await collectParts(provider.streamChat(question))).error, undefined);
  assert.equal((await ghostText()).text, "yes");

  state.behaviours = [fault("payment-required")];
  await ghostText();
  state.behaviours = [answer];
  assertFault((await ghostText()).error, "payment-required");
  await provider.validateConnection("chat");
  assert.equal((await ghostText()).text, "yes");
});

test("the account is shared by the models of an origin", async () => {
  const clock = createFakeClock();
  const account = createAccount(clock);
  const one = createStubHarness({ account, behaviours: [fault("payment-required")] });
  const other = createStubHarness({ account });
  await collectParts(one.provider.streamChat(question));
  assertFault((await collectParts(other.provider.streamCompletion(completion))).error, "payment-required");
  account.renewed();
  assert.equal((await collectParts(other.provider.streamCompletion(completion))).error, undefined);
});

// Case 23.
for (const status of [408, 502, 503, 524, 529]) {
  test(`${status} is tried again twice, after waits that grow`, async (context) => {
    const { clock, server, provider, counters } = await createGuardHarness(context);
    server.script(chatPath, refusal(status), refusal(status));
    const root = startSpan(clock, "chat");
    const outcome = collectParts(provider.streamChat(question, { span: root }));
    await clock.timer(250);
    assert.equal(generating(server).length, 1);
    clock.advance(250);
    await clock.timer(500);
    assert.equal(generating(server).length, 2);
    clock.advance(500);
    assert.equal((await outcome).text, "Hello from the model.");
    assert.deepEqual([counters.retries, counters.retriesSucceeded], [2, 1]);
    const names = childNames(root.record);
    assert.deepEqual(
      names.filter((name) => name.startsWith("attempt") || name === "retry wait"),
      ["retry wait", "attempt 2", "retry wait", "attempt 3"],
    );
    const attempt = root.record.children.find(({ name }) => name === "attempt 2");
    assert.ok(childNames(attempt!).includes("wait"));
    assert.equal(attempt?.endMs, 250);
    const waits = root.record.children.filter(({ name }) => name === "retry wait");
    assert.deepEqual(
      waits.map(({ startMs, endMs }) => (endMs ?? 0) - startMs),
      [250, 500],
    );
  });
}

test("after the third refusal it is reported", async (context) => {
  const { clock, server, provider, counters } = await createGuardHarness(context);
  server.script(chatPath, refusal(503), refusal(503), refusal(503), refusal(503));
  const outcome = collectParts(provider.streamChat(question));
  await clock.timer(250);
  clock.advance(250);
  await clock.timer(500);
  clock.advance(500);
  assertFault((await outcome).error, "server-error");
  assert.equal(generating(server).length, 3);
  assert.deepEqual([counters.retries, counters.retriesSucceeded], [2, 0]);
});

test("what a call may spend on trying again is limited, and nothing is left for speculation", async () => {
  const busy = fault("server-error", { status: 503 });
  const short = createStubHarness({ behaviours: [busy], retryBudgetMs: 600 });
  const outcome = collectParts(short.provider.streamChat(question));
  await short.clock.timer(250);
  short.clock.advance(250);
  assertFault((await outcome).error, "server-error");
  assert.equal(short.state.sent, 2, "the second wait would take 500 ms, and 350 are left");

  const none = createStubHarness({ behaviours: [busy], random: () => 0 });
  await collectParts(none.provider.streamCompletion(completion, { priority: "speculation" }));
  assert.equal(none.state.sent, 1);
});

// Case 24.
test("Retry-After is kept, by this call and by all others", async (context) => {
  const { clock, server, provider, counters } = await createGuardHarness(context);
  await provider.capabilities();
  server.script(chatPath, refusal(429, { "retry-after": "2" }));
  const first = collectParts(provider.streamChat(question));
  await server.nextRequest(chatPath);
  await settle();
  const second = collectParts(provider.streamChat(question));
  await settle();
  clock.advance(1_999);
  await settle();
  assert.equal(generating(server).length, 1);
  clock.advance(1_000);
  assert.equal((await first).error, undefined);
  assert.equal((await second).error, undefined);
  assert.deepEqual([counters.retries, counters.retriesSucceeded], [1, 1]);
});

test("a longer Retry-After is reported at once, and until then nothing is sent", async (context) => {
  const { clock, server, provider } = await createGuardHarness(context);
  await provider.capabilities();
  server.script(chatPath, refusal(429, { "retry-after": "3600" }));
  const { error } = await collectParts(provider.streamChat(question));
  assertFault(error, "rate-limited");
  assert.equal(error.retryAfterMs, 3_600_000);
  clock.advance(60_000);
  for (const outcome of [
    await collectParts(provider.streamChat(question)),
    await collectParts(provider.streamCompletion(completion)),
  ]) {
    assertFault(outcome.error, "paused");
    assert.equal(outcome.error.retryAfterMs, 3_540_000);
    assertFault(outcome.error.cause, "rate-limited");
  }
  assert.equal(generating(server).length, 1);
  clock.advance(3_540_100);
  assert.equal((await collectParts(provider.streamChat(question))).error, undefined);
});

test("ghost text waits two seconds at most", async () => {
  for (const [seconds, isWaiting] of [
    [2, true],
    [3, false],
  ] as const) {
    const { clock, provider } = createStubHarness({
      behaviours: [fault("rate-limited", { status: 429, retryAfterMs: seconds * 1_000 }), answer],
    });
    const outcome = collectParts(provider.streamCompletion(completion));
    await settle();
    clock.advance(3_100);
    const { error } = await outcome;
    if (isWaiting) assert.equal(error, undefined);
    else assertFault(error, "rate-limited");
  }
});

test("a long pause reaches those who wait in the queue, each by its own patience", async () => {
  const gate = Promise.withResolvers<void>();
  const { clock, provider, state } = createStubHarness({
    limit: 1,
    behaviours: [
      // oxlint-disable-next-line require-yield
      async function* () {
        await gate.promise;
        throw new ProviderError("rate-limited", "test", { status: 429, retryAfterMs: 5_000 });
      },
      answer,
    ],
  });
  const first = collectParts(provider.streamChat(question));
  await settle();
  const ghostText = collectParts(provider.streamCompletion(completion));
  const chat = collectParts(provider.streamChat(question));
  await settle();
  gate.resolve();
  const { error } = await ghostText;
  assertFault(error, "paused");
  assert.equal(error.retryAfterMs, 5_000);
  assert.equal(state.sent, 1, "the pause comes before the place is given on");
  clock.advance(5_100);
  await settle();
  clock.advance(100);
  assert.equal((await first).error, undefined);
  assert.equal((await chat).error, undefined);
});

// Case 25.
test("twenty refusals at once halve the limit once, and those refused do not come back together", async (context) => {
  const { clock, server, provider, limiter } = await createGuardHarness(context, { limit: 20 });
  await provider.capabilities();
  server.script(chatPath, ...Array.from({ length: 20 }, () => refusal(429, { "retry-after": "1" })));
  const outcomes = Array.from({ length: 20 }, () => collectParts(provider.streamChat(question)));
  while (generating(server).length < 20 || limiter.running > 0) await settle(1);
  assert.equal(limiter.limit, 10);
  clock.advance(999);
  await settle();
  assert.equal(generating(server).length, 20);
  let most = 0;
  while (generating(server).length < 40) {
    const before = generating(server).length;
    clock.advance(50);
    await settle();
    most = Math.max(most, generating(server).length - before);
  }
  assert.equal(most, 1);
  for (const { error } of await Promise.all(outcomes)) assert.equal(error, undefined);
});

// Case 26.
test("a prompt that is too long is shortened to what the server says, once", async (context) => {
  const { server, provider, counters } = await createGuardHarness(context, { kind: "llamacpp" });
  const overflow = jsonReply(400, {
    error: {
      code: 400,
      message: "the request exceeds the available context size, try increasing it",
      type: "exceed_context_size_error",
      n_prompt_tokens: 10_000,
      n_ctx: 4_096,
    },
  });
  server.script("/completion", overflow);
  const long = { ...completion, prefix: "const a = 1;\n".repeat(2_000) };
  const root = startSpan(createFakeClock(), "completion");
  assert.equal((await collectParts(provider.streamCompletion(long, { span: root }))).text, "return 42;");
  const [first, second, ...others] = generating(server);
  assert.equal(others.length, 0);
  const share = String(bodyOf(second)["prompt"]).length / String(bodyOf(first)["prompt"]).length;
  assert.ok(share > 0.3 && share < 0.4, `${share} of the prompt was sent`);
  assert.equal(root.record.attributes["shortened"], true);
  assert.equal(counters.retries, 0);

  server.script(chatPath, overflow, overflow);
  const turns = Array.from({ length: 50 }, (_, index) => [
    { role: "user" as const, content: `question ${index} `.repeat(20) },
    { role: "assistant" as const, content: `answer ${index} `.repeat(20) },
  ]).flat();
  const messages = [{ role: "system" as const, content: "Be brief." }, ...turns, question.messages[0]];
  assertFault((await collectParts(provider.streamChat({ messages }))).error, "context-overflow");
  const chats = generating(server).filter(({ path }) => path === chatPath);
  assert.equal(chats.length, 2);
  const sent = bodyOf(chats[1])["messages"];
  assert.ok(Array.isArray(sent) && sent.length > 3 && sent.length < messages.length * 0.4);
  assert.deepEqual([sent[0], sent.at(-1)], [messages[0], messages.at(-1)]);
});

test("without the server's figures, the context that it has told before decides", async (context) => {
  const { server, provider } = await createGuardHarness(context, { kind: "llamacpp" });
  await provider.capabilities();
  server.script(
    "/completion",
    jsonReply(400, { error: { code: 400, message: "", type: "exceed_context_size_error" } }),
  );
  const long = { ...completion, prefix: "const a = 1;\n".repeat(2_000) };
  assert.equal((await collectParts(provider.streamCompletion(long))).text, "return 42;");
  const [first, second] = generating(server);
  const share = String(bodyOf(second)["prompt"]).length / String(bodyOf(first)["prompt"]).length;
  assert.ok(share > 0.8 && share < 0.9, `${share} of the prompt was sent`);
});

// Case 29.
test("a server that loads its model is not taken for a failing one", async () => {
  const { breaker, provider, state } = createStubHarness({ behaviours: [fault("loading", { status: 503 })] });
  for (let time = 0; time < 10; time++) {
    assertFault((await collectParts(provider.streamChat(question))).error, "loading");
  }
  assert.equal(breaker.state, "closed");
  assert.equal(state.sent, 10);
});

const never: Behaviour = async function* ({ signal }) {
  await new Promise((_resolve, reject) => {
    signal?.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")), { once: true });
  });
  yield { type: "end", reason: "stop", usage: {} };
};

const openBreaker = async ({ state, provider }: ReturnType<typeof createStubHarness>) => {
  state.behaviours = [fault("unreachable")];
  for (let time = 0; time < 5; time++) await collectParts(provider.streamChat(question));
};

// Case 34.
test("five failures: nothing is sent any more, and it is said why and for how long", async () => {
  const harness = createStubHarness({ limit: 2 });
  const { clock, breaker, limiter, state, provider } = harness;
  const gate = Promise.withResolvers<void>();
  state.behaviours = [
    // oxlint-disable-next-line require-yield
    async function* () {
      await gate.promise;
      throw new ProviderError("bad-request", "test");
    },
    fault("unreachable"),
  ];
  const slow = collectParts(provider.streamChat(question));
  await settle();
  await openBreaker(harness);
  assert.equal(breaker.state, "open");
  assert.equal(state.sent, 6);
  gate.resolve();
  await slow;

  clock.advance(1_000);
  const { error } = await collectParts(provider.streamCompletion(completion));
  assertFault(error, "paused");
  assert.equal(error.retryAfterMs, 4_000);
  assertFault(error.cause, "unreachable");
  assert.equal(state.sent, 6);
  // Known before there would be a place.
  await limiter.acquire("chat");
  await limiter.acquire("chat");
  assertFault((await collectParts(provider.streamChat(question))).error, "paused");
});

test("half-open, one of twenty tests the server, and its first text lets the others in", async () => {
  const harness = createStubHarness({ limit: 64 });
  const { clock, breaker, limiter, state, provider } = harness;
  await openBreaker(harness);
  clock.advance(5_000);
  const first = Promise.withResolvers<void>();
  const rest = Promise.withResolvers<void>();
  state.behaviours = [
    async function* (): AsyncGenerator<StreamPart> {
      await first.promise;
      yield { type: "text", text: "slow" };
      await rest.promise;
      yield { type: "end", reason: "stop", usage: {} };
    },
    answer,
  ];
  const outcomes = Array.from({ length: 20 }, () => collectParts(provider.streamChat(question)));
  await settle();
  assert.equal(state.sent, 6);
  first.resolve();
  await settle();
  assert.equal(breaker.state, "closed", "not only at the end of a long answer");
  assert.equal((await collectParts(provider.streamChat(question))).text, "yes");
  rest.resolve();
  const errors = (await Promise.all(outcomes)).map(({ error }) => error);
  assert.equal(limiter.running, 0);
  assert.deepEqual(clock.pending(), []);
  assert.equal(errors.filter((error) => error === undefined).length, 1);
  for (const error of errors) if (error) assertFault(error, "paused");
});

for (const status of ["loading", "busy"] as const) {
  test(`a test request that finds the server ${status} does not keep the others out`, async () => {
    const harness = createStubHarness();
    const { clock, breaker, state, provider } = harness;
    await openBreaker(harness);
    clock.advance(5_000);
    state.behaviours = [never];
    const leaving = new AbortController();
    const outcome = collectParts(provider.streamChat(question, { signal: leaving.signal }));
    await settle();
    clock.advance(2_000);
    await settle();
    assert.equal(breaker.state, "half-open", "a server that only says that it lives has not passed");
    state.health = { status };
    clock.advance(2_000);
    await settle();
    assert.equal(breaker.state, "closed");
    leaving.abort();
    await outcome;
    assert.deepEqual(clock.pending(), []);
    assert.equal(state.asked.health, 2);
  });
}

test("faults of the request and cancellations do not open the breaker", async () => {
  const { breaker, state, provider } = createStubHarness();
  for (const kind of ["bad-request", "unauthorized", "moderated", "model-not-found", "offline"] as const) {
    state.behaviours = [fault(kind, { status: 400 })];
    for (let time = 0; time < 10; time++) await collectParts(provider.streamChat(question));
  }
  state.behaviours = [never];
  for (let time = 0; time < 10; time++) {
    const leaving = new AbortController();
    const outcome = collectParts(provider.streamChat(question, { signal: leaving.signal }));
    await settle(2);
    leaving.abort();
    assert.equal(((await outcome).error as Error).name, "AbortError");
  }
  assert.equal(breaker.state, "closed");
});

test("answers that break off count as failures, answers that were left after some text as successes", async () => {
  const { breaker, state, provider } = createStubHarness({
    behaviours: [
      async function* () {
        yield { type: "text", text: "half" };
        throw new ProviderError("truncated", "test");
      },
    ],
  });
  const half = state.behaviours;
  for (let time = 0; time < 4; time++) await collectParts(provider.streamChat(question));
  state.behaviours = [answer];
  for await (const part of provider.streamChat(question)) if (part.type === "text") break;
  state.behaviours = half;
  for (let time = 0; time < 4; time++) await collectParts(provider.streamChat(question));
  assert.equal(breaker.state, "closed");
  await collectParts(provider.streamChat(question));
  assert.equal(breaker.state, "open");
});

test("a good live test closes the breaker and is not kept out by it", async () => {
  const harness = createStubHarness();
  await openBreaker(harness);
  assert.equal((await harness.provider.validateConnection("chat")).ok, true);
  assert.equal(harness.breaker.state, "closed");
});

test("a retry that the breaker forbids ends with the fault that happened", async () => {
  const harness = createStubHarness();
  const { state, provider, clock, counters } = harness;
  state.behaviours = [fault("unreachable")];
  for (let time = 0; time < 4; time++) await collectParts(provider.streamChat(question));
  state.behaviours = [fault("server-error", { status: 503 })];
  const outcome = collectParts(provider.streamChat(question));
  await clock.timer(250);
  clock.advance(250);
  assertFault((await outcome).error, "server-error");
  assert.equal(state.sent, 5);
  assert.equal(counters.retries, 0);
});

// Case 32.
test("cancelled amid a wait, in the queue or in a pause: it ends at once, and nothing follows", async () => {
  const { clock, state, provider, limiter } = createStubHarness({
    limit: 1,
    behaviours: [fault("server-error", { status: 503 })],
  });
  const leaving = new AbortController();
  const waiting = collectParts(provider.streamChat(question, { signal: leaving.signal }));
  await clock.timer(250);
  leaving.abort();
  assert.equal(((await waiting).error as Error).name, "AbortError");
  assert.deepEqual(clock.pending(), []);

  state.behaviours = [never];
  const holding = new AbortController();
  const holder = collectParts(provider.streamChat(question, { signal: holding.signal }));
  await settle();
  const queueing = new AbortController();
  const queued = collectParts(provider.streamChat(question, { signal: queueing.signal }));
  await settle();
  assert.equal(limiter.queued, 1);
  queueing.abort();
  assert.equal(((await queued).error as Error).name, "AbortError");
  assert.equal(limiter.queued, 0);
  holding.abort();
  await holder;

  limiter.pause(5_000);
  const patient = new AbortController();
  const pausing = collectParts(provider.streamChat(question, { signal: patient.signal }));
  await settle();
  patient.abort();
  assert.equal(((await pausing).error as Error).name, "AbortError");
  const gone = collectParts(provider.streamChat(question, { signal: AbortSignal.abort() }));
  assert.equal(((await gone).error as Error).name, "AbortError");

  const { sent } = state;
  clock.advance(60_000);
  await settle();
  assert.equal(state.sent, sent);
  assert.equal(limiter.running, 0);
});

test("the end of the program ends what waits", async () => {
  const ending = new AbortController();
  const { clock, provider, limiter } = createStubHarness({
    signal: ending.signal,
    limit: 1,
    behaviours: [fault("server-error", { status: 503 })],
  });
  const waiting = collectParts(provider.streamChat(question));
  await clock.timer(250);
  limiter.pause(5_000);
  const queued = collectParts(provider.streamChat(question));
  await settle();
  ending.abort();
  assert.equal(((await waiting).error as Error).name, "AbortError");
  assert.equal(((await queued).error as Error).name, "AbortError");
});

test("the limiter learns who asks, and from whole answers what they took", async () => {
  const clock = createFakeClock();
  const { limiter, outcomes, priorities } = createOpenLimiter(clock);
  const slow: Behaviour = async function* () {
    clock.advance(100);
    yield { type: "text", text: "yes" };
    clock.advance(50);
    yield { type: "end", reason: "stop", usage: { promptTokens: 10, cachedTokens: 4, generatedTokens: 2 } };
  };
  const { provider } = createStubHarness({ behaviours: [slow], clock, limiter });
  await collectParts(provider.streamChat(question));
  await collectParts(provider.streamCompletion(completion));
  await collectParts(provider.streamChat(question, { priority: "background" }));
  for await (const part of provider.streamChat(question)) if (part.type === "text") break;
  assert.deepEqual(priorities, ["chat", "interactive", "background", "chat"]);
  const whole = { result: "ok", firstTokenMs: 100, totalMs: 150, promptTokens: 6, generatedTokens: 2 };
  assert.deepEqual(outcomes, [
    // The first one may have waited for a connection and for the model.
    { result: "neutral" },
    whole,
    whole,
    // Its reader left early: nobody knows how long the whole would have taken.
    { result: "neutral" },
  ]);
});

test("faults tell the limiter whether they are about room", async () => {
  for (const [behaviour, result] of [
    [fault("rate-limited", { status: 429, retryAfterMs: 60_000 }), "overloaded"],
    [fault("bad-request", { status: 400 }), "neutral"],
  ] as const) {
    const clock = createFakeClock();
    const { limiter, outcomes } = createOpenLimiter(clock);
    const { provider } = createStubHarness({ behaviours: [behaviour], limiter });
    await collectParts(provider.streamChat(question));
    assert.deepEqual(outcomes, [{ result }]);
  }
});

test("waiting for a place shows as a span", async () => {
  const { clock, provider, state } = createStubHarness({ limit: 1, behaviours: [never, answer] });
  const leaving = new AbortController();
  const holder = collectParts(provider.streamChat(question, { signal: leaving.signal }));
  await settle();
  const root = startSpan(clock, "chat");
  const queued = collectParts(provider.streamChat(question, { span: root }));
  await settle();
  clock.advance(40);
  leaving.abort();
  await Promise.all([holder, queued]);
  const [span] = root.record.children;
  assert.deepEqual([span?.name, span?.startMs, span?.endMs], ["queue", 0, 40]);
  const quick = startSpan(clock, "chat");
  await collectParts(provider.streamChat(question, { span: quick }));
  assert.deepEqual(quick.record.children, []);
  assert.equal(state.sent, 3);
});

test("llama.cpp's slots are learned from its first answer, and asked for once", async (context) => {
  const { server, provider, limiter } = await createGuardHarness(context, {
    kind: "llamacpp",
    limit: 1,
    server: { slots: 4 },
  });
  assert.equal((await collectParts(provider.streamChat(question))).error, undefined);
  await settle();
  assert.equal(limiter.limit, 4);
  await collectParts(provider.streamChat(question));
  await settle();
  assert.equal(server.requests.filter(({ path }) => path.startsWith("/props")).length, 1);
});

test("a server that was away is asked for its slots again; one that does not tell them never", async () => {
  const { state, provider } = createStubHarness({ kind: "llamacpp", capabilities: { slots: 2 } });
  await collectParts(provider.streamChat(question));
  await collectParts(provider.streamChat(question));
  assert.equal(state.asked.capabilities, 1);
  state.behaviours = [fault("unreachable"), answer];
  await collectParts(provider.streamChat(question));
  await collectParts(provider.streamChat(question));
  assert.equal(state.asked.capabilities, 2);

  const other = createStubHarness({ kind: "openrouter" });
  await collectParts(other.provider.streamChat(question));
  assert.equal(other.state.asked.capabilities, 0);
});

test("lists are asked for again, health is not", async () => {
  const { clock, state, provider, counters } = createStubHarness({
    behaviours: [fault("rate-limited", { retryAfterMs: 1_000 }), fault("server-error", { status: 503 }), answer],
  });
  const models = provider.models();
  await clock.timer(1_000);
  clock.advance(1_000);
  await clock.timer(500);
  clock.advance(500);
  assert.deepEqual(await models, [{ id: "m" }]);
  assert.deepEqual([counters.retries, counters.retriesSucceeded], [2, 1]);
  state.behaviours = [fault("rate-limited", { retryAfterMs: 60_000 })];
  await rejectsWithFault(provider.models(), "rate-limited");
  state.health = { status: "down", error: new ProviderError("unreachable", "test") };
  assert.equal((await provider.health()).status, "down");
  assert.equal(state.asked.health, 1);
});

const originOf = async (parts: AsyncIterable<StreamPart>) => {
  const { error } = await collectParts(parts);
  assert.ok(error instanceof ProviderError);
  return error.origin;
};

test("every fault says which server it is about, and keeps the first name it got", async () => {
  const harness = createStubHarness({ behaviours: [fault("unauthorized")] });
  const { provider, state } = harness;
  const { origin } = provider;
  assert.equal(await originOf(provider.streamCompletion(completion)), origin);
  await assert.rejects(provider.models(), { kind: "unauthorized", origin });
  state.behaviours = [fault("unauthorized", { origin: "https://other.example" })];
  assert.equal(await originOf(provider.streamChat(question)), "https://other.example");
  await openBreaker(harness);
  assert.equal(harness.breaker.state, "open");
  assert.equal(await originOf(provider.streamChat(question)), origin);
});

test("so does what a live test finds", async () => {
  const { raw, ...options } = createStubHarness();
  const broken = { ok: false, error: new ProviderError("timeout", "test") } as const;
  const provider = guard({ ...raw, validateConnection: () => Promise.resolve(broken) }, options);
  await provider.validateConnection("chat");
  assert.equal(broken.error.origin, raw.origin);
});

test("what a request cost that broke off is counted; the ledger has what its second try cost", async () => {
  const tellers: ((usage: Usage) => void)[] = [];
  const keep = (behaviour: Behaviour): Behaviour =>
    async function* (call) {
      tellers.push(call.onLateUsage!);
      yield* behaviour(call);
    };
  const { clock, provider, counters } = createStubHarness({
    behaviours: [
      keep(fault("truncated")),
      keep(async function* () {
        // The first one's cost is told while the second is under way.
        tellers[0]!({ costUsd: 0.5 });
        yield { type: "text", text: "yes" };
        yield { type: "end", reason: "stop", usage: { costUsd: 0.25 } };
      }),
    ],
  });
  const ledger = createLedger({ clock });
  const row = ledger.startRequest({ feature: "chat", provider: "openrouter", model: "m" });
  const outcome = collectParts(provider.streamChat(question, { onLateUsage: (usage) => row.lateUsage(usage) }));
  await clock.timer(125);
  clock.advance(125);
  row.usage((await outcome).end!.usage);
  row.end("ok");
  assert.equal(ledger.snapshot().requestTotals.costUsd, 0.25);
  assert.equal(counters.unusedUsd, 0.5);
  assert.equal(tellers.length, 2);
});

test("what the last try cost reaches who asked, also when it failed", async () => {
  const tellers: ((usage: Usage) => void)[] = [];
  const { clock, provider, counters } = createStubHarness({
    behaviours: [
      // oxlint-disable-next-line require-yield
      async function* ({ onLateUsage }) {
        tellers.push(onLateUsage!);
        throw new ProviderError("truncated", "test");
      },
    ],
  });
  const told: Usage[] = [];
  const outcome = collectParts(provider.streamChat(question, { onLateUsage: (usage) => told.push(usage) }));
  await clock.timer(125);
  clock.advance(125);
  assertFault((await outcome).error, "truncated");
  tellers[1]!({ costUsd: 0.25 });
  tellers[0]!({ costUsd: 0.5 });
  assert.deepEqual([told, counters.unusedUsd], [[{ costUsd: 0.25 }], 0.5]);
});

test("what may be charged is sent once more, and not here when the one more is another's", async () => {
  const { clock, state, provider } = createStubHarness({ behaviours: [fault("truncated")] });
  const outcome = collectParts(provider.streamChat(question));
  await clock.timer(125);
  clock.advance(125);
  const { error } = await outcome;
  assertFault(error, "truncated");
  assert.deepEqual([state.sent, error.billedRequests], [2, 2]);
  assertFault((await collectParts(provider.streamChat(question, { noBilledRetry: true }))).error, "truncated");
  assert.equal(state.sent, 3);
  // What cannot have been charged is sent again all the same.
  state.behaviours = [fault("server-error", { status: 503 }), answer];
  const retried = collectParts(provider.streamChat(question, { noBilledRetry: true }));
  await clock.timer(250);
  clock.advance(250);
  assert.equal((await retried).error, undefined);
});

test("a good test of the connection ends a pause", async () => {
  const { provider, limiter } = createStubHarness({
    behaviours: [fault("rate-limited", { status: 429, retryAfterMs: 3_600_000 }), answer],
  });
  assertFault((await collectParts(provider.streamChat(question))).error, "rate-limited");
  assertFault((await collectParts(provider.streamChat(question))).error, "paused");
  assert.equal((await provider.validateConnection("chat")).ok, true);
  assert.equal(limiter.pausedMs(), 0);
  assert.equal((await collectParts(provider.streamChat(question))).error, undefined);
});

test("questions to a server that cannot be reached open the breaker, and are then refused at once", async () => {
  const { clock, state, provider, breaker } = createStubHarness({ behaviours: [fault("unreachable")] });
  for (let time = 0; time < 5; time++) {
    assert.equal(breaker.state, "closed");
    await rejectsWithFault(provider.models(), "unreachable");
  }
  assert.equal(breaker.state, "open");
  const { sent } = state;
  await rejectsWithFault(provider.models(), "paused");
  await rejectsWithFault(provider.capabilities(), "paused");
  assert.equal(state.sent, sent);
  clock.advance(5_000);
  // Then one may test it. An answer may be one from memory, so it closes nothing.
  await provider.capabilities();
  assert.equal(breaker.state, "half-open");
  await rejectsWithFault(provider.models(), "unreachable");
  assert.equal(breaker.state, "open");
});

test("other faults of questions do not open the breaker, and answers do not keep it closed", async () => {
  const { state, provider, breaker } = createStubHarness({ behaviours: [fault("unsupported", { status: 404 })] });
  for (let time = 0; time < 6; time++) await rejectsWithFault(provider.models(), "unsupported");
  assert.equal(breaker.state, "closed");
  state.behaviours = [fault("unreachable")];
  for (let time = 0; time < 5; time++) {
    await provider.capabilities();
    await collectParts(provider.streamChat(question));
  }
  assert.equal(breaker.state, "open");
});

const untilAborted: Behaviour = async function* ({ signal }) {
  yield { type: "text", text: "half" };
  await once(signal!, "abort");
  throw signal!.reason;
};

test("a running speculation makes room for a chat on a server with one place, and is no fault", async () => {
  const { provider, limiter, breaker } = createStubHarness({ limit: 1, behaviours: [untilAborted, answer] });
  const ahead = collectParts(provider.streamCompletion(completion, { priority: "speculation" }));
  await settle();
  assert.equal(limiter.running, 1);
  assert.equal((await collectParts(provider.streamChat(question))).text, "yes");
  assert.ok(isAbortError((await ahead).error));
  assert.deepEqual([limiter.running, limiter.queued, breaker.state], [0, 0, "closed"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createCounters } from "../../../src/provider/counters.ts";
import { ProviderError } from "../../../src/provider/provider.ts";
import type {
  CallOptions,
  ChatMessage,
  ModelInfo,
  Provider,
  ProviderErrorKind,
  StreamPart,
  Usage,
  Validation,
} from "../../../src/provider/provider.ts";
import { createReplicas, type Replica } from "../../../src/provider/replicas.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { assertFault, collectParts } from "./harness.ts";

const capabilities = { model: "m", fillInMiddle: "infill", slots: 2, contextTokens: 4096 } as const;

/** A replica that does what the test sets, and writes down on `asked` that it was asked. */
const createStub = (name: string, asked: string[], members: Partial<Provider> = {}) => {
  const state = {
    error: undefined as Error | undefined,
    /** After the first text. */
    lateError: undefined as Error | undefined,
    pausedMs: 0,
    breaker: "closed" as "closed" | "open" | "half-open",
    queued: 0,
    ended: 0,
  };
  const stream = async function* (): AsyncGenerator<StreamPart> {
    asked.push(name);
    try {
      if (state.error) throw state.error;
      yield { type: "text", text: name };
      if (state.lateError) throw state.lateError;
      yield { type: "end", reason: "stop", usage: {} };
    } finally {
      state.ended++;
    }
  };
  const replica: Replica = {
    kind: "llamacpp",
    origin: `http://${name}:8080`,
    models: async () => [{ id: name }],
    capabilities: async () => capabilities,
    health: async () => ({ status: "ok" }),
    validateConnection: async () => ({ ok: true, model: name, firstTokenMs: 1, totalMs: 2, usage: {} }),
    streamCompletion: stream,
    streamChat: stream,
    limiter: {
      running: 0,
      get queued() {
        return state.queued;
      },
      pausedMs: () => state.pausedMs,
    },
    breaker: {
      get state() {
        return state.breaker;
      },
    },
    ...members,
  };
  return { state, replica };
};

const fault = (kind: ProviderErrorKind) => new ProviderError(kind, kind);

const createHarness = (members: Readonly<Record<string, Partial<Provider>>> = { a: {}, b: {}, c: {} }) => {
  const asked: string[] = [];
  const clock = createFakeClock();
  const stubs = Object.entries(members).map(([name, own]) => createStub(name, asked, own));
  const provider = createReplicas(
    stubs.map(({ replica }) => replica),
    { clock },
  );
  let count = 0;
  /** Each with a prompt of its own, unless told. */
  const complete = (prefix = `${++count}`.repeat(300)) =>
    collectParts(provider.streamCompletion({ prefix, suffix: "", maxTokens: 8 }));
  /** Begins a request and leaves it open. */
  const open = async (prefix = `${++count}`.repeat(300)) => {
    const parts = provider.streamCompletion({ prefix, suffix: "", maxTokens: 8 })[Symbol.asyncIterator]();
    await parts.next();
    return parts;
  };
  const chat = (messages: readonly ChatMessage[]) => collectParts(provider.streamChat({ messages }));
  return { asked, clock, provider, states: stubs.map(({ state }) => state), complete, open, chat };
};

test("requests take turns where all are as busy", async () => {
  const { asked, complete } = createHarness();
  for (let count = 0; count < 4; count++) await complete();
  assert.deepEqual(asked, ["a", "b", "c", "a"]);
});

test("a request goes to the server with the fewest running ones", async () => {
  const { asked, open } = createHarness();
  const first = await open();
  await open();
  await open();
  await first.return?.();
  await open();
  assert.deepEqual(asked, ["a", "b", "c", "a"]);
});

test("what others have queued at a server counts", async () => {
  const { asked, states, complete } = createHarness();
  states[0]!.queued = 2;
  for (let count = 0; count < 3; count++) await complete();
  assert.deepEqual(asked, ["b", "c", "b"]);
});

test("a prompt that goes on stays where its beginning was read, until that server is busier by two", async () => {
  const { asked, complete, open } = createHarness();
  const document = "const first = 1;\n".repeat(30);
  await complete();
  await complete(document);
  await complete(`${document}const second`);
  assert.deepEqual(asked.splice(0), ["a", "b", "b"]);
  await open(`${document}const second = `);
  await open(`${document}const second = 2`);
  assert.deepEqual(asked.splice(0), ["b", "b"]);
  await open(`${document}const second = 2;`);
  assert.notEqual(asked[0], "b");
});

test("the same prompt a second time, while the first is running, goes to another server", async () => {
  const { asked, complete, open } = createHarness();
  const document = "const first = 1;\n".repeat(400);
  await complete(document);
  await open(document);
  await open(document);
  await open(`${document}c`);
  assert.deepEqual(asked, ["a", "a", "b", "a"]);
});

const ask = (content: string) => ({ role: "user", content }) as const;

test("a conversation stays at its server, another with the same system prompt goes where that was read last", async () => {
  const { asked, complete, chat } = createHarness();
  const system = { role: "system", content: "You help with code. ".repeat(30) } as const;
  await complete();
  await chat([system, ask("What does this do? ".repeat(20))]);
  await complete();
  await complete();
  await chat([
    system,
    ask("What does this do? ".repeat(20)),
    { role: "assistant", content: "It adds." },
    ask("And that?"),
  ]);
  await chat([system, ask("Another question")]);
  assert.deepEqual(asked, ["a", "b", "c", "a", "b", "b"]);
});

test("a conversation that moved in at another server does not make the first one forget its own", async () => {
  const { asked, provider, chat } = createHarness({ a: {}, b: {} });
  const system = { role: "system", content: "You help with code. ".repeat(100) } as const;
  const question = [system, ask("What?")];
  await chat(question);
  const streams = [1, 2].map(() => provider.streamChat({ messages: question })[Symbol.asyncIterator]());
  for (const stream of streams) await stream.next();
  await chat([system, ask("How?")]);
  for (const stream of streams) await stream.return?.();
  assert.deepEqual(asked.splice(0), ["a", "a", "a", "b"]);
  await chat([...question, { role: "assistant", content: "That." }, ask("Why?")]);
  assert.deepEqual(asked, ["a"]);
});

test("two prompts that only begin alike by chance are not kept together", async () => {
  const { asked, complete } = createHarness();
  await complete(`import a\n${"x".repeat(300)}`);
  await complete(`import a\n${"y".repeat(300)}`);
  assert.deepEqual(asked, ["a", "b"]);
});

for (const [what, set] of [
  ["has an open breaker", (state) => (state.breaker = "open")],
  ["wants a pause", (state) => (state.pausedMs = 1000)],
] as readonly [string, (state: ReturnType<typeof createStub>["state"]) => unknown][]) {
  test(`a server that ${what} is left out while another is up`, async () => {
    const { asked, states, complete } = createHarness({ a: {}, b: {} });
    const document = "const first = 1;\n".repeat(30);
    await complete(document);
    set(states[0]!);
    await complete(document);
    await complete();
    assert.deepEqual(asked.splice(0), ["a", "b", "b"]);
    set(states[1]!);
    await complete();
    assert.equal(asked.length, 1);
  });
}

test("after a fault before any output the next server answers, and the first is left alone for five seconds", async () => {
  const { asked, clock, states, complete } = createHarness({ a: {}, b: {} });
  states[0]!.error = fault("unreachable");
  assert.equal((await complete()).text, "b");
  assert.deepEqual(asked.splice(0), ["a", "b"]);
  await complete();
  await complete();
  assert.deepEqual(asked.splice(0), ["b", "b"]);
  clock.advance(5000);
  states[0]!.error = undefined;
  await complete();
  await complete();
  assert.deepEqual(asked.toSorted(), ["a", "b"]);
});

test("a server that asks for more than five seconds is left alone for as long", async () => {
  const { asked, clock, states, complete } = createHarness({ a: {}, b: {} });
  states[0]!.error = new ProviderError("loading", "later", { retryAfterMs: 60_000 });
  await complete();
  clock.advance(59_999);
  await complete();
  await complete();
  assert.deepEqual(asked.splice(0), ["a", "b", "b", "b"]);
  clock.advance(1);
  await complete();
  assert.equal(asked[0], "a");
});

test("a pause that ends early is over: the server's own limiter knows", async () => {
  const { asked, states, complete } = createHarness({ a: {}, b: {} });
  states[0]!.error = new ProviderError("paused", "later", { retryAfterMs: 60_000 });
  await complete();
  assert.deepEqual(asked.splice(0), ["a", "b"]);
  states[0]!.error = undefined;
  await complete();
  await complete();
  assert.deepEqual(asked, ["b", "a"]);
});

test("a server that answers after all is up again", async () => {
  const { asked, states, complete } = createHarness({ a: {}, b: {} });
  for (const state of states) state.error = fault("unreachable");
  await complete();
  states[0]!.error = undefined;
  for (const state of states) state.queued = 1;
  asked.length = 0;
  for (let count = 0; count < 3; count++) await complete();
  assert.deepEqual(asked, ["b", "a", "a", "a"]);
});

test("each server is asked at most once, and what the first asked one said is thrown", async () => {
  const { asked, states, complete } = createHarness();
  states[0]!.error = fault("paused");
  states[1]!.error = fault("unreachable");
  states[2]!.error = fault("server-error");
  const { error } = await complete();
  assert.deepEqual([asked, error], [["a", "b", "c"], states[1]!.error]);
});

test("after output nothing is asked again", async () => {
  const { asked, states, complete } = createHarness();
  states[0]!.lateError = fault("truncated");
  const { text, error } = await complete();
  assert.deepEqual([asked, text, error], [["a"], "a", states[0]!.lateError]);
});

test("a fault of the request's own is the same everywhere", async () => {
  const { asked, states, complete } = createHarness();
  states[0]!.error = fault("bad-request");
  assert.equal((await complete()).error, states[0]!.error);
  assert.deepEqual(asked, ["a"]);
});

test("the request's own fault is told, also when another server had failed before", async () => {
  const { asked, states, complete } = createHarness();
  states[0]!.error = fault("unreachable");
  states[1]!.error = fault("bad-request");
  assert.equal((await complete()).error, states[1]!.error);
  assert.deepEqual(asked, ["a", "b"]);
});

test("a turn with tools that may have been charged is not sent again", async () => {
  const { asked, states, provider } = createHarness();
  for (const state of states) state.error = fault("truncated");
  const tools = [{ name: "look", description: "", parameters: {} }];
  await collectParts(provider.streamChat({ messages: [], tools }));
  assert.deepEqual(asked.splice(0), ["a"]);
  await collectParts(provider.streamChat({ messages: [] }));
  assert.deepEqual(asked, ["b", "c"]);
});

test("a key that one address refuses is not shown there again", async () => {
  const { asked, states, complete } = createHarness({ a: {}, b: { origin: "http://a:8080" }, c: {} });
  states[0]!.error = fault("unauthorized");
  assert.equal((await complete()).text, "c");
  assert.deepEqual(asked, ["a", "c"]);
});

test("cancelling asks nobody else", async () => {
  const leaving = new AbortController();
  const { asked, provider, states } = createHarness();
  states[0]!.error = new DOMException("", "AbortError");
  const request = { prefix: "", suffix: "", maxTokens: 8 };
  assert.equal((await collectParts(provider.streamCompletion(request))).error, states[0]!.error);
  assert.deepEqual(asked.splice(0), ["a"]);
  leaving.abort();
  const { error } = await collectParts(provider.streamCompletion(request, { signal: leaving.signal }));
  assert.deepEqual([asked, (error as Error).name], [[], "AbortError"]);
});

test("leaving a stream ends it at its server and frees the place", async () => {
  const { asked, states, open } = createHarness({ a: {}, b: {} });
  const parts = await open();
  await parts.return?.();
  assert.equal(states[0]!.ended, 1);
  await open();
  await open();
  assert.deepEqual(asked, ["a", "b", "a"]);
});

const refuse = (): Promise<never> => Promise.reject(fault("unreachable"));

const offer = (...ids: readonly string[]) => ({
  models: async (): Promise<readonly ModelInfo[]> => ids.map((id) => ({ id })),
});

test("models are everybody's, each once; a dead server takes none away", async () => {
  const { provider } = createHarness({ a: offer("m", "n"), b: { models: refuse }, c: offer("n", "o") });
  const richer = createHarness({ a: offer("m"), b: { models: async () => [{ id: "m", contextTokens: 1 }] } });
  assert.deepEqual(await richer.provider.models(), [{ id: "m" }]);
  assert.deepEqual(await provider.models(), [{ id: "m" }, { id: "n" }, { id: "o" }]);
  const dead = createHarness({ a: { models: refuse }, b: { models: refuse } });
  await assert.rejects(dead.provider.models(), { kind: "unreachable" });
});

test("capabilities are the first answer's, with the slots of all", async () => {
  const { provider } = createHarness({
    a: { capabilities: refuse },
    b: { capabilities: async () => ({ ...capabilities, model: "b", slots: 4 }) },
    c: { capabilities: async () => ({ ...capabilities, model: "c", slots: 2 }) },
  });
  assert.deepEqual(await provider.capabilities(), { ...capabilities, model: "b", slots: 6 });
  const untold = createHarness({ a: { capabilities: async () => ({ ...capabilities, slots: undefined }) } });
  assert.equal((await untold.provider.capabilities()).slots, undefined);
});

test("a server that is known to be down is not asked what it can do while another is up", async () => {
  const { provider, states, complete } = createHarness({ a: {}, b: {} });
  states[0]!.error = fault("unreachable");
  await complete();
  assert.equal((await provider.capabilities()).slots, 2);
});

test("a cancelled question is cancelled", async () => {
  const { provider } = createHarness({ a: { models: refuse }, b: {} });
  await assert.rejects(provider.models({ signal: AbortSignal.abort() }), { name: "AbortError" });
});

const is = (status: "ok" | "loading" | "busy") => ({ health: async () => ({ status }) });

test("health is ok as soon as one server is, or else the best that is known", async () => {
  const down = { health: async () => ({ status: "down", error: fault("unreachable") }) as const };
  const hanging = { health: () => new Promise<never>(() => {}) };
  assert.deepEqual(await createHarness({ a: hanging, b: is("ok") }).provider.health(), { status: "ok" });
  assert.deepEqual(await createHarness({ a: is("loading"), b: is("busy") }).provider.health(), { status: "busy" });
  assert.deepEqual(await createHarness({ a: down, b: is("loading") }).provider.health(), { status: "loading" });
  assert.equal((await createHarness({ a: down, b: down }).provider.health()).status, "down");
});

const found = (kind: ProviderErrorKind) => ({
  validateConnection: async (): Promise<Validation> => ({ ok: false, error: fault(kind) }),
});

test("a connection is good if one server's is, or else the first finding counts", async () => {
  const good = await createHarness({ a: found("unreachable"), b: {} }).provider.validateConnection("chat");
  assert.equal(good.ok && good.model, "b");
  const bad = createHarness({ a: found("unauthorized"), b: found("unreachable") });
  const finding = await bad.provider.validateConnection("chat");
  assert.equal(!finding.ok && finding.error.kind, "unauthorized");
});

test("options reach the server", async () => {
  const seen: (CallOptions | undefined)[] = [];
  const { provider } = createHarness({
    a: {
      async *streamChat(_, options): AsyncGenerator<StreamPart> {
        seen.push(options);
        yield { type: "end", reason: "stop", usage: {} };
      },
    },
  });
  const options = { priority: "background" } as const;
  await collectParts(provider.streamChat({ messages: [] }, options));
  assert.deepEqual(seen, [options]);
});

test("the second fault that may be charged ends the call", async () => {
  const { asked, states, complete } = createHarness();
  for (const state of states) state.error = fault("truncated");
  const { error } = await complete();
  assertFault(error, "truncated");
  assert.deepEqual(asked.splice(0), ["a", "b"]);
  assert.equal(error.billedRequests, 2);

  // The first one's guard has already sent it twice.
  const spent = fault("truncated");
  spent.billedRequests = 2;
  for (const state of states) state.error = spent;
  await complete();
  assert.equal(asked.length, 1);
});

test("what a server charges for an answer that another gave is counted, not told", async () => {
  const tellers: ((usage: Usage) => void)[] = [];
  const lasts: unknown[] = [];
  const make = (error?: Error): Partial<Provider> => ({
    async *streamCompletion(_request: unknown, call: CallOptions = {}) {
      tellers.push(call.onLateUsage!);
      lasts.push(call.noBilledRetry);
      if (error) throw error;
      yield { type: "text", text: "yes" };
    },
  });
  const counters = createCounters();
  const asked: string[] = [];
  const { replica: a } = createStub("a", asked, make(fault("truncated")));
  const { replica: b } = createStub("b", asked, make());
  const provider = createReplicas([a, b], { clock: createFakeClock(), counters });
  const told: Usage[] = [];
  const onLateUsage = (usage: Usage): void => void told.push(usage);
  await collectParts(provider.streamCompletion({ prefix: "a", suffix: "", maxTokens: 8 }, { onLateUsage }));
  tellers[0]!({ costUsd: 0.5 });
  tellers[1]!({ costUsd: 0.25 });
  assert.deepEqual([told, counters.unusedUsd, lasts], [[{ costUsd: 0.25 }], 0.5, [true, true]]);
});

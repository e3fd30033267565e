import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { TransportError } from "../../../src/transport/errors.ts";
import { jsonReply, linesReply, ndjson, sse, streamReply } from "../../fake/modelServer.ts";
import { assertFault, collectParts, createProviderHarness, messages } from "./harness.ts";

const firstByteMs = 7_000;
/** The transport's own, between two pieces of a body. */
const idleMs = 60_000;
const chunk = (content: string, finish: string | null = null): string =>
  sse({ choices: [{ index: 0, delta: { content }, finish_reason: finish }] });

const line = (content: string): string => ndjson({ message: { content }, done: false });

test("comments keep the connection alive, but are no first token", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "openai-compatible", { firstByteMs });
  const steps = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
  const comment = ": PROCESSING\n\n";
  server.script(
    "/v1/chat/completions",
    streamReply([comment, () => steps[0].promise, comment, () => steps[1].promise, comment], "hang"),
  );
  const running = collectParts(provider.streamChat({ messages }));
  // The transport has seen the first comment when it waits for the next byte; then only the answer's reader waits on.
  await clock.timer(idleMs);
  await clock.timer(firstByteMs);
  const { closedByClient } = await server.nextRequest("/v1/chat");
  clock.advance(firstByteMs - 1);
  steps[0].resolve();
  steps[1].resolve();
  await setImmediate();
  clock.advance(1);
  const { parts, error } = await running;
  assertFault(error, "timeout");
  assert.ok(error.cause instanceof TransportError);
  assert.equal(error.cause.kind, "first-byte-timeout");
  assert.deepEqual(parts, []);
  await closedByClient;
  assert.deepEqual(clock.pending(), []);
});

test("after the first token comments may come for as long as they like", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "openai-compatible", { firstByteMs });
  const step = Promise.withResolvers<void>();
  server.script(
    "/v1/chat/completions",
    streamReply([chunk("one"), () => step.promise, ": PROCESSING\n\n", chunk(" two", "stop"), sse("[DONE]")]),
  );
  const stream = provider.streamChat({ messages })[Symbol.asyncIterator]();
  assert.deepEqual((await stream.next()).value, { type: "text", text: "one" });
  assert.equal(clock.pending().includes(firstByteMs), false);
  clock.advance(firstByteMs + 1);
  step.resolve();
  const { text, error } = await collectParts({ [Symbol.asyncIterator]: () => stream });
  assert.equal(text, " two");
  assert.equal(error, undefined);
});

test("a server that is known to be busy is given the time anew, by one question", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "llamacpp", { firstByteMs });
  const step = Promise.withResolvers<void>();
  server.script(
    "/v1/chat/completions",
    streamReply([": PROCESSING\n\n", () => step.promise, chunk("late", "stop"), sse("[DONE]")]),
  );
  const release = server.takeSlots();
  const running = collectParts(provider.streamChat({ messages }));
  await clock.timer(idleMs);
  await clock.timer(firstByteMs);
  for (let round = 0; round < 3; round++) {
    clock.advance(firstByteMs);
    const { answered } = await server.nextRequest("/slots");
    await answered;
    await clock.timer(firstByteMs);
  }
  step.resolve();
  const { text, error } = await running;
  release();
  assert.equal(error, undefined);
  assert.equal(text, "late");
  assert.equal(server.requests.filter(({ path }) => path.startsWith("/slots")).length, 3);
});

test("empty lines are no first token either", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "ollama", { firstByteMs, model: "oracle" });
  server.script("/api/chat", linesReply(["\n", "\n"], "hang"));
  server.script("/api/ps", jsonReply(500, { error: "no" }));
  const running = collectParts(provider.streamChat({ messages }));
  await server.nextRequest("/api/chat");
  await clock.timer(idleMs);
  await clock.timer(firstByteMs);
  clock.advance(firstByteMs);
  assertFault((await running).error, "timeout");
});

test("what a server sends at once is given at once, as one text", async (context) => {
  const { server, provider } = await createProviderHarness(context, "ollama", { model: "oracle" });
  const more = Promise.withResolvers<void>();
  const last = ndjson({ message: { content: "!" }, done: true, done_reason: "stop" });
  server.script("/api/chat", linesReply([line("a") + line("b") + line("c"), () => more.promise, line("d"), last]));
  const stream = provider.streamChat({ messages })[Symbol.asyncIterator]();
  assert.deepEqual((await stream.next()).value, { type: "text", text: "abc" });
  more.resolve();
  assert.equal((await collectParts({ [Symbol.asyncIterator]: () => stream })).text, "d!");
});

test("a stream that ends before its first token leaves no timer", async (context) => {
  const { server, provider, clock } = await createProviderHarness(context, "openai-compatible", { model: "m" });
  await provider.capabilities();
  const comment = ": PROCESSING\n\n";
  for (const finish of ["end", "cut", "reset"] as const) {
    server.script("/v1/chat/completions", streamReply([comment], finish));
    assertFault((await collectParts(provider.streamChat({ messages }))).error, "truncated");
    assert.deepEqual(clock.pending(), [], finish);
  }
  server.script("/v1/chat/completions", streamReply([comment], "hang"));
  const controller = new AbortController();
  const running = collectParts(provider.streamChat({ messages }, { signal: controller.signal }));
  await clock.timer(idleMs);
  controller.abort();
  assert.equal((await running).error instanceof DOMException, true);
  assert.deepEqual(clock.pending(), []);
});

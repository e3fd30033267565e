import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createDeadlines } from "../../../src/transport/deadlines.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { hangReply, streamReply } from "../../fake/modelServer.ts";
import { collect, createHarness, createRawServer, rejectsWith } from "./harness.ts";

test("a server that takes the connection but never finishes the handshake meets the connect deadline", async (context) => {
  const { client, clock } = await createHarness(context);
  const accepted = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const { port } = await createRawServer(context, (socket) => {
    socket.once("close", () => closed.resolve());
    socket.resume();
    accepted.resolve();
  });
  const request = client.request({
    method: "GET",
    url: `https://127.0.0.1:${port}/`,
    deadlines: { connectMs: 3_000 },
  });
  const outcome = rejectsWith(request, "connect-timeout");
  await accepted.promise;
  clock.advance(2_999);
  assert.deepEqual(clock.pending(), [3_000]);
  clock.advance(1);
  await outcome;
  await closed.promise;
  assert.deepEqual(clock.pending(), []);
});

test("a server that sends no byte meets the first-byte deadline, not earlier", async (context) => {
  const { post, server, clock } = await createHarness(context);
  server.script("/", hangReply);
  const request = post("/completion", { deadlines: { firstByteMs: 4_000 } });
  const outcome = rejectsWith(request, "first-byte-timeout");
  const seen = await server.nextRequest();
  await clock.timer(4_000);
  clock.advance(3_999);
  assert.deepEqual(clock.pending(), [4_000]);
  clock.advance(1);
  await outcome;
  await seen.closedByClient;
  assert.deepEqual(clock.pending(), []);
});

test("the first-byte deadline is held while the server is known to be busy", async (context) => {
  const { post, server, clock } = await createHarness(context);
  server.script("/", hangReply);
  const answers = [true, true, false];
  const request = post("/completion", {
    deadlines: { firstByteMs: 1_000 },
    holdFirstByte: async () => answers.shift() ?? false,
  });
  const outcome = rejectsWith(request, "first-byte-timeout");
  await server.nextRequest();
  for (let round = 0; round < 3; round++) {
    await clock.timer(1_000);
    assert.equal(answers.length, 3 - round);
    clock.advance(1_000);
  }
  await outcome;
  assert.deepEqual(answers, []);
});

test("an answer that comes while the server is asked whether it is busy is taken", async (context) => {
  const { post, server, clock } = await createHarness(context);
  const release = Promise.withResolvers<void>();
  server.script("/", streamReply([() => release.promise, "one"], "hang"));
  const held = Promise.withResolvers<boolean>();
  const response = await post("/completion", {
    deadlines: { firstByteMs: 5_000, idleMs: 1_000 },
    holdFirstByte: () => held.promise,
  });
  clock.advance(5_000);
  assert.deepEqual(clock.pending(), []);
  release.resolve();
  const iterator = response.body[Symbol.asyncIterator]();
  assert.equal(Buffer.from((await iterator.next()).value ?? []).toString(), "one");
  held.resolve(false);
  await setImmediate();
  assert.deepEqual(clock.pending(), [1_000]);
});

test("a question about business that fails counts as not busy", async (context) => {
  const { post, server, clock } = await createHarness(context);
  server.script("/", hangReply);
  const request = post("/completion", {
    deadlines: { firstByteMs: 1_000 },
    holdFirstByte: () => Promise.reject(new Error("no answer")),
  });
  const outcome = rejectsWith(request, "first-byte-timeout");
  await clock.timer(1_000);
  clock.advance(1_000);
  await outcome;
});

test("a server that sends its head at once has the first-byte deadline for its prompt, not the idle one", async (context) => {
  const { post, server, clock } = await createHarness(context);
  const release = Promise.withResolvers<void>();
  server.script("/", streamReply([() => release.promise, "one"], "hang"));
  const answers = [true, false];
  const response = await post("/completion", {
    deadlines: { firstByteMs: 5_000, idleMs: 1_000 },
    holdFirstByte: () => answers.shift() ?? false,
  });
  assert.deepEqual(clock.pending(), [5_000]);
  clock.advance(5_000);
  await clock.timer(5_000);
  assert.equal(answers.length, 1);
  const iterator = response.body[Symbol.asyncIterator]();
  const first = iterator.next();
  release.resolve();
  assert.equal(Buffer.from((await first).value ?? []).toString(), "one");
  assert.deepEqual(clock.pending(), [1_000]);
});

test("a server that sends its head and nothing more meets the first-byte deadline", async (context) => {
  const { post, server, clock } = await createHarness(context);
  server.script("/", streamReply([], "hang"));
  const response = await post("/completion", { deadlines: { firstByteMs: 5_000, idleMs: 1_000 } });
  const read = rejectsWith(response.text(100), "first-byte-timeout");
  clock.advance(5_000);
  await read;
  await (
    await server.nextRequest()
  ).closedByClient;
});

test("a stream that falls silent meets the idle deadline and keeps its text", async (context) => {
  const { post, server, clock } = await createHarness(context);
  const more = Promise.withResolvers<void>();
  server.script("/", streamReply(["one", () => more.promise, "two"], "hang"));
  const response = await post("/completion", { deadlines: { idleMs: 2_000 } });
  const iterator = response.body[Symbol.asyncIterator]();
  await iterator.next();
  clock.advance(1_500);
  more.resolve();
  await iterator.next();
  // The second piece came at 1500 ms, so the deadline lies at 3500 ms.
  clock.advance(1_999);
  assert.notDeepEqual(clock.pending(), []);
  clock.advance(1);
  await rejectsWith(iterator.next(), "idle-timeout");
  await (
    await server.nextRequest()
  ).closedByClient;
  assert.deepEqual(clock.pending(), []);
});

test("a stream that trickles for ever meets the total deadline and keeps its text", async (context) => {
  const { post, server, clock } = await createHarness(context);
  server.script("/", streamReply(["one"], "hang"));
  const response = await post("/completion", { deadlines: { idleMs: 0, totalMs: 9_000 } });
  const rest = collect(response.body);
  assert.deepEqual(clock.pending(), [9_000]);
  clock.advance(9_000);
  const { error } = await rest;
  await rejectsWith(Promise.reject(error), "total-timeout");
  assert.deepEqual(clock.pending(), []);
});

test("the total deadline counts the time in the queue", async (context) => {
  const { post, server, clock } = await createHarness(context, { connectionsPerOrigin: 1 });
  server.script("/", hangReply);
  const first = post("/completion", { deadlines: { firstByteMs: 0 } });
  await server.nextRequest();
  const queued = post("/completion", { deadlines: { totalMs: 500 } });
  await clock.timer(500);
  clock.advance(500);
  await rejectsWith(queued, "total-timeout");
  assert.equal(server.requests.length, 1);
  void first.catch(() => {});
});

test("deadlines that are switched off set no timer", async (context) => {
  const { post, server, clock } = await createHarness(context);
  server.script("/", hangReply);
  const request = post("/completion", { deadlines: { connectMs: 0, firstByteMs: 0, idleMs: 0, totalMs: 0 } });
  void request.catch(() => {});
  await server.nextRequest();
  assert.deepEqual(clock.pending(), []);
});

test("a finished request leaves no timer", async (context) => {
  const { get, clock } = await createHarness(context);
  await (await get("/health", { deadlines: { totalMs: 1_000 } })).text(1000);
  assert.deepEqual(clock.pending(), []);
});

test("while the reader holds the answer back, nobody is silent; once it reads on, the time begins anew", () => {
  const clock = createFakeClock();
  const missed: string[] = [];
  let isPaused = true;
  const deadlines = createDeadlines({
    deadlines: { idleMs: 1_000 },
    clock,
    origin: "http://gpu:8080",
    isWaiting: () => false,
    isPaused: () => isPaused,
    onMissed: ({ kind }, hasText) => void missed.push(`${kind} ${hasText}`),
  });
  deadlines.heard();
  deadlines.awaitNextByte();
  clock.advance(60_500);
  isPaused = false;
  deadlines.heard();
  clock.advance(999);
  assert.deepEqual(missed, []);
  clock.advance(1);
  assert.deepEqual(missed, ["idle-timeout true"]);
  deadlines.dispose();
  assert.deepEqual(clock.pending(), []);
});

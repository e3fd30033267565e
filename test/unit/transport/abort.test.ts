import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { hangReply, streamReply } from "../../fake/modelServer.ts";
import { createHarness, createRawServer, rejectsWithAbort } from "./harness.ts";

test("a signal that has fired already sends nothing", async (context) => {
  const { post, server, client } = await createHarness(context);
  await rejectsWithAbort(post("/completion", { signal: AbortSignal.abort() }));
  assert.equal(server.connections().opened, 0);
  assert.equal(client.counters().requests, 0);
});

test("an abort in the queue sends nothing and leaves the others alone", async (context) => {
  const { post, get, server, clock } = await createHarness(context, { connectionsPerOrigin: 1 });
  const release = Promise.withResolvers<void>();
  server.script("/first", streamReply([() => release.promise, "done"]));
  const first = await post("/first");
  const controller = new AbortController();
  const queued = post("/queued", { signal: controller.signal });
  const last = get("/health");
  controller.abort();
  await rejectsWithAbort(queued);
  release.resolve();
  assert.equal(await first.text(100), "done");
  await (await last).text(100);
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    ["/first", "/health"],
  );
  assert.deepEqual(clock.pending(), []);
});

test("an abort while connecting closes the socket", async (context) => {
  const { client, clock } = await createHarness(context);
  const connected = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const { port } = await createRawServer(context, (socket) => {
    socket.once("close", () => closed.resolve());
    socket.resume();
    connected.resolve();
  });
  const controller = new AbortController();
  const request = client.request({
    method: "GET",
    url: `https://127.0.0.1:${port}/`,
    signal: controller.signal,
  });
  await connected.promise;
  controller.abort();
  await rejectsWithAbort(request);
  await closed.promise;
  assert.deepEqual(clock.pending(), []);
});

test("an abort while waiting for the answer closes the socket", async (context) => {
  const { post, server, client, clock } = await createHarness(context);
  server.script("/", hangReply);
  const controller = new AbortController();
  const request = post("/completion", { signal: controller.signal });
  const seen = await server.nextRequest();
  controller.abort();
  await rejectsWithAbort(request);
  await seen.closedByClient;
  await server.allClosed();
  assert.equal(client.counters().openNow, 0);
  assert.deepEqual(clock.pending(), []);
});

test("an abort while streaming rejects the pending read and closes the socket", async (context) => {
  const { post, server, clock } = await createHarness(context);
  server.script("/", streamReply(["one"], "hang"));
  const controller = new AbortController();
  const response = await post("/completion", { signal: controller.signal });
  const iterator = response.body[Symbol.asyncIterator]();
  await iterator.next();
  const pending = iterator.next();
  controller.abort();
  await rejectsWithAbort(pending);
  await (
    await server.nextRequest()
  ).closedByClient;
  assert.deepEqual(clock.pending(), []);
});

test("an abort drops what lies unread", async (context) => {
  const { post, server } = await createHarness(context);
  const sent = Promise.withResolvers<void>();
  server.script(
    "/",
    streamReply(
      [
        "one",
        async () => {
          sent.resolve();
        },
      ],
      "hang",
    ),
  );
  const controller = new AbortController();
  const response = await post("/completion", { signal: controller.signal });
  await sent.promise;
  controller.abort();
  await rejectsWithAbort(response.text(100));
});

test("an abort after the whole answer came stops the reader", async (context) => {
  const { get, clock } = await createHarness(context);
  const controller = new AbortController();
  const response = await get("/health", { signal: controller.signal });
  while (clock.pending().length > 0) await setImmediate();
  controller.abort();
  await rejectsWithAbort(response.text(100));
});

test("the error of an abort is an AbortError whatever the reason", async (context) => {
  const { post, server } = await createHarness(context);
  server.script("/", hangReply, hangReply);
  for (const reason of [new Error("mine"), "text"]) {
    const controller = new AbortController();
    const request = post("/completion", { signal: controller.signal });
    await server.nextRequest();
    controller.abort(reason);
    await rejectsWithAbort(request);
  }
});

test("an abort after the end changes nothing", async (context) => {
  const { get, client } = await createHarness(context);
  const controller = new AbortController();
  const response = await get("/health", { signal: controller.signal });
  assert.equal(await response.text(100), '{"status":"ok"}');
  assert.equal(getEventListeners(controller.signal, "abort").length, 0);
  controller.abort();
  await (await get("/health")).text(100);
  assert.deepEqual(client.counters(), { requests: 2, opened: 1, reused: 1, queued: 0, openNow: 1 });
});

test("thirty requests that are aborted at once close thirty sockets", async (context) => {
  const { post, server, client, clock } = await createHarness(context, { connectionsPerOrigin: 30 });
  server.script("/", ...Array.from({ length: 30 }, () => hangReply));
  const controller = new AbortController();
  const requests = Array.from({ length: 30 }, () => post("/completion", { signal: controller.signal }));
  const seen = [];
  for (let count = 0; count < 30; count++) seen.push(await server.nextRequest());
  controller.abort();
  await Promise.all(requests.map((request) => rejectsWithAbort(request)));
  await Promise.all(seen.map((request) => request.closedByClient));
  await server.allClosed();
  assert.equal(client.counters().openNow, 0);
  assert.deepEqual(clock.pending(), []);
});

test("thirty completions that are typed over one after the other leave no socket and no timer", async (context) => {
  const { post, server, client, clock } = await createHarness(context);
  server.script("/", ...Array.from({ length: 30 }, (_, index) => (index % 2 ? hangReply : streamReply(["a"], "hang"))));
  for (let count = 0; count < 30; count++) {
    const controller = new AbortController();
    const request = post("/completion", { signal: controller.signal });
    const seen = await server.nextRequest();
    // Every second one is cancelled after its head came.
    const response = count % 2 ? undefined : await request;
    controller.abort();
    await rejectsWithAbort(response ? response.text(100) : request);
    await seen.closedByClient;
    assert.ok(server.connections().open <= 1);
  }
  await server.allClosed();
  assert.deepEqual(client.counters(), { requests: 30, opened: 30, reused: 0, queued: 0, openNow: 0 });
  assert.deepEqual(clock.pending(), []);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { startSpan } from "../../../src/metrics/spans.ts";
import { toTransportError, type TransportErrorKind } from "../../../src/transport/errors.ts";
import { htmlReply, jsonReply, resetReply, streamReply } from "../../fake/modelServer.ts";
import { collect, createHarness, createRawServer, rejectsWith } from "./harness.ts";

test("ten requests one after the other use one connection", async (context) => {
  const { get, client, server } = await createHarness(context);
  for (let count = 0; count < 10; count++) assert.deepEqual(await (await get("/health")).json(1000), { status: "ok" });
  assert.deepEqual(client.counters(), { requests: 10, opened: 1, reused: 9, queued: 0, openNow: 1 });
  assert.equal(server.connections().opened, 1);
});

test("a server that announces a keep-alive of one second gets a new connection each time", async (context) => {
  const { get, client, server } = await createHarness(context, { server: { keepAlive: "timeout=1" } });
  for (let count = 0; count < 3; count++) await (await get("/health")).text(1000);
  assert.equal(server.connections().opened, 3);
  assert.equal(client.counters().reused, 0);
});

test("requests at the same time get a connection each, up to the limit, and the others queue", async (context) => {
  const { post, client, server } = await createHarness(context, { connectionsPerOrigin: 2 });
  const release = Promise.withResolvers<void>();
  server.script("/", ...Array.from({ length: 4 }, () => streamReply([() => release.promise, "data: ok\n\n"])));
  const answers = Array.from({ length: 4 }, async () => (await post("/completion")).text(1000));
  await server.nextRequest();
  await server.nextRequest();
  assert.equal(server.requests.length, 2);
  release.resolve();
  assert.deepEqual(await Promise.all(answers), Array(4).fill("data: ok\n\n"));
  assert.equal(server.connections().opened, 2);
  assert.equal(client.counters().requests, 4);
});

test("a lower limit closes idle connections beyond it with the next request, and runs no request less", async (context) => {
  let connectionsMax = 3;
  const { post, client, server } = await createHarness(context, { connectionsPerOrigin: () => connectionsMax });
  const atOnce = async (count: number) => {
    const release = Promise.withResolvers<void>();
    server.script("/", ...Array.from({ length: count }, () => streamReply([() => release.promise, "data: ok\n\n"])));
    const answers = Array.from({ length: count }, async () => (await post("/completion")).text(1000));
    for (let left = Math.min(count, connectionsMax); left > 0; left--) await server.nextRequest();
    release.resolve();
    assert.deepEqual(await Promise.all(answers), Array(count).fill("data: ok\n\n"));
  };
  await atOnce(3);
  assert.equal(client.counters().openNow, 3);
  connectionsMax = 1;
  await atOnce(2);
  assert.equal(client.counters().openNow, 1);
  assert.equal(server.connections().opened, 3);
});

test("the request goes out as it was given, and asks for no compression", async (context) => {
  const { post, server } = await createHarness(context);
  await (await post("/nope?a=1", { headers: { authorization: "Bearer k", "x-a": "1" }, body: '{"ü":1}' })).text(1000);
  const request = await server.nextRequest();
  assert.equal(request.path, "/nope?a=1");
  assert.equal(request.body, '{"ü":1}');
  assert.equal(request.headers["authorization"], "Bearer k");
  assert.equal(request.headers["accept-encoding"], "identity");
});

test("the head of an answer comes before its body", async (context) => {
  const { post, server } = await createHarness(context);
  const release = Promise.withResolvers<void>();
  server.script("/", streamReply([() => release.promise, "late"]));
  const response = await post("/completion");
  assert.equal(response.status, 200);
  assert.equal(response.headers["content-type"], "text/event-stream");
  release.resolve();
  assert.equal(await response.text(100), "late");
});

test("a server that is not there is reported as refused", async (context) => {
  const { client, server } = await createHarness(context);
  await server.close();
  await rejectsWith(client.request({ method: "GET", url: server.url }), "refused");
});

test("what a socket reports gets its kind by its code", () => {
  const codes: readonly (readonly [string, TransportErrorKind])[] = [
    ["ENOTFOUND", "dns"],
    ["EAI_AGAIN", "dns"],
    ["ECONNREFUSED", "refused"],
    ["EHOSTUNREACH", "unreachable"],
    ["ETIMEDOUT", "connect-timeout"],
    ["ECONNRESET", "reset"],
    ["EPIPE", "reset"],
    ["UND_ERR_SOCKET", "closed"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "certificate"],
    ["CERT_HAS_EXPIRED", "certificate"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "certificate"],
    ["EPROTO", "tls"],
    ["ERR_HTTP2_STREAM_ERROR", "reset"],
    ["ERR_HTTP2_ERROR", "protocol"],
    ["HPE_INVALID_CONSTANT", "protocol"],
    ["UND_ERR_HEADERS_OVERFLOW", "protocol"],
  ];
  for (const [code, kind] of codes) {
    const cause = Object.assign(new Error("GET /secret?key=abc"), { code });
    const error = toTransportError(cause, "http://host:1");
    assert.equal(error.kind, kind, code);
    assert.equal(error.cause, cause);
    assert.doesNotMatch(error.message, /secret|abc/);
  }
});

test("a server that speaks no TLS is reported as a TLS fault", async (context) => {
  const { client, server } = await createHarness(context);
  await rejectsWith(client.request({ method: "GET", url: server.url.replace("http:", "https:") }), "tls");
});

test("a connection that breaks before the answer is reported as reset", async (context) => {
  const { post, server } = await createHarness(context);
  server.script("/", resetReply);
  await rejectsWith(post("/completion"), "reset");
  assert.equal(server.requests.length, 1, "a new connection's request must not be sent twice");
});

test("a connection that breaks in the body keeps the text before it", async (context) => {
  const { post, server } = await createHarness(context);
  const seen = Promise.withResolvers<void>();
  server.script("/", streamReply(["first", () => seen.promise], "reset"));
  const response = await post("/completion");
  const iterator = response.body[Symbol.asyncIterator]();
  const first = await iterator.next();
  assert.equal(Buffer.from(first.value ?? []).toString(), "first");
  seen.resolve();
  await rejectsWith(iterator.next(), "reset");
});

test("a body that ends too early is reported as closed and keeps its text", async (context) => {
  const { post, server } = await createHarness(context);
  server.script("/", streamReply(["first"], "cut"));
  const { text, error } = await collect((await post("/completion")).body);
  assert.equal(text, "first");
  await rejectsWith(Promise.reject(error), "closed");
});

test("a body shorter than its announced length is reported as closed", async (context) => {
  const { get, server } = await createHarness(context);
  server.script("/", { headers: { "content-length": "100" }, body: ["short"], finish: "cut" });
  const { error } = await collect((await get("/health")).body);
  await rejectsWith(Promise.reject(error), "closed");
});

test("an answer that is not HTTP is reported as a protocol fault", async (context) => {
  const { client } = await createHarness(context);
  const { port } = await createRawServer(context, (socket) => socket.end("SSH-2.0-OpenSSH_9.9\r\n"));
  await rejectsWith(client.request({ method: "GET", url: `http://127.0.0.1:${port}/` }), "protocol");
});

test("an address that is not http is refused", async (context) => {
  const { client } = await createHarness(context);
  await rejectsWith(client.request({ method: "GET", url: "file:///etc/hosts" }), "protocol");
  await rejectsWith(client.request({ method: "GET", url: "localhost" }), "protocol");
});

test("a redirect is refused and the key goes nowhere else", async (context) => {
  const { get, server } = await createHarness(context);
  const other = await createHarness(context);
  server.script("/", { status: 307, headers: { location: `${other.server.url}/steal` } });
  const request = get("/v1/models", { headers: { authorization: "Bearer secret" } });
  await rejectsWith(request, "redirect");
  assert.equal(other.server.requests.length, 0);
});

test("an unread error body does not block the next request on the only connection", async (context) => {
  const { post, get, server } = await createHarness(context, { connectionsPerOrigin: 1 });
  server.script("/completion", { status: 500, body: ["x".repeat(4 * 1024 * 1024)] });
  const failed = await post("/completion");
  assert.equal(failed.status, 500);
  assert.equal((await get("/health")).status, 200);
});

test("an error body is kept up to its limit and can be read later", async (context) => {
  const { post, server } = await createHarness(context);
  server.script("/completion", { status: 500, body: ["x".repeat(1024 * 1024)] });
  const failed = await post("/completion");
  assert.equal((await failed.excerpt(50)).length, 50);
  server.script("/completion", { status: 500, body: ["y".repeat(1024 * 1024)] });
  assert.equal((await (await post("/completion")).text(1024 * 1024)).length, 64 * 1024);
});

test("an answer longer than allowed is refused and its socket is closed", async (context) => {
  const { get, server } = await createHarness(context);
  server.script("/", { body: ["x".repeat(2000), () => new Promise(() => {})] });
  const response = await get("/v1/models");
  await rejectsWith(response.json(1000), "too-large");
  await (
    await server.nextRequest()
  ).closedByClient;
});

test("an answer that is not JSON is reported as a protocol fault", async (context) => {
  const { get, server } = await createHarness(context);
  server.script("/", htmlReply);
  await rejectsWith((await get("/v1/models")).json(10_000), "protocol");
});

test("a body can be read only once", async (context) => {
  const { get } = await createHarness(context);
  const response = await get("/health");
  await response.text(1000);
  await rejectsWith(response.text(1000), "protocol");
});

test("leaving the body's loop early closes the socket", async (context) => {
  const { post, server, clock } = await createHarness(context);
  server.script("/", streamReply(["one"], "hang"));
  for await (const chunk of (await post("/completion")).body) {
    assert.equal(Buffer.from(chunk).toString(), "one");
    break;
  }
  await (
    await server.nextRequest()
  ).closedByClient;
  assert.deepEqual(clock.pending(), []);
});

test("a discarded answer closes the socket", async (context) => {
  const { post, server, clock } = await createHarness(context);
  server.script("/", streamReply(["one"], "hang"));
  (await post("/completion")).discard();
  await (
    await server.nextRequest()
  ).closedByClient;
  assert.deepEqual(clock.pending(), []);
});

test("after finish a short rest flows by and the connection is used again", async (context) => {
  const { post, get, server, client } = await createHarness(context);
  const release = Promise.withResolvers<void>();
  server.script("/completion", streamReply(["all", () => release.promise, "a short rest"]));
  const response = await post("/completion");
  for await (const chunk of response.body) {
    assert.equal(Buffer.from(chunk).toString(), "all");
    response.finish();
    break;
  }
  release.resolve();
  await (
    await server.nextRequest()
  ).answered;
  while (client.counters().requests < 2) await (await get("/health")).text(100);
  await (await get("/health")).text(100);
  assert.ok(client.counters().reused > 0);
});

test("after finish a rest that does not end closes the socket", async (context) => {
  const { post, server, clock } = await createHarness(context);
  server.script("/completion", streamReply(["all"], "hang"));
  const response = await post("/completion");
  const iterator = response.body[Symbol.asyncIterator]();
  await iterator.next();
  response.finish();
  await iterator.return?.();
  clock.advance(1_000);
  await (
    await server.nextRequest()
  ).closedByClient;
  assert.deepEqual(clock.pending(), []);
});

test("a request on a kept-alive connection that is gone is sent once more, on a new one", async (context) => {
  const { post, server, client } = await createHarness(context);
  await (await post("/nope")).text(1000);
  server.script("/health", jsonReply(200, {}));
  await (await post("/health")).text(1000);
  server.script("/completion", resetReply, jsonReply(200, { ok: true }));
  assert.deepEqual(await (await post("/completion")).json(1000), { ok: true });
  const sent = server.requests.filter(({ path }) => path === "/completion");
  assert.equal(sent.length, 2);
  assert.notEqual(sent[0]?.connection, sent[1]?.connection);
  assert.equal(client.counters().openNow, 1);
});

test("a request is sent at most twice", async (context) => {
  const { post, get, server } = await createHarness(context);
  // Two kept-alive connections: the second attempt must not go to the other one.
  await Promise.all([get("/health"), get("/health")].map(async (response) => (await response).text(1000)));
  server.script("/completion", resetReply, resetReply, jsonReply(200, {}));
  await rejectsWith(post("/completion"), "reset");
  assert.equal(server.requests.filter(({ path }) => path === "/completion").length, 2);
});

test("a connection that the server closed while idle is not used", async (context) => {
  const { get, server, client } = await createHarness(context);
  await (await get("/health")).text(1000);
  server.closeIdle();
  await server.allClosed();
  await (await get("/health")).text(1000);
  assert.equal(server.connections().opened, 2);
  assert.equal(server.requests.length, 2);
  assert.equal(client.counters().requests, 2);
});

test("an idle connection lives for 60 seconds, or as long as the server announces, less 2", async (context) => {
  const setTimer = context.mock.method(globalThis, "setTimeout");
  for (const [keepAlive, expectedMs] of [
    ["", 60_000],
    ["timeout=5, max=100", 3_000],
    ["timeout=3600", 600_000],
  ] as const) {
    const { get } = await createHarness(context, { server: { keepAlive } });
    setTimer.mock.resetCalls();
    await (await get("/health")).text(1000);
    await setImmediate();
    const delays = setTimer.mock.calls.map((call) => call.arguments[1]).filter((delayMs) => (delayMs ?? 0) > 1_000);
    assert.deepEqual(delays, [expectedMs], keepAlive);
  }
});

test("a connection that is still open is preferred to one that the server has closed", async (context) => {
  const { post, get, client, server } = await createHarness(context);
  const endFirst = Promise.withResolvers<void>();
  const endSecond = Promise.withResolvers<void>();
  server.script("/first", streamReply([() => endFirst.promise]));
  server.script("/second", { headers: { connection: "close" }, body: [() => endSecond.promise] });
  const first = await post("/first");
  const second = await post("/second");
  endFirst.resolve();
  await first.text(100);
  endSecond.resolve();
  await second.text(100);
  while (client.counters().openNow > 1) await setImmediate();
  await (await get("/health")).text(100);
  assert.deepEqual(client.counters(), { requests: 3, opened: 2, reused: 1, queued: 0, openNow: 1 });
});

test("close ends running, waiting and idle requests and their sockets", async (context) => {
  const { post, client, server, clock } = await createHarness(context, { connectionsPerOrigin: 2 });
  server.script("/completion", streamReply(["one"], "hang"), { hasHead: false, finish: "hang" });
  const streaming = await post("/completion");
  const waiting = post("/completion");
  await server.nextRequest();
  await server.nextRequest();
  const queued = post("/completion");
  const ends = Promise.all([
    rejectsWith(
      collect(streaming.body).then(({ error }) => Promise.reject(error)),
      "disposed",
    ),
    rejectsWith(waiting, "disposed"),
    rejectsWith(queued, "disposed"),
  ]);
  await client.close();
  await ends;
  await server.allClosed();
  assert.equal(client.counters().openNow, 0);
  assert.deepEqual(clock.pending(), []);
  await rejectsWith(post("/completion"), "disposed");
});

test("the span shows the connection only when one was made", async (context) => {
  const { get, clock } = await createHarness(context);
  const names: string[][] = [];
  for (let count = 0; count < 2; count++) {
    const span = startSpan(clock, "request");
    await (await get("/health", { span })).text(1000);
    span.end();
    names.push(span.record.children.map(({ name }) => name));
    assert.ok(span.record.children.every(({ endMs }) => endMs !== undefined));
  }
  assert.deepEqual(names, [
    ["connect", "wait", "body"],
    ["wait", "body"],
  ]);
});

test("the span shows how long a request queued, waited and streamed", async (context) => {
  const { post, server, clock } = await createHarness(context, { connectionsPerOrigin: 1 });
  const release = Promise.withResolvers<void>();
  server.script("/first", streamReply([() => release.promise]));
  const first = await post("/first");
  const answer = Promise.withResolvers<void>();
  server.script("/second", { body: [() => answer.promise, "end"] });
  const span = startSpan(clock, "request");
  const second = post("/second", { span });
  clock.advance(5);
  release.resolve();
  await first.text(100);
  await server.nextRequest("/second");
  const response = await second;
  clock.advance(7);
  answer.resolve();
  await response.text(100);
  span.end();
  const lengths = span.record.children.map(({ name, startMs, endMs }) => [name, (endMs ?? -1) - startMs]);
  assert.deepEqual(lengths, [
    ["queue", 5],
    ["wait", 0],
    ["body", 7],
  ]);
});

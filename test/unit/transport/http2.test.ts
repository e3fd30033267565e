import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { duplexPair } from "node:stream";
import { test, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { silentLog } from "../../../src/base/log.ts";
import { startSpan } from "../../../src/metrics/spans.ts";
import { createTransportClient, type TransportOptions } from "../../../src/transport/client.ts";
import { createDirectConnector } from "../../../src/transport/connector.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createHttp2Server, http2Codes, type Http2Request, type Http2ServerOptions } from "../../fake/http2Server.ts";
import { testAuthority } from "../../fake/tls.ts";
import { collect, rejectsWith, rejectsWithAbort } from "./harness.ts";

type Answer = (request: Http2Request, index: number) => void;

const hang: Answer = () => {};
const fine: Answer = (request) => request.end("ok");
const refuse: Answer = (request) => request.reset(http2Codes.refusedStream);
const breakOff: Answer = (request) => request.breakOff();
const calm: Answer = (request) => request.goAway(request.stream, http2Codes.enhanceYourCalm);

/** A server that answers the first request with the first of `answers`, and so on; the others with "ok". */
const createHttp2Harness = async (
  context: TestContext,
  answers: readonly Answer[] = [],
  { server: serverOptions, ...options }: Partial<TransportOptions> & { server?: Partial<Http2ServerOptions> } = {},
) => {
  let count = 0;
  const waiting: ((request: Http2Request) => void)[] = [];
  const arrived: Http2Request[] = [];
  const server = await createHttp2Server({
    onRequest(request) {
      const index = count++;
      (answers[index] ?? (() => request.end("ok")))(request, index);
      const waiter = waiting.shift();
      if (waiter) waiter(request);
      else arrived.push(request);
    },
    ...serverOptions,
  });
  const clock = createFakeClock();
  const lines: string[] = [];
  const straight = createDirectConnector({ ca: testAuthority() });
  const attempts = { count: 0 };
  const keep = (line: string): void => void lines.push(line);
  const client = createTransportClient({
    clock,
    log: { debug() {}, info: keep, warn: keep, error: keep },
    connectorFor: () => (target, callback) => {
      attempts.count++;
      return straight(target, callback);
    },
    http2: () => true,
    ...options,
  });
  context.after(async () => {
    await client.close();
    await server.close();
  });
  const post = (more: { signal?: AbortSignal; body?: string; deadlines?: { firstByteMs: number } } = {}) =>
    client.request({ method: "POST", url: `${server.url}/v1/chat/completions`, body: "{}", ...more });
  const ask = async (): Promise<string> => (await post()).text(1000);
  const nextRequest = (): Promise<Http2Request> => {
    const request = arrived.shift();
    return request
      ? Promise.resolve(request)
      : new Promise((resolve) => {
          waiting.push(resolve);
        });
  };
  return { clock, lines, attempts, client, server, post, ask, nextRequest };
};

test("requests at the same time share one connection", async (context) => {
  const held: Http2Request[] = [];
  const all = Promise.withResolvers<void>();
  const hold: Answer = (request) => {
    held.push(request);
    if (held.length === 5) all.resolve();
  };
  const { ask, client, server, attempts } = await createHttp2Harness(context, Array<Answer>(5).fill(hold));
  const answers = Array.from({ length: 5 }, ask);
  await all.promise;
  for (const request of held.toReversed()) request.end(`answer to ${request.stream}`);
  assert.deepEqual(
    await Promise.all(answers),
    [1, 3, 5, 7, 9].map((stream) => `answer to ${stream}`),
  );
  assert.equal(server.connections().opened, 1);
  assert.equal(attempts.count, 1);
  assert.deepEqual(client.counters(), { requests: 5, opened: 1, reused: 4, queued: 0, openNow: 1 });
});

test("a body whose first bytes Node hands out ahead of the head comes after it", async (context) => {
  // Over a stream of JavaScript's this happens each time; over TLS now and then, when many answers come at once.
  const [near, far] = duplexPair();
  const client = createTransportClient({
    clock: createFakeClock(),
    log: silentLog,
    http2: () => true,
    connectorFor: () => (_target, callback) => {
      queueMicrotask(() => callback(null, Object.assign(near, { alpnProtocol: "h2" }) as unknown as Socket));
      return { destroy() {} };
    },
  });
  context.after(() => client.close());
  far.resume();
  // Frames of RFC 9113; the head is ":status: 200" and "content-length: 5" in RFC 7541's encoding.
  const [settings, head, body] = ["000000040000000000", "000005010400000001880f0d0135", "000005000100000001"];
  far.write(Buffer.from(settings, "hex"));
  const request = client.request({ method: "GET", url: "https://localhost/" });
  while (client.counters().requests === 0) await setImmediate();
  await setImmediate();
  far.write(Buffer.concat([Buffer.from(head + body, "hex"), Buffer.from("whole")]));
  const response = await request;
  assert.equal(response.status, 200);
  assert.equal(await response.text(100), "whole");
});

test("answers that come all at once are whole", async (context) => {
  const { client, server } = await createHttp2Harness(context, [], {
    server: { onRequest: (request) => request.end(request.body) },
  });
  for (let round = 0; round < 20; round++) {
    const bodies = Array.from({ length: 50 }, (_, index) => `${round} ${index}`);
    const answers = bodies.map(async (body) => {
      const response = await client.request({ method: "POST", url: server.url, body });
      return response.text(100);
    });
    assert.deepEqual(await Promise.all(answers), bodies);
  }
});

test("a request that is cancelled resets its stream and leaves the connection and the other streams alone", async (context) => {
  const { post, ask, nextRequest, server, clock } = await createHttp2Harness(context, [
    (request) => request.head(),
    (request) => request.head(),
  ]);
  const controller = new AbortController();
  const cancelled = await post({ signal: controller.signal });
  const other = await post();
  const [first, second] = [await nextRequest(), await nextRequest()];
  const read = cancelled.text(100);
  controller.abort();
  await rejectsWithAbort(read);
  assert.equal(await first.resetByClient, http2Codes.cancel);
  second.end("whole");
  assert.equal(await other.text(100), "whole");
  assert.equal(await ask(), "ok");
  assert.equal(server.connections().opened, 1);
  assert.deepEqual(clock.pending(), []);
});

test("thirty requests that are cancelled before their answer leave one connection", async (context) => {
  const { post, ask, nextRequest, server, client, clock } = await createHttp2Harness(context, Array(30).fill(hang));
  for (let count = 0; count < 30; count++) {
    const controller = new AbortController();
    const outcome = rejectsWithAbort(post({ signal: controller.signal }));
    const request = await nextRequest();
    controller.abort();
    await outcome;
    assert.equal(await request.resetByClient, http2Codes.cancel);
  }
  assert.equal(await ask(), "ok");
  assert.equal(server.connections().opened, 1);
  assert.equal(client.counters().openNow, 1);
  assert.deepEqual(clock.pending(), []);
});

test("an answer that meets a deadline resets its stream", async (context) => {
  const { post, ask, nextRequest, clock, server } = await createHttp2Harness(context, [() => {}]);
  const outcome = rejectsWith(post({ deadlines: { firstByteMs: 4_000 } }), "first-byte-timeout");
  const request = await nextRequest();
  await clock.timer(4_000);
  clock.advance(4_000);
  await outcome;
  assert.equal(await request.resetByClient, http2Codes.cancel);
  assert.equal(await ask(), "ok");
  assert.equal(server.connections().opened, 1);
});

test("a slow reader holds its stream back, not the connection", async (context) => {
  const pieceBytes = 16 * 1024;
  const { post, ask, server } = await createHttp2Harness(context, [(request) => request.head()]);
  const response = await post();
  const [request] = server.requests;
  assert.ok(request);
  // What fits into the client's window; this server does not look at windows.
  for (let count = 0; count < 15; count++) request.data("x".repeat(pieceBytes));
  assert.equal(await ask(), "ok");
  request.end("");
  assert.equal((await response.text(pieceBytes * 20)).length, 15 * pieceBytes);
});

test("a server that takes one stream at a time gets further connections", async (context) => {
  const held: Http2Request[] = [];
  const all = Promise.withResolvers<void>();
  const hold: Answer = (request) => {
    held.push(request);
    if (held.length === 4) all.resolve();
  };
  const { ask, server } = await createHttp2Harness(context, Array<Answer>(4).fill(hold), { server: { maxStreams: 1 } });
  const answers = Array.from({ length: 4 }, ask);
  await all.promise;
  for (const request of held) request.end("ok");
  assert.deepEqual(await Promise.all(answers), Array(4).fill("ok"));
  assert.equal(server.connections().opened, 4);
  assert.equal(await ask(), "ok");
  assert.equal(server.connections().opened, 4);
});

test("one stream at a time and one connection at most: the others queue", async (context) => {
  const { ask, server, client } = await createHttp2Harness(context, [], {
    connectionsPerOrigin: 1,
    server: { maxStreams: 1 },
  });
  const answers = Array.from({ length: 6 }, ask);
  assert.deepEqual(await Promise.all(answers), Array(6).fill("ok"));
  assert.equal(server.connections().opened, 1);
  assert.equal(client.counters().queued, 0);
});

test("a server that allows no stream at all is asked nevertheless, and the deadline holds", async (context) => {
  const { ask, post, nextRequest, clock } = await createHttp2Harness(context, [], { server: { maxStreams: 0 } });
  // The first request goes out before the server's limit is known.
  assert.equal(await ask(), "ok");
  await nextRequest();
  const outcome = rejectsWith(post({ deadlines: { firstByteMs: 4_000 } }), "first-byte-timeout");
  await clock.timer(4_000);
  clock.advance(4_000);
  await outcome;
});

test("a stream that the server refused is sent once more", async (context) => {
  const { ask, server } = await createHttp2Harness(context, [refuse]);
  assert.equal(await ask(), "ok");
  assert.equal(server.requests.length, 2);
  assert.equal(server.connections().opened, 1);
});

test("a stream that is refused twice is a fault, and the next request goes through", async (context) => {
  const { ask, server } = await createHttp2Harness(context, [refuse, refuse]);
  await rejectsWith(ask(), "reset");
  assert.equal(server.requests.length, 2);
  assert.equal(await ask(), "ok");
});

test("a server that leaves lets running answers end, and what it did not take goes to a new connection", async (context) => {
  const { ask, post, nextRequest, server } = await createHttp2Harness(context, [
    (request) => request.head(),
    (request) => request.goAway(1, http2Codes.noError),
  ]);
  const running = await post();
  const first = await nextRequest();
  assert.equal(await ask(), "ok");
  assert.deepEqual(
    server.requests.map(({ connection }) => connection),
    [1, 1, 2],
  );
  first.end("whole");
  assert.equal(await running.text(100), "whole");
});

test("a server that leaves with a request in work never gets it twice", async (context) => {
  const { ask, server } = await createHttp2Harness(context, [
    () => {},
    (request) => {
      request.goAway(request.stream, http2Codes.noError);
      request.destroy();
    },
  ]);
  // Another stream runs, so that the connection did not lie idle.
  const other = rejectsWith(ask(), "reset");
  while (server.requests.length === 0) await setImmediate();
  await rejectsWith(ask(), "reset");
  await other;
  assert.equal(server.requests.length, 2);
  assert.equal(await ask(), "ok");
  assert.equal(server.connections().opened, 2);
});

test("a connection that ends without a word while it carries several requests gets none of them twice", async (context) => {
  const { post, ask, server } = await createHttp2Harness(context, [
    fine,
    (request) => request.head(),
    (request) => request.destroy(),
  ]);
  await ask();
  const streaming = await post();
  await rejectsWith(ask(), "reset");
  await rejectsWith(streaming.text(100), "reset");
  assert.equal(server.requests.length, 3);
  assert.equal(await ask(), "ok");
});

test("a server that says it has worked on a request and goes never gets it twice, even if it is the only one", async (context) => {
  const { ask, server } = await createHttp2Harness(context, [
    fine,
    (request) => {
      request.goAway(request.stream, http2Codes.noError);
      request.destroy();
    },
  ]);
  await ask();
  await rejectsWith(ask(), "reset");
  assert.equal(server.requests.length, 2);
  assert.equal(await ask(), "ok");
});

test("a server that wants calm and did not take the request gets it once more", async (context) => {
  const { ask, server } = await createHttp2Harness(context, [
    (request) => request.goAway(0, http2Codes.enhanceYourCalm),
  ]);
  assert.equal(await ask(), "ok");
  assert.deepEqual(
    server.requests.map(({ connection }) => connection),
    [1, 2],
  );
});

test("connections that are reset say nothing against HTTP/2", async (context) => {
  const { ask, lines } = await createHttp2Harness(context, [breakOff, breakOff, breakOff]);
  for (let count = 0; count < 3; count++) await rejectsWith(ask(), "reset");
  assert.equal(await ask(), "ok");
  assert.deepEqual(lines, []);
});

test("a client that is closed before the server has spoken leaves no timer", async (context) => {
  const { ask, client, clock } = await createHttp2Harness(context, [], { server: { sendsSettings: false } });
  const outcome = rejectsWith(ask(), "disposed");
  await clock.timer(120_000);
  await client.close();
  await outcome;
  assert.deepEqual(clock.pending(), []);
});

test("a connection that lay idle and is gone at the moment of sending costs one more attempt", async (context) => {
  const { ask, server } = await createHttp2Harness(context, [
    (request) => request.end("ok"),
    (request) => request.destroy(),
  ]);
  assert.equal(await ask(), "ok");
  assert.equal(await ask(), "ok");
  assert.deepEqual(
    server.requests.map(({ connection }) => connection),
    [1, 1, 2],
  );
});

for (const [name, fault] of [
  ["resets the stream with an internal error", (request) => request.reset(http2Codes.internalError)],
  ["cancels the stream", (request) => request.reset(http2Codes.cancel)],
  ["ends the stream without an answer", (request) => request.reset(http2Codes.noError)],
  ["wants calm", (request) => request.goAway(request.stream, http2Codes.enhanceYourCalm)],
  ["speaks nonsense", (request) => request.raw("HTTP/1.1 400 Bad Request\r\n\r\nNo HTTP/2 here, to be sure\r\n")],
] as const satisfies readonly (readonly [string, Answer])[]) {
  test(`a server that ${name} got the request once, and the next one goes through`, async (context) => {
    const { ask, server, clock } = await createHttp2Harness(context, [(request) => request.end("ok"), fault]);
    assert.equal(await ask(), "ok");
    await assert.rejects(ask(), { name: "TransportError" });
    assert.equal(server.requests.length, 2);
    assert.equal(await ask(), "ok");
    assert.equal(server.requests.length, 3);
    assert.deepEqual(clock.pending(), []);
  });
}

for (const [name, fault] of [
  ["internal error", (request) => request.reset(http2Codes.internalError)],
  ["cancelled stream", (request) => request.reset(http2Codes.cancel)],
  ["broken connection", (request) => request.destroy()],
] as const satisfies readonly (readonly [string, Answer])[]) {
  test(`a body that ends early keeps its text: ${name}`, async (context) => {
    const { post, nextRequest } = await createHttp2Harness(context, [
      (request) => {
        request.head();
        request.data("first");
      },
    ]);
    const response = await post();
    const iterator = response.body[Symbol.asyncIterator]();
    assert.equal(Buffer.from((await iterator.next()).value ?? []).toString(), "first");
    fault(await nextRequest());
    await assert.rejects(iterator.next(), { name: "TransportError", kind: "reset" });
  });
}

test("two protocol errors in a row: the origin is spoken to in HTTP/1, and the log says so once", async (context) => {
  const { ask, lines } = await createHttp2Harness(context, [calm, calm]);
  await rejectsWith(ask(), "reset");
  await rejectsWith(ask(), "reset");
  assert.equal(await ask(), "http/1");
  assert.equal(await ask(), "http/1");
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /HTTP\/2/);
});

test("a protocol error between answers changes nothing", async (context) => {
  const { ask, lines } = await createHttp2Harness(context, [calm, fine, calm, fine, calm]);
  for (let count = 0; count < 2; count++) {
    await rejectsWith(ask(), "reset");
    assert.equal(await ask(), "ok");
  }
  await rejectsWith(ask(), "reset");
  assert.equal(await ask(), "ok");
  assert.deepEqual(lines, []);
});

test("a server that agrees on HTTP/2 and stays silent is given up, then spoken to in HTTP/1", async (context) => {
  const { ask, clock } = await createHttp2Harness(context, [], { server: { sendsSettings: false } });
  for (let count = 0; count < 2; count++) {
    const outcome = assert.rejects(ask(), { name: "TransportError" });
    await clock.timer(10_000);
    // The connect deadline has the same length; the request's first-byte deadline says that it was sent.
    await clock.timer(120_000);
    clock.advance(10_000);
    await outcome;
  }
  assert.equal(await ask(), "http/1");
});

test("HTTP/2 is offered to public hosts only, unless told otherwise", async (context) => {
  const offers = async (url: string, http2?: (origin: string) => boolean): Promise<readonly string[]> => {
    const offered = Promise.withResolvers<readonly string[]>();
    const client = createTransportClient({
      clock: createFakeClock(),
      log: { debug() {}, info() {}, warn() {}, error() {} },
      connectorFor: () => (target, callback) => {
        offered.resolve(target.alpn);
        queueMicrotask(() => callback(Object.assign(new Error("no"), { code: "ECONNREFUSED" })));
        return { destroy() {} };
      },
      ...(http2 ? { http2 } : {}),
    });
    context.after(() => client.close());
    await rejectsWith(client.request({ method: "GET", url }), "refused");
    return offered.promise;
  };
  const both = ["h2", "http/1.1"];
  const one = ["http/1.1"];
  assert.deepEqual(await offers("https://openrouter.ai/api/v1/models"), both);
  assert.deepEqual(await offers("https://localhost:8080/"), one);
  assert.deepEqual(await offers("https://192.168.1.20/"), one);
  assert.deepEqual(await offers("http://example.com/"), one);
  assert.deepEqual(await offers("https://localhost/", () => true), both);
  assert.deepEqual(await offers("https://openrouter.ai/", () => false), one);
});

test("the span of a request on a shared connection shows no new one", async (context) => {
  const { client, server, clock } = await createHttp2Harness(context);
  const names: string[][] = [];
  for (let count = 0; count < 2; count++) {
    const span = startSpan(clock, "request");
    await (await client.request({ method: "GET", url: server.url, span })).text(1000);
    span.end();
    names.push(span.record.children.map(({ name }) => name));
  }
  assert.deepEqual(names, [
    ["connect", "wait", "body"],
    ["wait", "body"],
  ]);
});

test("close ends streams and their connection", async (context) => {
  const { post, client, clock } = await createHttp2Harness(context, [(request) => request.head(), () => {}]);
  const streaming = await post();
  const rest = collect(streaming.body);
  const waiting = rejectsWith(post(), "disposed");
  await client.close();
  await rejectsWith(
    rest.then(({ error }) => Promise.reject(error)),
    "disposed",
  );
  await waiting;
  assert.equal(client.counters().openNow, 0);
  assert.deepEqual(clock.pending(), []);
});

test("an answer to a later request proves that an earlier one arrived, so that it is not sent twice", async (context) => {
  const { post, ask, nextRequest, server } = await createHttp2Harness(context, [fine, hang, fine]);
  await ask();
  await nextRequest();
  const outcome = rejectsWith(post(), "reset");
  const waiting = await nextRequest();
  await ask();
  waiting.destroy();
  await outcome;
  assert.equal(server.requests.length, 3);
});

test("a connection that is dead and looks open is found out by a ping; nothing is sent twice", async (context) => {
  const { post, ask, nextRequest, server, clock } = await createHttp2Harness(context, [fine, hang, hang], {
    server: { answersPings: false },
  });
  await ask();
  await nextRequest();
  const outcome = rejectsWith(post(), "reset");
  await nextRequest();
  clock.advance(9_999);
  const late = rejectsWith(post(), "reset");
  await nextRequest();
  clock.advance(1);
  await outcome;
  await late;
  assert.deepEqual(clock.pending(), []);
  assert.equal(server.requests.length, 3);
  assert.equal(await ask(), "ok");
  assert.equal(server.connections().opened, 2);
});

test("a server that thinks for long and answers pings is left in peace", async (context) => {
  const { post, nextRequest, server, clock } = await createHttp2Harness(context, [hang]);
  const answer = post();
  const request = await nextRequest();
  for (let count = 1; count <= 3; count++) {
    clock.advance(5_000);
    while (server.pings() < count) await setImmediate();
    // The answer has arrived when the time runs anew from 5 s.
    while (clock.pending().length > 2) await setImmediate();
    for (let turn = 0; turn < 20; turn++) await setImmediate();
  }
  request.end("ok");
  assert.equal(await (await answer).text(100), "ok");
  assert.equal(server.connections().opened, 1);
  assert.deepEqual(clock.pending(), []);
});

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { createTransportClient } from "../../../src/transport/client.ts";
import { createDirectConnector } from "../../../src/transport/connector.ts";
import { createFakeClock } from "../../fake/clock.ts";
import {
  createModelServer,
  hangReply,
  jsonReply,
  loadingReply,
  streamReply,
  type ModelServerOptions,
  type ScriptedReply,
} from "../../fake/modelServer.ts";
import { createPool, type Lease } from "../../../src/transport/pool.ts";
import { createHarness, createRawServer, rejectsWith, rejectsWithAbort } from "./harness.ts";

/** A client whose log is kept, with a wall clock that can run away from the monotonic one. */
const createPoolHarness = async (context: TestContext, serverOptions: ModelServerOptions = {}) => {
  const fake = createFakeClock();
  const wall = { aheadMs: 0 };
  const clock: Clock = { ...fake, dateMs: () => fake.dateMs() + wall.aheadMs };
  const warnings: string[] = [];
  const server = await createModelServer({ keepAlive: "", ...serverOptions });
  const client = createTransportClient({
    clock,
    log: { debug() {}, info() {}, warn: (line) => void warnings.push(line), error() {} },
  });
  context.after(async () => {
    await client.close();
    await server.close();
  });
  const ask = async (path = "/health"): Promise<string> =>
    (await client.request({ method: "GET", url: server.url + path })).text(1000);
  const opened = async (count: number): Promise<void> => {
    while (client.counters().opened < count) await setImmediate();
  };
  return { fake, wall, warnings, server, client, ask, opened };
};

test("a connection made ahead is used by the first request", async (context) => {
  const { client, server, ask, opened, fake } = await createPoolHarness(context);
  client.preconnect(`${server.url}/v1`);
  client.preconnect(server.url);
  await opened(1);
  client.preconnect(server.url);
  await ask();
  assert.deepEqual(client.counters(), { requests: 1, opened: 1, reused: 1, queued: 0, openNow: 1 });
  assert.equal(server.connections().opened, 1);
  assert.deepEqual(fake.pending(), []);
});

test("a request that comes while a connection is made ahead waits for that one", async (context) => {
  const { client, server, ask } = await createPoolHarness(context);
  client.preconnect(server.url);
  await ask();
  client.preconnect(server.url);
  await ask();
  assert.deepEqual(client.counters(), { requests: 2, opened: 1, reused: 1, queued: 0, openNow: 1 });
});

test("nothing is made ahead while a connection lies idle", async (context) => {
  const { client, server, ask } = await createPoolHarness(context);
  await ask();
  client.preconnect(server.url);
  await setImmediate();
  assert.equal(server.connections().opened, 1);
});

test("a connection made ahead that the server closed is not used", async (context) => {
  const { client, server, ask, opened } = await createPoolHarness(context);
  client.preconnect(server.url);
  await opened(1);
  while (server.connections().open < 1) await setImmediate();
  server.closeIdle();
  await server.allClosed();
  while (client.counters().openNow > 0) await setImmediate();
  await ask();
  assert.deepEqual(client.counters(), { requests: 1, opened: 2, reused: 0, queued: 0, openNow: 1 });
});

test("a connection made ahead that nobody uses ends after keep-alive; one that is used does not", async (context) => {
  const server = await createModelServer();
  const straight = createDirectConnector();
  const sockets: Socket[] = [];
  const client = createTransportClient({
    clock: createFakeClock(),
    log: silentLog,
    connectorFor: () => (target, callback) =>
      straight(target, (error, socket) => {
        if (socket) sockets.push(socket);
        callback(error, socket);
      }),
  });
  context.after(async () => {
    await client.close();
    await server.close();
  });
  for (const [count, isUsed] of [false, true].entries()) {
    client.preconnect(server.url);
    while (client.counters().opened <= count) await setImmediate();
    const socket = sockets[count];
    assert.equal(socket?.timeout, 60_000);
    if (isUsed) await (await client.request({ method: "GET", url: `${server.url}/health` })).text(100);
    assert.equal(socket.timeout, isUsed ? 0 : 60_000);
    socket.emit("timeout");
    assert.equal(socket.destroyed, !isUsed);
  }
});

test("making a connection ahead never throws, and its failure is silent", async (context) => {
  const { client, server, fake } = await createPoolHarness(context);
  for (const url of ["", "file:///etc/hosts", "http://", "nonsense"]) client.preconnect(url);
  await server.close();
  client.preconnect(server.url);
  await fake.timer(10_000);
  while (fake.pending().length > 0) await setImmediate();
  assert.equal(client.counters().opened, 0);
  await client.close();
  client.preconnect(server.url);
});

test("a connection made ahead that does not come about is given up", async (context) => {
  const { client, fake } = await createPoolHarness(context);
  const accepted = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const { port } = await createRawServer(context, (socket) => {
    socket.resume();
    socket.once("close", () => closed.resolve());
    accepted.resolve();
  });
  client.preconnect(`https://127.0.0.1:${port}`);
  await accepted.promise;
  assert.deepEqual(fake.pending(), [10_000]);
  fake.advance(10_000);
  await closed.promise;
  assert.deepEqual(fake.pending(), []);
});

test("closing the client closes what was made ahead", async (context) => {
  const { client, server, opened, fake } = await createPoolHarness(context);
  client.preconnect(server.url);
  await opened(1);
  await client.close();
  await server.allClosed();
  assert.equal(client.counters().openNow, 0);
  assert.deepEqual(fake.pending(), []);
});

test("after a sleep of the machine no idle connection is used", async (context) => {
  const { client, wall, ask } = await createPoolHarness(context);
  await ask();
  wall.aheadMs = 29_000;
  await ask();
  assert.equal(client.counters().opened, 1);
  wall.aheadMs += 3_600_000;
  await ask();
  await ask();
  assert.deepEqual(client.counters(), { requests: 4, opened: 2, reused: 2, queued: 0, openNow: 1 });
  // A wall clock that is set back is no sleep.
  wall.aheadMs -= 7_200_000;
  await ask();
  assert.equal(client.counters().opened, 2);
});

test("a sleep does not end what is running", async (context) => {
  const { client, server, wall, ask } = await createPoolHarness(context);
  const release = Promise.withResolvers<void>();
  server.script("/slow", { body: ["one ", () => release.promise, "two"] });
  const response = await client.request({ method: "GET", url: `${server.url}/slow` });
  wall.aheadMs = 3_600_000;
  await ask();
  release.resolve();
  assert.equal(await response.text(100), "one two");
});

test("a connection that lay idle for longer than keep-alive is not used, whatever became of its timer", async (context) => {
  const { client, fake, ask } = await createPoolHarness(context);
  await ask();
  fake.advance(60_000);
  await ask();
  assert.equal(client.counters().opened, 1);
  fake.advance(60_001);
  await ask();
  assert.deepEqual(client.counters(), { requests: 3, opened: 2, reused: 1, queued: 0, openNow: 1 });
});

for (const [name, options, closes] of [
  ["announces one second", { keepAlive: "timeout=1" }, true],
  ["announces two seconds", { keepAlive: "timeout=2, max=100" }, true],
  ["announces five seconds", { keepAlive: "timeout=5" }, false],
  ["announces twenty seconds", { keepAlive: "timeout=20" }, false],
] as const) {
  test(`the log says once that connections cannot be kept, if so: a server that ${name}`, async (context) => {
    const { ask, warnings } = await createPoolHarness(context, options);
    for (let count = 0; count < 2; count++) await ask();
    assert.deepEqual(warnings, []);
    for (let count = 0; count < 5; count++) await ask();
    assert.equal(warnings.length, closes ? 1 : 0);
    if (closes) assert.match(warnings[0] ?? "", /^http:\/\/127\.0\.0\.1:\d+ closes the connection/);
  });
}

test("a server that closes after errors only is no reason for a warning", async (context) => {
  const { server, ask, warnings } = await createPoolHarness(context);
  for (let round = 0; round < 4; round++) {
    server.script("/health", loadingReply, loadingReply);
    for (let count = 0; count < 3; count++) await ask();
  }
  assert.deepEqual(warnings, []);
  server.script("/health", ...Array.from({ length: 3 }, () => jsonReply(200, {}, { connection: "close" })));
  for (let count = 0; count < 3; count++) await ask();
  assert.equal(warnings.length, 1);
});

test("requests that wait because every connection is taken are counted", async (context) => {
  const { client, server, post } = await createHarness(context, { connectionsPerOrigin: 1 });
  const release = Promise.withResolvers<void>();
  server.script("/", streamReply([() => release.promise]));
  const first = post("/completion");
  await server.nextRequest();
  const others = [post("/completion"), post("/completion")];
  await setImmediate();
  assert.equal(client.counters().queued, 2);
  release.resolve();
  for (const answer of [first, ...others]) await (await answer).text(1000);
  assert.equal(client.counters().queued, 0);
});

test("a request that a freed connection can serve does not wait for its own", async (context) => {
  const server = await createModelServer();
  const straight = createDirectConnector();
  let attempts = 0;
  const client = createTransportClient({
    clock: createFakeClock(),
    log: silentLog,
    connectorFor: () => (target, callback) => (++attempts === 1 ? straight(target, callback) : { destroy() {} }),
  });
  context.after(async () => {
    await client.close();
    await server.close();
  });
  const ask = async () => (await client.request({ method: "GET", url: `${server.url}/health` })).json(100);
  assert.deepEqual(await Promise.all([ask(), ask()]), [{ status: "ok" }, { status: "ok" }]);
  assert.equal(attempts, 2);
  assert.equal(client.counters().opened, 1);
});

test("the connection that was used last is used next, so that the others may end", async (context) => {
  const { client, server, ask } = await createPoolHarness(context);
  const release = Promise.withResolvers<void>();
  const reply = { body: [() => release.promise] };
  server.script("/slow", reply, reply, reply);
  const slow = [1, 2, 3].map(() => ask("/slow"));
  for (let count = 0; count < 3; count++) await server.nextRequest("/slow");
  release.resolve();
  await Promise.all(slow);
  for (let count = 0; count < 4; count++) await ask();
  const used = server.requests.slice(3).map(({ connection }) => connection);
  assert.deepEqual(new Set(used).size, 1);
  assert.equal(client.counters().openNow, 3);
});

/** A client whose connections lead to a model server, when and if the test lets them. */
const createHeldHarness = async (context: TestContext, connectionsPerOrigin: number, scheme = "https") => {
  const server = await createModelServer();
  const straight = createDirectConnector();
  const attempts: (() => void)[] = [];
  const client = createTransportClient({
    clock: createFakeClock(),
    log: silentLog,
    connectionsPerOrigin,
    http2: () => true,
    connectorFor: () => (_target, callback) => {
      let pending: { destroy(): void } | undefined;
      let isGivenUp = false;
      attempts.push(() => {
        if (!isGivenUp)
          pending = straight({ protocol: "http:", hostname: "127.0.0.1", port: server.port, alpn: [] }, callback);
      });
      return {
        destroy() {
          isGivenUp = true;
          pending?.destroy();
        },
      };
    },
  });
  context.after(async () => {
    await client.close();
    await server.close();
  });
  const ask = async (signal?: AbortSignal) => {
    const url = `${scheme}://127.0.0.1:${server.port}/health`;
    return (await client.request({ method: "GET", url, ...(signal ? { signal } : {}) })).json(100);
  };
  return { client, server, attempts, ask };
};

test("who leaves while a connection is made for it leaves it to the next in the queue", async (context) => {
  const { client, attempts, ask } = await createHeldHarness(context, 1, "http");
  const controller = new AbortController();
  const left = rejectsWithAbort(ask(controller.signal));
  const other = ask();
  await setImmediate();
  assert.equal(attempts.length, 1);
  // One waits for the connection that is being made, and one for room.
  assert.equal(client.counters().queued, 1);
  controller.abort();
  await left;
  attempts[0]?.();
  assert.deepEqual(await other, { status: "ok" });
  assert.equal(attempts.length, 1);
});

test("when a server that was offered HTTP/2 chooses HTTP/1, the others get connections at once", async (context) => {
  const { server, attempts, ask } = await createHeldHarness(context, 8);
  const release = Promise.withResolvers<void>();
  const reply = { body: [() => release.promise, '{"status":"ok"}'] };
  server.script("/health", reply, reply, reply);
  const answers = [ask(), ask(), ask()];
  await setImmediate();
  assert.equal(attempts.length, 1);
  attempts[0]?.();
  await server.nextRequest();
  assert.equal(attempts.length, 3);
  attempts[1]?.();
  attempts[2]?.();
  release.resolve();
  await Promise.all(answers);
});

test("a redirect within the origin is followed on GET, with the key", async (context) => {
  const { get, server, client } = await createHarness(context);
  server.script("/v1/models", { status: 307, headers: { location: "/v2/models?a=1" }, body: ["moved"] });
  server.script("/v2/models", { status: 301, headers: { location: `${server.url}/health` } });
  const response = await get("/v1/models", { headers: { authorization: "Bearer secret" } });
  assert.deepEqual(await response.json(1000), { status: "ok" });
  assert.deepEqual(
    server.requests.map(({ path, headers }) => [path, headers["authorization"]]),
    [
      ["/v1/models", "Bearer secret"],
      ["/v2/models?a=1", "Bearer secret"],
      ["/health", "Bearer secret"],
    ],
  );
  assert.equal(client.counters().opened, 1);
});

const to = (location: string, status = 302): ScriptedReply => ({ status, headers: { location } });

test("redirects that go on and on, lead nowhere or elsewhere are refused", async (context) => {
  const { get, post, server } = await createHarness(context);
  server.script("/loop", ...Array.from({ length: 10 }, () => to("/loop")));
  await rejectsWith(get("/loop"), "redirect");
  assert.equal(server.requests.length, 4);
  const port = Number(new URL(server.url).port);
  for (const location of [
    "https://127.0.0.1:1/",
    `http://localhost:${port}/health`,
    `http://user:password@127.0.0.1:${port}/health`,
    `//127.0.0.1:${port + 1}/health`,
    "file:///etc/hosts",
    "http://[",
    "",
  ]) {
    server.script("/away", to(location));
    await rejectsWith(get("/away"), "redirect");
  }
  server.script("/not-modified", to("/health", 304));
  await rejectsWith(get("/not-modified"), "redirect");
  server.script("/sent", to("/health", 307));
  await rejectsWith(post("/sent"), "redirect");
  assert.ok(server.requests.every(({ path }) => path !== "/health"));
});

test("a redirect with an endless page is refused", async (context) => {
  const { get, server } = await createHarness(context);
  server.script("/long", {
    status: 302,
    headers: { location: "/health" },
    body: ["x".repeat(1024 * 1024)],
    finish: "hang",
  });
  await rejectsWith(get("/long"), "redirect");
});

test("a redirect can be cancelled, and meets the deadline", async (context) => {
  const { get, server, clock } = await createHarness(context);
  server.script("/away", { status: 302, headers: { location: "/hang" } });
  server.script("/hang", hangReply);
  const controller = new AbortController();
  const cancelled = rejectsWithAbort(get("/away", { signal: controller.signal }));
  await server.nextRequest("/hang");
  controller.abort();
  await cancelled;
  server.script("/away", { status: 302, headers: { location: "/hang" }, finish: "hang" });
  const late = rejectsWith(get("/away", { deadlines: { firstByteMs: 700 } }), "first-byte-timeout");
  await server.nextRequest("/away");
  await server.nextRequest("/away");
  await clock.timer(700);
  clock.advance(700);
  await late;
  assert.deepEqual(clock.pending(), []);
});

test("a kept-alive connection that breaks after a long silence was at work: nothing is sent twice", async (context) => {
  const { post, server, clock } = await createHarness(context, { server: { keepAlive: "" } });
  await (await post("/health")).text(1000);
  const broken = Promise.withResolvers<void>();
  server.script("/completion", { hasHead: false, body: [() => broken.promise], finish: "reset" });
  const outcome = rejectsWith(post("/completion"), "reset");
  await server.nextRequest("/completion");
  clock.advance(1_001);
  broken.resolve();
  await outcome;
  assert.equal(server.requests.filter(({ path }) => path === "/completion").length, 1);
});

test("a request that is sent once more at the connection limit gets the place of an idle connection", async (context) => {
  const { post, server, client } = await createHarness(context, {
    server: { keepAlive: "" },
    connectionsPerOrigin: 2,
  });
  const held = Promise.withResolvers<void>();
  const broken = Promise.withResolvers<void>();
  server.script("/hold", { body: [() => held.promise, "whole"] });
  const hold = await post("/hold");
  await (await post("/health")).text(1000);
  server.script("/completion", { hasHead: false, body: [() => broken.promise], finish: "reset" }, jsonReply(200, {}));
  const stale = post("/completion");
  await server.nextRequest("/completion");
  // Ahead of it in the queue, behind it, and behind that.
  const others = Array.from({ length: 3 }, async () => (await post("/health")).text(1000));
  broken.resolve();
  assert.equal(await (await stale).text(1000), "{}");
  await Promise.all(others);
  assert.equal(client.counters().queued, 0);
  held.resolve();
  assert.equal(await hold.text(1000), "whole");
});

test("a redirect that breaks off on a kept-alive connection is forgotten when the request is sent once more", async (context) => {
  const { get, server } = await createHarness(context, { server: { keepAlive: "" } });
  await (await get("/health")).text(1000);
  server.script(
    "/moved",
    { status: 302, headers: { location: "/elsewhere" }, body: ["x"], finish: "reset" },
    jsonReply(200, { here: true }),
  );
  assert.deepEqual(await (await get("/moved")).json(1000), { here: true });
  assert.ok(server.requests.every(({ path }) => path !== "/elsewhere"));
});

test("who waits is served in order, also when the first of them refuses idle connections", async (context) => {
  const server = await createModelServer();
  const counters = { requests: 0, opened: 0, reused: 0, queued: 0, openNow: 0 };
  const pool = createPool({
    origin: server.url,
    connectionsMax: () => 1,
    connector: createDirectConnector(),
    offersHttp2: false,
    clock: createFakeClock(),
    log: silentLog,
    counters,
  });
  context.after(async () => {
    await pool.close();
    await server.close();
  });
  const order: string[] = [];
  const apply = (name: string, isFresh: boolean): Promise<Lease> =>
    new Promise((resolve, reject) => {
      pool.acquire({
        isFresh,
        connecting() {},
        ready(lease) {
          order.push(name);
          resolve(lease);
        },
        failed: reject,
      });
    });
  const first = await apply("first", false);
  const waiting = [apply("fresh", true), apply("second", false), apply("third", false)] as const;
  assert.equal(pool.queued(), 3);
  first.release();
  const fresh = await waiting[0];
  assert.deepEqual(order, ["first", "fresh"]);
  assert.equal(fresh.isFresh, true);
  fresh.release();
  (await waiting[1]).release();
  (await waiting[2]).release();
  assert.deepEqual(order, ["first", "fresh", "second", "third"]);
  assert.equal(counters.opened, 2);
});

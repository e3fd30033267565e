import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { suite, test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { silentLog } from "../../../src/base/log.ts";
import { startSpan } from "../../../src/metrics/spans.ts";
import type { TransportRequest } from "../../../src/transport/client.ts";
import { createHostFetchClient, type HostFetch } from "../../../src/transport/hostFetch.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createModelServer, type ScriptedReply } from "../../fake/modelServer.ts";
import { collect, rejectsWith, rejectsWithAbort } from "./harness.ts";

/** A server, and a client over the platform's fetch, or over a scripted one. */
const createSetup = async (context: TestContext, fetch: HostFetch = (url, init) => globalThis.fetch(url, init)) => {
  const clock = createFakeClock();
  const server = await createModelServer();
  const client = createHostFetchClient({ clock, log: silentLog, fetch });
  context.after(async () => {
    await client.close();
    await server.close();
  });
  const post = (path: string, more: Partial<TransportRequest> = {}) =>
    client.request({ method: "POST", url: server.url + path, body: "{}", ...more });
  const scripted = (reply: ScriptedReply, more: Partial<TransportRequest> = {}) => {
    server.script("/x", reply);
    return post("/x", more);
  };
  return { clock, server, client, post, scripted };
};

/** What fetch rejects with. */
const fetchFailed = (code: string, message = "inner"): TypeError =>
  new TypeError("fetch failed", { cause: Object.assign(new Error(message), { code }) });

suite("as the pooled client", () => {
  test("method, path, headers and body arrive; head and body come back", async (context) => {
    const { server, scripted, client, clock } = await createSetup(context);
    const span = startSpan(clock, "root");
    const response = await scripted(
      { status: 201, headers: { "X-Model": "m" }, body: ["one ", "two"] },
      { headers: { authorization: "Bearer k", "content-type": "application/json" }, body: '{"a":"ü"}', span },
    );
    assert.equal(response.status, 201);
    assert.equal(response.headers["x-model"], "m");
    assert.equal(await response.text(100), "one two");
    const [request] = server.requests;
    assert.equal(request?.method, "POST");
    assert.equal(request?.path, "/x");
    assert.equal(request?.body, '{"a":"ü"}');
    assert.equal(request?.headers["authorization"], "Bearer k");
    assert.deepEqual(
      span.record.children.map(({ name }) => name),
      ["wait", "body"],
    );
    assert.equal(client.counters().requests, 1);
    assert.equal(client.counters().reused, 0);
    assert.deepEqual(clock.pending(), []);
  });

  test("an answer that the server compressed is decoded once", async (context) => {
    const { scripted } = await createSetup(context);
    const bytes = gzipSync('{"models":[]}');
    const response = await scripted({
      headers: { "content-encoding": "gzip", "content-length": String(bytes.byteLength) },
      body: [bytes],
    });
    assert.deepEqual(await response.json(100), { models: [] });
  });

  test("an answer without a body", async (context) => {
    const { scripted, clock } = await createSetup(context);
    const response = await scripted({ status: 204 });
    assert.equal(await response.text(100), "");
    assert.deepEqual(clock.pending(), []);
  });

  test("a stream comes piece by piece", async (context) => {
    const { scripted } = await createSetup(context);
    const read = Promise.withResolvers<void>();
    const response = await scripted({ body: ["first", () => read.promise, "second"] });
    const texts: string[] = [];
    for await (const chunk of response.body) {
      texts.push(Buffer.from(chunk).toString());
      read.resolve();
    }
    assert.deepEqual(texts, ["first", "second"]);
  });

  test("a body that is too long, and one that is no JSON", async (context) => {
    const { scripted } = await createSetup(context);
    await rejectsWith((await scripted({ body: ["x".repeat(200)] })).text(100), "too-large");
    await rejectsWith((await scripted({ body: ["<html>"] })).json(100), "protocol");
  });

  test("two readers at once of the same address share one request", async (context) => {
    const { server, client } = await createSetup(context);
    const url = `${server.url}/health`;
    const [a, b] = await Promise.all([client.getText({ url }, 1000), client.getText({ url }, 1000)]);
    assert.deepEqual(a, b);
    assert.equal(server.requests.length, 1);
  });

  test("a server that is faster than its reader waits", async (context) => {
    let sentBytes = 0;
    const paused = Promise.withResolvers<void>();
    const server = createServer((_request, response) => {
      const chunk = Buffer.alloc(256 * 1024);
      const send = () => {
        while (sentBytes < 64 * 1024 * 1024) {
          sentBytes += chunk.byteLength;
          if (response.write(chunk)) continue;
          paused.resolve();
          response.once("drain", send);
          return;
        }
        response.end();
      };
      send();
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve());
    });
    context.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const { client } = await createSetup(context);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const response = await client.request({ method: "GET", url });
    let readBytes = 0;
    for await (const chunk of response.body) {
      if (readBytes === 0) {
        await paused.promise;
        // Everything that is on its way arrives, and no more.
        for (let turn = 0; turn < 1_000; turn++) await new Promise((resolve) => setImmediate(resolve));
        assert.ok(sentBytes < 16 * 1024 * 1024, `${sentBytes} bytes were sent ahead`);
      }
      readBytes += chunk.byteLength;
    }
    assert.equal(readBytes, 64 * 1024 * 1024);
  });
});

suite("faults", () => {
  test("deadlines: first byte, idle, total", async (context) => {
    const { clock, server, scripted } = await createSetup(context);
    const silent = scripted({ hasHead: false, finish: "hang" }, { deadlines: { firstByteMs: 700 } });
    const { closedByClient } = await server.nextRequest("/x");
    clock.advance(700);
    await rejectsWith(silent, "first-byte-timeout");
    await closedByClient;

    const stalling = await scripted({ body: ["a"], finish: "hang" }, { deadlines: { idleMs: 300 } });
    const reading = collect(stalling.body);
    await clock.timer(300);
    clock.advance(300);
    const { text, error } = await reading;
    assert.equal(text, "a");
    await rejectsWith(Promise.reject(error), "idle-timeout");

    const whole = scripted({ hasHead: false, finish: "hang" }, { deadlines: { totalMs: 900 } });
    await server.nextRequest("/x");
    clock.advance(900);
    await rejectsWith(whole, "total-timeout");
    await server.allClosed();
    assert.deepEqual(clock.pending(), []);
  });

  test("cancelled before the head, and while the body comes: the server sees it", async (context) => {
    const { server, scripted, clock } = await createSetup(context);
    const early = new AbortController();
    const waiting = scripted({ hasHead: false, finish: "hang" }, { signal: early.signal });
    const first = await server.nextRequest("/x");
    early.abort();
    await rejectsWithAbort(waiting);
    await first.closedByClient;

    const late = new AbortController();
    const response = await scripted({ body: ["a"], finish: "hang" }, { signal: late.signal });
    const second = await server.nextRequest("/x");
    const reading = collect(response.body);
    late.abort();
    assert.equal(((await reading).error as Error).name, "AbortError");
    await second.closedByClient;
    assert.deepEqual(clock.pending(), []);
  });

  test("leaving the reader's loop closes the socket, and so does closing the client", async (context) => {
    const { server, client, scripted } = await createSetup(context);
    const left = await scripted({ body: ["a"], finish: "hang" });
    for await (const chunk of left.body) {
      assert.ok(chunk);
      break;
    }
    await (
      await server.nextRequest("/x")
    ).closedByClient;
    const closed = await scripted({ body: ["a"], finish: "hang" });
    const reading = collect(closed.body);
    await client.close();
    await rejectsWith(Promise.reject((await reading).error), "disposed");
    await (
      await server.nextRequest("/x")
    ).closedByClient;
  });

  test("a redirect to somebody else is refused, and the key stays here", async (context) => {
    const other = await createModelServer();
    context.after(() => other.close());
    const { scripted } = await createSetup(context);
    const reply = { status: 307, headers: { location: `${other.url}/x` } };
    await rejectsWith(scripted(reply, { headers: { authorization: "Bearer k" } }), "redirect");
    assert.equal(other.requests.length, 0);
  });

  test("a redirect that a browser's fetch hides is refused, too", async (context) => {
    const hidden = { type: "opaqueredirect", status: 0, headers: new Headers(), body: null } as unknown as Response;
    const { post } = await createSetup(context, () => Promise.resolve(hidden));
    await rejectsWith(post("/x"), "redirect");
  });

  test("cut and reset answers are faults, and are not sent again", async (context) => {
    const { server, scripted } = await createSetup(context);
    const cut = await scripted({ body: ["abc"], finish: "cut" });
    const { text, error } = await collect(cut.body);
    assert.equal(text, "abc");
    await rejectsWith(Promise.reject(error), "closed");
    await rejectsWith(scripted({ hasHead: false, finish: "reset" }), "reset");
    assert.equal(server.requests.length, 2);
  });

  const rows: [string, TypeError, Parameters<typeof rejectsWith>[1]][] = [
    ["an unknown name", fetchFailed("ENOTFOUND"), "dns"],
    ["nobody there", fetchFailed("ECONNREFUSED"), "refused"],
    ["a certificate", fetchFailed("SELF_SIGNED_CERT_IN_CHAIN"), "certificate"],
    ["a sign-in", fetchFailed("UND_ERR_ABORTED", "Proxy response (407) !== 200 when HTTP Tunneling"), "proxy-auth"],
    ["a refusing proxy", fetchFailed("UND_ERR_ABORTED", "Proxy response (503) !== 200 when HTTP Tunneling"), "proxy"],
    ["something without a code", new TypeError("fetch failed"), "unreachable"],
  ];
  for (const [name, failure, kind] of rows) {
    test(`${name}: ${kind}`, async (context) => {
      const { post, clock } = await createSetup(context, () => Promise.reject(failure));
      await rejectsWith(post("/x"), kind);
      assert.deepEqual(clock.pending(), []);
    });
  }
});

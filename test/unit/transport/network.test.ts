import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { suite, test, type TestContext } from "node:test";
import { silentLog, type Log } from "../../../src/base/log.ts";
import type { TransportRequest } from "../../../src/transport/client.ts";
import { createConnector, type Connector, type ConnectorOptions } from "../../../src/transport/connector.ts";
import { TransportError, type TransportErrorKind } from "../../../src/transport/errors.ts";
import type { HostFetch } from "../../../src/transport/hostFetch.ts";
import { createNetworkClient, type NetworkOptions } from "../../../src/transport/network.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createModelServer } from "../../fake/modelServer.ts";
import { createHttpProxy, createSocksProxy } from "../../fake/proxy.ts";
import { rejectsWith, rejectsWithAbort } from "./harness.ts";

const health = "http://model.example/health";

/**
 * A model server, and a client for which every public name leads there unless the way is blocked. VS Code's fetch is
 * scripted: it finds the server, too, and notes what it was asked.
 */
const createSetup = async (
  context: TestContext,
  {
    blocked,
    hostFetch = "works",
    ...options
  }: Partial<NetworkOptions> & { blocked?: TransportErrorKind; hostFetch?: "works" | "fails" | "none" } = {},
) => {
  const server = await createModelServer();
  const clock = createFakeClock();
  const fetched: { readonly url: string; readonly headers: Headers }[] = [];
  const connected: (ConnectorOptions & { readonly hostname: string })[] = [];
  const lines: string[] = [];
  const note = (line: string) => void lines.push(line);
  const log: Log = { debug: note, info: note, warn: note, error: note };
  let fault = blocked;
  const fetch: HostFetch = async (url, init) => {
    fetched.push({ url, headers: new Headers(init.headers) });
    if (hostFetch === "fails") {
      throw new TypeError("fetch failed", { cause: Object.assign(new Error("no"), { code: "ENOTFOUND" }) });
    }
    return globalThis.fetch(url.replace(/^http:\/\/[^/]+/, server.url), init);
  };
  const connect = (connectorOptions: ConnectorOptions): Connector => {
    const connector = createConnector({ ...connectorOptions, proxy: undefined });
    return (target, callback) => {
      connected.push({ ...connectorOptions, hostname: target.hostname });
      if (!fault) return connector({ ...target, hostname: "127.0.0.1", port: server.port }, callback);
      const failure = blockedBy(fault);
      queueMicrotask(() => callback(failure));
      return { destroy() {} };
    };
  };
  const client = createNetworkClient({
    clock,
    log,
    settings: {},
    env: {},
    connect,
    ...(hostFetch === "none" ? {} : { fetch }),
    ...options,
  });
  context.after(async () => {
    await client.close();
    await server.close();
  });
  const get = async (url = health, more: Partial<TransportRequest> = {}): Promise<unknown> => {
    const response = await client.request({ method: "GET", url, ...more });
    return response.json(1000);
  };
  const unblock = () => {
    fault = undefined;
  };
  return { server, client, clock, fetched, connected, lines, get, unblock };
};

const ok = { status: "ok" };

const codes: Partial<Record<TransportErrorKind, string>> = {
  dns: "ENOTFOUND",
  refused: "ECONNREFUSED",
  unreachable: "EHOSTUNREACH",
  "connect-timeout": "ETIMEDOUT",
  tls: "EPROTO",
  certificate: "SELF_SIGNED_CERT_IN_CHAIN",
  reset: "ECONNRESET",
};

/** What a socket reports when no connection comes about for this reason. */
const blockedBy = (kind: TransportErrorKind): Error => {
  const code = codes[kind];
  return code ? Object.assign(new Error("blocked"), { code }) : new TransportError(kind, "blocked");
};

const sayDirect = () => Promise.resolve("DIRECT");

suite("what settings and environment say", () => {
  test("loopback goes straight, with every variable set", async (context) => {
    const proxy = await createHttpProxy({ fault: 502 });
    context.after(() => proxy.close());
    const url = `http://127.0.0.1:${proxy.port}`;
    const { server, get, fetched } = await createSetup(context, {
      settings: { proxy: url },
      env: { HTTP_PROXY: url, HTTPS_PROXY: url, ALL_PROXY: url, NO_PROXY: "elsewhere" },
      connect: createConnector,
    });
    for (const host of ["127.0.0.1", "localhost"]) {
      assert.deepEqual(await get(`http://${host}:${server.port}/health`), ok);
    }
    assert.equal(proxy.requests.length, 0);
    assert.equal(fetched.length, 0);
  });

  test("a proxy of the settings carries the request, pooled, with its sign-in", async (context) => {
    const authorization = `Basic ${Buffer.from("u:p").toString("base64")}`;
    const target = await createModelServer();
    const proxy = await createHttpProxy({ authorization, leadsTo: target.port });
    context.after(async () => {
      await proxy.close();
      await target.close();
    });
    const { client, get, fetched, lines } = await createSetup(context, {
      settings: { proxy: `http://u:p@127.0.0.1:${proxy.port}` },
      connect: createConnector,
    });
    assert.deepEqual(await get(), ok);
    assert.deepEqual(await get(), ok);
    assert.deepEqual(
      proxy.requests.map((request) => request.target),
      ["model.example:80"],
    );
    assert.equal(target.requests.length, 2);
    assert.ok(target.requests.every(({ headers }) => headers["proxy-authorization"] === undefined));
    assert.equal(client.counters().opened, 1);
    assert.equal(client.counters().reused, 1);
    assert.equal(fetched.length, 0);
    assert.ok(!lines.join("\n").includes(authorization));
    await client.close();
    await proxy.allClosed();
  });

  test("SOCKS 5 carries a plain request", async (context) => {
    const target = await createModelServer();
    const proxy = await createSocksProxy({ leadsTo: target.port });
    context.after(async () => {
      await proxy.close();
      await target.close();
    });
    const { get } = await createSetup(context, {
      env: { ALL_PROXY: `socks5h://127.0.0.1:${proxy.port}` },
      connect: createConnector,
    });
    assert.deepEqual(await get(), ok);
    assert.deepEqual(await get(), ok);
    assert.equal(proxy.requests.length, 1);
    assert.equal(proxy.requests[0]?.target, "model.example:80");
  });

  test("case 42: a reset in CONNECT is one attempt, and fetch is not asked for the same proxy", async (context) => {
    const proxy = await createHttpProxy({ fault: "reset" });
    context.after(() => proxy.close());
    const { get, fetched } = await createSetup(context, {
      settings: { proxy: `http://127.0.0.1:${proxy.port}` },
      connect: createConnector,
    });
    await rejectsWith(get(), "proxy");
    assert.equal(proxy.requests.length, 1);
    assert.equal(fetched.length, 0);
    await proxy.allClosed();
  });

  test("case 42: a proxy that wants a sign-in is left to VS Code, which can ask for it", async (context) => {
    const proxy = await createHttpProxy({ authorization: "Negotiate x" });
    context.after(() => proxy.close());
    const settings = { proxy: `http://127.0.0.1:${proxy.port}` };
    const able = await createSetup(context, { settings, connect: createConnector });
    assert.deepEqual(await able.get(health, { headers: { authorization: "Bearer key" } }), ok);
    assert.deepEqual(
      able.fetched.map(({ url, headers }) => [url, headers.get("authorization")]),
      [
        ["http://model.example/", null],
        [health, "Bearer key"],
      ],
    );
    const unable = await createSetup(context, { settings, connect: createConnector, hostFetch: "fails" });
    await rejectsWith(unable.get(), "proxy-auth");
    assert.equal(proxy.requests.length, 2);
  });

  test("a proxy of a kind that is unknown here is VS Code's business, and never passed by", async (context) => {
    const settings = { proxy: "socks4://127.0.0.1:9" };
    const able = await createSetup(context, { settings });
    assert.deepEqual(await able.get(), ok);
    assert.equal(able.connected.length, 0);
    const unable = await createSetup(context, { settings, hostFetch: "none" });
    await rejectsWith(unable.get(), "proxy");
    assert.equal(unable.connected.length, 0);
  });

  test("certificates: the system's store for all but loopback, any when the setting says so, with one warning", async (context) => {
    const strict = await createSetup(context);
    await strict.get();
    await strict.get("http://127.0.0.1:1/health");
    assert.deepEqual(
      strict.connected.map(({ trust }) => [typeof trust?.system, trust?.rejectUnauthorized]),
      [
        ["function", undefined],
        ["undefined", undefined],
      ],
    );
    const lax = await createSetup(context, { settings: { proxyStrictSsl: false, systemCertificates: false } });
    await lax.get();
    await lax.get("http://other.example/health");
    assert.deepEqual(
      lax.connected.map(({ trust }) => [typeof trust?.system, trust?.rejectUnauthorized]),
      [
        ["undefined", false],
        ["undefined", false],
      ],
    );
    assert.equal(lax.lines.filter((line) => line.includes("proxyStrictSSL")).length, 1);
  });
});

suite("a scripted resolveProxy", () => {
  for (const answer of ["DIRECT", " direct", "", "DIRECT; PROXY p:1"]) {
    test(`"${answer}": own connections`, async (context) => {
      const { get, fetched, connected } = await createSetup(context, { resolveProxy: () => Promise.resolve(answer) });
      assert.deepEqual(await get(), ok);
      assert.equal(fetched.length, 0);
      assert.equal(connected.length, 1);
    });
  }

  for (const answer of ["PROXY p:1", "HTTPS p:1", "SOCKS p:1", "PROXY p:1; DIRECT"]) {
    test(`"${answer}": VS Code's fetch`, async (context) => {
      const { get, fetched, connected } = await createSetup(context, { resolveProxy: () => Promise.resolve(answer) });
      assert.deepEqual(await get(), ok);
      assert.deepEqual(await get(), ok);
      assert.deepEqual(
        fetched.map(({ url }) => url),
        [health, health],
      );
      assert.equal(connected.length, 0);
    });
  }

  test("each origin has its own way, asked for once, and again after five minutes", async (context) => {
    const asked: string[] = [];
    let answer = "PROXY p:1";
    const resolveProxy = async (url: string) => {
      asked.push(url);
      return url.startsWith("http://inside") ? "DIRECT" : answer;
    };
    const { get, clock, fetched, connected } = await createSetup(context, { resolveProxy });
    await Promise.all([get(), get(), get("http://inside.example/health")]);
    assert.deepEqual(asked, ["http://model.example/", "http://inside.example/"]);
    assert.ok(!clock.pending().includes(2_000));
    assert.equal(fetched.length, 2);
    assert.deepEqual(
      connected.map(({ hostname }) => hostname),
      ["inside.example"],
    );
    answer = "DIRECT";
    clock.advance(299_000);
    await get();
    assert.equal(asked.length, 2);
    clock.advance(1_000);
    await get();
    assert.equal(asked.length, 3);
    await get();
    assert.equal(fetched.length, 4);
    assert.equal(connected.length, 2);
  });

  test("is not asked where the way is certain, or set", async (context) => {
    let asked = 0;
    const resolveProxy = () => {
      asked++;
      return Promise.resolve("PROXY p:1");
    };
    const { server, get } = await createSetup(context, { resolveProxy });
    assert.deepEqual(await get(`http://127.0.0.1:${server.port}/health`), ok);
    assert.deepEqual(await get("http://192.168.1.7/health"), ok);
    const set = await createSetup(context, { resolveProxy, settings: { proxy: "http://p:1" } });
    assert.deepEqual(await set.get(), ok);
    const off = await createSetup(context, { resolveProxy, settings: { proxySupport: "off" } });
    assert.deepEqual(await off.get(), ok);
    assert.equal(asked, 0);
  });

  test("one that fails, or takes too long, holds up the first requests only", async (context) => {
    const failing = await createSetup(context, { resolveProxy: () => Promise.reject(new Error("no")) });
    assert.deepEqual(await failing.get(), ok);
    const slow = await createSetup(context, { resolveProxy: () => new Promise(() => {}) });
    const first = slow.get();
    await slow.clock.timer(2_000);
    slow.clock.advance(2_000);
    assert.deepEqual(await first, ok);
    assert.deepEqual(await slow.get(), ok);
    assert.deepEqual(
      slow.clock.pending().filter((delayMs) => delayMs <= 2_000),
      [],
    );
  });

  test("a cancelled request does not wait for it", async (context) => {
    const { get, server } = await createSetup(context, { resolveProxy: () => new Promise(() => {}) });
    const controller = new AbortController();
    const answer = get(health, { signal: controller.signal });
    controller.abort();
    await rejectsWithAbort(answer);
    assert.equal(server.requests.length, 0);
  });

  test("when VS Code says direct, only its certificates are a reason to try it", async (context) => {
    const dns = await createSetup(context, { resolveProxy: sayDirect, blocked: "dns" });
    await rejectsWith(dns.get(), "dns");
    assert.equal(dns.fetched.length, 0);
    const certificate = await createSetup(context, { resolveProxy: sayDirect, blocked: "certificate" });
    assert.deepEqual(await certificate.get(), ok);
    certificate.clock.advance(400_000);
    assert.deepEqual(await certificate.get(), ok);
    assert.deepEqual(await certificate.get(), ok);
    assert.equal(certificate.connected.length, 1);
  });

  test("preconnect opens no connection that will not be used", async (context) => {
    const proxied = await createSetup(context, { resolveProxy: () => Promise.resolve("PROXY p:1") });
    proxied.client.preconnect(health);
    await proxied.get();
    assert.equal(proxied.connected.length, 0);
    const direct = await createSetup(context, { resolveProxy: () => Promise.resolve("DIRECT") });
    direct.client.preconnect(health);
    await direct.get();
    assert.equal(direct.connected.length, 1);
    direct.client.preconnect("nonsense");
  });
});

suite("found out by trying", () => {
  for (const blocked of ["dns", "refused", "unreachable", "connect-timeout", "tls", "certificate"] as const) {
    test(`${blocked}: fetch is tried once without a key, then used`, async (context) => {
      const { client, server, get, fetched, connected, lines } = await createSetup(context, { blocked });
      const response = await client.request({
        method: "POST",
        url: "http://model.example/v1/completions",
        headers: { authorization: "Bearer secret", "content-type": "application/json" },
        body: '{"prompt":"x"}',
      });
      assert.equal(response.status, 200);
      await response.text(10_000);
      assert.deepEqual(await get(), ok);
      assert.deepEqual(
        fetched.map(({ url, headers }) => [url, headers.get("authorization")]),
        [
          ["http://model.example/", null],
          ["http://model.example/v1/completions", "Bearer secret"],
          [health, null],
        ],
      );
      assert.equal(connected.length, 1);
      assert.equal(server.requests.filter(({ method }) => method === "POST").length, 1);
      assert.equal(lines.filter((line) => line.includes("Only VS Code's own fetch reaches")).length, 1);
    });
  }

  test("a deadline, and a reset while the connection is made, are reasons as well", async (context) => {
    const silent = await createSetup(context, { connect: () => () => ({ destroy() {} }) });
    const answer = silent.get();
    await silent.clock.timer(10_000);
    silent.clock.advance(10_000);
    assert.deepEqual(await answer, ok);
    const reset = await createSetup(context, { blocked: "reset" });
    assert.deepEqual(await reset.get(), ok);
  });

  test("what may have been processed is not sent by another way", async (context) => {
    const { server, client, fetched } = await createSetup(context);
    server.script("/health", { hasHead: false, finish: "reset" });
    await rejectsWith(client.request({ method: "POST", url: health, body: "{}" }), "reset");
    assert.equal(server.requests.length, 1);
    assert.equal(fetched.length, 0);
    // The code of a connection that never came about, from one that carried a request.
    for (const [code, kind] of [
      ["ETIMEDOUT", "connect-timeout"],
      ["EHOSTUNREACH", "unreachable"],
    ] as const) {
      const sockets: Socket[] = [];
      const own = await createSetup(context, {
        connect: () => (target, callback) =>
          createConnector()({ ...target, hostname: "127.0.0.1", port: own.server.port }, (error, socket) => {
            if (socket) sockets.push(socket);
            callback(error, socket);
          }),
      });
      own.server.script("/health", { hasHead: false, finish: "hang" });
      const answer = own.client.request({ method: "POST", url: health, body: "{}" });
      await own.server.nextRequest("/health");
      sockets[0]?.destroy(Object.assign(new Error(`read ${code}`), { code, syscall: "read" }));
      await rejectsWith(answer, kind);
      assert.equal(own.server.requests.length, 1);
      assert.equal(own.fetched.length, 0);
    }
  });

  test("where fetch fails, too, the fault is the first one, and fetch is left alone for a minute", async (context) => {
    const { get, fetched, clock, connected, unblock } = await createSetup(context, {
      blocked: "certificate",
      hostFetch: "fails",
    });
    await rejectsWith(get(), "certificate");
    await rejectsWith(get(), "certificate");
    assert.equal(fetched.length, 1);
    clock.advance(60_000);
    await rejectsWith(get(), "certificate");
    assert.equal(fetched.length, 2);
    assert.equal(connected.length, 3);
    unblock();
    assert.deepEqual(await get(), ok);
  });

  test("parallel requests share one try", async (context) => {
    const { get, fetched } = await createSetup(context, { blocked: "dns" });
    assert.deepEqual(await Promise.all([get(), get(), get()]), [ok, ok, ok]);
    assert.deepEqual(
      fetched.map(({ url }) => url),
      ["http://model.example/", health, health, health],
    );
  });

  test("who learns late that the way is blocked takes the one that others have found", async (context) => {
    const refusals: (() => void)[] = [];
    const isBoth = Promise.withResolvers<void>();
    const { get, fetched } = await createSetup(context, {
      connect: () => (_target, callback) => {
        refusals.push(() => callback(new TransportError("refused", "blocked")));
        if (refusals.length === 2) isBoth.resolve();
        return { destroy() {} };
      },
    });
    const first = get();
    const second = get();
    await isBoth.promise;
    refusals[0]?.();
    assert.deepEqual(await first, ok);
    refusals[1]?.();
    assert.deepEqual(await second, ok);
    assert.equal(fetched.filter(({ url }) => url === "http://model.example/").length, 1);
  });

  test("loopback, private addresses and what a list names never go by fetch", async (context) => {
    const { get, fetched } = await createSetup(context, {
      blocked: "refused",
      settings: { noProxy: [".corp.example"] },
    });
    for (const host of ["127.0.0.1:1", "localhost:1", "10.0.0.9", "gpu.local", "llm.corp.example"]) {
      await rejectsWith(get(`http://${host}/health`), "refused");
    }
    assert.equal(fetched.length, 0);
  });

  test("a cancelled request does not wait for the try", async (context) => {
    const asked = Promise.withResolvers<void>();
    const fetch: HostFetch = () => {
      asked.resolve();
      return new Promise(() => {});
    };
    const { get } = await createSetup(context, { blocked: "dns", fetch });
    const controller = new AbortController();
    const answer = get(health, { signal: controller.signal });
    await asked.promise;
    controller.abort();
    await rejectsWithAbort(answer);
  });

  test("the time that the first way took counts for the whole", async (context) => {
    const { client, clock } = await createSetup(context, {
      fetch: (url) => (url.endsWith("/health") ? new Promise(() => {}) : Promise.resolve(new Response(""))),
      connect: () => (_target, callback) => {
        clock.advance(3_000);
        queueMicrotask(() => callback(new TransportError("dns", "blocked")));
        return { destroy() {} };
      },
    });
    const answer = client.request({ method: "GET", url: health, deadlines: { totalMs: 5_000 } });
    await clock.timer(2_000);
    clock.advance(2_000);
    await rejectsWith(answer, "total-timeout");
  });
});

test("counters add both ways up, and a closed client asks nobody", async (context) => {
  const { client, get } = await createSetup(context, {
    resolveProxy: async (url) => (url.includes("model.example") ? "PROXY p:1" : "DIRECT"),
  });
  await get();
  await get("http://other.example/health");
  assert.deepEqual(client.counters(), { ...client.counters(), requests: 2, opened: 1, reused: 0, openNow: 1 });
  await client.close();
  await rejectsWith(get(), "disposed");
  await rejectsWith(get("http://third.example/health"), "disposed");
  assert.equal(client.counters().openNow, 0);
});

test("an address that is none is refused", async (context) => {
  const { get } = await createSetup(context, { log: silentLog });
  await rejectsWith(get("ftp://model.example"), "protocol");
});

import assert from "node:assert/strict";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { suite, test, type TestContext } from "node:test";
import { createSecureContext, createServer as createTlsServer, type TLSSocket } from "node:tls";
import {
  createConnector,
  createDirectConnector,
  type ConnectorOptions,
  type ConnectTarget,
} from "../../../src/transport/connector.ts";
import { toTransportError } from "../../../src/transport/errors.ts";
import type { ProxyRoute } from "../../../src/transport/route.ts";
import { createHttpProxy, createSocksProxy, type HttpProxyOptions, type SocksProxyOptions } from "../../fake/proxy.ts";
import { testAuthority, testCertificate } from "../../fake/tls.ts";
import { createRawServer, rejectsWith } from "./harness.ts";

const trust = { ca: testAuthority() };

const neverAsked = () => assert.fail("the system's store was asked");
const emptyStore = () => Promise.resolve(undefined);
const authorityStore = () => Promise.resolve(createSecureContext({ ca: testAuthority() }));

/** A server that sends back what it gets; over TLS with the certificate named. */
const createEcho = async (
  context: TestContext,
  { certificate, host = "127.0.0.1" }: { certificate?: Parameters<typeof testCertificate>[0]; host?: string } = {},
) => {
  const sockets = new Set<Socket>();
  const names: unknown[] = [];
  let waiters: (() => void)[] = [];
  let opened = 0;
  const server = certificate
    ? createTlsServer({ ...testCertificate(certificate), ALPNProtocols: ["h2", "http/1.1"] }, (socket: TLSSocket) => {
        names.push(socket.servername);
        socket.on("error", () => {});
        socket.pipe(socket);
      })
    : createServer((socket) => socket.pipe(socket));
  server.on("tlsClientError", () => {});
  server.on("connection", (socket: Socket) => {
    opened++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => {
      sockets.delete(socket);
      if (sockets.size > 0) return;
      for (const resolve of waiters) resolve();
      waiters = [];
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, host, () => resolve());
  });
  context.after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    port: (server.address() as AddressInfo).port,
    names,
    opened: () => opened,
    allClosed: () =>
      sockets.size === 0
        ? Promise.resolve()
        : new Promise<void>((resolve) => {
            waiters.push(resolve);
          }),
  };
};

const httpProxy = async (context: TestContext, options: HttpProxyOptions = {}) => {
  const proxy = await createHttpProxy(options);
  context.after(() => proxy.close());
  const route: ProxyRoute = {
    kind: "http-proxy",
    isTls: options.tls !== undefined,
    hostname: "127.0.0.1",
    port: proxy.port,
  };
  return { proxy, route };
};

const socksProxy = async (context: TestContext, options: SocksProxyOptions = {}) => {
  const proxy = await createSocksProxy(options);
  context.after(() => proxy.close());
  const route: ProxyRoute = { kind: "socks", hostname: "127.0.0.1", port: proxy.port };
  return { proxy, route };
};

const connectOnce = (options: ConnectorOptions, target: Omit<ConnectTarget, "alpn"> & { alpn?: string[] }) =>
  new Promise<Socket>((resolve, reject) => {
    createConnector(options)({ alpn: ["http/1.1"], ...target }, (error, socket) => {
      if (socket) resolve(socket);
      else reject(toTransportError(error, `${target.protocol}//${target.hostname}`));
    });
  });

const isClosed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once("close", () => resolve());
  });

/** Writes and reads back, then closes. */
const echo = async (socket: Socket, text = "hello"): Promise<string> => {
  socket.write(text);
  const answer = await new Promise<string>((resolve) => {
    socket.once("readable", () => resolve(String(socket.read())));
  });
  socket.destroy();
  await isClosed(socket);
  return answer;
};

suite("direct", () => {
  test("TCP and TLS, with the protocol that was agreed", async (context) => {
    const plain = await createEcho(context);
    const plainSocket = await connectOnce({}, { protocol: "http:", hostname: "127.0.0.1", port: plain.port });
    assert.equal(await echo(plainSocket), "hello");
    const server = await createEcho(context, { certificate: "localhost" });
    const target = { protocol: "https:", hostname: "localhost", port: server.port } as const;
    const socket = await connectOnce({ trust }, { ...target, alpn: ["h2", "http/1.1"] });
    assert.equal((socket as TLSSocket).alpnProtocol, "h2");
    assert.equal(await echo(socket), "hello");
    assert.deepEqual(server.names, ["localhost"]);
    await server.allClosed();
  });

  test("a name that leads to IPv6 and IPv4 finds the one that listens", async (context) => {
    const server = await createEcho(context, { host: "127.0.0.1" });
    const socket = await connectOnce({}, { protocol: "http:", hostname: "localhost", port: server.port });
    assert.equal(await echo(socket), "hello");
  });

  test("an address is no server name, but the certificate must still be for it", async (context) => {
    const server = await createEcho(context, { certificate: "localhost" });
    const socket = await connectOnce({ trust }, { protocol: "https:", hostname: "127.0.0.1", port: server.port });
    assert.equal(await echo(socket), "hello");
    assert.deepEqual(server.names, [false]);
  });

  test("the second handshake takes up the session of the first", async (context) => {
    const server = await createEcho(context, { certificate: "localhost" });
    const connector = createDirectConnector(trust);
    const target = { protocol: "https:", hostname: "localhost", port: server.port, alpn: ["http/1.1"] } as const;
    const connect = () =>
      new Promise<TLSSocket>((resolve, reject) => {
        connector(target, (error, socket) => (socket ? resolve(socket as TLSSocket) : reject(error)));
      });
    const first = await connect();
    assert.equal(first.isSessionReused(), false);
    // The server hands the ticket out before it answers.
    await echo(first);
    const second = await connect();
    assert.equal(second.isSessionReused(), true);
    await echo(second);
  });

  test("nobody there", async (context) => {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve());
    });
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    context.after(() => {});
    await rejectsWith(connectOnce({}, { protocol: "http:", hostname: "127.0.0.1", port }), "refused");
    await rejectsWith(connectOnce({}, { protocol: "http:", hostname: "localhost", port }), "refused");
    await rejectsWith(connectOnce({}, { protocol: "http:", hostname: "no.such.name.invalid", port }), "dns");
  });
});

suite("certificates", () => {
  for (const certificate of ["self-signed", "wrong-host", "expired"] as const) {
    test(`${certificate}: refused after one handshake, and the sockets are closed`, async (context) => {
      const server = await createEcho(context, { certificate });
      const target = { protocol: "https:", hostname: "localhost", port: server.port } as const;
      await assert.rejects(connectOnce({ trust }, target), {
        kind: "certificate",
        message: /^The certificate of https:\/\/localhost is not trusted \(.+http\.systemCertificates/,
      });
      await server.allClosed();
      assert.equal(server.opened(), 1);
    });
  }

  test("an authority that nobody trusts", async (context) => {
    const server = await createEcho(context, { certificate: "localhost" });
    await rejectsWith(connectOnce({}, { protocol: "https:", hostname: "localhost", port: server.port }), "certificate");
  });

  test("the system's store is asked when the signer is unknown, once, and kept for the next connection", async (context) => {
    const server = await createEcho(context, { certificate: "localhost" });
    let asked = 0;
    const system = () => {
      asked++;
      return Promise.resolve(createSecureContext({ ca: testAuthority() }));
    };
    const connector = createConnector({ trust: { system } });
    const target = { protocol: "https:", hostname: "localhost", port: server.port, alpn: ["http/1.1"] } as const;
    for (const opened of [2, 3]) {
      const socket = await new Promise<Socket>((resolve, reject) => {
        connector(target, (error, ready) => (ready ? resolve(ready) : reject(error)));
      });
      assert.equal(await echo(socket), "hello");
      assert.equal(server.opened(), opened);
    }
    assert.equal(asked, 1);
    await server.allClosed();
  });

  test("the system's store cannot put a wrong name or a wrong date right, and is not asked", async (context) => {
    for (const certificate of ["wrong-host", "expired"] as const) {
      const server = await createEcho(context, { certificate });
      const target = { protocol: "https:", hostname: "localhost", port: server.port } as const;
      await rejectsWith(connectOnce({ trust: { ...trust, system: neverAsked } }, target), "certificate");
      assert.equal(server.opened(), 1);
    }
  });

  test("a store without the signer leaves the fault as it is, and is not asked for it again", async (context) => {
    const server = await createEcho(context, { certificate: "self-signed" });
    const target = { protocol: "https:", hostname: "localhost", port: server.port, alpn: ["http/1.1"] } as const;
    await rejectsWith(connectOnce({ trust: { system: emptyStore } }, { ...target, alpn: ["http/1.1"] }), "certificate");
    assert.equal(server.opened(), 1);
    const connector = createConnector({ trust: { system: authorityStore } });
    for (const opened of [3, 4]) {
      const failure = await new Promise((resolve) => {
        connector(target, resolve);
      });
      assert.equal(toTransportError(failure, "x").kind, "certificate");
      assert.equal(server.opened(), opened);
    }
    await server.allClosed();
  });

  test("any certificate is taken only when told so", async (context) => {
    const server = await createEcho(context, { certificate: "self-signed" });
    const target = { protocol: "https:", hostname: "localhost", port: server.port } as const;
    const socket = await connectOnce({ trust: { rejectUnauthorized: false } }, target);
    assert.equal(await echo(socket), "hello");
  });
});

suite("HTTP proxy", () => {
  test("CONNECT to an encrypted target: name, port and certificate are the target's", async (context) => {
    const server = await createEcho(context, { certificate: "localhost" });
    const { proxy, route } = await httpProxy(context, { leadsTo: server.port });
    const target = { protocol: "https:", hostname: "proxy.test", port: 443, alpn: ["h2"] } as const;
    const socket = await connectOnce({ proxy: route, trust }, { ...target, alpn: ["h2"] });
    assert.equal((socket as TLSSocket).alpnProtocol, "h2");
    assert.equal(await echo(socket), "hello");
    assert.deepEqual(server.names, ["proxy.test"]);
    assert.deepEqual(proxy.requests, [
      { target: "proxy.test:443", authorization: "", head: "CONNECT proxy.test:443 HTTP/1.1\r\nHost: proxy.test:443" },
    ]);
    await proxy.allClosed();
    await server.allClosed();
  });

  test("a plain target and an IPv6 address", async (context) => {
    const server = await createEcho(context);
    const { proxy, route } = await httpProxy(context, { leadsTo: server.port });
    const socket = await connectOnce({ proxy: route }, { protocol: "http:", hostname: "2001:db8::1", port: 8080 });
    assert.equal(await echo(socket), "hello");
    assert.equal(proxy.requests[0]?.target, "[2001:db8::1]:8080");
  });

  test("a proxy that is reached by TLS, to a target by TLS", async (context) => {
    const server = await createEcho(context, { certificate: "localhost" });
    const { proxy, route } = await httpProxy(context, { tls: testCertificate("localhost"), leadsTo: server.port });
    const target = { protocol: "https:", hostname: "localhost", port: 443 } as const;
    const socket = await connectOnce({ proxy: route, trust }, target);
    assert.equal(await echo(socket), "hello");
    await proxy.allClosed();
    await server.allClosed();
    // The proxy's certificate is for the proxy, whatever the target is called.
    const plain = await createEcho(context);
    const other = await httpProxy(context, { tls: testCertificate("localhost"), leadsTo: plain.port });
    const named = { protocol: "http:", hostname: "elsewhere.test", port: 80 } as const;
    assert.equal(await echo(await connectOnce({ proxy: other.route, trust }, named)), "hello");
    await assert.rejects(connectOnce({ proxy: route }, target), {
      kind: "certificate",
      message: /the proxy 127\.0\.0\.1/,
    });
    await proxy.allClosed();
  });

  test("a sign-in goes to the proxy and not to the target", async (context) => {
    const seen: string[] = [];
    const server = createServer((socket) => {
      socket.on("data", (data) => {
        seen.push(String(data));
        socket.end("bye");
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve());
    });
    context.after(() => server.close());
    const authorization = "Basic dTpw";
    const { proxy, route } = await httpProxy(context, {
      authorization,
      leadsTo: (server.address() as AddressInfo).port,
    });
    const target = { protocol: "http:", hostname: "example.com", port: 80 } as const;
    const socket = await connectOnce({ proxy: { ...route, authorization } }, target);
    assert.equal(await echo(socket, "ping"), "bye");
    assert.deepEqual(seen, ["ping"]);
    assert.equal(proxy.requests[0]?.authorization, authorization);
    await assert.rejects(connectOnce({ proxy: route }, target), {
      kind: "proxy-auth",
      message: `the proxy 127.0.0.1:${proxy.port} wants a sign-in (407)`,
    });
    const wrong = { ...route, authorization: "Basic c2VjcmV0" } as ProxyRoute;
    await assert.rejects(connectOnce({ proxy: wrong }, target), (error) => {
      assert.ok(!String((error as Error).stack).includes("c2VjcmV0"));
      return true;
    });
    await proxy.allClosed();
  });

  test("a line break in the sign-in makes no second header", async (context) => {
    const server = await createEcho(context);
    const { proxy, route } = await httpProxy(context, { leadsTo: server.port });
    const split = { ...route, authorization: "Basic a\r\nX-Evil: 1" } as ProxyRoute;
    await echo(await connectOnce({ proxy: split }, { protocol: "http:", hostname: "example.com", port: 80 }));
    assert.doesNotMatch(proxy.requests[0]?.head ?? "", /evil/i);
  });

  const faults: [name: string, fault: HttpProxyOptions["fault"], message: RegExp][] = [
    ["403", 403, /refused the connection \(403\)/],
    ["502", 502, /refused the connection \(502\)/],
    ["a reset", "reset", /No connection by the proxy .*\(ECONNRESET\)/],
    ["an end without an answer", "end", /No connection by the proxy/],
    ["something that is not HTTP", { raw: "SSH-2.0-x\r\n\r\n" }, /\(no HTTP\)/],
    [
      "a refusal on a connection that stays open",
      { raw: "HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n", staysOpen: true },
      /refused the connection \(403\)/,
    ],
    [
      "a head without an end",
      { raw: "HTTP/1.1 200 OK\r\n".padEnd(20_000, "x"), staysOpen: true },
      /No connection by the proxy/,
    ],
  ];
  for (const [name, fault, message] of faults) {
    test(`${name} in answer to CONNECT: one attempt, everything closed`, async (context) => {
      const { proxy, route } = await httpProxy(context, { fault });
      const target = { protocol: "https:", hostname: "example.com", port: 443 } as const;
      await assert.rejects(connectOnce({ proxy: route }, target), { kind: "proxy", message });
      await proxy.allClosed();
      assert.equal(proxy.requests.length, 1);
    });
  }

  test("a proxy that is not there", async (context) => {
    const { proxy, route } = await httpProxy(context);
    await proxy.close();
    await assert.rejects(connectOnce({ proxy: route }, { protocol: "https:", hostname: "example.com", port: 443 }), {
      kind: "proxy",
      message: `No connection by the proxy 127.0.0.1:${proxy.port} (ECONNREFUSED)`,
    });
  });

  test("what the target says at once is not lost", async (context) => {
    const { route } = await httpProxy(context, { fault: { raw: "HTTP/1.1 200 OK\r\n\r\nwelcome" } });
    const socket = await connectOnce({ proxy: route }, { protocol: "http:", hostname: "example.com", port: 80 });
    const text = await new Promise<string>((resolve) => {
      socket.once("readable", () => resolve(String(socket.read())));
    });
    assert.equal(text, "welcome");
    socket.destroy();
  });
});

suite("SOCKS 5 proxy", () => {
  test("the proxy gets the name, and the target its TLS", async (context) => {
    const server = await createEcho(context, { certificate: "localhost" });
    const { proxy, route } = await socksProxy(context, { leadsTo: server.port });
    const target = { protocol: "https:", hostname: "proxy.test", port: 443 } as const;
    assert.equal(await echo(await connectOnce({ proxy: route, trust }, target)), "hello");
    assert.equal(proxy.requests[0]?.target, "proxy.test:443");
    await proxy.allClosed();
    await server.allClosed();
  });

  test("a sign-in", async (context) => {
    const server = await createEcho(context);
    const { proxy, route } = await socksProxy(context, { username: "u", password: "p w", leadsTo: server.port });
    const target = { protocol: "http:", hostname: "192.0.2.1", port: 80 } as const;
    const right = { ...route, credentials: { username: "u", password: "p w" } } as ProxyRoute;
    assert.equal(await echo(await connectOnce({ proxy: right }, target)), "hello");
    assert.deepEqual(proxy.requests, [{ target: "192.0.2.1:80", authorization: "u:p w", head: "" }]);
    await rejectsWith(connectOnce({ proxy: route }, target), "proxy-auth");
    const wrong = { ...route, credentials: { username: "u", password: "x" } } as ProxyRoute;
    await rejectsWith(connectOnce({ proxy: wrong }, target), "proxy-auth");
    await proxy.allClosed();
  });

  test("what the target says before anybody reads is not lost", async (context) => {
    const arrived = Promise.withResolvers<Socket>();
    const target = await createRawServer(context, (socket) => arrived.resolve(socket));
    const { route } = await socksProxy(context, { leadsTo: target.port });
    const socket = await connectOnce({ proxy: route }, { protocol: "http:", hostname: "example.com", port: 80 });
    const before = socket.bytesRead;
    (await arrived.promise).write("welcome");
    while (socket.bytesRead === before) await new Promise((resolve) => setImmediate(resolve));
    const text = await new Promise<string>((resolve) => {
      socket.on("readable", () => {
        const chunk: unknown = socket.read();
        if (Buffer.isBuffer(chunk)) resolve(chunk.toString());
      });
    });
    assert.equal(text, "welcome");
    socket.destroy();
  });

  test("refusals and resets", async (context) => {
    const target = { protocol: "http:", hostname: "example.com", port: 80 } as const;
    const refusing = await socksProxy(context, { reply: 2 });
    await rejectsWith(connectOnce({ proxy: refusing.route }, target), "proxy");
    await refusing.proxy.allClosed();
    const breaking = await socksProxy(context, { fault: "reset" });
    await rejectsWith(connectOnce({ proxy: breaking.route }, target), "proxy");
    const { port } = await createRawServer(context, (socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    });
    const wrong: ProxyRoute = { kind: "socks", hostname: "127.0.0.1", port };
    await assert.rejects(connectOnce({ proxy: wrong }, target), { kind: "proxy", message: /SOCKS5_VERSION/ });
  });
});

const start = (options: ConnectorOptions, target: Omit<ConnectTarget, "alpn">) => {
  let calls = 0;
  const pending = createConnector(options)({ ...target, alpn: ["http/1.1"] }, () => calls++);
  return { pending, calls: () => calls };
};

suite("cancelled", () => {
  test("while a proxy keeps silent", async (context) => {
    for (const { proxy, route } of [
      await httpProxy(context, { fault: "hang" }),
      await socksProxy(context, { fault: "hang" }),
    ]) {
      const { pending, calls } = start({ proxy: route }, { protocol: "https:", hostname: "example.com", port: 443 });
      await proxy.asked();
      pending.destroy();
      await proxy.allClosed();
      assert.equal(calls(), 0);
    }
  });

  test("while the handshake hangs", async (context) => {
    const accepted = Promise.withResolvers<Socket>();
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.resume();
      accepted.resolve(socket);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve());
    });
    context.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { pending, calls } = start({}, { protocol: "https:", hostname: "localhost", port });
    const socket = await accepted.promise;
    pending.destroy();
    await isClosed(socket);
    assert.equal(calls(), 0);
  });

  test("while the system's store is read: no second attempt", async (context) => {
    const server = await createEcho(context, { certificate: "localhost" });
    const asked = Promise.withResolvers<void>();
    const store = Promise.withResolvers<void>();
    const system = async () => {
      asked.resolve();
      await store.promise;
      return createSecureContext({ ca: testAuthority() });
    };
    const target = { protocol: "https:", hostname: "127.0.0.1", port: server.port } as const;
    const { pending, calls } = start({ trust: { system } }, target);
    await asked.promise;
    pending.destroy();
    store.resolve();
    await store.promise;
    await server.allClosed();
    await new Promise((resolve) => setImmediate(resolve));
    // Connections arrive in the order in which they were made: nothing came before this one.
    const next = await connectOnce({}, { protocol: "http:", hostname: "127.0.0.1", port: server.port });
    next.destroy();
    assert.equal(server.opened(), 2);
    assert.equal(calls(), 0);
  });
});

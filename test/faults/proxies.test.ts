// Proxies: case 42.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { createConnector } from "../../src/transport/connector.ts";
import type { NetworkSettings } from "../../src/transport/route.ts";
import { createModelServer } from "../fake/modelServer.ts";
import { createHttpProxy, createSocksProxy, type HttpProxyOptions } from "../fake/proxy.ts";
import { testAuthority, testCertificate } from "../fake/tls.ts";
import { assertFault, collectParts } from "../unit/provider/harness.ts";
import {
  createNetwork,
  createTlsFront,
  drive,
  everythingOf,
  generatingRequests,
  modelId,
  question,
  settle,
} from "./harness.ts";

/** The pause before a quick retry at most, and more. */
const pausesMs = 2_000;

const setUp = async (
  context: TestContext,
  {
    proxy: proxyOptions = {},
    settings = {},
    env = {},
    host = "models.test",
  }: {
    readonly proxy?: HttpProxyOptions;
    readonly settings?: NetworkSettings;
    readonly env?: Readonly<Record<string, string>>;
    readonly host?: string;
  },
) => {
  const server = await createModelServer({ modelId });
  const proxy = await createHttpProxy({ leadsTo: server.port, ...proxyOptions });
  context.after(() => Promise.all([proxy.close(), server.close()]));
  const here = (text: string): string => text.replace("PROXY", `127.0.0.1:${proxy.port}`);
  const variables = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, here(value)]));
  const network = createNetwork(context, {
    transport: {
      settings: { ...settings, proxy: here(settings.proxy ?? "") },
      env: variables,
      connect: (options) => createConnector({ ...options, trust: { ...options.trust, ca: testAuthority() } }),
    },
    servers: { apiKeyFor: () => Promise.resolve(undefined) },
  });
  const baseUrl = `http://${host}:${server.port}/v1`;
  const provider = await network.servers.open({ provider: "openai-compatible", baseUrl, model: modelId });
  return { ...network, server, proxy, provider };
};

test("#42 a proxy that wants a sign-in is named as such, asked once, and does not count against the server", async (context) => {
  const { clock, log, server, servers, proxy, provider } = await setUp(context, {
    proxy: { authorization: `Basic ${btoa("me:right-password")}` },
    settings: { proxy: "http://me:wrong-password@PROXY" },
  });
  for (let count = 1; count <= 6; count++) {
    const { result } = await drive(clock, collectParts(provider.streamChat(question)), pausesMs);
    assertFault(result.error, "proxy");
    assert.match(result.error.message, /sign-in|407/);
    assert.equal(proxy.requests.length, count);
    for (const text of [...log.lines, everythingOf(result.error)]) {
      assert.ok(!text.includes("wrong-password") && !text.includes(btoa("me:wrong-password")), text);
    }
  }
  assert.equal(server.connections().opened, 0);
  assert.equal(servers.states()[0]?.breaker, "closed");
  assert.deepEqual(clock.pending(), []);
});

test("#42 with the right sign-in the way is free, and the key stays out of the proxy's sight", async (context) => {
  const { server, proxy, provider } = await setUp(context, {
    proxy: { authorization: `Basic ${btoa("me:right-password")}` },
    settings: { proxy: "http://me:right-password@PROXY" },
  });
  const outcome = await collectParts(provider.streamChat(question));
  assert.equal(outcome.error, undefined);
  assert.ok(proxy.requests.length > 0);
  assert.ok(proxy.requests.every(({ target }) => target === `models.test:${server.port}`));
  assert.equal(generatingRequests(server)[0]?.headers["proxy-authorization"], undefined);
});

for (const fault of ["reset", "end", 502, { raw: "this is no HTTP\r\n\r\n" }] as const) {
  const name = typeof fault === "object" ? "nonsense" : String(fault);
  test(`#42 a proxy that answers CONNECT with ${name} is asked twice at most, and named`, async (context) => {
    const { clock, server, proxy, provider } = await setUp(context, {
      proxy: { fault },
      settings: { proxy: "http://PROXY" },
    });
    const { result } = await drive(clock, collectParts(provider.streamChat(question)), pausesMs);
    assertFault(result.error, "proxy");
    clock.advance(600_000);
    await settle();
    assert.ok(proxy.requests.length >= 1 && proxy.requests.length <= 2, `${proxy.requests.length} times`);
    assert.equal(server.connections().opened, 0);
    assert.deepEqual(clock.pending(), []);
    assert.equal(proxy.open(), 0);
  });
}

test("#42 a proxy that never answers is given up within the time of a connection", async (context) => {
  const { clock, transport, proxy, provider } = await setUp(context, {
    proxy: { fault: "hang" },
    settings: { proxy: "http://PROXY" },
  });
  const outcome = collectParts(provider.streamChat(question));
  await proxy.asked();
  await settle();
  clock.advance(10_000);
  const { error } = await outcome;
  assert.ok(error instanceof Error);
  await proxy.allClosed();
  assert.equal(transport.counters().openNow, 0);
});

for (const host of ["127.0.0.1", "localhost"]) {
  test(`#42 ${host} is never asked through a proxy, whatever the environment says`, async (context) => {
    const variables = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    const { server, proxy, provider } = await setUp(context, {
      env: { ...Object.fromEntries(variables.map((name) => [name, "http://PROXY"])), no_proxy: "", NO_PROXY: "" },
      settings: { proxy: "http://PROXY", noProxy: ["elsewhere.test"] },
      host,
    });
    const outcome = await collectParts(provider.streamChat(question));
    assert.equal(outcome.error, undefined);
    assert.equal(generatingRequests(server).length, 1);
    assert.deepEqual(proxy.requests, []);
    assert.equal(proxy.open(), 0);
  });
}

test("#42 a proxy from the environment is used for what lies outside, and TLS goes through it unread", async (context) => {
  const server = await createModelServer({ modelId });
  context.after(() => server.close());
  const front = await createTlsFront(context, server.port, testCertificate("localhost"));
  const { proxy, servers } = await setUp(context, {
    proxy: { leadsTo: front.port },
    env: { https_proxy: "http://PROXY" },
  });
  const baseUrl = "https://proxy.test:443/v1";
  const provider = await servers.open({ provider: "openai-compatible", baseUrl, model: modelId });
  const outcome = await collectParts(provider.streamChat(question));
  assert.equal(outcome.error, undefined);
  assert.ok(proxy.requests.length > 0);
  assert.ok(proxy.requests.every(({ target }) => target === "proxy.test:443"));
});

test("#42 a SOCKS proxy leads there, and one that refuses is named", async (context) => {
  const server = await createModelServer({ modelId });
  const [free, closed] = [await createSocksProxy({ leadsTo: server.port }), await createSocksProxy({ reply: 2 })];
  context.after(() => Promise.all([server.close(), free.close(), closed.close()]));
  for (const [proxy, isFree] of [
    [free, true],
    [closed, false],
  ] as const) {
    const { clock, servers } = createNetwork(context, {
      transport: { settings: { proxy: `socks5://127.0.0.1:${proxy.port}` } },
      servers: { apiKeyFor: () => Promise.resolve(undefined) },
    });
    const baseUrl = "http://models.test:8000/v1";
    const provider = await servers.open({ provider: "openai-compatible", baseUrl, model: modelId });
    const { result } = await drive(clock, collectParts(provider.streamChat(question)), pausesMs);
    if (isFree) assert.equal(result.error, undefined);
    else assertFault(result.error, "proxy");
    assert.ok(proxy.requests.length >= 1 && proxy.requests.length <= 2);
    assert.equal(proxy.requests[0]?.target, "models.test:8000");
  }
});

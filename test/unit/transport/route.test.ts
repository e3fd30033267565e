import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { findRoute, isLoopbackHost, isPrivateHost, type NetworkSettings } from "../../../src/transport/route.ts";

const proxied: NetworkSettings = { proxy: "http://proxy.corp:3128" };
const kindOf = (url: string, settings: NetworkSettings = {}, env: Record<string, string> = {}): string =>
  findRoute(url, settings, env).kind;

const hostFor = (url: string, settings: NetworkSettings, env: Record<string, string>): unknown => {
  const route = findRoute(url, settings, env);
  return "hostname" in route ? route.hostname : route.kind;
};

suite("findRoute", () => {
  test("without a setting or a variable the way is direct, and the system may know better", () => {
    assert.deepEqual(findRoute("https://openrouter.ai/api", {}, {}), { kind: "direct", isCertain: false });
    assert.deepEqual(findRoute("http://192.168.1.5:11434", {}, {}), { kind: "direct", isCertain: true });
  });

  test("loopback is never proxied, whatever is set", () => {
    const env = {
      HTTP_PROXY: "http://p:1",
      HTTPS_PROXY: "http://p:1",
      ALL_PROXY: "socks5://p:1",
      NO_PROXY: "elsewhere",
    };
    const hosts = ["127.0.0.1:11434", "127.9.9.9", "[::1]:8080", "localhost:1234", "api.localhost", "LOCALHOST."];
    for (const host of [...hosts, "0.0.0.0:11434", "[::ffff:127.0.0.1]", "[::]"]) {
      for (const scheme of ["http", "https"]) {
        const route = findRoute(`${scheme}://${host}/v1`, { ...proxied, noProxy: ["elsewhere"] }, env);
        assert.deepEqual(route, { kind: "direct", isCertain: true }, `${scheme}://${host}`);
      }
    }
    assert.equal(kindOf("http://localhost.example.com", proxied, env), "http-proxy");
    assert.equal(kindOf("http://notlocalhost.org", proxied, env), "http-proxy");
  });

  test("private addresses go direct unless a list says what does", () => {
    const hosts = [
      "10.1.2.3",
      "172.31.0.1",
      "192.168.0.9:8000",
      "169.254.1.1",
      "100.100.1.1",
      "[fd00::1]",
      "[fe80::1]",
    ];
    for (const host of [...hosts, "gpu.local", "gpu", "box.lan", "a.internal", "nas.home.arpa"]) {
      assert.equal(kindOf(`http://${host}`, proxied), "direct", host);
      assert.equal(kindOf(`http://${host}`, { ...proxied, noProxy: ["elsewhere.com"] }), "http-proxy", host);
      assert.equal(kindOf(`http://${host}`, proxied, { no_proxy: "elsewhere.com" }), "http-proxy", host);
    }
    for (const host of ["172.32.0.1", "11.0.0.1", "100.128.0.1", "example.com", "[2001:db8::1]"]) {
      assert.equal(kindOf(`http://${host}`, proxied), "http-proxy", host);
    }
  });

  test("the rules of a no-proxy list", () => {
    const rows: [rule: string, url: string, isDirect: boolean][] = [
      ["example.com", "https://example.com", true],
      ["example.com", "https://api.example.com", true],
      ["example.com", "https://badexample.com", false],
      [".example.com", "https://api.example.com", true],
      [".example.com", "https://example.com", true],
      ["*.example.com", "https://api.example.com", true],
      ["EXAMPLE.com", "https://Example.COM", true],
      ["example.com:443", "https://example.com", true],
      ["example.com:8443", "https://example.com", false],
      ["example.com:8443", "https://example.com:8443", true],
      ["example.com:80", "http://example.com", true],
      ["10.0.0.0/8", "http://10.200.1.1:8000", true],
      ["10.0.0.0/8", "http://11.0.0.1", false],
      ["10.0.0.0/33", "http://10.0.0.1", false],
      ["10.0.0.0/x", "http://10.0.0.1", false],
      ["fd00::/8", "http://[fd12::1]", true],
      ["192.0.2.7", "http://192.0.2.7:81", true],
      ["192.0.2.7:81", "http://192.0.2.7:81", true],
      ["192.0.2.7:81", "http://192.0.2.7", false],
      ["2001:db8::1", "http://[2001:db8:0::1]", true],
      ["[2001:db8::1]:90", "http://[2001:db8::1]:90", true],
      ["[2001:db8::1]:90", "http://[2001:db8::1]:91", false],
      ["0.2.7", "http://192.0.2.7", false],
      ["*", "https://example.com", true],
      [".", "https://example.com", false],
    ];
    for (const [rule, url, isDirect] of rows) {
      const expected = isDirect ? "direct" : "http-proxy";
      assert.equal(kindOf(url, { ...proxied, noProxy: ["first.org", rule] }), expected, `setting ${rule}: ${url}`);
      assert.equal(kindOf(url, proxied, { NO_PROXY: `first.org, ${rule}` }), expected, `variable ${rule}: ${url}`);
    }
  });

  test("the setting's list takes the place of the variable's", () => {
    const env = { NO_PROXY: "example.com" };
    assert.equal(kindOf("https://example.com", proxied, env), "direct");
    assert.equal(kindOf("https://example.com", { ...proxied, noProxy: ["other.com"] }, env), "http-proxy");
    assert.equal(kindOf("https://example.com", { ...proxied, noProxy: [" "] }, env), "direct");
  });

  test("the setting comes before the variables, lower case before upper case, the scheme's own before all", () => {
    const env = { https_proxy: "http://a", HTTPS_PROXY: "http://b", HTTP_PROXY: "http://c", ALL_PROXY: "http://d" };
    assert.equal(hostFor("https://x.org", { proxy: "http://s" }, env), "s");
    assert.equal(hostFor("https://x.org", {}, env), "a");
    assert.equal(hostFor("https://x.org", {}, { ...env, https_proxy: "" }), "b");
    assert.equal(hostFor("http://x.org", {}, env), "c");
    assert.equal(hostFor("https://x.org", {}, { ALL_PROXY: "d", HTTP_PROXY: "c" }), "d");
    assert.equal(hostFor("https://x.org", {}, { HTTP_PROXY: "c" }), "direct");
  });

  test("proxySupport off is direct, and certain", () => {
    const settings = { ...proxied, proxySupport: "off" };
    assert.deepEqual(findRoute("https://x.org", settings, { HTTPS_PROXY: "p" }), { kind: "direct", isCertain: true });
    for (const proxySupport of ["on", "override", "fallback"]) {
      assert.equal(kindOf("https://x.org", { ...proxied, proxySupport }), "http-proxy");
    }
  });

  test("what a proxy's address says", () => {
    const rows: [string, ReturnType<typeof findRoute>][] = [
      ["http://proxy:3128", { kind: "http-proxy", isTls: false, hostname: "proxy", port: 3128 }],
      ["proxy:3128", { kind: "http-proxy", isTls: false, hostname: "proxy", port: 3128 }],
      ["http://proxy", { kind: "http-proxy", isTls: false, hostname: "proxy", port: 80 }],
      ["https://proxy/", { kind: "http-proxy", isTls: true, hostname: "proxy", port: 443 }],
      ["http://[::1]:3128", { kind: "http-proxy", isTls: false, hostname: "::1", port: 3128 }],
      [
        "http://al%40corp:p%3Aw@proxy:1",
        {
          kind: "http-proxy",
          isTls: false,
          hostname: "proxy",
          port: 1,
          authorization: `Basic ${Buffer.from("al@corp:p:w").toString("base64")}`,
        },
      ],
      ["socks5://s:9", { kind: "socks", hostname: "s", port: 9 }],
      ["socks5h://s", { kind: "socks", hostname: "s", port: 1080 }],
      [
        "socks://u:p%20w@s",
        { kind: "socks", hostname: "s", port: 1080, credentials: { username: "u", password: "p w" } },
      ],
      ["socks4a://s", { kind: "host" }],
      ["quic://s", { kind: "host" }],
      ["http://", { kind: "direct", isCertain: false }],
    ];
    for (const [proxy, route] of rows) assert.deepEqual(findRoute("https://x.org", { proxy }, {}), route, proxy);
  });

  test("the authorization of the settings goes to the setting's proxy only, and wins over its address", () => {
    const proxyAuthorization = "Basic c2V0dGluZw==";
    const set = findRoute("https://x.org", { proxy: "http://u:p@s", proxyAuthorization }, {});
    assert.equal("authorization" in set && set.authorization, proxyAuthorization);
    const fromEnv = findRoute("https://x.org", { proxyAuthorization }, { HTTPS_PROXY: "http://p" });
    assert.equal("authorization" in fromEnv, false);
  });
});

test("loopback is private, and a public name is neither", () => {
  assert.equal(isPrivateHost("127.0.0.1"), true);
  assert.equal(isPrivateHost("[::1]"), true);
  assert.equal(isLoopbackHost("10.0.0.1"), false);
  assert.equal(isPrivateHost("openrouter.ai"), false);
  assert.equal(isPrivateHost("8.8.8.8"), false);
});

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { afterEach, suite, test } from "node:test";
import * as vscode from "vscode";
import { networkOptions, onDidChangeNetworkSettings, readNetworkSettings } from "../../../src/host/network.ts";
import { waitUntil } from "../ui.ts";

const proxy = "http://user:secret@127.0.0.1:9";
const setProxy = (value: string | undefined) =>
  vscode.workspace.getConfiguration("http").update("proxy", value, vscode.ConfigurationTarget.Global);

suite("the network that VS Code knows", () => {
  afterEach(() => setProxy(undefined));

  test("its settings are read, and a change is told once", async () => {
    assert.deepEqual(readNetworkSettings(), {
      proxy: "",
      noProxy: [],
      proxySupport: "override",
      proxyStrictSsl: true,
      proxyAuthorization: "",
      systemCertificates: true,
    });
    let changes = 0;
    const listening = onDidChangeNetworkSettings(() => changes++);
    await setProxy(proxy);
    await waitUntil("the change", () => changes > 0);
    assert.equal(readNetworkSettings().proxy, proxy);
    assert.equal(changes, 1);
    listening.dispose();
  });

  test("VS Code says which way it would take", async () => {
    const { resolveProxy } = networkOptions();
    assert.ok(resolveProxy, "VS Code's module for proxies was not found");
    assert.equal(await resolveProxy("http://localhost:1/"), "DIRECT");
    await setProxy(proxy);
    // The answer goes to the log at most; what is secret in it stays out.
    await waitUntil("the proxy", async () => (await resolveProxy("https://model.example/")) === "PROXY 127.0.0.1:9");
  });

  test("its fetch goes by its proxy", async () => {
    const asked = Promise.withResolvers<string>();
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", (data) => {
        asked.resolve(String(data).split("\r\n")[0] ?? "");
        socket.end("HTTP/1.1 403 No\r\n\r\n");
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve());
    });
    const address = server.address();
    assert.ok(typeof address === "object" && address);
    await setProxy(`http://127.0.0.1:${address.port}`);
    const { fetch, resolveProxy } = networkOptions();
    await waitUntil("the proxy", async () => (await resolveProxy?.("https://model.example/")) !== "DIRECT");
    await assert.rejects(fetch?.("https://model.example/", {}) ?? Promise.resolve());
    assert.equal(await asked.promise, "CONNECT model.example:443 HTTP/1.1");
    server.close();
  });
});

import { createRequire } from "node:module";
import * as vscode from "vscode";
import type { Disposable } from "../base/disposable.ts";
import type { NetworkOptions } from "../transport/network.ts";
import type { NetworkSettings } from "../transport/route.ts";

/** What the user set, or the default. What a workspace sets is left alone: it could lead keys to somebody else's proxy. */
const readSetting = (name: string): unknown => {
  const found = vscode.workspace.getConfiguration("http").inspect(name);
  return found?.globalValue ?? found?.defaultValue;
};

/** VS Code's `http.*` settings. What is not of the right type counts as not set. */
export const readNetworkSettings = (): NetworkSettings => {
  const text = (name: string): string => {
    const value = readSetting(name);
    return typeof value === "string" ? value : "";
  };
  const noProxy = readSetting("noProxy");
  return {
    proxy: text("proxy"),
    noProxy: Array.isArray(noProxy) ? noProxy.filter((rule) => typeof rule === "string") : [],
    proxySupport: text("proxySupport"),
    proxyStrictSsl: readSetting("proxyStrictSSL") !== false,
    proxyAuthorization: text("proxyAuthorization"),
    systemCertificates: readSetting("systemCertificates") !== false,
  };
};

const settingNames = [
  "proxy",
  "noProxy",
  "proxySupport",
  "proxyStrictSSL",
  "proxyAuthorization",
  "systemCertificates",
] as const;

/** Tells when one of {@link readNetworkSettings} may have changed. Reads none: this is called at start-up. */
export const onDidChangeNetworkSettings = (listener: () => void): Disposable =>
  vscode.workspace.onDidChangeConfiguration((change) => {
    if (settingNames.some((name) => change.affectsConfiguration(`http.${name}`))) listener();
  });

const isResolver = (value: unknown): value is { resolveProxyURL(url: string): Promise<string | undefined> } =>
  typeof value === "object" &&
  value !== null &&
  "resolveProxyURL" in value &&
  typeof value.resolveProxyURL === "function";

/**
 * How VS Code itself would reach an address, PAC scripts and the system's settings included. There is no API for it. VS
 * Code leaves the function at its module for proxies, which is loaded here already; it is looked up and never loaded.
 * Undefined where it is not found: then `createNetworkClient` finds out by trying.
 */
const findResolveProxy = (): NetworkOptions["resolveProxy"] => {
  const modules = createRequire(import.meta.url).cache;
  for (const path in modules) {
    if (!/@vscode[\\/]proxy-agent[\\/]out[\\/]index\.js$/.test(path)) continue;
    const resolver: unknown = modules[path]?.exports;
    if (!isResolver(resolver)) continue;
    return async (url) => {
      const proxy = await resolver.resolveProxyURL(url);
      return proxy === undefined ? "DIRECT" : `PROXY ${URL.parse(proxy)?.host ?? ""}`;
    };
  }
  return undefined;
};

/** What `createNetworkClient` needs to know of VS Code and this process, as it is now. */
export const networkOptions = (): Pick<NetworkOptions, "settings" | "env" | "fetch" | "resolveProxy"> => ({
  settings: readNetworkSettings(),
  env: process.env,
  // Looked up anew for each call: VS Code may put its own in its place later than this is loaded.
  fetch: (url, init) => globalThis.fetch(url, init),
  resolveProxy: findResolveProxy(),
});

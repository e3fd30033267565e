import { isIPv4 } from "node:net";
import { ProviderError } from "./provider.ts";

/** A checked server address. */
export type BaseUrl = {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Without a slash at the end. */
  readonly href: string;
  /** Whether a key may be sent there: over TLS anywhere, else only to this machine or a private network. */
  readonly acceptsKey: boolean;
};

const isPrivateIpv4 = (host: string): boolean => {
  const [a = 0, b = 0] = host.split(".").map(Number);
  // 100.64.0.0/10 is shared address space (RFC 6598), which mesh networks use; the rest is RFC 1918, 1122 and 3927.
  return (
    a === 127 ||
    a === 10 ||
    host === "0.0.0.0" ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) ||
    (a === 169 && b === 254) ||
    (a === 100 && b >= 64 && b < 128)
  );
};

/** `host` as `URL.hostname` gives it: lower case, IPv6 in brackets. */
const isPrivateHost = (host: string): boolean => {
  if (isIPv4(host)) return isPrivateIpv4(host);
  // Loopback, unique local (fc00::/7) and link-local (fe80::/10) addresses.
  if (host.startsWith("[")) return host === "[::1]" || /^\[f(?:[cd][0-9a-f]{2}|e[89ab][0-9a-f]):/.test(host);
  // A name without a dot, or under one of these, is never found on the public internet.
  return !host.includes(".") || /\.(?:localhost|local|lan|internal|home\.arpa)$/.test(host);
};

/**
 * Checks a server address from the settings.
 * @throws {ProviderError} kind "bad-request" with a message for a person.
 */
export const parseBaseUrl = (text: string): BaseUrl => {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new ProviderError("bad-request", "The server address must start with http:// or https://");
  }
  if (url.username || url.password) {
    throw new ProviderError("bad-request", "The server address must not contain a user name or a password");
  }
  if (url.search || url.hash) {
    throw new ProviderError("bad-request", "The server address must not contain a ? or a #");
  }
  return {
    origin: url.origin,
    href: url.origin + url.pathname.replace(/\/+$/, ""),
    acceptsKey: url.protocol === "https:" || isPrivateHost(url.hostname),
  };
};

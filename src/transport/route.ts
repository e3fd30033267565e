import { BlockList, isIP } from "node:net";

/** What VS Code's `http.*` settings say, as the user set them; a workspace has no say here. */
export type NetworkSettings = {
  /** `http.proxy`. Default "": none. */
  readonly proxy?: string;
  /** `http.noProxy`. Default none. */
  readonly noProxy?: readonly string[];
  /** `http.proxySupport`. Only "off" makes a difference: then no proxy is used. Default "override". */
  readonly proxySupport?: string;
  /** `http.proxyStrictSSL`. False takes any certificate, a server's as well as a proxy's, as in VS Code. Default true. */
  readonly proxyStrictSsl?: boolean;
  /** `http.proxyAuthorization`: the whole value of a `Proxy-Authorization` header. Goes to `http.proxy` only. */
  readonly proxyAuthorization?: string;
  /** `http.systemCertificates`. Default true. */
  readonly systemCertificates?: boolean;
};

/** A proxy that this program can use by itself. */
export type ProxyRoute =
  | {
      readonly kind: "http-proxy";
      /** Whether the connection to the proxy is made by TLS. */
      readonly isTls: boolean;
      /** A name or an address; an IPv6 address without brackets. */
      readonly hostname: string;
      readonly port: number;
      /** Value of the `Proxy-Authorization` header. Secret. */
      readonly authorization?: string;
    }
  | {
      /** SOCKS 5; the proxy looks up names. */
      readonly kind: "socks";
      readonly hostname: string;
      readonly port: number;
      /** Secret. */
      readonly credentials?: { readonly username: string; readonly password: string };
    };

/** The way to an origin. */
export type Route =
  | {
      readonly kind: "direct";
      /** False: neither a setting nor the environment says anything, so the system may know a proxy. */
      readonly isCertain: boolean;
    }
  | ProxyRoute
  /** A proxy is set that only VS Code may know how to use. */
  | { readonly kind: "host" };

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

const listOf = (ranges: readonly (readonly [address: string, prefix: number])[]): BlockList => {
  const list = new BlockList();
  for (const [address, prefix] of ranges) list.addSubnet(address, prefix, isIP(address) === 6 ? "ipv6" : "ipv4");
  return list;
};

// 0.0.0.0 and :: mean this machine when something connects to them.
const loopbackAddresses = listOf([
  ["127.0.0.0", 8],
  ["0.0.0.0", 32],
  ["::1", 128],
  ["::", 128],
]);

// RFC 1918, RFC 3927 and 4291 (link-local), RFC 4193 (unique local), RFC 6598 (shared, which mesh networks use).
const privateAddresses = listOf([
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["169.254.0.0", 16],
  ["100.64.0.0", 10],
  ["fc00::", 7],
  ["fe80::", 10],
]);

const isIn = (list: BlockList, host: string): boolean => {
  const version = isIP(host);
  return version !== 0 && list.check(host, version === 6 ? "ipv6" : "ipv4");
};

/** Lower case, without an IPv6 address's brackets and without a name's dot at the end. */
const plainHost = (hostname: string): string =>
  hostname
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "");

/** Whether a host, as `URL.hostname` gives it, is this machine. */
export const isLoopbackHost = (hostname: string): boolean => {
  const host = plainHost(hostname);
  return host === "localhost" || host.endsWith(".localhost") || isIn(loopbackAddresses, host);
};

/** Whether a host, as `URL.hostname` gives it, cannot be on the public internet; loopback counts. */
export const isPrivateHost = (hostname: string): boolean => {
  const host = plainHost(hostname);
  if (isLoopbackHost(host)) return true;
  if (isIP(host)) return isIn(privateAddresses, host);
  // A name without a dot, or under one of these, is never found on the public internet.
  return !host.includes(".") || /\.(?:local|lan|internal|home\.arpa)$/.test(host);
};

/** Takes `name`, `.name`, `*.name`, an address, `[::1]` or a CIDR range, each but the last with `:port`, and `*`. */
const matchesRule = (rule: string, host: string, port: number): boolean => {
  if (rule === "*") return true;
  const slash = rule.indexOf("/");
  if (slash > 0) {
    const address = rule.slice(0, slash);
    const prefix = Number(rule.slice(slash + 1));
    const version = isIP(address);
    if (version === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > (version === 6 ? 128 : 32)) return false;
    return isIn(listOf([[address, prefix]]), host);
  }
  const [, name = rule, portText] = (isIP(rule) ? null : /^(.*?)(?::(\d+))?$/.exec(rule)) ?? [];
  if (portText !== undefined && Number(portText) !== port) return false;
  const wanted = plainHost(name);
  if (isIP(wanted)) return isIP(host) !== 0 && isIn(listOf([[wanted, isIP(wanted) === 6 ? 128 : 32]]), host);
  const suffix = wanted.replace(/^\*?\.?/, "");
  return suffix !== "" && isIP(host) === 0 && (host === suffix || host.endsWith(`.${suffix}`));
};

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** Undefined: it is no address of a proxy at all. */
const parseProxy = (text: string, authorization = ""): ProxyRoute | { readonly kind: "host" } | undefined => {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  // curl and its like take an address without a scheme for an HTTP proxy's.
  const url = URL.parse(trimmed.includes("://") ? trimmed : `http://${trimmed}`);
  if (!url?.hostname) return undefined;
  const hostname = plainHost(url.hostname);
  const username = decode(url.username);
  const password = decode(url.password);
  switch (url.protocol) {
    case "http:":
    case "https:": {
      const isTls = url.protocol === "https:";
      const own = url.username === "" ? "" : `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
      const value = authorization || own;
      // The default ports of curl and of VS Code's own agents: the scheme's.
      const port = url.port === "" ? (isTls ? 443 : 80) : Number(url.port);
      return { kind: "http-proxy", isTls, hostname, port, ...(value === "" ? {} : { authorization: value }) };
    }
    case "socks:":
    case "socks5:":
    case "socks5h:": {
      const port = url.port === "" ? 1080 : Number(url.port);
      return { kind: "socks", hostname, port, ...(username === "" ? {} : { credentials: { username, password } }) };
    }
    default:
      return { kind: "host" };
  }
};

/**
 * Finds the way to `url` from the settings, then from the environment: `https_proxy` or `http_proxy`, then `all_proxy`,
 * each in lower case before upper case.
 *
 * - Loopback is never proxied.
 * - `http.noProxy`, or else `no_proxy`, names what is not proxied. Only where there is no such list, private addresses
 *   are not proxied either: who writes a list says with it that everything else shall be.
 * - `http.proxySupport` "off" means direct, whatever the environment says.
 */
export const findRoute = (url: URL | string, settings: NetworkSettings, env: Environment): Route => {
  const { protocol, hostname, port: portText } = new URL(url);
  const host = plainHost(hostname);
  const port = portText === "" ? (protocol === "https:" ? 443 : 80) : Number(portText);
  const variable = (name: string): string => env[name] || env[name.toUpperCase()] || "";

  const direct: Route = { kind: "direct", isCertain: true };
  if (settings.proxySupport === "off" || isLoopbackHost(host)) return direct;

  const own = (settings.noProxy ?? []).flatMap((rule) => rule.split(/[\s,]+/)).filter((rule) => rule !== "");
  const rules = own.length > 0 ? own : variable("no_proxy").split(/[\s,]+/);
  const named = rules.map((rule) => rule.toLowerCase()).filter((rule) => rule !== "");
  if (named.length === 0 ? isPrivateHost(host) : named.some((rule) => matchesRule(rule, host, port))) return direct;

  return (
    parseProxy(settings.proxy ?? "", settings.proxyAuthorization) ??
    parseProxy(variable(protocol === "https:" ? "https_proxy" : "http_proxy")) ??
    parseProxy(variable("all_proxy")) ?? { kind: "direct", isCertain: isPrivateHost(host) }
  );
};

import { orAborted } from "../base/wait.ts";
import { TransportError } from "./errors.ts";
import { createTransportClient, type TransportClient, type TransportOptions } from "./client.ts";
import { createConnector, type Connector, type ConnectorOptions } from "./connector.ts";
import { createHostFetchClient, type HostFetch } from "./hostFetch.ts";
import type { TransportCounters } from "./pool.ts";
import { findRoute, isLoopbackHost, type Environment, type NetworkSettings, type Route } from "./route.ts";
import { createSharedText } from "./sharedText.ts";
import { createSystemTrust, type SystemTrust } from "./systemCertificates.ts";

export type NetworkOptions = Omit<TransportOptions, "connectorFor" | "poolFor"> & {
  readonly settings: NetworkSettings;
  readonly env: Environment;
  /** VS Code's own fetch. Without it, only what settings and environment say is tried. */
  readonly fetch?: HostFetch | undefined;
  /**
   * What VS Code knows of the way to an address, in the words of a PAC script: "DIRECT", "PROXY host:port", … Without
   * it, fetch is tried where nothing else leads to the server.
   */
  readonly resolveProxy?: ((url: string) => Promise<string>) | undefined;
  /** Default: the system's store, read in a worker when it is needed first. */
  readonly systemTrust?: SystemTrust;
  /** Default: `createConnector`. */
  readonly connect?: (options: ConnectorOptions) => Connector;
};

/** What VS Code found out stays valid for so long; it looks for changed networks every five minutes itself. */
const resolvedMs = 300_000;

/** The first request to an origin waits no longer for VS Code's answer; a PAC script that has to be fetched is slow. */
const resolveMs = 2_000;

/** A server that could not be reached by any way is not looked for by VS Code's fetch again before. */
const findAgainMs = 60_000;

/** How long VS Code's fetch may take to reach a server. */
const findMs = 15_000;

type Way = {
  readonly route: Route;
  /** What VS Code said last; undefined: nothing yet. */
  said: "direct" | "proxy" | undefined;
  saying: Promise<void> | undefined;
  /** When VS Code was asked which way to take. */
  saidAtMs: number;
  /** Only fetch was found to lead there. */
  isFound: boolean;
  finding: Promise<boolean> | undefined;
  /** When fetch may be tried next. */
  findAtMs: number;
};

/** Whether only VS Code's fetch leads there. */
const isHostOnly = ({ route, said, isFound }: Way): boolean => route.kind === "host" || said === "proxy" || isFound;

/** Whether fetch may do better, when no connection came about. */
const mayFind = ({ route, said }: Way, { kind }: TransportError): boolean => {
  if (route.kind !== "direct") return kind === "proxy-auth" || kind === "certificate";
  // VS Code may trust what the machine in front of the user trusts, also when it goes straight.
  return !route.isCertain && (said !== "direct" || kind === "certificate");
};

/** For a proxy of a kind that only VS Code's fetch might know, where there is none. Going straight would be a surprise. */
const refusingConnector: Connector = (_target, callback) => {
  queueMicrotask(() =>
    callback(new TransportError("proxy", "The proxy that is set is of a kind that is not supported")),
  );
  return { destroy() {} };
};

/** Whether VS Code's fetch reaches the origin. */
const reaches = async (client: TransportClient, origin: string): Promise<boolean> => {
  try {
    const response = await client.request({ method: "GET", url: `${origin}/`, deadlines: { totalMs: findMs } });
    response.discard();
    return true;
  } catch (error) {
    return error instanceof TransportError && error.kind === "redirect";
  }
};

const originOf = (url: string): string => {
  const origin = URL.parse(url)?.origin ?? "";
  return /^https?:/.test(origin) ? origin : "";
};

/**
 * Makes the client that everything uses. To each origin it goes by its own pooled connections, straight or by the proxy
 * that settings or environment name, and by VS Code's fetch where only VS Code knows the way:
 *
 * - `resolveProxy` names a proxy (a PAC script, the system's settings);
 * - a proxy wants a sign-in that is not known here (Kerberos, a dialog);
 * - nobody names a proxy, no connection comes about, and fetch reaches the server.
 *
 * The last two are found out by one `GET /` of fetch, without a key, and what was found holds until the client is closed.
 * Where the way is certain (loopback, private addresses, what a no-proxy list names) VS Code is never asked. The caller
 * closes it.
 */
export const createNetworkClient = (options: NetworkOptions): TransportClient => {
  const { settings, env, fetch, resolveProxy, systemTrust, connect = createConnector, ...transportOptions } = options;
  const { clock, log } = transportOptions;
  const system = systemTrust ?? createSystemTrust({ log });
  const ways = new Map<string, Way>();
  let isClosed = false;
  let hasWarned = false;

  const wayTo = (origin: string): Way => {
    const known = ways.get(origin);
    if (known) return known;
    const way: Way = {
      route: findRoute(origin, settings, env),
      said: undefined,
      saying: undefined,
      saidAtMs: Number.NEGATIVE_INFINITY,
      isFound: false,
      finding: undefined,
      findAtMs: 0,
    };
    ways.set(origin, way);
    return way;
  };

  // A socket reports the same codes when it fails to connect and when it breaks with a request on it.
  const connectFaults = new WeakSet<object>();
  const neverSent = (error: TransportError): boolean =>
    connectFaults.has(error) ||
    (error.cause instanceof Error && connectFaults.has(error.cause)) ||
    // The deadline of a connection, which is no fault of a socket's.
    (error.kind === "connect-timeout" && error.cause === undefined);

  const connectorFor = (origin: string): Connector => {
    const { route } = wayTo(origin);
    if (route.kind === "host") return refusingConnector;
    const isStrict = settings.proxyStrictSsl !== false;
    if (!isStrict && !hasWarned) {
      hasWarned = true;
      log.warn("http.proxyStrictSSL is off: servers are taken for what they say they are, without a valid certificate");
    }
    const usesSystem = settings.systemCertificates !== false && !isLoopbackHost(new URL(origin).hostname);
    const connector = connect({
      proxy: route.kind === "direct" ? undefined : route,
      trust: { ...(isStrict ? {} : { rejectUnauthorized: false }), ...(usesSystem ? { system } : {}) },
    });
    return (target, callback) =>
      connector(target, (error, socket) => {
        if (error) connectFaults.add(error);
        callback(error, socket);
      });
  };

  const pooled = createTransportClient({ ...transportOptions, connectorFor });
  const host = fetch && createHostFetchClient({ clock, log, fetch });

  /** Asks VS Code which way to take. Undefined: there is nothing to wait for. */
  const resolve = (way: Way, origin: string): Promise<void> | undefined => {
    const { route } = way;
    if (!resolveProxy || !host || route.kind !== "direct" || route.isCertain) return undefined;
    const nowMs = clock.nowMs();
    if (!way.saying && nowMs - way.saidAtMs < resolvedMs) return undefined;
    if (!way.saying) {
      way.saidAtMs = nowMs;
      way.saying = (async () => {
        try {
          // The first entry counts, as it does in VS Code.
          const isDirect = /^\s*(?:DIRECT\b|$)/i.test(await resolveProxy(`${origin}/`));
          if (!isDirect && way.said !== "proxy")
            log.info(`VS Code knows a proxy for ${origin}: its own fetch is used there`);
          way.said = isDirect ? "direct" : "proxy";
        } catch {
          log.debug(`VS Code does not say how to reach ${origin}`);
        }
        way.saying = undefined;
      })();
    }
    // What it said before is good enough until there is news.
    const waitMs = way.said ? 0 : way.saidAtMs + resolveMs - nowMs;
    if (waitMs <= 0) return undefined;
    const late = Promise.withResolvers<void>();
    const timer = clock.after(waitMs, late.resolve);
    return Promise.race([way.saying, late.promise]).finally(() => timer.dispose());
  };

  /** Tries whether fetch reaches the origin, unless that was tried just now. */
  const find = (client: TransportClient, way: Way, origin: string): Promise<boolean> => {
    if (clock.nowMs() < way.findAtMs) return Promise.resolve(way.isFound);
    way.finding ??= (async () => {
      way.isFound = await reaches(client, origin);
      way.findAtMs = clock.nowMs() + findAgainMs;
      way.finding = undefined;
      if (way.isFound) log.info(`Only VS Code's own fetch reaches ${origin}: it is used there from now on`);
      return way.isFound;
    })();
    return way.finding;
  };

  const request: TransportClient["request"] = async (transportRequest) => {
    const { url, signal, deadlines = {} } = transportRequest;
    const origin = originOf(url);
    if (isClosed || origin === "" || signal?.aborted) return pooled.request(transportRequest);
    const startMs = clock.nowMs();
    const way = wayTo(origin);
    const resolving = resolve(way, origin);
    if (resolving) await orAborted(resolving, signal);
    if (host && isHostOnly(way)) return host.request(transportRequest);
    try {
      return await pooled.request(transportRequest);
    } catch (error) {
      if (!host || !(error instanceof TransportError) || !neverSent(error) || !mayFind(way, error)) throw error;
      if (!(await orAborted(find(host, way, origin), signal))) throw error;
      const { totalMs = 0 } = deadlines;
      const leftMs = Math.max(1, totalMs - (clock.nowMs() - startMs));
      return host.request(
        totalMs > 0 ? { ...transportRequest, deadlines: { ...deadlines, totalMs: leftMs } } : transportRequest,
      );
    }
  };

  return {
    request,
    getText: createSharedText(request),
    preconnect(url) {
      const origin = originOf(url);
      if (isClosed || origin === "") return;
      const way = wayTo(origin);
      const connectNow = () => {
        if (!isClosed && !(host && isHostOnly(way))) pooled.preconnect(url);
      };
      const resolving = resolve(way, origin);
      if (resolving) void resolving.then(connectNow);
      else connectNow();
    },
    counters() {
      const all = [pooled.counters(), ...(host ? [host.counters()] : [])];
      const sum = (name: keyof TransportCounters) => all.reduce((total, each) => total + each[name], 0);
      return {
        requests: sum("requests"),
        opened: sum("opened"),
        reused: sum("reused"),
        queued: sum("queued"),
        openNow: sum("openNow"),
      };
    },
    async close() {
      isClosed = true;
      await Promise.all([pooled.close(), host?.close()]);
    },
  };
};

import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, type SecureContext } from "node:tls";
import { codeOf, toTransportError, TransportError } from "./errors.ts";
import type { ProxyRoute } from "./route.ts";
import type { SystemTrust } from "./systemCertificates.ts";
import { nameOfProxy, openTunnel } from "./tunnel.ts";

/** Where a connection shall lead, and what it shall speak. */
export type ConnectTarget = {
  readonly protocol: "http:" | "https:";
  /** A name or an address; an IPv6 address without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Application protocols to offer in the TLS handshake, the preferred one first, such as `["h2", "http/1.1"]`. */
  readonly alpn: readonly string[];
};

/** A connection that is being made. */
export type PendingConnection = {
  /** Gives up: what is open is closed, and the callback is not called any more. Does nothing after the callback. */
  destroy(): void;
};

/**
 * Makes one connection, ready to write a request to; for https the handshake is done, and `alpnProtocol` says which
 * protocol was agreed. Calls back exactly once unless destroyed. The socket belongs to who is called back; a fault that
 * it reports while nobody listens is ignored.
 */
export type Connector = (
  target: ConnectTarget,
  callback: (error: Error | null, socket?: Socket) => void,
) => PendingConnection;

/** How the peers of a TLS connection are trusted. */
export type TlsTrust = Pick<ConnectionOptions, "ca"> & {
  /** False takes any certificate. Default true. */
  readonly rejectUnauthorized?: boolean;
  /**
   * Asked when nobody whom Node trusts has signed a certificate, before anything was sent: one more attempt is made with
   * what it gives. Default: none, the fault is final.
   */
  readonly system?: SystemTrust;
};

/** A way to an origin. */
export type ConnectorOptions = {
  /** Default: none, straight to the target. */
  readonly proxy?: ProxyRoute | undefined;
  readonly trust?: TlsTrust;
};

/** Node's default for a probe of an idle TCP connection never comes; a router in between forgets it earlier. */
const tcpKeepAliveMs = 60_000;

/** What the system's store can put right: the signature is unknown, while name and dates are as they should be. */
const unknownSignerCodes = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

const established = (socket: Socket, event: "connect" | "secureConnect"): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once(event, () => resolve());
    // Stays: a socket that lies ready breaks without anybody listening.
    socket.on("error", reject);
    socket.once("close", () => reject(new Error("The connection was closed while it was made")));
  });

/** A fault on the way to a proxy, or with it, is the proxy's; the message names it. */
const toProxyError = (error: unknown, proxy: ProxyRoute): TransportError => {
  const fault = toTransportError(error, nameOfProxy(proxy));
  if (fault.kind === "certificate" || fault.kind === "proxy" || fault.kind === "proxy-auth") return fault;
  const detail = codeOf(error) || fault.kind;
  return new TransportError("proxy", `No connection by ${nameOfProxy(proxy)} (${detail})`, { cause: error });
};

/** A way to one origin. Holds the last TLS session, so that further handshakes are short; make one for each origin. */
export const createConnector = ({ proxy, trust = {} }: ConnectorOptions = {}): Connector => {
  const { system, ...tlsOptions } = trust;
  let session: Buffer | undefined;
  // Kept once it was needed: the next connection would need it, too.
  let systemContext: SecureContext | undefined;

  const secure = (socket: Socket, hostname: string, alpn: readonly string[], options: ConnectionOptions = {}) =>
    connectTls({
      ...tlsOptions,
      ...options,
      ...(systemContext ? { secureContext: systemContext } : {}),
      socket,
      // What the certificate is compared with, and what is asked for; an address is no server name (RFC 6066).
      host: hostname,
      ...(isIP(hostname) ? {} : { servername: hostname }),
      ALPNProtocols: [...alpn],
    });

  return (target, callback) => {
    const { protocol, hostname, alpn } = target;
    let sockets: Socket[] = [];
    let isDone = false;

    const keep = <T extends Socket>(socket: T): T => {
      sockets.push(socket);
      if (isDone) socket.destroy();
      return socket;
    };
    const closeAll = (): void => {
      for (const socket of sockets) socket.destroy();
      sockets = [];
    };

    const openTcp = async ({ hostname: host, port }: { hostname: string; port: number }): Promise<Socket> => {
      const socket = keep(
        connectTcp({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: tcpKeepAliveMs }),
      );
      await established(socket, "connect");
      return socket;
    };

    const openByProxy = async (by: ProxyRoute): Promise<Socket> => {
      try {
        let socket = await openTcp(by);
        if (by.kind === "http-proxy" && by.isTls) {
          socket = keep(secure(socket, by.hostname, ["http/1.1"]));
          await established(socket, "secureConnect");
        }
        const isGone = new Promise<never>((_resolve, reject) => {
          socket.once("error", reject);
          socket.once("close", () => reject(new Error("The proxy closed the connection")));
        });
        await Promise.race([openTunnel(socket, by, target), isGone]);
        return socket;
      } catch (error) {
        throw toProxyError(error, by);
      }
    };

    const open = async (): Promise<Socket> => {
      const socket = proxy ? await openByProxy(proxy) : await openTcp(target);
      if (protocol === "http:") return socket;
      const encrypted = keep(secure(socket, hostname, alpn, session ? { session } : {}));
      encrypted.on("session", (fresh) => {
        session = fresh;
      });
      await established(encrypted, "secureConnect");
      return encrypted;
    };

    const openTrusted = async (): Promise<Socket> => {
      try {
        return await open();
      } catch (error) {
        if (!system || systemContext || !unknownSignerCodes.has(codeOf(error))) throw error;
        systemContext = await system();
        if (!systemContext) throw error;
        return await open();
      }
    };

    const run = async (): Promise<void> => {
      let socket: Socket | undefined;
      let failure: Error | null = null;
      try {
        socket = await openTrusted();
      } catch (error) {
        closeAll();
        failure = error instanceof Error ? error : new Error(String(error));
      }
      if (isDone) return;
      isDone = true;
      callback(failure, socket);
    };
    void run();
    return {
      destroy() {
        if (isDone) return;
        isDone = true;
        closeAll();
      },
    };
  };
};

/** A way to one origin without a proxy. */
export const createDirectConnector = (trust: TlsTrust = {}): Connector => createConnector({ trust });

import { isIPv6, type Socket } from "node:net";
import { TransportError } from "./errors.ts";
import type { ProxyRoute } from "./route.ts";
import { Socks5Client } from "./undici.ts";

/** A proxy's answer to CONNECT is a few hundred bytes; what goes on and on is none. */
const answerMaxBytes = 16 * 1024;

type Target = { readonly hostname: string; readonly port: number };

/** A proxy for a message: its address without what is secret. */
export const nameOfProxy = ({ hostname, port }: ProxyRoute): string => `the proxy ${hostname}:${port}`;

/** Reads up to the empty line that ends an answer's head; what comes after it stays in the socket. */
const readHead = (socket: Socket): Promise<string> =>
  new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    const leave = (): void => {
      socket.off("readable", onReadable).off("end", onEnd);
    };
    const onEnd = (): void => {
      leave();
      reject(new Error("The proxy ended the connection"));
    };
    const onReadable = (): void => {
      const chunk: unknown = socket.read();
      if (!Buffer.isBuffer(chunk)) return;
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0 && head.byteLength <= answerMaxBytes) return;
      leave();
      if (end < 0) {
        reject(new Error("The proxy's answer has no end"));
        return;
      }
      if (head.byteLength > end + 4) socket.unshift(head.subarray(end + 4));
      resolve(head.toString("latin1", 0, end));
    };
    socket.on("readable", onReadable).on("end", onEnd);
  });

const connectByHttp = async (socket: Socket, proxy: ProxyRoute & { kind: "http-proxy" }, target: Target) => {
  const authority = `${isIPv6(target.hostname) ? `[${target.hostname}]` : target.hostname}:${target.port}`;
  const { authorization } = proxy;
  // A setting with a line break in it must not become a second header.
  const signIn = authorization && !/[\r\n]/.test(authorization) ? `Proxy-Authorization: ${authorization}\r\n` : "";
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${signIn}\r\n`, "latin1");
  const head = await readHead(socket);
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0);
  if (status >= 200 && status < 300) return;
  if (status === 407) throw new TransportError("proxy-auth", `${nameOfProxy(proxy)} wants a sign-in (407)`);
  throw new TransportError("proxy", `${nameOfProxy(proxy)} refused the connection (${status || "no HTTP"})`);
};

const connectBySocks = (socket: Socket, proxy: ProxyRoute & { kind: "socks" }, target: Target): Promise<void> =>
  new Promise((resolve, reject) => {
    const client = new Socks5Client(socket, { ...proxy.credentials });
    client.once("authenticated", () => client.connect(target.hostname, target.port));
    client.once("connected", () => {
      // Its reader is gone; what the target says first must wait for the next one.
      socket.pause();
      resolve();
    });
    client.once("close", () => reject(new Error("The proxy ended the connection")));
    client.on("error", (error: Error & { code?: string }) => {
      const isSignIn = error.code?.startsWith("UND_ERR_SOCKS5_AUTH") ?? false;
      const said = isSignIn ? "wants another sign-in" : `refused the connection (${error.code ?? "no reason given"})`;
      reject(new TransportError(isSignIn ? "proxy-auth" : "proxy", `${nameOfProxy(proxy)} ${said}`, { cause: error }));
    });
    client.handshake();
  });

/**
 * Asks the proxy that `socket` leads to for a way to the target: by CONNECT, whatever the target's scheme (as VS Code's
 * own fetch does), or by SOCKS 5 with the name unresolved. From then on the socket leads to the target. It stays open on
 * failure and is the caller's to close, which also ends this.
 * @throws {TransportError} kind "proxy-auth" or "proxy"; what the socket itself reports comes as it is.
 */
export const openTunnel = (socket: Socket, proxy: ProxyRoute, target: Target): Promise<void> =>
  proxy.kind === "socks" ? connectBySocks(socket, proxy, target) : connectByHttp(socket, proxy, target);

// Proxies for tests: real sockets, an HTTP proxy that knows CONNECT, a SOCKS 5 proxy.
import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { TlsPair } from "./tls.ts";

/** What a proxy was asked for. */
export type ProxyRequest = {
  /** Host and port as the client named them. */
  readonly target: string;
  /** HTTP: the value of `Proxy-Authorization`; SOCKS: `user:password`; "" if there was none. */
  readonly authorization: string;
  /** HTTP: the whole head. */
  readonly head: string;
};

export type FakeProxy = {
  readonly port: number;
  readonly requests: readonly ProxyRequest[];
  /** Connections that are open from clients. */
  open(): number;
  /** Resolves when no connection is open. */
  allClosed(): Promise<void>;
  /** Resolves when a client has asked; at once if one has. */
  asked(): Promise<void>;
  close(): Promise<void>;
};

export type HttpProxyOptions = {
  /** With TLS, if given. */
  readonly tls?: TlsPair;
  /** The only value of `Proxy-Authorization` that it takes. */
  readonly authorization?: string;
  /** What it answers instead of connecting: a status, a reset, an orderly end, silence, or something else. */
  readonly fault?:
    | number
    | "reset"
    | "end"
    | "hang"
    | { readonly raw: string; readonly staysOpen?: boolean }
    | undefined;
  /** Where it leads instead of to the target that it was asked for. */
  readonly leadsTo?: number;
};

export type SocksProxyOptions = {
  readonly username?: string;
  readonly password?: string;
  /** Reply code to a request (RFC 1928); 0 connects. Default 0. */
  readonly reply?: number;
  readonly fault?: "reset" | "hang";
  readonly leadsTo?: number;
};

const serve = async (server: Server, handle: (socket: Socket, note: (request: ProxyRequest) => void) => void) => {
  const sockets = new Set<Socket>();
  const requests: ProxyRequest[] = [];
  let waiters: (() => void)[] = [];
  let askers: (() => void)[] = [];
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => {
      sockets.delete(socket);
      if (sockets.size > 0) return;
      for (const resolve of waiters) resolve();
      waiters = [];
    });
  });
  server.on("tlsClientError", () => {});
  const onSocket = (socket: Socket): void => {
    socket.on("error", () => {});
    handle(socket, (request) => {
      requests.push(request);
      for (const resolve of askers) resolve();
      askers = [];
    });
  };
  server.on(server.listenerCount("secureConnection") > 0 ? "secureConnection" : "connection", onSocket);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve());
  });
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    open: () => sockets.size,
    allClosed: () =>
      sockets.size === 0
        ? Promise.resolve()
        : new Promise<void>((resolve) => {
            waiters.push(resolve);
          }),
    asked: () =>
      requests.length > 0
        ? Promise.resolve()
        : new Promise<void>((resolve) => {
            askers.push(resolve);
          }),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
};

const join = (socket: Socket, host: string, port: number, onConnect: () => void, onFail: () => void): void => {
  let isConnected = false;
  const upstream = connect({ host, port }, () => {
    isConnected = true;
    onConnect();
    socket.pipe(upstream);
    upstream.pipe(socket);
  });
  upstream.on("error", () => (isConnected ? socket.destroy() : onFail()));
  upstream.once("close", () => socket.destroy());
  socket.once("close", () => upstream.destroy());
};

/** An HTTP proxy on 127.0.0.1. */
export const createHttpProxy = (options: HttpProxyOptions = {}): Promise<FakeProxy> => {
  const { tls, authorization: wanted, fault, leadsTo } = options;
  const server: Server = tls ? createTlsServer(tls).on("secureConnection", () => {}) : createServer();
  return serve(server, (socket, note) => {
    let text = "";
    const onData = (chunk: Buffer): void => {
      text += chunk.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.off("data", onData);
      socket.pause();
      const head = text.slice(0, end);
      const target = /^CONNECT (\S+) HTTP\/1\.1\r\n/.exec(head)?.[1] ?? "";
      const authorization = /^proxy-authorization: (.*)$/im.exec(head)?.[1]?.trim() ?? "";
      note({ target, authorization, head });
      if (fault === "hang") return;
      if (fault === "end") return void socket.end();
      if (fault === "reset") return void socket.resetAndDestroy();
      if (typeof fault === "object") return void (fault.staysOpen ? socket.write(fault.raw) : socket.end(fault.raw));
      if (typeof fault === "number") return void socket.end(`HTTP/1.1 ${fault} No\r\ncontent-length: 0\r\n\r\n`);
      if (wanted !== undefined && authorization !== wanted) {
        socket.end("HTTP/1.1 407 No\r\nproxy-authenticate: Basic realm=x\r\ncontent-length: 0\r\n\r\n");
        return;
      }
      const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(target) ?? [];
      join(
        socket,
        leadsTo === undefined ? host.replace(/^\[(.*)\]$/, "$1") : "127.0.0.1",
        leadsTo ?? Number(port),
        // In two pieces, as slow networks deliver it.
        () => {
          socket.write("HTTP/1.1 200 Connection esta");
          setImmediate(() => socket.write("blished\r\nvia: test\r\n\r\n"));
        },
        () => socket.end("HTTP/1.1 502 No\r\n\r\n"),
      );
    };
    socket.on("data", onData);
  });
};

const socksAnswer = (code: number): Buffer => Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]);

/** A SOCKS 5 proxy on 127.0.0.1 (RFC 1928 and 1929). */
export const createSocksProxy = (options: SocksProxyOptions = {}): Promise<FakeProxy> => {
  const { username, password, reply = 0, fault, leadsTo } = options;
  return serve(createServer(), (socket, note) => {
    let state: "hello" | "sign-in" | "request" = "hello";
    let authorization = "";
    const onData = (chunk: Buffer): void => {
      if (state === "hello") {
        const methods = [...chunk.subarray(2, 2 + (chunk[1] ?? 0))];
        const method = username === undefined ? 0 : methods.includes(2) ? 2 : 0xff;
        state = method === 2 ? "sign-in" : "request";
        socket.write(Buffer.from([5, method]));
      } else if (state === "sign-in") {
        const nameBytes = chunk[1] ?? 0;
        const name = chunk.toString("utf8", 2, 2 + nameBytes);
        authorization = `${name}:${chunk.toString("utf8", 3 + nameBytes, 3 + nameBytes + (chunk[2 + nameBytes] ?? 0))}`;
        const isRight = authorization === `${username}:${password}`;
        state = "request";
        socket.write(Buffer.from([1, isRight ? 0 : 1]));
        if (!isRight) socket.end();
      } else {
        socket.off("data", onData);
        socket.pause();
        const kind = chunk[3];
        const length = kind === 1 ? 4 : kind === 4 ? 16 : (chunk[4] ?? 0);
        const from = kind === 3 ? 5 : 4;
        const host =
          kind === 3
            ? chunk.toString("utf8", from, from + length)
            : kind === 1
              ? [...chunk.subarray(from, from + length)].join(".")
              : chunk.subarray(from, from + length).toString("hex");
        const port = chunk.readUInt16BE(from + length);
        note({ target: `${host}:${port}`, authorization, head: "" });
        if (fault === "hang") return;
        if (fault === "reset") return void socket.resetAndDestroy();
        if (reply !== 0) return void socket.end(socksAnswer(reply));
        join(
          socket,
          leadsTo === undefined ? host : "127.0.0.1",
          leadsTo ?? port,
          () => socket.write(socksAnswer(0)),
          () => socket.end(socksAnswer(5)),
        );
      }
    };
    socket.on("data", onData);
  });
};

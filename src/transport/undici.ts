// A .d.ts beside a .ts of the same name is left out of the program unless it is named.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./undici.d.ts" />
// undici's root module replaces the process-wide dispatcher that every other extension's fetch() uses, just by being
// imported. Its inner modules do not. They are no public interface, hence the exact version in package.json.
import type { Socket } from "node:net";
import buildConnector from "undici/lib/core/connect.js";
import Client from "undici/lib/dispatcher/client.js";

/** One HTTP request as it goes over the wire. */
export type WireRequest = {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
};

/** Lets the reader of a response hold the sender back. */
export type Flow = { pause(): void; resume(): void };

/** What happens to one request, in this order. After `ended` or `failed` nothing more comes. */
export type WireHandler = {
  /** A new connection is being made for this request. Does not happen on a kept-alive one. */
  connecting(): void;
  connected(): void;
  /** The request is written to the socket. */
  sent(): void;
  head(status: number, headers: Readonly<Record<string, string>>, flow: Flow): void;
  chunk(bytes: Uint8Array, flow: Flow): void;
  ended(): void;
  failed(error: unknown): void;
};

/** One connection to an origin. It carries one request at a time and connects when the first one comes. */
export type Connection = {
  send(request: WireRequest, handler: WireHandler): void;
  /** Closes the socket at once, in any phase; resolves when it is closed. What it carried reports `failed`. */
  destroy(): Promise<void>;
};

/** What a connection's owner wants to know beside its requests. */
export type ConnectionEvents = {
  opened(): void;
  closed(): void;
};

/** Idle sockets live this long unless the server's `Keep-Alive: timeout` says less, which undici honours minus 2 s. */
const keepAliveMs = 60_000;

const flatHeaders = (headers: Readonly<Record<string, string | readonly string[] | undefined>>) => {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = typeof value === "string" ? value : value.join(", ");
  }
  return flat;
};

/** Opens nothing yet: the socket is made by the first `send`. The caller destroys it. */
export const createConnection = (origin: string, events: ConnectionEvents): Connection => {
  // Every timer of undici's is off: its clock is coarse and not ours. The client's deadlines replace them.
  const connect = buildConnector({ allowH2: false, timeout: 0 });
  let socket: Socket | undefined;
  let handler: WireHandler | undefined;

  const client = new Client(origin, {
    // HTTP/2 costs twice the CPU on one connection and gains nothing against a local server, which speaks HTTP/1
    // anyway. An abort costs the socket here; a hosted provider may change that verdict.
    allowH2: false,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: keepAliveMs,
    connect(options, callback) {
      handler?.connecting();
      socket = connect(options, (...result) => {
        if (result[0] === null) {
          events.opened();
          result[1].once("close", () => events.closed());
          handler?.connected();
        }
        callback(...result);
      });
    },
  });

  return {
    send(request, requestHandler) {
      handler = requestHandler;
      client.dispatch(
        {
          method: request.method,
          path: request.path,
          headers: request.headers,
          ...(request.body === undefined ? {} : { body: request.body }),
        },
        {
          onRequestStart: () => requestHandler.sent(),
          onResponseStart(controller, status, headers) {
            if (status >= 200) requestHandler.head(status, flatHeaders(headers), controller);
          },
          onResponseData: (controller, chunk) => requestHandler.chunk(chunk, controller),
          onResponseEnd() {
            handler = undefined;
            requestHandler.ended();
          },
          onResponseError(_controller, error) {
            handler = undefined;
            requestHandler.failed(error);
          },
        },
      );
    },
    async destroy() {
      const isClosed = client.destroy();
      // The client leaves a socket alone that is still connecting.
      socket?.destroy();
      await isClosed;
    },
  };
};

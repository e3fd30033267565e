// A .d.ts beside a .ts of the same name is left out of the program unless it is named.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./undici.d.ts" />
// undici's root module replaces the process-wide dispatcher that every other extension's fetch() uses, just by being
// imported. Its inner modules do not. They are no public interface, hence the exact version in package.json.
import type { Socket } from "node:net";
import { Socks5Client } from "undici/lib/core/socks5-client.js";
import Client from "undici/lib/dispatcher/client.js";
import { flatHeaders, type Connection } from "./connection.ts";

export { Socks5Client };

/** Speaks HTTP/1 over an open socket, one request at a time; an early end costs the socket. The caller destroys it. */
export const createHttp1Connection = (origin: string, socket: Socket, keepAliveMs: number): Connection => {
  let isTaken = false;
  // From its first request on undici ends an idle socket.
  const endIdle = () => socket.destroy();
  socket.setTimeout(keepAliveMs).once("timeout", endIdle);

  // Every timer of undici's but the idle socket's is off: its clock is coarse and not ours.
  const client = new Client(origin, {
    allowH2: false,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    // The server's own `Keep-Alive: timeout` wins, minus 2 s.
    keepAliveTimeout: keepAliveMs,
    connect(_options, callback) {
      // undici does not look for requests to send when it is called back at once.
      queueMicrotask(() => {
        if (isTaken || socket.destroyed) {
          callback(Object.assign(new Error("The connection is gone"), { code: "ECONNRESET" }), null);
          return;
        }
        isTaken = true;
        socket.setTimeout(0).off("timeout", endIdle);
        callback(null, socket);
      });
    },
  });

  const destroy = (): void => {
    void client.destroy();
    // The client knows the socket only from its first request on.
    socket.destroy();
  };

  return {
    capacity: () => (socket.destroyed ? 0 : 1),
    isSettled: () => true,
    send({ method, path, headers, body }, handler) {
      client.dispatch(
        { method, path, headers, ...(body === undefined ? {} : { body }) },
        {
          onRequestStart: () => handler.sent(),
          onResponseStart(_controller, status, fields) {
            if (status >= 200) handler.head(status, flatHeaders(fields));
          },
          onResponseData: (controller, bytes) => handler.chunk(bytes, controller),
          onResponseEnd: () => handler.ended(),
          onResponseError: (_controller, error) => handler.failed(error),
        },
      );
      return destroy;
    },
    destroy,
  };
};

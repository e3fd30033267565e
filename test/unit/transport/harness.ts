import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { createTransportClient, type TransportRequest, type TransportResponse } from "../../../src/transport/client.ts";
import { TransportError, type TransportErrorKind } from "../../../src/transport/errors.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createModelServer, type ModelServerOptions } from "../../fake/modelServer.ts";

/** A server, a clock that stands still, and a client; all closed after the test. */
export const createHarness = async (
  context: TestContext,
  {
    server: serverOptions,
    connectionsPerOrigin,
  }: { server?: ModelServerOptions; connectionsPerOrigin?: number | (() => number) } = {},
) => {
  const clock = createFakeClock();
  const server = await createModelServer(serverOptions);
  const client = createTransportClient({
    clock,
    log: silentLog,
    ...(connectionsPerOrigin === undefined ? {} : { connectionsPerOrigin }),
  });
  context.after(async () => {
    await client.close();
    await server.close();
  });
  const post = (path: string, more: Partial<TransportRequest> = {}): Promise<TransportResponse> =>
    client.request({ method: "POST", url: server.url + path, body: "{}", ...more });
  const get = (path: string, more: Partial<TransportRequest> = {}): Promise<TransportResponse> =>
    client.request({ method: "GET", url: server.url + path, ...more });
  return { clock, server, client, post, get };
};

/** A TCP server that does what the test says with each connection. */
export const createRawServer = async (context: TestContext, onConnection: (socket: Socket) => void) => {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve());
  });
  context.after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return { port: address.port };
};

/** Expects a {@link TransportError} of this kind. */
export const rejectsWith = async (promise: Promise<unknown>, kind: TransportErrorKind): Promise<void> => {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof TransportError, `expected a TransportError, got ${String(error)}`);
    assert.equal(error.kind, kind, error.message);
    return true;
  });
};

/** Expects a cancellation. */
export const rejectsWithAbort = async (promise: Promise<unknown>): Promise<void> => {
  await assert.rejects(promise, { name: "AbortError" });
};

/** Reads a stream to its end or its fault; what came before the fault is kept. */
export const collect = async (
  bytes: AsyncIterable<Uint8Array>,
): Promise<{ readonly text: string; readonly error: unknown }> => {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of bytes) text += decoder.decode(chunk, { stream: true });
    return { text, error: undefined };
  } catch (error) {
    return { text, error };
  }
};

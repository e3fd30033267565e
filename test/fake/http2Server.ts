import { once } from "node:events";
import type { Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { testCertificate } from "./tls.ts";

// RFC 9113, sections 6 and 7.
const frameTypes = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7 } as const;
const endOfStream = 1;
const acknowledged = 1;
const endOfHeaders = 4;
const maxConcurrentStreams = 3;
const prefaceBytes = 24;
const headBytes = 9;

/** Error codes of HTTP/2. */
export const http2Codes = { noError: 0, internalError: 2, refusedStream: 7, cancel: 8, enhanceYourCalm: 11 } as const;

/** One request, and what can be done with it. */
export type Http2Request = {
  /** Number of the connection that it came on, from 1. */
  readonly connection: number;
  readonly stream: number;
  readonly body: string;
  /** Resolves with the code when the client resets the stream. */
  readonly resetByClient: Promise<number>;
  /** Status 200. */
  head(): void;
  data(text: string): void;
  /** Status 200, if it was not sent, and this as the whole rest. */
  end(text: string): void;
  reset(code: number): void;
  /** Announces that streams above `lastStream` were not worked on. */
  goAway(lastStream: number, code: number): void;
  /** The connection ends without a word. */
  destroy(): void;
  /** The connection is reset. */
  breakOff(): void;
  /** Bytes as they are. */
  raw(bytes: string): void;
};

export type Http2ServerOptions = {
  /** Called for each request when it is complete. */
  readonly onRequest: (request: Http2Request) => void;
  /** How many streams the client may open at the same time. Default: says nothing. */
  readonly maxStreams?: number;
  /** False: the server is silent after the TLS handshake. Default true. */
  readonly sendsSettings?: boolean;
  /** False: pings are left unanswered, as on a connection that is dead. Default true. */
  readonly answersPings?: boolean;
};

const frame = (type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer => {
  const head = Buffer.alloc(headBytes);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};

const numbers = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
};

const speakHttp1 = (socket: TLSSocket): void => {
  let seen = "";
  socket.on("data", (bytes) => {
    seen += bytes.toString();
    const head = seen.indexOf("\r\n\r\n");
    if (head < 0 || seen.length - head - 4 < Number(/content-length: (\d+)/i.exec(seen)?.[1] ?? 0)) return;
    seen = "";
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhttp/1");
  });
};

/**
 * An HTTP/2 server that is written frame by frame, because Node's own does not misbehave: it sends what the test says.
 * Where the client offers no HTTP/2 it answers "http/1" over HTTP/1. The caller closes it.
 */
export const createHttp2Server = async (options: Http2ServerOptions) => {
  const { onRequest, maxStreams, sendsSettings = true, answersPings = true } = options;
  const requests: Http2Request[] = [];
  const sockets = new Set<TLSSocket>();
  /** The sockets below TLS, by the client's port. */
  const underlying = new Map<number | undefined, Socket>();
  let opened = 0;
  let pings = 0;

  const speakHttp2 = (socket: TLSSocket, connection: number): void => {
    const streams = new Map<number, { body: string; reset: PromiseWithResolvers<number> }>();
    let bytes = Buffer.alloc(0);
    let hasPreface = false;

    const take = (stream: number): void => {
      const { body, reset } = streams.get(stream) ?? { body: "", reset: Promise.withResolvers<number>() };
      let hasHead = false;
      const request: Http2Request = {
        connection,
        stream,
        body,
        resetByClient: reset.promise,
        head() {
          hasHead = true;
          // The one byte is ":status: 200" in the static table of RFC 7541.
          socket.write(frame(frameTypes.headers, endOfHeaders, stream, Buffer.from([0x88])));
        },
        data: (text) => void socket.write(frame(frameTypes.data, 0, stream, Buffer.from(text))),
        end(text) {
          // In one write, as servers do.
          socket.cork();
          if (!hasHead) request.head();
          socket.write(frame(frameTypes.data, endOfStream, stream, Buffer.from(text)));
          socket.uncork();
        },
        reset: (code) => void socket.write(frame(frameTypes.reset, 0, stream, numbers(code))),
        goAway: (lastStream, code) => void socket.write(frame(frameTypes.goAway, 0, 0, numbers(lastStream, code))),
        destroy: () => void socket.destroy(),
        breakOff: () => void underlying.get(socket.remotePort)?.resetAndDestroy(),
        raw: (text) => void socket.write(text),
      };
      requests.push(request);
      onRequest(request);
    };

    const onFrame = (type: number, flags: number, stream: number, payload: Buffer): void => {
      if (type === frameTypes.settings && !(flags & acknowledged)) {
        socket.write(frame(frameTypes.settings, acknowledged, 0));
      } else if (type === frameTypes.ping && !(flags & acknowledged)) {
        pings++;
        if (answersPings) socket.write(frame(frameTypes.ping, acknowledged, 0, payload));
      } else if (type === frameTypes.reset) {
        streams.get(stream)?.reset.resolve(payload.readUInt32BE());
      } else if (type === frameTypes.headers) {
        streams.set(stream, { body: "", reset: Promise.withResolvers() });
        if (flags & endOfStream) take(stream);
      } else if (type === frameTypes.data) {
        const entry = streams.get(stream);
        if (entry) entry.body += payload.toString();
        if (flags & endOfStream) take(stream);
      }
    };

    if (sendsSettings) {
      const limit = Buffer.alloc(6);
      limit.writeUInt16BE(maxConcurrentStreams, 0);
      limit.writeUInt32BE(maxStreams ?? 0, 2);
      socket.write(frame(frameTypes.settings, 0, 0, maxStreams === undefined ? undefined : limit));
    }
    socket.on("data", (more) => {
      bytes = Buffer.concat([bytes, more]);
      if (!hasPreface) {
        if (bytes.length < prefaceBytes) return;
        hasPreface = true;
        bytes = bytes.subarray(prefaceBytes);
      }
      while (bytes.length >= headBytes) {
        const endAt = headBytes + bytes.readUIntBE(0, 3);
        if (bytes.length < endAt) return;
        const [type, flags, stream] = [bytes.readUInt8(3), bytes.readUInt8(4), bytes.readUInt32BE(5)];
        const payload = bytes.subarray(headBytes, endAt);
        bytes = bytes.subarray(endAt);
        if (sendsSettings) onFrame(type, flags, stream, payload);
      }
    });
  };

  const server = createServer({ ...testCertificate("localhost"), ALPNProtocols: ["h2", "http/1.1"] }, (socket) => {
    opened++;
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
    if (socket.alpnProtocol === "h2") speakHttp2(socket, opened);
    else speakHttp1(socket);
  });
  server.on("connection", (socket: Socket) => {
    const { remotePort } = socket;
    underlying.set(remotePort, socket);
    socket.once("close", () => underlying.delete(remotePort));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;

  return {
    url: `https://localhost:${port}`,
    requests: requests as readonly Http2Request[],
    /** Pings that came from clients. */
    pings: () => pings,
    connections: () => ({ opened, open: sockets.size }),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
};

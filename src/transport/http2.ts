import { connect, constants, type ClientHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import { flatHeaders, type Connection, type WireHandler } from "./connection.ts";
import { TransportError } from "./errors.ts";

/** More than this many requests at the same time go over a further connection. Node's own assumption about servers. */
const streamsMax = 100;

/** A stream's share that may be on its way unread. 64 KiB, the default, is less than a distant server sends in a round. */
const windowBytes = 256 * 1024;

/** A server that agreed on HTTP/2 and does not open it within this time does not speak it. */
const settingsMs = 10_000;

/** After so long a silence under a request the server is pinged, and has as long again to answer. */
const silenceMs = 5_000;

type Http2Options = {
  readonly origin: string;
  readonly socket: Socket;
  readonly keepAliveMs: number;
  readonly clock: Clock;
  /** The server has said how many requests it takes at the same time; may come again. */
  readonly onSettled: (capacity: number) => void;
  /** One side broke the protocol, or the server ended the connection with an error. */
  readonly onProtocolError: () => void;
};

const isHttp2Error = (error: Error): boolean => "code" in error && String(error.code).startsWith("ERR_HTTP2_");

/** Speaks HTTP/2 over an open socket; an early end resets one stream and leaves the socket. The caller destroys it. */
export const createHttp2Connection = (options: Http2Options): Connection => {
  const { origin, socket, keepAliveMs, clock, onSettled, onProtocolError } = options;
  let serverMax: number | undefined;
  let isLeaving = false;
  let hasFailed = false;
  let running = 0;
  /** How often something came from the server. */
  let received = 0;
  let receivedMs = 0;
  let watchdog: Disposable | undefined;
  /** The last stream that the server worked on, once it has said so. */
  let lastStreamId = Number.POSITIVE_INFINITY;

  const session = connect(origin, {
    createConnection: () => socket,
    peerMaxConcurrentStreams: streamsMax,
    settings: { enablePush: false, initialWindowSize: windowBytes },
  });
  session.unref();

  const reportOnce = (): void => {
    if (hasFailed) return;
    hasFailed = true;
    onProtocolError();
  };
  const settingsTimer = clock.after(settingsMs, () => {
    reportOnce();
    session.destroy(new TransportError("protocol", `${origin} agreed on HTTP/2 and does not speak it`));
  });

  session.on("remoteSettings", ({ maxConcurrentStreams = streamsMax }) => {
    settingsTimer.dispose();
    // A server that allows none for now gets one: it refuses it, or lets it wait, and the deadlines hold.
    serverMax = Math.max(1, Math.min(maxConcurrentStreams, streamsMax));
    onSettled(serverMax);
  });
  session.on("goaway", (code, lastId) => {
    isLeaving = true;
    lastStreamId = lastId;
    if (code !== constants.NGHTTP2_NO_ERROR) reportOnce();
  });
  session.on("error", (error) => {
    if (isHttp2Error(error)) reportOnce();
  });
  session.on("close", () => {
    settingsTimer.dispose();
    watchdog?.dispose();
  });
  session.setTimeout(keepAliveMs, () => {
    if (running === 0) session.destroy();
  });

  const onReceived = (): void => {
    received++;
    receivedMs = clock.nowMs();
  };

  // A reset of the connection that meets a cancelled stream can get lost in Node 24: the session looks open, and nothing
  // ever comes. One timer that looks at the time of the last piece, as a new one for each token would cost too much.
  const watch = (delayMs: number): void => {
    watchdog = clock.after(delayMs, () => {
      if (session.destroyed) return;
      const quietMs = clock.nowMs() - receivedMs;
      if (quietMs < silenceMs) return watch(silenceMs - quietMs);
      watchdog = clock.after(silenceMs, () => {
        session.destroy();
        socket.destroy();
      });
      session.ping((error) => {
        if (error || running === 0) return;
        onReceived();
        watchdog?.dispose();
        watch(silenceMs);
      });
    });
  };

  const begin = (): void => {
    running++;
    if (running > 1) return;
    session.ref();
    receivedMs = clock.nowMs();
    watch(silenceMs);
  };
  const end = (): void => {
    running--;
    if (running > 0) return;
    session.unref();
    watchdog?.dispose();
  };

  const listen = (stream: ClientHttp2Stream, handler: WireHandler): (() => void) => {
    // Counted already: this stream alone.
    const layIdle = running === 1;
    const receivedBefore = received;
    let isDone = false;
    let hasHead = false;
    /** Bytes of the body that are still to come, where the server has told. */
    let leftBytes: number | undefined;

    const settle = (): boolean => {
      if (isDone) return false;
      isDone = true;
      end();
      return true;
    };
    /** Undefined: the connection lay idle and closed without a word, perhaps before the request was there. */
    const wasProcessed = (isSaid: boolean): boolean | undefined => {
      const isRefused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || (stream.id ?? 0) > lastStreamId;
      if (isRefused) return false;
      return isSaid || !layIdle || received > receivedBefore ? true : undefined;
    };
    const cutOff = (): void => {
      // On an open connection it was the server that reset the stream; one that leaves has said what it worked on.
      const isSaid = isLeaving || (!session.destroyed && !socket.destroyed);
      const code = isSaid ? "ERR_HTTP2_STREAM_ERROR" : "ECONNRESET";
      if (settle()) handler.failed(Object.assign(new Error("The stream ended early"), { code }), wasProcessed(isSaid));
    };

    stream.on("response", (headers) => {
      onReceived();
      if (isDone) return;
      hasHead = true;
      const fields = flatHeaders(headers);
      if (fields["content-length"] !== undefined) leftBytes = Number(fields["content-length"]);
      handler.head(Number(headers[":status"]), fields);
      // Not before: under load the body's first bytes are handed out ahead of the head.
      stream.on("data", (bytes: Buffer) => {
        onReceived();
        if (isDone) return;
        if (leftBytes !== undefined) leftBytes -= bytes.byteLength;
        handler.chunk(bytes, stream);
      });
    });
    stream.on("end", () => {
      const isWhole = hasHead && stream.rstCode === constants.NGHTTP2_NO_ERROR && (leftBytes ?? 0) === 0;
      if (!isWhole) cutOff();
      else if (settle()) handler.ended();
    });
    stream.on("error", (error) => {
      if (settle()) handler.failed(error, wasProcessed(isHttp2Error(error)));
    });
    stream.on("close", cutOff);
    handler.sent();
    return () => {
      if (!settle()) return;
      // Closing alone leaves the native stream to an event that a busy session may never fire (undici issue 5558); the
      // reset frame is queued by then.
      stream.close(constants.NGHTTP2_CANCEL);
      stream.destroy();
    };
  };

  return {
    capacity: () => (isLeaving || session.closed || session.destroyed || socket.destroyed ? 0 : (serverMax ?? 1)),
    isSettled: () => serverMax !== undefined,
    send({ method, path, headers, body }, handler) {
      const fields: Record<string, string> = { ":method": method, ":path": path, ...headers };
      let stream: ClientHttp2Stream;
      try {
        if (body === undefined) stream = session.request(fields);
        else {
          const bytes = Buffer.from(body);
          stream = session.request({ ...fields, "content-length": String(bytes.byteLength) }, { endStream: false });
          stream.end(bytes);
        }
      } catch (error) {
        queueMicrotask(() => handler.failed(error, false));
        return () => {};
      }
      begin();
      return listen(stream, handler);
    },
    destroy() {
      session.destroy();
      socket.destroy();
    },
  };
};

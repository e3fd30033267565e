import { toAbortError } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Span } from "../metrics/spans.ts";
import { createDirectConnector, type Connector } from "./connector.ts";
import { TransportError } from "./errors.ts";
import { startExchange, type Exchange } from "./exchange.ts";
import { createPool, type Pool, type TransportCounters } from "./pool.ts";
import { isPrivateHost } from "./route.ts";
import { createSharedText } from "./sharedText.ts";

/** How long each part of a request may take, in milliseconds. 0 switches a deadline off. */
export type Deadlines = {
  /** To make a connection, TLS included. Default 10 s. */
  readonly connectMs?: number;
  /**
   * From the written request to the answer's head, and from there to the first byte of its body: servers send the head
   * before or after they evaluate the prompt. Default 120 s: that is slow on a CPU.
   */
  readonly firstByteMs?: number;
  /** Between two pieces of the body. Time in which the reader holds the server back does not count. Default 60 s. */
  readonly idleMs?: number;
  /** From the call to the end of the body, waiting for a free connection included. Default: none. */
  readonly totalMs?: number;
};

/** One request. */
export type TransportRequest = {
  readonly method: "GET" | "POST";
  /** An absolute http(s) URL. */
  readonly url: string;
  /** Lower-case names. `accept-encoding` is "identity" unless given; compressed answers are decoded in any case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Cancels at once, in every phase: the call or the read rejects with an `AbortError` and the socket is closed. */
  readonly signal?: AbortSignal;
  readonly deadlines?: Deadlines;
  /**
   * Asked when the first-byte deadline passes; while it answers true, the deadline starts anew. For a server that is
   * known to load its model or to work on other requests. A rejection counts as false.
   */
  readonly holdFirstByte?: () => boolean | Promise<boolean>;
  /**
   * Gets children: "queue" (only when every connection was taken), "connect" (only when a new connection was made),
   * "wait" (until the first byte), "body".
   */
  readonly span?: Span;
};

/** The head of an answer, and its body as it comes. One of the readers must be used, or `discard`. */
export type TransportResponse = {
  readonly status: number;
  /** Lower-case names; repeated headers are joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Can be iterated once. Leaving the loop early closes the socket, unless `finish` was called before. */
  readonly body: AsyncIterable<Uint8Array>;
  /** The whole body. @throws {TransportError} kind "too-large" */
  text(maxBytes: number): Promise<string>;
  /** The whole body, parsed. @throws {TransportError} kind "too-large", or "protocol" when it is not JSON */
  json(maxBytes: number): Promise<unknown>;
  /** At most the first `maxBytes` of the body; the rest is dropped. */
  excerpt(maxBytes: number): Promise<string>;
  /** Closes the socket unless the body is complete. */
  discard(): void;
  /**
   * The caller has read all it needs. A short rest (64 KiB, 1 s) flows by unread, so that the connection can be used
   * again; a longer one closes the socket.
   */
  finish(): void;
};

/** A GET that others may ask for at the same time. */
export type TextRequest = Pick<TransportRequest, "url" | "headers" | "signal" | "deadlines" | "span">;

/** The whole answer to a GET. */
export type TextResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
};

/** Sends requests over kept-alive connections. */
export type TransportClient = {
  /**
   * Resolves when the head of the answer is there, whatever its status.
   * @throws {TransportError} when no answer came; `AbortError` when the signal fired.
   */
  request(request: TransportRequest): Promise<TransportResponse>;
  /**
   * Asks for a short text. Calls with the same URL and headers at the same time share one request, with the deadlines
   * of the first; a signal only lets its own caller go, and the request ends when all have left.
   * @throws {TransportError} kind "too-large" when the answer has more than `maxBytes`, else as `request`.
   */
  getText(request: TextRequest, maxBytes: number): Promise<TextResponse>;
  /**
   * Opens one connection to this address's origin if none is idle or being made, so that the next request need not
   * wait for it. Never throws; a failure is silent.
   */
  preconnect(url: string): void;
  /** A copy of the numbers up to now. */
  counters(): Readonly<TransportCounters>;
  /** Closes every socket; what is running rejects with {@link TransportError} kind "disposed". */
  close(): Promise<void>;
};

/** What a client is made of. */
export type TransportOptions = {
  readonly clock: Clock;
  readonly log: Log;
  /**
   * HTTP/1 connections to one origin; further requests queue. Default 64: how many requests run at the same time is not
   * decided here, and fifty at once to a distant server shall not wait for each other's round trips. A function is asked
   * each time.
   */
  readonly connectionsPerOrigin?: number | (() => number);
  /** The way to an origin, asked once for each. Default: straight there, with Node's certificates. */
  readonly connectorFor?: (origin: string) => Connector;
  /** What carries the requests to an origin in the place of own connections, asked once for each. */
  readonly poolFor?: (origin: string) => Pool;
  /**
   * Whether HTTP/2 is offered to an origin that speaks TLS. Default: yes unless its host is loopback or private: HTTP/1
   * costs half the processor time, but a cancelled request costs it a handshake.
   */
  readonly http2?: (origin: string) => boolean;
};

const parseUrl = (text: string): URL => {
  const url = URL.parse(text);
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new TransportError("protocol", "Only http and https addresses can be asked");
  }
  return url;
};

/** Makes a client without connections. The caller closes it. */
export const createTransportClient = ({
  clock,
  log,
  connectionsPerOrigin = 64,
  connectorFor = () => createDirectConnector(),
  poolFor,
  http2 = (origin) => !isPrivateHost(new URL(origin).hostname),
}: TransportOptions): TransportClient => {
  const counters: TransportCounters = { requests: 0, opened: 0, reused: 0, queued: 0, openNow: 0 };
  const pools = new Map<string, Pool>();
  const running = new Set<Exchange>();
  let isClosed = false;

  const poolOf = (origin: string): Pool => {
    const known = pools.get(origin);
    if (known) return known;
    const pool =
      poolFor?.(origin) ??
      createPool({
        origin,
        connectionsMax: typeof connectionsPerOrigin === "number" ? () => connectionsPerOrigin : connectionsPerOrigin,
        connector: connectorFor(origin),
        offersHttp2: http2(origin),
        clock,
        log,
        counters,
      });
    pools.set(origin, pool);
    return pool;
  };

  const send = async (request: TransportRequest): Promise<TransportResponse> => {
    if (isClosed) throw new TransportError("disposed", "The client is closed");
    if (request.signal?.aborted) throw toAbortError(request.signal.reason);
    const url = parseUrl(request.url);
    const exchange = startExchange({
      request,
      origin: url.origin,
      path: url.pathname + url.search,
      pool: poolOf(url.origin),
      clock,
      log,
      counters,
      running,
    });
    return exchange.response;
  };

  return {
    request: send,
    getText: createSharedText(send),
    preconnect(address) {
      const origin = URL.parse(address)?.origin;
      if (isClosed || !origin?.startsWith("http")) return;
      poolOf(origin).preconnect();
    },
    counters() {
      let queued = 0;
      for (const pool of pools.values()) queued += pool.queued();
      return { ...counters, queued };
    },
    async close() {
      isClosed = true;
      for (const exchange of running) exchange.stop(new TransportError("disposed", "The client was closed"));
      await Promise.all([...pools.values()].map((pool) => pool.close()));
      pools.clear();
    },
  };
};

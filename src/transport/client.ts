import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Span } from "../metrics/spans.ts";
import { toAbortError, TransportError } from "./errors.ts";
import { startExchange, type Exchange } from "./exchange.ts";
import { createPool, type Pool, type TransportCounters } from "./pool.ts";

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
  /** Lower-case names. No `accept-encoding`: answers are not decompressed. */
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

/** Sends requests over kept-alive connections. */
export type TransportClient = {
  /**
   * Resolves when the head of the answer is there, whatever its status.
   * @throws {TransportError} when no answer came; `AbortError` when the signal fired.
   */
  request(request: TransportRequest): Promise<TransportResponse>;
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
   * Connections to one origin; further requests queue. Default 16: more than a local server has slots, since a request
   * that waits for a slot holds a connection and health checks must get past it.
   */
  readonly connectionsPerOrigin?: number;
};

const parseUrl = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new TransportError("protocol", "Only http and https addresses can be asked");
  }
  return url;
};

/** Makes a client without connections. The caller closes it. */
export const createTransportClient = ({ clock, log, connectionsPerOrigin = 16 }: TransportOptions): TransportClient => {
  const counters: TransportCounters = { requests: 0, opened: 0, reused: 0, openNow: 0 };
  const pools = new Map<string, Pool>();
  const running = new Set<Exchange>();
  let isClosed = false;

  const poolOf = (origin: string): Pool => {
    const known = pools.get(origin);
    if (known) return known;
    const pool = createPool(origin, connectionsPerOrigin, counters);
    pools.set(origin, pool);
    return pool;
  };

  return {
    async request(request) {
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
    },
    counters: () => ({ ...counters }),
    async close() {
      isClosed = true;
      for (const exchange of running) exchange.stop(new TransportError("disposed", "The client was closed"));
      await Promise.all([...pools.values()].map((pool) => pool.close()));
      pools.clear();
    },
  };
};

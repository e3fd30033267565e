import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import type { Log } from "../base/log.ts";
import type { Span } from "../metrics/spans.ts";
import { createBody, readExcerpt, readText } from "./body.ts";
import type { TransportRequest, TransportResponse } from "./client.ts";
import { toAbortError, toTransportError, TransportError, type TransportErrorKind } from "./errors.ts";
import type { Pool, TransportCounters } from "./pool.ts";
import type { Connection, Flow } from "./undici.ts";

const defaultConnectMs = 10_000;
const defaultFirstByteMs = 120_000;
const defaultIdleMs = 60_000;

/** An error's body is kept up to here whether somebody reads it or not, so that it never holds a connection. */
const errorBodyMaxBytes = 64 * 1024;
const restMaxBytes = 64 * 1024;
const restMaxMs = 1_000;

/** One request on its way, from the queue to the end of its body. */
export type Exchange = {
  readonly response: Promise<TransportResponse>;
  /** Ends it at once with this error. */
  stop(error: Error): void;
};

type ExchangeOptions = {
  readonly request: TransportRequest;
  readonly origin: string;
  readonly path: string;
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: TransportCounters;
  /** Holds this exchange while it has a socket or a timer. */
  readonly running: Set<Exchange>;
};

/** Starts at once. Needs no disposal: it ends with its body, its deadlines, its signal or `stop`. */
export const startExchange = (options: ExchangeOptions): Exchange => {
  const { request, origin, pool, clock, log, counters } = options;
  const { signal, span, holdFirstByte, deadlines = {} } = request;

  let isDone = false;
  let hasHead = false;
  let hasBytes = false;
  let isFinishing = false;
  let madeConnection = false;
  let connection: Connection | undefined;
  let queued: Disposable | undefined;
  let phaseTimer: Disposable | undefined;
  let totalTimer: Disposable | undefined;
  let phaseSpan: Span | undefined;
  let lastByteMs = 0;
  let restBytes = 0;
  let errorBytes = 0;

  const { promise, resolve, reject } = Promise.withResolvers<TransportResponse>();
  const body = createBody({
    onLeave() {
      if (!isDone && !isFinishing) stop(new TransportError("closed", "The reader left"));
    },
    onResume() {
      lastByteMs = clock.nowMs();
    },
    signal,
  });

  const enter = (name: "queue" | "connect" | "wait" | "body"): void => {
    phaseSpan?.end();
    phaseSpan = span?.child(name);
  };

  const settle = (): void => {
    isDone = true;
    queued?.dispose();
    phaseTimer?.dispose();
    totalTimer?.dispose();
    phaseSpan?.end();
    signal?.removeEventListener("abort", onAbort);
    options.running.delete(exchange);
  };

  /** Ends the exchange with an error, and its connection with it. */
  const stop = (error: Error, { dropUnread = true } = {}): void => {
    if (isDone) return;
    settle();
    if (connection) pool.discard(connection);
    reject(error);
    if (dropUnread) body.abort(error);
    else body.fail(error);
  };

  const onAbort = (): void => {
    stop(toAbortError(signal?.reason));
  };

  const setDeadline = (delayMs: number, kind: TransportErrorKind, text: string): void => {
    phaseTimer?.dispose();
    phaseTimer = undefined;
    if (delayMs <= 0) return;
    phaseTimer = clock.after(delayMs, () => {
      stop(new TransportError(kind, `${origin} ${text} within ${delayMs} ms`));
    });
  };

  const awaitFirstByte = (): void => {
    const delayMs = deadlines.firstByteMs ?? defaultFirstByteMs;
    phaseTimer?.dispose();
    phaseTimer = undefined;
    if (delayMs <= 0) return;
    phaseTimer = clock.after(delayMs, () => void holdOrStop(delayMs));
  };

  const holdOrStop = async (delayMs: number): Promise<void> => {
    let isHeld = false;
    try {
      isHeld = (await holdFirstByte?.()) ?? false;
    } catch {
      // The server does not even say what it is doing.
    }
    if (isDone || hasBytes || isFinishing) return;
    if (isHeld) awaitFirstByte();
    else stop(new TransportError("first-byte-timeout", `${origin} sent no answer within ${delayMs} ms`));
  };

  // One timer that looks at the last byte's time: setting a new one for each token would cost more than the token.
  const awaitNextByte = (delayMs: number): void => {
    const idleMs = deadlines.idleMs ?? defaultIdleMs;
    phaseTimer?.dispose();
    phaseTimer = undefined;
    if (idleMs <= 0) return;
    phaseTimer = clock.after(delayMs, () => {
      const quietMs = body.isPaused() ? 0 : clock.nowMs() - lastByteMs;
      if (quietMs < idleMs) awaitNextByte(idleMs - quietMs);
      else stop(new TransportError("idle-timeout", `${origin} fell silent for ${idleMs} ms`), { dropUnread: false });
    });
  };

  const complete = (): void => {
    if (isDone) return;
    const free = connection;
    connection = undefined;
    settle();
    if (free) pool.release(free);
    body.end();
  };

  const finish = (): void => {
    if (isDone || isFinishing) return;
    if (body.isPaused()) {
      stop(new TransportError("closed", "The rest was too long"));
      return;
    }
    isFinishing = true;
    // A caller that has all it needs often cancels next; that must not cost the connection.
    signal?.removeEventListener("abort", onAbort);
    phaseTimer?.dispose();
    phaseTimer = clock.after(restMaxMs, () => stop(new TransportError("closed", "The rest was not waited for")));
  };

  const response = (status: number, headers: Readonly<Record<string, string>>): TransportResponse => ({
    status,
    headers,
    body: { [Symbol.asyncIterator]: () => body.stream() },
    text: (maxBytes) => readText(body.stream(), maxBytes),
    async json(maxBytes) {
      const text = await readText(body.stream(), maxBytes);
      try {
        return JSON.parse(text) as unknown;
      } catch (error) {
        throw new TransportError("protocol", `${origin} answered with something that is not JSON`, { cause: error });
      }
    },
    excerpt: (maxBytes) => readExcerpt(body.stream(), maxBytes),
    discard: () => stop(new TransportError("closed", "The answer was discarded")),
    finish,
  });

  const onHead = (status: number, headers: Readonly<Record<string, string>>): void => {
    hasHead = true;
    enter("body");
    if (status >= 300 && status < 400) {
      stop(new TransportError("redirect", `${origin} answered with a redirect (${status}), which is never followed`));
      return;
    }
    if (status >= 400) errorBytes = errorBodyMaxBytes;
    // Some servers send the head at once and evaluate the prompt then, so the first byte that counts is the body's.
    awaitFirstByte();
    resolve(response(status, headers));
  };

  const onChunk = (chunk: Uint8Array, flow: Flow): void => {
    lastByteMs = clock.nowMs();
    if (!hasBytes && !isFinishing) {
      hasBytes = true;
      awaitNextByte(deadlines.idleMs ?? defaultIdleMs);
    }
    if (isFinishing) {
      restBytes += chunk.byteLength;
      if (restBytes > restMaxBytes) stop(new TransportError("closed", "The rest was too long"));
      return;
    }
    if (errorBytes === 0) {
      body.push(chunk, flow);
      return;
    }
    const room = errorBytes;
    body.push(chunk.subarray(0, room), flow);
    errorBytes -= chunk.byteLength;
    if (errorBytes > 0) return;
    // Nobody needs more of an error than this; ending it here frees the connection's place.
    settle();
    if (connection) pool.discard(connection);
    body.end();
  };

  const onFailed = (error: unknown): void => {
    if (isDone) return;
    const failure = toTransportError(error, origin);
    const isStale = !hasHead && !madeConnection && (failure.kind === "reset" || failure.kind === "closed");
    if (isStale && connection) {
      // The server closed a kept-alive socket just as the request was written to it. No byte came back, so it is sent
      // once more, on a new connection, where this cannot happen again.
      log.debug(`A kept-alive connection to ${origin} was gone; sending once more`);
      pool.discard(connection);
      connection = undefined;
      dispatch(true);
      return;
    }
    stop(failure, { dropUnread: false });
  };

  const dispatch = (fresh: boolean): void => {
    phaseTimer?.dispose();
    let isTaken = false;
    queued = pool.acquire(fresh, (taken) => {
      isTaken = true;
      connection = taken;
      madeConnection = false;
      taken.send(
        { method: request.method, path: options.path, headers: request.headers ?? {}, body: request.body },
        {
          connecting() {
            if (isDone) return;
            madeConnection = true;
            enter("connect");
            setDeadline(deadlines.connectMs ?? defaultConnectMs, "connect-timeout", "accepted no connection");
          },
          connected() {
            if (!isDone) phaseSpan?.end();
          },
          sent() {
            if (isDone) return;
            counters.requests++;
            if (!madeConnection) counters.reused++;
            enter("wait");
            awaitFirstByte();
          },
          head: (status, headers) => {
            if (!isDone) onHead(status, headers);
          },
          chunk: (bytes, flow) => {
            if (!isDone) onChunk(bytes, flow);
          },
          ended: complete,
          failed: onFailed,
        },
      );
    });
    if (!isTaken) enter("queue");
  };

  const totalMs = deadlines.totalMs ?? 0;
  if (totalMs > 0) {
    totalTimer = clock.after(totalMs, () => {
      stop(new TransportError("total-timeout", `${origin} did not finish within ${totalMs} ms`), { dropUnread: false });
    });
  }
  signal?.addEventListener("abort", onAbort, { once: true });
  const exchange: Exchange = { response: promise, stop };
  options.running.add(exchange);
  dispatch(false);
  return exchange;
};

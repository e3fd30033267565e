import { toAbortError } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import type { Log } from "../base/log.ts";
import type { Span } from "../metrics/spans.ts";
import { createBody, readExcerpt, readText } from "./body.ts";
import type { TransportRequest, TransportResponse } from "./client.ts";
import type { Flow, WireHandler } from "./connection.ts";
import { createDeadlines } from "./deadlines.ts";
import { createDecoder, type Decoder } from "./decode.ts";
import { toTransportError, TransportError } from "./errors.ts";
import type { Lease, Pool, TransportCounters } from "./pool.ts";
import { redirectTarget } from "./redirect.ts";

/** An error's body is kept up to here whether somebody reads it or not, so that it never holds a connection. */
const errorBodyMaxBytes = 64 * 1024;
const restMaxBytes = 64 * 1024;
const restMaxMs = 1_000;

/** A kept-alive socket that was gone tells so within a round trip; a later fault means that the server was at work. */
const staleWithinMs = 1_000;

/** One request on its way, from the queue to the end of its body. */
export type Exchange = {
  readonly response: Promise<TransportResponse>;
  /** Ends it at once with this error. */
  stop(error: Error): void;
};

type Phase = "queue" | "connect" | "wait" | "body";

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
  const { signal, span } = request;

  let isDone = false;
  let hasHead = false;
  let hasBytes = false;
  let isFinishing = false;
  let hasResent = false;
  let lease: Lease | undefined;
  let queued: Disposable | undefined;
  let phase: Phase | undefined;
  let phaseSpan: Span | undefined;
  let decoder: Decoder | undefined;
  let path = options.path;
  let redirects = 0;
  let redirectPath: string | undefined;
  let sentMs = 0;
  let restBytes = 0;
  let errorBytes = 0;

  // Compressing a stream would hold its tokens back.
  const sentHeaders = { "accept-encoding": "identity", ...request.headers };
  const { promise, resolve, reject } = Promise.withResolvers<TransportResponse>();
  const body = createBody({
    onLeave() {
      decoder?.destroy();
      if (!isDone && !isFinishing) stop(new TransportError("closed", "The reader left"));
    },
    onResume: () => deadlines.heard(),
    signal,
  });
  const deadlines = createDeadlines({
    ...request,
    clock,
    origin,
    isWaiting: () => !isDone && !hasBytes && !isFinishing,
    isPaused: () => body.isPaused(),
    onMissed: (error, hasText) => stop(error, { dropUnread: !hasText }),
  });

  const enter = (name: Phase): void => {
    phase = name;
    phaseSpan?.end();
    phaseSpan = span?.child(name);
  };

  const settle = (): void => {
    isDone = true;
    queued?.dispose();
    deadlines.dispose();
    phaseSpan?.end();
    signal?.removeEventListener("abort", onAbort);
    options.running.delete(exchange);
  };

  /** Ends the exchange with an error, and its connection with it. */
  const stop = (error: Error, { dropUnread = true } = {}): void => {
    if (isDone) return;
    settle();
    lease?.cancel();
    decoder?.destroy();
    reject(error);
    if (dropUnread) body.abort(error);
    else body.fail(error);
  };

  const onAbort = (): void => {
    stop(toAbortError(signal?.reason));
  };

  const complete = (): void => {
    if (isDone) return;
    lease?.release();
    if (redirectPath !== undefined) {
      path = redirectPath;
      hasResent = false;
      // Not from inside the parser that has just told of the end.
      queueMicrotask(() => {
        if (!isDone) dispatch(false);
      });
      return;
    }
    settle();
    if (decoder && !isFinishing) decoder.end();
    else body.end();
  };

  const finish = (): void => {
    if (isDone || isFinishing) return;
    if (body.isPaused()) {
      stop(new TransportError("closed", "The rest was too long"));
      return;
    }
    isFinishing = true;
    decoder?.destroy();
    // A caller that has all it needs often cancels next; that must not cost the connection.
    signal?.removeEventListener("abort", onAbort);
    deadlines.awaitRest(restMaxMs, () => stop(new TransportError("closed", "The rest was not waited for")));
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
    pool.answered(headers);
    if (status >= 300 && status < 400) {
      const { method } = request;
      redirectPath = redirectTarget({
        method,
        origin,
        path,
        status,
        location: headers["location"],
        followed: redirects,
      });
      redirects++;
      if (redirectPath === undefined) {
        stop(
          new TransportError("redirect", `${origin} answered with a redirect (${status}) that must not be followed`),
        );
      }
      return;
    }
    hasHead = true;
    enter("body");
    if (status >= 400) errorBytes = errorBodyMaxBytes;
    const encoding = headers["content-encoding"];
    if (encoding !== undefined && encoding !== "identity") {
      decoder = createDecoder(encoding, {
        chunk: deliver,
        ended: () => body.end(),
        failed: (error) => {
          const failure = new TransportError("protocol", `${origin} sent what cannot be decoded`, { cause: error });
          if (isDone) body.fail(failure);
          else stop(failure, { dropUnread: false });
        },
      });
    }
    // Some servers send the head at once and evaluate the prompt then, so the first byte that counts is the body's.
    deadlines.awaitFirstByte();
    resolve(response(status, headers));
  };

  /** Takes a piece of the body, decoded. */
  const deliver = (chunk: Uint8Array, flow: Flow): void => {
    if (errorBytes === 0) {
      body.push(chunk, flow);
      return;
    }
    const room = errorBytes;
    body.push(chunk.subarray(0, room), flow);
    errorBytes -= chunk.byteLength;
    if (errorBytes > 0) return;
    // Nobody needs more of an error than this; ending it here frees the connection's place.
    if (!isDone) {
      settle();
      lease?.cancel();
    }
    decoder?.destroy();
    body.end();
  };

  const onChunk = (chunk: Uint8Array, flow: Flow): void => {
    deadlines.heard();
    if (redirectPath !== undefined) {
      restBytes += chunk.byteLength;
      if (restBytes > restMaxBytes) stop(new TransportError("redirect", `${origin} redirects with too long a page`));
      return;
    }
    if (!hasBytes && !isFinishing) {
      hasBytes = true;
      deadlines.awaitNextByte();
    }
    if (isFinishing) {
      restBytes += chunk.byteLength;
      if (restBytes > restMaxBytes) stop(new TransportError("closed", "The rest was too long"));
      return;
    }
    if (decoder) decoder.write(chunk, flow);
    else deliver(chunk, flow);
  };

  const onFailed = (error: unknown, wasProcessed?: boolean): void => {
    if (isDone) return;
    const failure = toTransportError(error, origin);
    // The server closed a kept-alive socket just as the request was written to it: no byte came back, and at once.
    const isStale =
      wasProcessed === undefined &&
      lease?.isFresh === false &&
      (failure.kind === "reset" || failure.kind === "closed") &&
      clock.nowMs() - sentMs <= staleWithinMs;
    if (hasHead || hasResent || (wasProcessed !== false && !isStale)) {
      const { kind, message, cause } = failure;
      stop(hasResent ? new TransportError(kind, message, { cause, wasResent: true }) : failure, { dropUnread: false });
      return;
    }
    log.debug(`${origin} did not take a request; sending once more`);
    hasResent = true;
    lease?.cancel();
    dispatch(isStale);
  };

  const dispatch = (isFresh: boolean): void => {
    deadlines.endPhase();
    phase = undefined;
    lease = undefined;
    redirectPath = undefined;
    restBytes = 0;
    queued = pool.acquire({
      isFresh,
      connecting() {
        if (phase === "connect") return;
        enter("connect");
        deadlines.awaitConnection();
      },
      ready(taken) {
        lease = taken;
        taken.send({ method: request.method, path, headers: sentHeaders, body: request.body }, handler);
      },
      failed: (error) => stop(toTransportError(error, origin), { dropUnread: false }),
    });
    if (!lease && phase === undefined && !isDone) enter("queue");
  };

  const handler: WireHandler = {
    sent() {
      if (isDone) return;
      counters.requests++;
      if (lease?.isFresh === false) counters.reused++;
      sentMs = clock.nowMs();
      enter("wait");
      deadlines.awaitFirstByte();
    },
    head(status, fields) {
      if (!isDone) onHead(status, fields);
    },
    chunk(bytes, flow) {
      if (!isDone) onChunk(bytes, flow);
    },
    ended: complete,
    failed: onFailed,
  };

  deadlines.awaitEnd();
  signal?.addEventListener("abort", onAbort, { once: true });
  const exchange: Exchange = { response: promise, stop };
  options.running.add(exchange);
  dispatch(false);
  return exchange;
};

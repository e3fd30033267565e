import { isAbortError } from "../base/abort.ts";
import type { TransportResponse } from "../transport/client.ts";
import { toAbortError } from "../transport/errors.ts";
import { readServerSentEvents } from "../transport/sse.ts";
import { parseBaseUrl } from "./baseUrl.ts";
import { errorFromAnswer, errorInPayload, excerptOf, fromTransport } from "./errors.ts";
import { ProviderError } from "./provider.ts";
import type { CallOptions, ProviderOptions, ProviderServices, StreamPart, Usage } from "./provider.ts";
import { createStopCutter } from "./stopCutter.ts";

const jsonMaxBytes = 16 * 1024 * 1024;
const excerptMaxBytes = 64 * 1024;
/** How long a server may take for a question that decides what to do next. */
const probeMs = 5_000;
/** How long it may take to describe itself: a busy llama.cpp answers between two batches. */
const questionMs = 30_000;
/** llama.cpp answers within milliseconds while it loads; more often would only add noise to its log. */
const loadPollMs = 250;
const defaultLoadMs = 600_000;
/** Ghost text that comes later is of no use; a long chat on a slow machine is, and its user can cancel it. */
const defaultFirstByteMs = { completion: 120_000, chat: 600_000 };

/** Understands the events of one streamed answer. One is made for each request. */
export type StreamReader = {
  /** Takes one event's payload and gives the text in it, "" if there is none. */
  read(payload: unknown): string;
  /** How the answer ended; undefined while it has not. `isMarked`: the stream said `[DONE]`. */
  result(isMarked: boolean): { readonly reason: "stop" | "length" | "other"; readonly usage: Usage } | undefined;
  /** True when nothing more can come, `[DONE]` or not. */
  isComplete(): boolean;
};

/** What one streamed answer needs beside its route and its body. */
export type StreamOptions = {
  readonly reader: StreamReader;
  /** Texts that end the answer, cut here whatever the server does with them. */
  readonly stop: readonly string[];
  readonly use: "completion" | "chat";
  /** Whether the server is known to be busy when no first byte comes. */
  readonly isBusy?: () => Promise<boolean>;
};

/** What the wire formats share: addresses, keys, errors, waiting for a loading model, reading streams. */
export type Wire = {
  readonly origin: string;
  /** GETs JSON under the server's address, waiting for a loading model. @throws {ProviderError} */
  getJson(path: string, call: CallOptions): Promise<unknown>;
  /**
   * GETs and reads only the beginning, without waiting for a loading model. `path` may be a whole URL on this origin.
   * @throws {ProviderError} when no answer came.
   */
  probe(path: string, call: CallOptions): Promise<{ readonly status: number; readonly text: string }>;
  /** POSTs and yields the answer's parts. @throws {ProviderError} */
  stream(path: string, payload: object, call: CallOptions, options: StreamOptions): AsyncGenerator<StreamPart>;
};

/** Waits by the program's clock. @throws `AbortError` at once when the signal fires. */
export const pause = (services: ProviderServices, delayMs: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const onAbort = (): void => {
      timer.dispose();
      reject(toAbortError(signal?.reason));
    };
    const timer = services.clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
  });

/**
 * Makes the shared part for one server.
 * @throws {ProviderError} kind "bad-request" for an address that cannot be used.
 */
export const createWire = (baseUrl: string, options: ProviderOptions, services: ProviderServices): Wire => {
  const base = parseBaseUrl(baseUrl);
  const { transport, clock, log } = services;
  const loadMs = options.loadMs ?? defaultLoadMs;

  const headersFor = async (call: CallOptions, hasBody: boolean): Promise<Record<string, string>> => {
    const headers: Record<string, string> = { accept: hasBody ? "text/event-stream" : "application/json" };
    if (hasBody) headers["content-type"] = "application/json";
    const key = (await options.apiKey?.())?.trim();
    if (call.signal?.aborted) throw toAbortError(call.signal.reason);
    if (!key) return headers;
    if (!base.acceptsKey) {
      throw new ProviderError(
        "bad-request",
        `A key is not sent to ${base.origin}: without https it could be read on the way`,
      );
    }
    headers["authorization"] = `Bearer ${key}`;
    return headers;
  };

  const ask = async (url: string, call: CallOptions, firstByteMs: number): Promise<TransportResponse> => {
    const headers = await headersFor(call, false);
    try {
      return await transport.request({
        method: "GET",
        url,
        headers,
        deadlines: { firstByteMs, totalMs: firstByteMs * 2 },
        ...(call.signal ? { signal: call.signal } : {}),
      });
    } catch (error) {
      throw fromTransport(error);
    }
  };

  const failure = async (response: TransportResponse): Promise<ProviderError> => {
    const { status, headers } = response;
    // The head says what went wrong even when the body breaks off.
    const text = await response.excerpt(excerptMaxBytes).catch(() => "");
    return errorFromAnswer({ status, headers, text }, clock.dateMs());
  };

  /** Sends until the server does not answer that it is loading. */
  const untilLoaded = async (call: CallOptions, send: () => Promise<TransportResponse>): Promise<TransportResponse> => {
    const startMs = clock.nowMs();
    for (;;) {
      const response = await send();
      if (response.status < 400) return response;
      const error = await failure(response);
      if (call.signal?.aborted) throw toAbortError(call.signal.reason);
      if (error.kind !== "loading" || clock.nowMs() - startMs >= loadMs) throw error;
      log.info(`${base.origin} is loading its model; waiting`);
      let isLoading = true;
      while (isLoading) {
        await pause(services, loadPollMs, call.signal);
        if (clock.nowMs() - startMs >= loadMs) throw error;
        const health = await ask(`${base.href}/health`, call, probeMs);
        isLoading = health.status === 503;
        health.finish();
      }
    }
  };

  const send = async (
    path: string,
    body: string,
    call: CallOptions,
    { use, isBusy }: StreamOptions,
  ): Promise<TransportResponse> => {
    const headers = await headersFor(call, true);
    try {
      return await transport.request({
        method: "POST",
        url: base.href + path,
        headers,
        body,
        deadlines: { firstByteMs: options.firstByteMs ?? defaultFirstByteMs[use] },
        ...(isBusy ? { holdFirstByte: isBusy } : {}),
        ...(call.signal ? { signal: call.signal } : {}),
        ...(call.span ? { span: call.span } : {}),
      });
    } catch (error) {
      throw fromTransport(error);
    }
  };

  const checkStream = async (response: TransportResponse): Promise<void> => {
    const { status, headers } = response;
    const type = headers["content-type"] ?? "";
    if (type === "" || type.includes("text/event-stream")) return;
    const text = await response.excerpt(excerptMaxBytes).catch(() => "");
    throw errorFromAnswer({ status, headers, text }, clock.dateMs());
  };

  return {
    origin: base.origin,

    async getJson(path, call) {
      const response = await untilLoaded(call, () => ask(base.href + path, call, questionMs));
      let value: unknown;
      try {
        value = await response.json(jsonMaxBytes);
      } catch (error) {
        throw fromTransport(error, true);
      }
      const error = errorInPayload(value);
      if (error) throw error;
      return value;
    },

    async probe(path, call) {
      const response = await ask(path.startsWith("/") ? base.href + path : path, call, probeMs);
      try {
        return { status: response.status, text: await response.excerpt(excerptMaxBytes) };
      } catch (error) {
        throw fromTransport(error, true);
      }
    },

    async *stream(path, payload, call, streamOptions) {
      const { reader, stop } = streamOptions;
      const body = JSON.stringify(payload);
      const response = await untilLoaded(call, () => send(path, body, call, streamOptions));
      await checkStream(response);
      const cutter = createStopCutter(stop);
      let isMarked = false;
      let fault: Error | undefined;
      try {
        for await (const { event, data } of readServerSentEvents(response.body)) {
          if (data === "[DONE]") {
            isMarked = true;
          } else {
            const text = cutter.push(reader.read(parsePayload(data, event)));
            if (text !== "") yield { type: "text", text };
            if (cutter.isCut()) break;
          }
          if (isMarked || reader.isComplete()) {
            response.finish();
            break;
          }
        }
      } catch (error) {
        fault = toError(fromTransport(error, true));
      }
      // A cancelled consumer gets nothing more; any other keeps all that came.
      if (fault && isAbortError(fault)) throw fault;
      const tail = cutter.flush();
      if (tail !== "") yield { type: "text", text: tail };
      if (cutter.isCut()) {
        yield { type: "end", reason: "stop", usage: reader.result(true)?.usage ?? {} };
        return;
      }
      const result = reader.result(isMarked);
      // A connection that breaks after the answer has said that it is complete has lost nothing.
      const isOnlyBroken = fault instanceof ProviderError && fault.kind === "truncated";
      if (fault && !(result && isOnlyBroken)) throw fault;
      if (!result) throw new ProviderError("truncated", "The answer ended before it was complete");
      yield { type: "end", ...result };
    },
  };
};

const toError = (error: unknown): Error =>
  error instanceof Error ? error : new ProviderError("bad-response", "An answer could not be read", { cause: error });

const parsePayload = (data: string, event: string | undefined): unknown => {
  let payload: unknown;
  try {
    payload = JSON.parse(data);
  } catch (error) {
    throw new ProviderError("bad-response", `An event is not JSON: ${excerptOf(data)}`, { cause: error });
  }
  const error = errorInPayload(payload) ?? (event === "error" ? errorInPayload({ error: payload }) : undefined);
  if (error) throw error;
  return payload;
};

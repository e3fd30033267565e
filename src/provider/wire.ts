import { isAbortError, toAbortError } from "../base/abort.ts";
import { pause } from "../base/wait.ts";
import { parseBaseUrl } from "./baseUrl.ts";
import { createCleaner, faultIn, type Clean } from "./cleaner.ts";
import { fromTransport, type FailedAnswer } from "./errors.ts";
import { asObject, asText } from "./json.ts";
import { ProviderError } from "./provider.ts";
import type { CallOptions, ProviderOptions, ProviderServices, StreamPart } from "./provider.ts";
import { readStream, type OpenAnswer } from "./readStream.ts";
import { openAiFormat, type StreamReader, type WireFormat } from "./wireFormat.ts";

const jsonMaxBytes = 16 * 1024 * 1024;
const excerptMaxBytes = 64 * 1024;
/** How long a server may take for a question that decides what to do next, in milliseconds. */
export const probeMs = 5_000;
/** How long it may take to describe itself: a busy llama.cpp answers between two batches. */
const questionMs = 30_000;
/** llama.cpp answers within milliseconds while it loads; more often would only add noise to its log. */
const loadPollMs = 250;
/** How long a server that reads its model is waited for, unless the settings say otherwise. */
export const defaultLoadMs = 600_000;
/** Ghost text that comes later is of no use; a long chat on a slow machine is, and its user can cancel it. */
const defaultFirstByteMs = { completion: 120_000, chat: 600_000 };

/** What one streamed answer needs beside its route and its body. */
export type StreamOptions = {
  readonly reader: StreamReader;
  /** Texts that end the answer, cut here whatever the server does with them. */
  readonly stop: readonly string[];
  readonly use: "completion" | "chat";
  /** Whether the server is known to be busy when no first byte comes. */
  readonly isBusy?: () => Promise<boolean>;
  /** Gets the headers of the answer that is streamed. */
  readonly onHead?: (headers: Readonly<Record<string, string>>) => void;
};

/** What the wire formats share: addresses, keys, errors, waiting for a loading model, reading streams. */
export type Wire = {
  readonly origin: string;
  /**
   * GETs JSON under the server's address, waiting for a loading model. The first byte may take `firstByteMs`, by
   * default 30 s.
   * @throws {ProviderError}
   */
  getJson(path: string, call: CallOptions, firstByteMs?: number): Promise<unknown>;
  /** POSTs a question or an order, as `getJson` asks one. @throws {ProviderError} */
  postJson(path: string, payload: object, call: CallOptions, firstByteMs?: number): Promise<unknown>;
  /**
   * GETs without waiting for a loading model, whatever the status. `path` may be a whole URL on this origin.
   * @throws {ProviderError} when no answer came.
   */
  probe(path: string, call: CallOptions): Promise<{ readonly status: number; readonly text: string }>;
  /** POSTs and yields the answer's parts. @throws {ProviderError} */
  stream(path: string, payload: object, call: CallOptions, options: StreamOptions): AsyncGenerator<StreamPart>;
};

/** Callers at the same time get the answer to one question. */
const shareRunning = (ask: () => Promise<boolean>): (() => Promise<boolean>) => {
  let running: Promise<boolean> | undefined;
  return () => {
    running ??= ask().finally(() => {
      running = undefined;
    });
    return running;
  };
};

const cleanerFor = ({ authorization = "" }: Readonly<Record<string, string>>): Clean =>
  createCleaner(authorization.slice("Bearer ".length));

/**
 * Makes the shared part for one server.
 * @throws {ProviderError} kind "bad-request" for an address that cannot be used.
 */
export const createWire = (
  baseUrl: string,
  options: ProviderOptions,
  services: ProviderServices,
  format: WireFormat = openAiFormat,
): Wire => {
  const base = parseBaseUrl(baseUrl);
  const { transport, clock, log } = services;
  const { framing, healthPath } = format;
  const loadMs = options.loadMs ?? defaultLoadMs;

  const readKey = async (): Promise<string> => {
    try {
      return (await options.apiKey?.())?.trim() ?? "";
    } catch (error) {
      if (error instanceof ProviderError || (error instanceof Error && isAbortError(error))) throw error;
      throw new ProviderError("unauthorized", `The key for ${base.origin} could not be read`, { cause: error });
    }
  };

  const headersFor = async (call: CallOptions, accept: string): Promise<Record<string, string>> => {
    const headers: Record<string, string> = { accept, ...format.headers };
    const key = await readKey();
    if (call.signal?.aborted) throw toAbortError(call.signal.reason);
    if (key === "") return headers;
    if (!base.acceptsKey) {
      throw new ProviderError(
        "bad-request",
        `A key is not sent to ${base.origin}: without https it could be read on the way`,
      );
    }
    headers["authorization"] = `Bearer ${key}`;
    return headers;
  };

  const faultOf = (answer: FailedAnswer, clean: Clean): ProviderError =>
    format.fault({ ...answer, text: clean(answer.text) }, clock.dateMs());

  const ask = async (path: string, call: CallOptions, firstByteMs: number) => {
    const headers = await headersFor(call, "application/json");
    try {
      const answer = await transport.getText(
        {
          url: path.startsWith("/") ? base.href + path : path,
          headers,
          deadlines: { firstByteMs, totalMs: firstByteMs * 2 },
          ...(call.signal ? { signal: call.signal } : {}),
        },
        jsonMaxBytes,
      );
      return { ...answer, clean: cleanerFor(headers) };
    } catch (error) {
      throw fromTransport(error);
    }
  };

  const post = async (
    path: string,
    payload: object,
    call: CallOptions,
    accept: string,
    more: { readonly firstByteMs: number; readonly totalMs?: number; readonly holdFirstByte?: () => Promise<boolean> },
  ): Promise<OpenAnswer> => {
    const { holdFirstByte, ...deadlines } = more;
    const headers = await headersFor(call, accept);
    headers["content-type"] = "application/json";
    const clean = cleanerFor(headers);
    let response: OpenAnswer["response"];
    try {
      response = await transport.request({
        method: "POST",
        url: base.href + path,
        headers,
        body: JSON.stringify(payload),
        deadlines,
        ...(holdFirstByte ? { holdFirstByte } : {}),
        ...(call.signal ? { signal: call.signal } : {}),
        ...(call.span ? { span: call.span } : {}),
      });
    } catch (error) {
      throw fromTransport(error);
    }
    const type = response.headers["content-type"] ?? "";
    const isWanted = type === "" || accept.split(", ").some((wanted) => type.includes(wanted));
    if (response.status < 400 && isWanted) return { response, clean };
    // The head says what went wrong even when the body breaks off.
    const text = await response.excerpt(excerptMaxBytes).catch(() => "");
    if (call.signal?.aborted) throw toAbortError(call.signal.reason);
    const { status } = response;
    throw faultOf({ status, headers: response.headers, text }, clean);
  };

  /** Tries again until the server does not answer that it is loading. */
  const untilLoaded = async <T>(call: CallOptions, attempt: () => Promise<T>): Promise<T> => {
    const startMs = clock.nowMs();
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        const isLoading = error instanceof ProviderError && error.kind === "loading";
        if (!isLoading || healthPath === undefined || clock.nowMs() - startMs >= loadMs) throw error;
        log.info(`${base.origin} is loading its model; waiting`);
        do {
          await pause(clock, loadPollMs, call.signal);
          if (clock.nowMs() - startMs >= loadMs) throw error;
        } while ((await ask(healthPath, call, probeMs)).status === 503);
      }
    }
  };

  const parseAnswer = (answer: FailedAnswer, clean: Clean): unknown => {
    let value: unknown;
    try {
      value = JSON.parse(answer.text);
    } catch {
      throw faultOf(answer, clean);
    }
    const error = faultIn(format, value, clean);
    if (error) throw error;
    return value;
  };

  return {
    origin: base.origin,

    getJson: (path, call, firstByteMs = questionMs) =>
      untilLoaded(call, async () => {
        const { clean, ...answer } = await ask(path, call, firstByteMs);
        if (answer.status >= 400) throw faultOf(answer, clean);
        return parseAnswer(answer, clean);
      }),

    postJson: (path, payload, call, firstByteMs = questionMs) =>
      untilLoaded(call, async () => {
        const deadlines = { firstByteMs, totalMs: firstByteMs * 2 };
        const { response, clean } = await post(path, payload, call, "application/json", deadlines);
        const text = await response.text(jsonMaxBytes).catch((error: unknown) => {
          throw fromTransport(error, true);
        });
        return parseAnswer({ status: response.status, headers: response.headers, text }, clean);
      }),

    async probe(path, call) {
      const { status, text } = await ask(path, call, probeMs);
      return { status, text };
    },

    stream(path, payload, call, { reader, stop, use, isBusy, onHead }) {
      const firstByteMs = options.firstByteMs ?? defaultFirstByteMs[use];
      const holdFirstByte = isBusy && shareRunning(isBusy);
      const deadlines = { firstByteMs, ...(holdFirstByte ? { holdFirstByte } : {}) };
      const open = () => untilLoaded(call, () => post(path, payload, call, framing.accept, deadlines));
      const asked = asText(asObject(payload)["model"]);
      return readStream(
        { open, format, reader, stop, firstByteMs, isBusy: holdFirstByte, origin: base.origin, asked, onHead },
        clock,
      );
    },
  };
};

import type { Clock } from "../base/clock.ts";
import type { TransportClient, TransportResponse } from "../transport/client.ts";
import { toAbortError } from "../transport/errors.ts";
import type { ServerSentEvent } from "../transport/sse.ts";
import type { FailedAnswer } from "./errors.ts";
import type { ProviderError } from "./provider.ts";

const excerptMaxBytes = 64 * 1024;

/** Where a server leaves what `wire.ts` expects. */
export type Dialect = {
  /** Go with every request; lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Content types of a streamed answer. */
  readonly streamTypes: readonly string[];
  /** The events of a streamed answer. @throws {ProviderError} for one that reports a fault. */
  events(bytes: AsyncIterable<Uint8Array>): AsyncIterable<ServerSentEvent>;
  /** What an error answer means, or one that is no stream where one was asked for. */
  fault(answer: FailedAnswer, nowDateMs: number): ProviderError;
};

const encodeEvents = async function* (events: AsyncIterable<ServerSentEvent>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for await (const { event, data } of events) {
    const name = event === undefined ? "" : `event: ${event}\n`;
    yield encoder.encode(`${name}data: ${data.replaceAll(/\r\n?|\n/g, "\ndata: ")}\n\n`);
  }
};

/**
 * A transport that speaks a server's dialect, so that `wire.ts` (keys, deadlines, stop texts, broken streams) serves it
 * as it is: the answers to POST come out as server-sent events, and error answers are thrown as {@link ProviderError}.
 */
export const speakDialect = (transport: TransportClient, dialect: Dialect, clock: Clock): TransportClient => ({
  ...transport,
  async request(request) {
    const headers = { ...request.headers, ...dialect.headers };
    const response: TransportResponse = await transport.request({ ...request, headers });
    const type = response.headers["content-type"] ?? "";
    const isStream = type === "" || dialect.streamTypes.some((known) => type.includes(known));
    if (response.status >= 400 || (request.method === "POST" && !isStream)) {
      // The head says what went wrong even when the body breaks off.
      const text = await response.excerpt(excerptMaxBytes).catch(() => "");
      if (request.signal?.aborted) throw toAbortError(request.signal.reason);
      throw dialect.fault({ status: response.status, headers: response.headers, text }, clock.dateMs());
    }
    if (request.method !== "POST") return response;
    return {
      ...response,
      headers: { ...response.headers, "content-type": "text/event-stream" },
      body: { [Symbol.asyncIterator]: () => encodeEvents(dialect.events(response.body)) },
    };
  },
});

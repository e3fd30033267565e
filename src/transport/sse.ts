import { createParser } from "eventsource-parser";
import { TransportError } from "./errors.ts";

/** One server-sent event. */
export type ServerSentEvent = {
  /** Its name, when the server gave one. */
  readonly event?: string;
  readonly data: string;
};

/** What one event may hold: 2 Mi UTF-16 units, far more than any model server's longest chunk. */
const defaultMaxEventChars = 2 * 1024 * 1024;

/**
 * Reads the events of a stream as they become complete. Comments are skipped; an event that the end of the stream cuts
 * off is dropped, as the specification says. Leaving the loop early closes the stream.
 * @throws {TransportError} kind "too-large" when one event exceeds `maxEventChars`, and what the stream throws.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export async function* readServerSentEvents(
  bytes: AsyncIterable<Uint8Array>,
  { maxEventChars = defaultMaxEventChars }: { readonly maxEventChars?: number } = {},
): AsyncGenerator<ServerSentEvent, undefined, undefined> {
  const decoder = new TextDecoder();
  let events: ServerSentEvent[] = [];
  let isTooLarge = false;
  const parser = createParser({
    maxBufferSize: maxEventChars,
    onEvent({ event, data }) {
      events.push(event === undefined ? { data } : { event, data });
    },
    onError(error) {
      // Older llama.cpp servers report a fault in a field of their own, `error: {...}`. Other unknown fields are to be
      // ignored by the specification.
      if (error.type === "max-buffer-size-exceeded") isTooLarge = true;
      else if (error.field === "error") events.push({ event: "error", data: error.value ?? "" });
    },
  });
  for await (const chunk of bytes) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    const complete = events;
    events = [];
    yield* complete;
    if (isTooLarge) throw new TransportError("too-large", `One event has more than ${maxEventChars} characters`);
  }
  return undefined;
}

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

/** Takes a stream of bytes apart as it comes. */
export type StreamDecoder = {
  /** Gives the events that this piece completes. @throws {TransportError} kind "too-large" */
  push(chunk: Uint8Array): readonly ServerSentEvent[];
  /** Gives what is left at the end of the stream. @throws {TransportError} kind "too-large" */
  end(): readonly ServerSentEvent[];
};

/**
 * Makes a decoder of server-sent events. Comments are skipped; an event that the end of the stream cuts off is dropped,
 * as the specification says.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export const createEventDecoder = (maxEventChars: number = defaultMaxEventChars): StreamDecoder => {
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
  /** What came before an endless event is given first. */
  const take = (): readonly ServerSentEvent[] => {
    const complete = events;
    if (isTooLarge && complete.length === 0) {
      throw new TransportError("too-large", `One event has more than ${maxEventChars} characters`);
    }
    events = [];
    return complete;
  };
  return {
    push(chunk) {
      if (!isTooLarge) parser.feed(decoder.decode(chunk, { stream: true }));
      return take();
    },
    end: take,
  };
};

/**
 * Reads the events of a stream as they become complete, by {@link createEventDecoder}. Leaving the loop early closes the
 * stream.
 * @throws {TransportError} kind "too-large" when one event exceeds `maxEventChars`, and what the stream throws.
 */
export async function* readServerSentEvents(
  bytes: AsyncIterable<Uint8Array>,
  { maxEventChars = defaultMaxEventChars }: { readonly maxEventChars?: number } = {},
): AsyncGenerator<ServerSentEvent, undefined, undefined> {
  const decoder = createEventDecoder(maxEventChars);
  // Not `yield*`, which waits for each event of a list once more.
  for await (const chunk of bytes) for (const event of decoder.push(chunk)) yield event;
  for (const event of decoder.end()) yield event;
  return undefined;
}

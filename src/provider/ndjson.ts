import { TransportError } from "../transport/errors.ts";
import type { ServerSentEvent, StreamDecoder } from "../transport/sse.ts";
import { parseJson } from "./json.ts";

/** What one line may hold: as much as one server-sent event. */
const defaultMaxLineChars = 2 * 1024 * 1024;

/**
 * Makes a decoder of JSON values, one a line: each is the data of an event without a name. Empty lines are skipped. A
 * last line without its end counts if it is whole, since some proxies trim it; one that was cut is dropped.
 * @see https://github.com/ndjson/ndjson-spec
 */
export const createLineDecoder = (maxLineChars: number = defaultMaxLineChars): StreamDecoder => {
  const decoder = new TextDecoder();
  let events: ServerSentEvent[] = [];
  let rest = "";
  let isTooLarge = false;

  const add = (piece: string): void => {
    rest += piece;
    isTooLarge = rest.length > maxLineChars;
  };
  /** What came before an endless line is given first. */
  const take = (): readonly ServerSentEvent[] => {
    const complete = events;
    if (isTooLarge && complete.length === 0) {
      throw new TransportError("too-large", `One line has more than ${maxLineChars} characters`);
    }
    events = [];
    return complete;
  };

  return {
    push(chunk) {
      const text = decoder.decode(chunk, { stream: true });
      let from = 0;
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
        add(text.slice(from, end));
        from = end + 1;
        if (isTooLarge) return take();
        const data = rest.trim();
        rest = "";
        if (data !== "") events.push({ data });
      }
      add(text.slice(from));
      return take();
    },
    end() {
      const data = (rest + decoder.decode()).trim();
      if (!isTooLarge && parseJson(data) !== undefined) events.push({ data });
      return take();
    },
  };
};

import { TransportError } from "../transport/errors.ts";

/** What one line may hold: as much as one server-sent event. */
const defaultMaxLineChars = 2 * 1024 * 1024;

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/**
 * Reads a stream of JSON values, one a line, and gives each line's text as it becomes complete. Empty lines are
 * skipped. A last line without its end counts if it is whole, since some proxies trim it; one that was cut is dropped.
 * Leaving the loop early closes the stream.
 * @throws {TransportError} kind "too-large" when one line exceeds `maxLineChars`, and what the stream throws.
 * @see https://github.com/ndjson/ndjson-spec
 */
export async function* readJsonLines(
  bytes: AsyncIterable<Uint8Array>,
  { maxLineChars = defaultMaxLineChars }: { readonly maxLineChars?: number } = {},
): AsyncGenerator<string, undefined, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  const check = (): void => {
    if (rest.length > maxLineChars) {
      throw new TransportError("too-large", `One line has more than ${maxLineChars} characters`);
    }
  };
  for await (const chunk of bytes) {
    const text = decoder.decode(chunk, { stream: true });
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      rest += text.slice(from, end);
      from = end + 1;
      check();
      const line = rest.trim();
      rest = "";
      if (line !== "") yield line;
    }
    rest += text.slice(from);
    check();
  }
  const line = (rest + decoder.decode()).trim();
  if (isJson(line)) yield line;
  return undefined;
}

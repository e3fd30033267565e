import { isAbortError } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import type { TransportResponse } from "../transport/client.ts";
import { TransportError } from "../transport/errors.ts";
import type { ServerSentEvent } from "../transport/sse.ts";
import { faultIn, type Clean } from "./cleaner.ts";
import { fromTransport } from "./errors.ts";
import { ProviderError } from "./provider.ts";
import type { StreamPart } from "./provider.ts";
import { createStopCutter } from "./stopCutter.ts";
import type { StreamReader, WireFormat } from "./wireFormat.ts";

const toError = (error: unknown): Error =>
  error instanceof Error ? error : new ProviderError("bad-response", "An answer could not be read", { cause: error });

const parseEvent = ({ data, event }: ServerSentEvent, format: WireFormat, clean: Clean): unknown => {
  let payload: unknown;
  try {
    payload = JSON.parse(data);
  } catch {
    // What a model writes may repeat the prompt, and the parser's own error quotes it, too.
    throw new ProviderError("bad-response", `An event of ${data.length} characters is not JSON`);
  }
  const error = faultIn(format, payload, clean, event);
  if (error) throw error;
  return payload;
};

/** Some 400,000 tokens, each in an event with all its names. What goes on and on must not fill the memory. */
const answerMaxBytes = 256 * 1024 * 1024;

/** Between the reason why an answer ended and the end of the stream only the usage comes, within milliseconds. */
const usageMs = 2_000;

/**
 * The transport's own deadline ends with the first byte, and that may be a comment, sent to keep the connection alive.
 */
const awaitFirstEvent = (
  clock: Clock,
  delayMs: number,
  isBusy: (() => Promise<boolean>) | undefined,
  expire: () => void,
): Disposable => {
  let timer: Disposable | undefined;
  let isOver = delayMs <= 0;
  const check = async (): Promise<void> => {
    const isHeld = await (isBusy?.() ?? Promise.resolve(false)).catch(() => false);
    if (isOver) return;
    if (isHeld) start();
    else expire();
  };
  const start = (): void => {
    timer = clock.after(delayMs, () => void check());
  };
  if (!isOver) start();
  return {
    dispose() {
      isOver = true;
      timer?.dispose();
    },
  };
};

/** An answer whose head has come. */
export type OpenAnswer = {
  readonly response: TransportResponse;
  /** For all that it says and that ends in an error. */
  readonly clean: Clean;
};

/** One streamed answer, and how to read it. */
export type StreamSource = {
  /** Sends the request. */
  open(): Promise<OpenAnswer>;
  readonly format: WireFormat;
  readonly reader: StreamReader;
  /** Texts that end the answer, cut here whatever the server does with them. */
  readonly stop: readonly string[];
  /** From the answer's head to its first event, in milliseconds; 0: any time. */
  readonly firstByteMs: number;
  /** Asked when that is over: while it answers true, the time starts anew. */
  readonly isBusy: (() => Promise<boolean>) | undefined;
  readonly origin: string;
  /** The model that was asked for; "": the server's own. */
  readonly asked: string;
  /** Gets the headers of the answer. */
  readonly onHead: ((headers: Readonly<Record<string, string>>) => void) | undefined;
};

/**
 * Yields the parts of one streamed answer as they come. An answer that has said why it ended is complete, whether or not
 * the stream then ends as it should. @throws {ProviderError}, or `AbortError` when cancelled.
 */
export async function* readStream(source: StreamSource, clock: Clock): AsyncGenerator<StreamPart> {
  const { format, reader, stop, firstByteMs, isBusy, origin, asked } = source;
  const { response, clean } = await source.open();
  source.onHead?.(response.headers);
  const decoder = format.framing.createDecoder();
  const cutter = createStopCutter(stop);
  let receivedBytes = 0;
  let isMarked = false;
  let isOver = false;
  let isLate = false;
  /** Runs once the answer has said why it ended. */
  let lastWait: Disposable | undefined;
  let ready = "";
  let fault: Error | undefined;

  const take = (events: readonly ServerSentEvent[]): void => {
    for (const event of events) {
      if (event.data === "[DONE]") isMarked = true;
      else ready += cutter.push(reader.read(parseEvent(event, format, clean)));
      isOver = isMarked || cutter.isCut() || reader.isComplete();
      if (isOver) return;
    }
    if (lastWait || !reader.result(false)) return;
    lastWait = clock.after(usageMs, () => response.discard());
  };

  let firstEvent: Disposable | undefined = awaitFirstEvent(clock, firstByteMs, isBusy, () => {
    isLate = true;
    response.discard();
  });
  try {
    // What one chunk brings is given as one text: it is there at the same time.
    for await (const chunk of response.body) {
      receivedBytes += chunk.byteLength;
      if (receivedBytes > answerMaxBytes) {
        throw new TransportError("too-large", `${origin} sent more than ${answerMaxBytes} bytes in one answer`);
      }
      const events = decoder.push(chunk);
      if (firstEvent && events.length > 0) {
        firstEvent.dispose();
        firstEvent = undefined;
      }
      take(events);
      if (isOver) {
        // A text that is cut here goes on at the server, which stops when its socket is closed.
        if (cutter.isCut()) response.discard();
        else response.finish();
        break;
      }
      if (ready !== "") {
        const text = ready;
        ready = "";
        yield { type: "text", text };
      }
    }
    if (!isOver) take(decoder.end());
  } catch (error) {
    fault = toError(fromTransport(error, true));
  } finally {
    firstEvent?.dispose();
    lastWait?.dispose();
  }
  // A cancelled consumer gets nothing more; any other keeps all that came.
  if (fault && isAbortError(fault)) throw fault;
  if (isLate) {
    const cause = new TransportError("first-byte-timeout", `${origin} sent no token within ${firstByteMs} ms`);
    throw new ProviderError("timeout", cause.message, { cause });
  }
  const tail = ready + cutter.flush();
  if (tail !== "") yield { type: "text", text: tail };
  if (cutter.isCut()) {
    yield { type: "end", reason: "stop", usage: reader.result(true)?.usage ?? {} };
    return;
  }
  const result = reader.result(isMarked);
  // A connection that breaks or falls silent after the answer has said that it is complete has lost nothing.
  const isOnlyBroken = fault instanceof ProviderError && (fault.kind === "truncated" || fault.kind === "timeout");
  if (fault && !(result && isOnlyBroken)) throw fault;
  if (!result) throw new ProviderError("truncated", "The answer ended before it was complete");
  const calls = reader.calls?.() ?? [];
  const answered = reader.model?.() ?? "";
  for (const toolCall of calls) yield { type: "tool-call", call: toolCall };
  // Servers disagree on what to call the end of an answer with calls.
  yield {
    type: "end",
    reason: calls.length > 0 ? "tool-calls" : result.reason,
    usage: result.usage,
    ...(answered === "" || asked === "" || answered === asked ? {} : { model: answered }),
  };
}

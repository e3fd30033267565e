import { toAbortError, TransportError } from "./errors.ts";
import type { Flow } from "./undici.ts";

/** Bytes that may lie here unread before the server is asked to wait. */
const pauseAboveBytes = 256 * 1024;

/** The receiving end of a response: bytes are pushed in as they come and read out as a stream, once. */
export type Body = {
  push(chunk: Uint8Array, flow: Flow): void;
  end(): void;
  /** What was pushed before is still read, then the error is thrown. */
  fail(error: Error): void;
  /** The error is thrown at the next read; what lies unread is dropped. */
  abort(error: Error): void;
  /** True while the server has to wait for the reader. */
  isPaused(): boolean;
  stream(): AsyncGenerator<Uint8Array, undefined, undefined>;
};

/** What a body tells, and whom it listens to. */
export type BodyOptions = {
  /** The reader stops, at the end or before. */
  readonly onLeave: () => void;
  /** The reader has caught up after a pause. */
  readonly onResume: () => void;
  readonly signal: AbortSignal | undefined;
};

/** Makes an empty, open body. */
export const createBody = ({ onLeave, onResume, signal }: BodyOptions): Body => {
  let chunks: Uint8Array[] = [];
  let unreadBytes = 0;
  let state: "open" | "ended" | "failed" = "open";
  let error: Error | undefined;
  let pausedFlow: Flow | undefined;
  let wake: (() => void) | undefined;
  let isTaken = false;

  const notify = (): void => {
    wake?.();
    wake = undefined;
  };
  const fail = (failure: Error): void => {
    if (state !== "open") return;
    state = "failed";
    error = failure;
    notify();
  };

  return {
    push(chunk, flow) {
      if (state !== "open") return;
      chunks.push(chunk);
      unreadBytes += chunk.byteLength;
      if (unreadBytes > pauseAboveBytes && !pausedFlow) {
        pausedFlow = flow;
        flow.pause();
      }
      notify();
    },
    end() {
      if (state !== "open") return;
      state = "ended";
      notify();
    },
    fail,
    abort(failure) {
      chunks = [];
      unreadBytes = 0;
      fail(failure);
    },
    isPaused: () => pausedFlow !== undefined,
    async *stream() {
      if (isTaken) throw new TransportError("protocol", "A response can be read only once");
      isTaken = true;
      try {
        for (;;) {
          // All may have come before the signal fires; a cancelled reader must not go on.
          if (signal?.aborted) throw toAbortError(signal.reason);
          const chunk = chunks.shift();
          if (chunk) {
            unreadBytes -= chunk.byteLength;
            if (pausedFlow && unreadBytes <= pauseAboveBytes / 2) {
              const flow = pausedFlow;
              pausedFlow = undefined;
              onResume();
              flow.resume();
            }
            yield chunk;
          } else if (error) {
            throw error;
          } else if (state === "ended") {
            return undefined;
          } else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
      } finally {
        onLeave();
      }
    },
  };
};

/**
 * Reads a body as text.
 * @throws {TransportError} kind "too-large" when it has more than `maxBytes`; the rest is not read.
 */
export const readText = async (bytes: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> => {
  const decoder = new TextDecoder();
  let text = "";
  let readBytes = 0;
  for await (const chunk of bytes) {
    readBytes += chunk.byteLength;
    if (readBytes > maxBytes) throw new TransportError("too-large", `The answer has more than ${maxBytes} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
};

/** Reads at most the first `maxBytes` as text and drops the rest. */
export const readExcerpt = async (bytes: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> => {
  const decoder = new TextDecoder();
  let text = "";
  let leftBytes = maxBytes;
  for await (const chunk of bytes) {
    text += decoder.decode(chunk.subarray(0, leftBytes), { stream: true });
    leftBytes -= chunk.byteLength;
    if (leftBytes <= 0) break;
  }
  return text;
};

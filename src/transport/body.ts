import { toAbortError } from "../base/abort.ts";
import type { Flow } from "./connection.ts";
import { TransportError } from "./errors.ts";

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
  stream(): AsyncIterableIterator<Uint8Array, undefined, undefined>;
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
  let reader: PromiseWithResolvers<IteratorResult<Uint8Array, undefined>> | undefined;
  let isTaken = false;
  let hasLeft = false;

  const leave = (): void => {
    if (hasLeft) return;
    hasLeft = true;
    onLeave();
  };

  /** What the reader gets now; undefined while it has to wait. */
  const take = (): IteratorResult<Uint8Array, undefined> | undefined => {
    if (hasLeft) return { done: true, value: undefined };
    // All may have come before the signal fires; a cancelled reader must not go on.
    const failure = signal?.aborted ? toAbortError(signal.reason) : chunks.length === 0 ? error : undefined;
    if (failure) {
      leave();
      throw failure;
    }
    const value = chunks.shift();
    if (!value) {
      if (state === "open") return undefined;
      leave();
      return { done: true, value: undefined };
    }
    unreadBytes -= value.byteLength;
    if (pausedFlow && unreadBytes <= pauseAboveBytes / 2) {
      const flow = pausedFlow;
      pausedFlow = undefined;
      onResume();
      flow.resume();
    }
    return { done: false, value };
  };

  const notify = (): void => {
    const waiting = reader;
    if (!waiting) return;
    reader = undefined;
    try {
      const result = take();
      if (result) waiting.resolve(result);
      else reader = waiting;
    } catch (failure) {
      waiting.reject(failure);
    }
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
    // By hand: an async generator costs two more turns of the microtask queue for each token.
    stream() {
      const isSecond = isTaken;
      isTaken = true;
      return {
        // Not async: to return a promise from an async function costs three turns more.
        next() {
          if (isSecond || reader)
            return Promise.reject(new TransportError("protocol", "A response can be read only once"));
          const waiting = Promise.withResolvers<IteratorResult<Uint8Array, undefined>>();
          reader = waiting;
          notify();
          return waiting.promise;
        },
        async return() {
          if (!isSecond) leave();
          notify();
          return { done: true, value: undefined };
        },
        [Symbol.asyncIterator]() {
          return this;
        },
      };
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

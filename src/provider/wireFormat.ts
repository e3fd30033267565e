import { createEventDecoder, type StreamDecoder } from "../transport/sse.ts";
import { errorFromAnswer, errorInEvent, type FailedAnswer } from "./errors.ts";
import { createLineDecoder } from "./ndjson.ts";
import type { ProviderError, ToolCall, Usage } from "./provider.ts";

/** How an answer ended. */
export type AnswerEnd = { readonly reason: "stop" | "length" | "other"; readonly usage: Usage };

/** Understands the events of one streamed answer. One is made for each request. */
export type StreamReader = {
  /** Takes one event's payload and gives the text in it, "" if there is none. @throws {ProviderError} */
  read(payload: unknown): string;
  /** How the answer ended; undefined while it has not. `isMarked`: the stream said `[DONE]`. */
  result(isMarked: boolean): AnswerEnd | undefined;
  /** True when nothing more can come, `[DONE]` or not. */
  isComplete(): boolean;
  /** The calls that the model wants made, asked for once at the end. @throws {ProviderError} when one is incomplete. */
  calls?(): readonly ToolCall[];
  /** The model that answered, as far as the stream names one. */
  model?(): string;
};

/** How the events of a streamed answer are told apart. */
export type Framing = {
  /** The content types that it comes with, the wanted first, as the header `accept` has them. */
  readonly accept: string;
  createDecoder(): StreamDecoder;
};

/** Server-sent events. */
export const eventFraming: Framing = {
  accept: "text/event-stream",
  createDecoder: () => createEventDecoder(),
};

/** One JSON value a line. */
export const lineFraming: Framing = {
  accept: "application/x-ndjson, application/json",
  createDecoder: () => createLineDecoder(),
};

/** What tells one family of servers from another on the wire. */
export type WireFormat = {
  /** Go with every request; lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly framing: Framing;
  /** The route that answers 503 until the model is read; undefined: a loading model is the caller's affair. */
  readonly healthPath: string | undefined;
  /** What an error answer means, or one of a type that was not asked for. */
  fault(answer: FailedAnswer, nowDateMs: number): ProviderError;
  /** The fault that a JSON answer or one event of a stream reports. */
  faultInPayload(payload: unknown, event?: string): ProviderError | undefined;
};

/** The OpenAI format, as llama.cpp, LM Studio and vLLM speak it. */
export const openAiFormat: WireFormat = {
  framing: eventFraming,
  healthPath: "/health",
  fault: errorFromAnswer,
  faultInPayload: errorInEvent,
};

import type { Span } from "../metrics/spans.ts";

/** The wire formats that Hotpath speaks, as the setting `hotpath.*.provider` names them. */
export type ProviderKind = "llamacpp" | "openai-compatible";

/** Where a model server is and how to talk to it. */
export type ProviderOptions = {
  /** llama.cpp: without `/v1`; OpenAI-compatible: with it. */
  baseUrl: string;
  /** Model id; empty means: the server's only or first model. */
  model: string;
  /** Read anew for every request, so that it is never kept; undefined: no key is sent. */
  apiKey?: () => Promise<string | undefined>;
};

/** A model that a server offers. */
export type ModelInfo = {
  readonly id: string;
  /** Context that one request can use, in tokens, as far as the server tells. */
  readonly contextTokens?: number;
  /** Bytes of the weights, as far as the server tells. */
  readonly sizeBytes?: number;
};

/** What a server and model can do; learned once by `capabilities()`. */
export type Capabilities = {
  readonly model: string;
  /** How a fill-in-the-middle request is sent; `none`: this model gets no ghost text requests. */
  readonly fillInMiddle: "raw-template" | "suffix-parameter" | "infill" | "none";
  /** Requests that the server works on at the same time; undefined: unknown. */
  readonly slots: number | undefined;
  readonly contextTokens: number | undefined;
};

/** `loading`: the server is up and reads its model; `busy`: every slot is taken. */
export type Health =
  | { readonly status: "ok" | "loading" | "busy" }
  | { readonly status: "down"; readonly error: Error };

/** What the answer cost, as far as the server tells. */
export type Usage = {
  promptTokens?: number;
  /** Part of `promptTokens` that the server's prompt cache held. */
  cachedTokens?: number;
  generatedTokens?: number;
};

/** A request for the text between `prefix` and `suffix`. */
export type CompletionRequest = {
  readonly prefix: string;
  readonly suffix: string;
  readonly maxTokens: number;
  /** At most 4 go to the server, the rest must be cut by the caller. */
  readonly stop?: readonly string[];
  readonly temperature?: number;
};

export type ChatMessage = { readonly role: "system" | "user" | "assistant"; readonly content: string };

export type ChatRequest = {
  readonly messages: readonly ChatMessage[];
  readonly maxTokens?: number;
  readonly temperature?: number;
};

/** One piece of a streamed answer. Exactly one `end` comes, last; a stream that breaks off throws instead. */
export type StreamPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "end"; readonly reason: "stop" | "length" | "other"; readonly usage: Usage };

/** What every call takes: `signal` cancels (the socket closes); `span` gets the timing parts as children. */
export type CallOptions = { readonly signal?: AbortSignal; readonly span?: Span };

/**
 * A model server. All calls throw {@link ProviderError}, or `AbortError` when `signal` fires. Leaving a stream's
 * `for await` loop early closes its socket.
 */
export type Provider = {
  readonly kind: ProviderKind;
  /** Scheme, host and port: what a key is bound to. */
  readonly origin: string;
  models(options?: CallOptions): Promise<readonly ModelInfo[]>;
  /** Cached after the first success. */
  capabilities(options?: CallOptions): Promise<Capabilities>;
  /** Never throws for a dead server. */
  health(options?: CallOptions): Promise<Health>;
  streamCompletion(request: CompletionRequest, options?: CallOptions): AsyncIterable<StreamPart>;
  streamChat(request: ChatRequest, options?: CallOptions): AsyncIterable<StreamPart>;
};

export type ProviderErrorKind =
  | "unreachable"
  | "unauthorized"
  | "rate-limited"
  | "model-not-found"
  | "context-overflow"
  | "bad-request"
  | "bad-response"
  | "server-error"
  | "truncated"
  | "timeout"
  | "unsupported";

/** A fault in talking to a model server. `kind` decides what happens; the message is for the log. */
export class ProviderError extends Error {
  override readonly name = "ProviderError";
  readonly kind: ProviderErrorKind;
  /** HTTP status, when there was an answer. */
  readonly status: number | undefined;

  constructor(kind: ProviderErrorKind, message: string, options: { cause?: unknown; status?: number } = {}) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.status = options.status;
  }
}

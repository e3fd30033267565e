import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Span } from "../metrics/spans.ts";
import type { TransportClient } from "../transport/client.ts";
import type { Priority } from "../transport/limiter.ts";
import type { FillInForm, FillInMemory } from "./fillInFacts.ts";

export type { Priority };

/** The wire formats that Hotpath speaks, as the setting `hotpath.*.provider` names them. */
export type ProviderKind = "llamacpp" | "ollama" | "openai-compatible" | "openrouter";

/** Where a model server is and how to talk to it. */
export type ProviderOptions = {
  /** llama.cpp and Ollama: without `/v1`; OpenAI-compatible: with it; OpenRouter: `https://openrouter.ai/api/v1`. */
  baseUrl: string;
  /** Model id; empty means: the server's only or first model. OpenRouter has no such thing and wants one. */
  model: string;
  /** Read anew for every request, so that it is never kept; undefined: no key is sent. */
  apiKey?: () => Promise<string | undefined>;
  /** How long a server that is reading its model is waited for. Default 600 000 (10 minutes). */
  loadMs?: number;
  /**
   * How long the first byte of an answer may take while the server does not say that it is busy. Default 120 000 for
   * ghost text, 600 000 for a chat.
   */
  firstByteMs?: number;
  /** Ollama: the context that every request asks it to set aside, in tokens. Default 8192. */
  contextTokens?: number;
};

/** What a wire format is given to work with. */
export type ProviderServices = {
  readonly transport: TransportClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Fires at the end of the program, for what goes on behind a call that has ended. */
  readonly signal?: AbortSignal;
  /** Keeps what trying has shown for the next session. Default: nothing is kept, and nothing is sent to find out. */
  readonly fillInMemory?: FillInMemory;
};

/** A model that a server offers. */
export type ModelInfo = {
  readonly id: string;
  /** Context that one request can use, in tokens, as far as the server tells. */
  readonly contextTokens?: number;
  /** The longest answer, in tokens, where that is less than what is left of the context. */
  readonly answerTokens?: number;
  /** Bytes of the weights, as far as the server tells. */
  readonly sizeBytes?: number;
  /** Price of one token that is sent, in US dollars, where there is one. */
  readonly promptUsdPerToken?: number;
  /** Price of one token that is written. */
  readonly completionUsdPerToken?: number;
  /** Whether it calls tools; undefined: the server does not say. */
  readonly tools?: boolean;
  /** Whether it reads images; undefined: the server does not say. */
  readonly vision?: boolean;
  /** False: an embedding model or the like, of no use for text; undefined: the server does not say. */
  readonly writesText?: boolean;
  /** The host that requests are handed on to; undefined: the server answers them itself, or does not say. */
  readonly runsAt?: string;
};

/** What a server and model can do; learned once by `capabilities()`. */
export type Capabilities = {
  readonly model: string;
  /** How a fill-in-the-middle request is sent; `none`: this model gets no ghost text requests. */
  readonly fillInMiddle: FillInForm | "none";
  /** Requests that the server works on at the same time; undefined: unknown. */
  readonly slots: number | undefined;
  readonly contextTokens: number | undefined;
  /** Whether it calls tools; undefined: the server does not say. */
  readonly tools?: boolean;
  /** Whether it reads images; undefined: the server does not say. */
  readonly vision?: boolean;
  /** Whether requests cost money. Default false. */
  readonly isMetered?: boolean;
  /** Whether a request that is aborted is charged in full; on a metered server undefined counts as true. */
  readonly billsAborted?: boolean;
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
  /** Part of `promptTokens` that was written to that cache, which some servers charge more for. */
  cacheWriteTokens?: number;
  generatedTokens?: number;
  /** Part of `generatedTokens` that the model thought with; it stays out of the text. */
  reasoningTokens?: number;
  /** What was charged, in US dollars, where the server says so. */
  costUsd?: number;
};

/** A piece of another file. */
export type FilePiece = {
  /** As the model is to see it: relative to the workspace, with `/`. */
  readonly path: string;
  readonly text: string;
};

/** What a model is told beside the text around the cursor. */
export type CompletionContext = {
  /** Of the file that is edited, as in {@link FilePiece}. */
  readonly path: string;
  readonly repository?: string;
  /** The same beginning in every request keeps the server's prompt cache valid. */
  readonly files: readonly FilePiece[];
  /** Whether `files` may go to a server on the public internet. Default: to this machine and private networks only. */
  readonly mayLeave?: boolean;
};

/** A request for the text between `prefix` and `suffix`. */
export type CompletionRequest = {
  readonly prefix: string;
  /**
   * What was typed since `prefix` and `suffix` were fixed: it follows `prefix`, and the answer continues it. Where the
   * model's form allows, it comes last in the prompt, so that each key only adds to what the server has read. Default:
   * nothing, and the form that the family is best known for.
   */
  readonly typed?: string;
  readonly suffix: string;
  /** Left out where the model's family has no documented form for it. */
  readonly context?: CompletionContext;
  /**
   * True: `prefix` is a whole prompt in the model's own marks, sent as it is, never cut, also to a model that cannot fill
   * in; `typed`, `suffix` and `context` are not used. Default false.
   */
  readonly isRaw?: boolean;
  readonly maxTokens: number;
  /** The text ends before the first of these. Any number: what a server does not take is cut here. */
  readonly stop?: readonly string[];
  /** Default: the server's own, often far from 0. */
  readonly temperature?: number;
};

/** A tool that the model may call. */
export type ToolDefinition = {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of an object. */
  readonly parameters: object;
};

/** A call that the model wants made. */
export type ToolCall = {
  /** What the result must name. Made here when the server gives none. */
  readonly id: string;
  readonly name: string;
  /** A complete JSON object. */
  readonly argumentsJson: string;
};

export type ContentPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image"; readonly mediaType: string; readonly base64: string };

export type ChatMessage =
  | { readonly role: "system"; readonly content: string }
  | { readonly role: "user"; readonly content: string | readonly ContentPart[] }
  | { readonly role: "assistant"; readonly content: string; readonly toolCalls?: readonly ToolCall[] }
  | { readonly role: "tool"; readonly toolCallId: string; readonly toolName: string; readonly content: string };

export type ChatRequest = {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly ToolDefinition[];
  /** Default "auto". Ollama takes no other: there "required" is not told, and with "none" the tools stay out. */
  readonly toolChoice?: "auto" | "required" | "none";
  readonly maxTokens?: number;
  readonly temperature?: number;
};

/** One piece of a streamed answer. Exactly one `end` comes, last; a stream that breaks off throws instead. */
export type StreamPart =
  | { readonly type: "text"; readonly text: string }
  /** A complete call. Parallel calls come one by one, in the model's order, before `end`. */
  | { readonly type: "tool-call"; readonly call: ToolCall }
  | {
      readonly type: "end";
      readonly reason: "stop" | "length" | "tool-calls" | "other";
      readonly usage: Usage;
      /** The model that answered, where the server names another than was asked for. */
      readonly model?: string;
    };

/** What every call takes. */
export type CallOptions = {
  /** Cancels: the socket closes, or the queue is left. */
  readonly signal?: AbortSignal;
  /** Gets the timing parts as children. */
  readonly span?: Span;
  /** Who goes first where requests queue. Default: "interactive" for a completion, "chat" for a chat. */
  readonly priority?: Priority;
  /**
   * Called at most once, after a stream has ended without its cost (cancelled, broken off), when the server tells the
   * cost later. Only OpenRouter does; without this nobody asks it. What other requests for the same answer cost is in
   * the counters.
   */
  readonly onLateUsage?: (usage: Usage) => void;
  /**
   * True: a fault after which the server may charge is not followed by a second request to it, because the one more that
   * a call may send was sent already, or goes to another server. Default false.
   */
  readonly noBilledRetry?: boolean;
};

/** What a live test of a server and model found. */
export type Validation =
  | {
      readonly ok: true;
      /** The model that answered. */
      readonly model: string;
      /** From the request to the first piece of text. */
      readonly firstTokenMs: number;
      readonly totalMs: number;
      readonly usage: Usage;
    }
  | { readonly ok: false; readonly error: ProviderError };

/**
 * A model server. All calls throw {@link ProviderError}, or `AbortError` when `signal` fires. Leaving a stream's
 * `for await` loop early closes its socket. While the server reads its model, all calls but `health` wait, up to
 * `loadMs`, then throw kind "loading".
 */
export type Provider = {
  readonly kind: ProviderKind;
  /** Scheme, host and port: what a key is bound to. */
  readonly origin: string;
  /** Asked anew each time. What it contradicts is forgotten, so that `capabilities` asks again. */
  models(options?: CallOptions): Promise<readonly ModelInfo[]>;
  /** Cached after the first success, until the server is found unreachable: it may come back with another model. */
  capabilities(options?: CallOptions): Promise<Capabilities>;
  /** Never throws for a dead server, and never waits for a loading one. */
  health(options?: CallOptions): Promise<Health>;
  /**
   * Sends one tiny real request and waits for its end. Throws only `AbortError`; every other fault is a finding.
   * A completion that comes back empty is a success: models may have nothing to add.
   */
  validateConnection(use: "completion" | "chat", options?: CallOptions): Promise<Validation>;
  streamCompletion(request: CompletionRequest, options?: CallOptions): AsyncIterable<StreamPart>;
  streamChat(request: ChatRequest, options?: CallOptions): AsyncIterable<StreamPart>;
  /**
   * How many tokens the server's own tokenizer makes of a text, without marks around it. Undefined: it has none that is
   * near and costs nothing. Neither queues nor tries again.
   */
  readonly countTokens?: (text: string, options?: CallOptions) => Promise<number>;
};

/**
 * - `unreachable`: no connection, or none that lasted to the answer's first byte.
 * - `offline`: the address's name is not known: most likely there is no network.
 * - `certificate`: the server's certificate is not trusted; never tried again, never downgraded.
 * - `proxy`: a proxy stands in the way, for instance because it wants a sign-in.
 * - `moderated`: the text was refused, not the key.
 * - `paused`: not sent: the server failed too often just now, or asked to be left alone for longer than is waited.
 *   `retryAfterMs` says how long that lasts.
 * - `loading`: the server was still reading its model when `loadMs` was over.
 * - `payment-required`: the account has no credit left, or the key's own limit is reached.
 * - `truncated`: the answer broke off; what came before it stays valid.
 * - `unsupported`: this server or model cannot do this kind of request; asking again is useless.
 */
export type ProviderErrorKind =
  | "unreachable"
  | "offline"
  | "certificate"
  | "proxy"
  | "moderated"
  | "paused"
  | "loading"
  | "unauthorized"
  | "payment-required"
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
  /** How long the server asks to be left alone, when it says. */
  readonly retryAfterMs: number | undefined;
  /** With `context-overflow`: what the server can take, in tokens, when it says. */
  readonly contextTokens: number | undefined;
  /** With `context-overflow`: what it was sent, in tokens, when it says. */
  readonly promptTokens: number | undefined;
  /**
   * Scheme, host and port of the server that it is about; with fallbacks that may be another than the first. Undefined
   * until the server's guard has set it, and for what no server is to blame for.
   */
  origin: string | undefined;
  /**
   * Requests of this call that were begun with and may be charged; set by the server's guard, which sends no third one.
   */
  billedRequests = 0;

  constructor(
    kind: ProviderErrorKind,
    message: string,
    options: {
      cause?: unknown;
      status?: number;
      retryAfterMs?: number;
      contextTokens?: number;
      promptTokens?: number;
      origin?: string;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
    this.contextTokens = options.contextTokens;
    this.promptTokens = options.promptTokens;
    this.origin = options.origin;
  }
}

// A model server for tests: real sockets, the wire formats of llama.cpp, OpenAI, Ollama and OpenRouter, faults on demand.
//   node test/fake/modelServer.ts [--port 8080] [--delay MS] [--text "return 42;"]
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { parseArgs } from "node:util";
import { systemClock, type Clock } from "../../src/base/clock.ts";

/** A request as the server got it. */
export type RecordedRequest = {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** Number of the connection that it came on, from 1. */
  readonly connection: number;
  /** Resolves when the client closed the socket before the answer was complete. */
  readonly closedByClient: Promise<void>;
  /** Resolves when the answer was sent to its end. */
  readonly answered: Promise<void>;
};

/** What `complete` and `chat` are asked. */
export type ModelCall = {
  readonly path: string;
  /** Text before and after the place to fill; a raw Qwen prompt is taken apart. */
  readonly prefix: string;
  readonly suffix: string;
  readonly maxTokens: number;
  /** The whole request body. */
  readonly json: Readonly<Record<string, unknown>>;
};

/** A piece of a scripted body: bytes, or something to wait for before the next piece. */
export type ReplyStep = string | Uint8Array | (() => Promise<void>);

/** An answer with tool calls. */
export type ModelAnswer = {
  readonly text?: string;
  /** `arguments`: a JSON text; Ollama's routes send it as an object. */
  readonly toolCalls?: readonly { readonly id?: string; readonly name: string; readonly arguments: string }[];
};

/** One answer that a test prescribes. */
export type ScriptedReply = {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** One write each. */
  readonly body?: readonly ReplyStep[];
  /** False: not even a status line is sent. */
  readonly hasHead?: boolean;
  /** How it ends: complete, closed without the end, reset, or not at all. Default "end". */
  readonly finish?: "end" | "cut" | "reset" | "hang";
};

/** What goes wrong with one generated answer. */
export type Disturbance = {
  /** Comes instead of the answer. */
  readonly reply?: ScriptedReply;
  /** Before the head. */
  readonly headDelayMs?: number;
  /** Before this token (from 0) comes a pause, or the connection is cut. */
  readonly atToken?: { readonly index: number; readonly pauseMs?: number; readonly cut?: boolean };
};

export type ModelServerOptions = {
  readonly port?: number;
  /** Asked for each request that makes the model work. Default: nothing goes wrong. */
  readonly disturb?: (call: ModelCall) => Disturbance | undefined;
  /** The text to fill in. Default: `return 42;`. */
  readonly complete?: (call: ModelCall) => string | Promise<string>;
  /** The answer to a chat. Default: `Hello from the model.`. */
  readonly chat?: (call: ModelCall) => string | ModelAnswer | Promise<string | ModelAnswer>;
  /** Before each token. Default 0. */
  readonly tokenDelayMs?: number;
  /** Before the head of a generated answer. Default 0. */
  readonly firstTokenDelayMs?: number;
  /** Measures the delays. Default: the machine's. */
  readonly clock?: Clock;
  /** What `/props` says. */
  readonly modelPath?: string;
  /** What `/v1/models` says. */
  readonly modelId?: string;
  readonly contextTokens?: number;
  readonly slots?: number;
  /** When set, every route but /health wants it. */
  readonly apiKey?: string;
  /** The `Keep-Alive` header. Default as llama.cpp's; "" sends none. */
  readonly keepAlive?: string;
  /** Whether `/v1/completions` takes `suffix`. Default true. */
  readonly takesSuffix?: boolean;
  /** Whether the suffix of `/v1/completions` reaches the model. Default true. */
  readonly readsSuffix?: boolean;
  /** Whether there is a `/v1/completions`, and a `/v1/chat/completions`. Default true. */
  readonly takesCompletions?: boolean;
  readonly takesChat?: boolean;
  /** How many stop texts the OpenAI routes take. Default: any number. */
  readonly stopsMax?: number;
  /** What `/props` and Ollama's `/api/version` say. */
  readonly version?: string;
  /** Whether `/infill` works. Default true. */
  readonly takesInfill?: boolean;
  /** When set, the server is an Ollama: its routes lie under `/api`, and loading shows as silence. */
  readonly ollama?: OllamaModel;
  /** What lists and `/props` say of tools and images. Default: nothing. */
  readonly tools?: boolean;
  readonly vision?: boolean;
  /** When set, the server is an LM Studio: its own list lies under `/api/v1/models`. */
  readonly lmStudio?: { readonly parallel?: number; readonly isLoaded?: boolean };
  /** When set, the OpenAI routes are OpenRouter's: usage comes unasked, with this cost. */
  readonly costUsd?: number;
  /** The company that OpenRouter names in its answers. */
  readonly providerName?: string;
  /** Prices of a token as OpenRouter's list has them. Default: none. */
  readonly pricing?: { readonly prompt: string; readonly completion: string };
  /** How often OpenRouter's `/generation` answers 404 before it knows. Default 1. */
  readonly generationMisses?: number;
};

/** What `/api/show` and `/api/ps` say of the one model. */
export type OllamaModel = {
  /** Default: `completion`. Undefined stays out, as in old releases. */
  readonly capabilities?: readonly string[] | undefined;
  readonly template?: string;
  readonly modelInfo?: Readonly<Record<string, unknown>>;
  readonly parentModel?: string;
  readonly remoteHost?: string;
  /** What is really set aside, however much is asked for. */
  readonly contextTokens?: number;
};

/** A running server. */
export type ModelServer = {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  /** All requests so far. */
  readonly requests: readonly RecordedRequest[];
  /** The oldest request not handed out before whose path starts with `path`; waits for it if need be. */
  nextRequest(path?: string): Promise<RecordedRequest>;
  /** The next request whose path starts with `path` gets this answer instead of the server's own. Can be queued. */
  script(path: string, ...replies: readonly ScriptedReply[]): void;
  /** Forgets the prescribed answers that nobody has come for. */
  unscript(): void;
  /**
   * While true every route answers 503, as llama.cpp does while it reads its model; an Ollama lists no loaded model and
   * sends no byte of an answer instead.
   */
  setLoading(isLoading: boolean): void;
  /** Takes every slot, so that generating requests wait without a byte; the result gives them back. */
  takeSlots(): () => void;
  connections(): { readonly opened: number; readonly open: number };
  /** Requests that are being answered now. */
  busy(): number;
  /** Resolves when no connection is open. */
  allClosed(): Promise<void>;
  /** Closes every connection that carries no request now, as a server does with idle ones. */
  closeIdle(): void;
  close(): Promise<void>;
};

const sseHeaders = { "content-type": "text/event-stream" };
const ndjsonHeaders = { "content-type": "application/x-ndjson" };

/** One line of an Ollama stream. */
export const ndjson = (value: unknown): string => `${JSON.stringify(value)}\n`;

/** An Ollama stream, piece by piece. */
export const linesReply = (
  body: readonly ReplyStep[],
  finish: NonNullable<ScriptedReply["finish"]> = "end",
): ScriptedReply => ({ status: 200, headers: ndjsonHeaders, body, finish });

/** One server-sent event. */
export const sse = (payload: unknown): string =>
  `data: ${typeof payload === "string" ? payload : JSON.stringify(payload)}\n\n`;

/** An answer with a JSON body. */
export const jsonReply = (status: number, value: unknown, headers: Readonly<Record<string, string>> = {}) => ({
  status,
  headers: { "content-type": "application/json; charset=utf-8", ...headers },
  body: [JSON.stringify(value)],
});

/** An event stream, piece by piece. */
export const streamReply = (
  body: readonly ReplyStep[],
  finish: NonNullable<ScriptedReply["finish"]> = "end",
): ScriptedReply => ({ status: 200, headers: sseHeaders, body, finish });

/** llama.cpp's answer while it reads its model. */
export const loadingReply = jsonReply(
  503,
  { error: { message: "Loading model", type: "unavailable_error", code: 503 } },
  { connection: "close" },
);

/** A page for people where a model server's answer should be. */
export const htmlReply: ScriptedReply = {
  status: 200,
  headers: { "content-type": "text/html; charset=utf-8" },
  body: [`<!DOCTYPE html><html><body>${"Please sign in to the network. ".repeat(40)}</body></html>`],
};

/** The connection breaks before a byte of the answer. */
export const resetReply: ScriptedReply = { hasHead: false, finish: "reset" };

/** No byte ever comes. */
export const hangReply: ScriptedReply = { hasHead: false, finish: "hang" };

const tokenize = (text: string): readonly string[] => text.match(/\s*\S{1,6}|\s+$/g) ?? [];

const fimPrompt = /<\|fim_prefix\|>(.*)<\|fim_suffix\|>(.*)<\|fim_middle\|>(.*)/s;

const asText = (value: unknown): string => (typeof value === "string" ? value : "");

const asNumber = (value: unknown, fallback: number): number => (typeof value === "number" ? value : fallback);

const asRecord = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? { ...value } : {};

const readCall = (path: string, json: Readonly<Record<string, unknown>>): ModelCall => {
  const prompt = asText(json["prompt"]);
  const parts = fimPrompt.exec(prompt);
  return {
    path,
    // What was typed already stands behind the middle mark, or beside `input_prefix`.
    prefix: parts ? `${parts[1]}${parts[3]}` : asText(json["input_prefix"]) + prompt,
    suffix: parts?.[2] ?? (asText(json["input_suffix"]) || asText(json["suffix"])),
    maxTokens: asNumber(
      json["n_predict"],
      asNumber(json["max_tokens"], asNumber(asRecord(json["options"])["num_predict"], 512)),
    ),
    json,
  };
};

/** Cuts generated text as a server does, at its token limit and its stop texts. */
const generate = (text: string, { maxTokens, json }: ModelCall) => {
  const wanted = json["stop"] ?? asRecord(json["options"])["stop"];
  const stops = Array.isArray(wanted) ? wanted.filter((stop): stop is string => typeof stop === "string") : [];
  const ends = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  const isStopped = ends.length > 0;
  const tokens = tokenize(isStopped ? text.slice(0, Math.min(...ends)) : text);
  const isLimited = tokens.length > maxTokens;
  return { tokens: tokens.slice(0, maxTokens), type: isLimited ? "limit" : isStopped ? "word" : "eos" };
};

/** Resolves when the piece is sent, and also when its socket is gone, for then nobody calls back. */
const write = (response: ServerResponse, piece: string | Uint8Array): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      response.off("close", done);
      resolve();
    };
    if (response.destroyed) resolve();
    else {
      response.once("close", done);
      response.write(piece, done);
    }
  });

const sendJson = (response: ServerResponse, status: number, value: unknown): void => {
  const text = JSON.stringify(value);
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    // llama.cpp closes after every error.
    ...(status >= 400 ? { connection: "close" } : {}),
  });
  response.end(text);
};

const sendError = (response: ServerResponse, code: number, type: string, message: string): void =>
  sendJson(response, code, { error: { message, type, code } });

const play = async (request: IncomingMessage, response: ServerResponse, reply: ScriptedReply): Promise<void> => {
  const { status = 200, headers = {}, body = [], hasHead = true, finish = "end" } = reply;
  if (hasHead) {
    response.writeHead(status, headers);
    response.flushHeaders();
  }
  for (const step of body) {
    if (typeof step === "function") await step();
    else await write(response, step);
  }
  if (finish === "end") response.end();
  else if (finish === "cut") request.socket.destroy();
  else if (finish === "reset") request.socket.resetAndDestroy();
};

const timings = (call: ModelCall, count: number) => {
  const promptTokens = Math.ceil((call.prefix.length + call.suffix.length) / 4);
  return { cache_n: 0, prompt_n: promptTokens, prompt_ms: 1, predicted_n: count, predicted_ms: 1 };
};

const showModel = (model: OllamaModel) => ({
  template: model.template ?? "{{ .Prompt }}",
  details: { parent_model: model.parentModel ?? "", format: "gguf", family: "qwen2", families: ["qwen2"] },
  model_info: model.modelInfo ?? { "general.architecture": "qwen2", "qwen2.context_length": 32_768 },
  ...("capabilities" in model && model.capabilities === undefined
    ? {}
    : { capabilities: model.capabilities ?? ["completion"] }),
  ...(model.remoteHost === undefined ? {} : { remote_host: model.remoteHost }),
});

/** Starts a server on 127.0.0.1. The caller closes it. */
export const createModelServer = async (options: ModelServerOptions = {}): Promise<ModelServer> => {
  const {
    complete = () => "return 42;",
    chat = () => "Hello from the model.",
    tokenDelayMs = 0,
    firstTokenDelayMs = 0,
    clock = systemClock,
    modelPath = "/models/oracle-qwen2.5-coder.gguf",
    modelId = "oracle",
    contextTokens = 8192,
    slots = 1,
    apiKey,
    keepAlive = "timeout=5, max=100",
    takesSuffix = true,
    readsSuffix = true,
    takesCompletions = true,
    takesChat = true,
    stopsMax = Infinity,
    version,
    takesInfill = true,
    ollama,
    tools,
    vision,
    lmStudio,
    disturb,
    costUsd,
    providerName,
    pricing,
    generationMisses = 1,
  } = options;

  const requests: RecordedRequest[] = [];
  const unclaimed: RecordedRequest[] = [];
  const claims = new Set<{ path: string; resolve: (request: RecordedRequest) => void }>();
  const scripts: { path: string; reply: ScriptedReply }[] = [];
  const sockets = new Map<Socket, { readonly id: number; isBusy: boolean }>();
  const closedWaiters = new Set<() => void>();
  const slotQueue: (() => void)[] = [];
  const disturbances = new WeakMap<ServerResponse, Disturbance>();
  const generationAsks = new Map<string, number>();
  let opened = 0;
  let isLoading = false;
  const loadWaiters = new Set<() => void>();
  let freeSlots = slots;

  const record = (request: RecordedRequest): void => {
    requests.push(request);
    for (const claim of claims) {
      if (!request.path.startsWith(claim.path)) continue;
      claims.delete(claim);
      claim.resolve(request);
      return;
    }
    unclaimed.push(request);
  };

  const pause = (delayMs: number): Promise<void> =>
    delayMs <= 0 ? Promise.resolve() : new Promise((resolve) => void clock.after(delayMs, resolve));

  const releaseSlot = (): void => {
    const next = slotQueue.shift();
    if (next) next();
    else freeSlots++;
  };

  const takeSlot = async (): Promise<void> => {
    if (freeSlots > 0) freeSlots--;
    else await new Promise<void>((resolve) => slotQueue.push(resolve));
  };

  /** Runs `send` for each token while the client is there. */
  const eachToken = async (
    response: ServerResponse,
    tokens: readonly string[],
    send: (token: string, index: number) => string,
  ): Promise<void> => {
    const place = disturbances.get(response)?.atToken;
    for (const [index, token] of tokens.entries()) {
      await pause(tokenDelayMs);
      if (index === place?.index) {
        await pause(place.pauseMs ?? 0);
        if (place.cut === true) response.destroy();
      }
      if (response.destroyed) return;
      await write(response, send(token, index));
    }
  };

  const answerNative = async (response: ServerResponse, call: ModelCall): Promise<void> => {
    const { tokens, type } = generate(await complete(call), call);
    const evaluated = timings(call, tokens.length).prompt_n;
    const last: Record<string, unknown> = {
      index: 0,
      content: call.json["stream"] === true ? "" : tokens.join(""),
      tokens: [],
      id_slot: 0,
      stop: true,
      model: modelPath,
      tokens_predicted: tokens.length,
      tokens_evaluated: evaluated,
      prompt: call.json["prompt"],
      stop_type: type,
      truncated: false,
      timings: timings(call, tokens.length),
    };
    const fields = call.json["response_fields"];
    const shown = Array.isArray(fields)
      ? Object.fromEntries(Object.entries(last).filter(([name]) => fields.includes(name)))
      : last;
    if (call.json["stream"] !== true) {
      sendJson(response, 200, shown);
      return;
    }
    response.writeHead(200, sseHeaders);
    response.flushHeaders();
    await eachToken(response, tokens, (content, index) =>
      sse({
        index: 0,
        content,
        tokens: [index],
        stop: false,
        id_slot: -1,
        tokens_predicted: index + 1,
        tokens_evaluated: evaluated,
      }),
    );
    response.end(sse(shown));
  };

  const answerOf = async (call: ModelCall, isChat: boolean) => {
    const given = await (isChat ? chat(call) : complete(call));
    const { text = "", toolCalls = [] } = typeof given === "string" ? { text: given } : given;
    return { ...generate(text, call), toolCalls };
  };

  const answerOpenAi = async (response: ServerResponse, call: ModelCall, isChat: boolean): Promise<void> => {
    const { tokens, type, toolCalls } = await answerOf(call, isChat);
    const reason = toolCalls.length > 0 ? "tool_calls" : type === "limit" ? "length" : "stop";
    const wireCalls = toolCalls.map(({ id, name, arguments: text }, index) => ({
      index,
      id: id ?? `call_${index}`,
      type: "function",
      function: { name, arguments: text },
    }));
    const used = timings(call, tokens.length);
    const usage = {
      prompt_tokens: used.prompt_n,
      completion_tokens: tokens.length,
      total_tokens: used.prompt_n + tokens.length,
      prompt_tokens_details: { cached_tokens: 0 },
      ...(costUsd === undefined ? {} : { cost: costUsd }),
    };
    const generationId = `gen-${requests.length}`;
    if (costUsd !== undefined) response.setHeader("x-generation-id", generationId);
    const head = {
      id: costUsd === undefined ? "fake-1" : generationId,
      ...(providerName === undefined ? {} : { provider: providerName }),
      created: 0,
      model: modelId,
      object: isChat ? (call.json["stream"] === true ? "chat.completion.chunk" : "chat.completion") : "text_completion",
    };
    if (call.json["stream"] !== true) {
      const text = tokens.join("");
      const message = { role: "assistant", content: text, ...(wireCalls.length > 0 ? { tool_calls: wireCalls } : {}) };
      const choice = isChat ? { message } : { text };
      const choices = [{ index: 0, ...choice, finish_reason: reason }];
      sendJson(response, 200, { ...head, system_fingerprint: null, choices, usage });
      return;
    }
    response.writeHead(200, sseHeaders);
    response.flushHeaders();
    if (isChat) {
      const delta = { role: "assistant", content: null };
      await write(response, sse({ ...head, choices: [{ index: 0, delta, finish_reason: null }] }));
    }
    await eachToken(response, tokens, (token) =>
      sse({
        ...head,
        choices: [{ index: 0, ...(isChat ? { delta: { content: token } } : { text: token }), finish_reason: null }],
      }),
    );
    for (const { function: called, ...opening } of wireCalls) {
      const pieces = [{ ...opening, function: { name: called.name, arguments: "" } }];
      for (const piece of called.arguments.match(/.{1,7}/gs) ?? []) {
        pieces.push({ ...opening, function: { name: called.name, arguments: piece } });
      }
      for (const [at, { index, id, type: kind, function: part }] of pieces.entries()) {
        const delta =
          at === 0 ? { index, id, type: kind, function: part } : { index, function: { arguments: part.arguments } };
        const choice = { index: 0, delta: { tool_calls: [delta] }, finish_reason: null };
        await write(response, sse({ ...head, choices: [choice] }));
      }
    }
    await write(
      response,
      sse({ ...head, choices: [{ index: 0, ...(isChat ? { delta: {} } : { text: "" }), finish_reason: reason }] }),
    );
    if (costUsd !== undefined) {
      await write(
        response,
        sse({ ...head, choices: [{ index: 0, delta: { content: "" }, finish_reason: null }], usage }),
      );
    } else if (asRecord(call.json["stream_options"])["include_usage"] === true) {
      await write(response, sse({ ...head, choices: [], usage, timings: used }));
    }
    response.end(sse("[DONE]"));
  };

  const answerOllama = async (response: ServerResponse, call: ModelCall, isChat: boolean): Promise<void> => {
    const { tokens, type, toolCalls } = await answerOf(call, isChat);
    const piece = (content: string) => (isChat ? { message: { role: "assistant", content } } : { response: content });
    const head = { model: modelId, created_at: "2026-01-01T00:00:00Z" };
    response.writeHead(200, ndjsonHeaders);
    response.flushHeaders();
    await eachToken(response, tokens, (token) => ndjson({ ...head, ...piece(token), done: false }));
    if (toolCalls.length > 0) {
      const calls = toolCalls.map(({ name, arguments: text }) => ({
        function: { name, arguments: asRecord(JSON.parse(text) as unknown) },
      }));
      await write(
        response,
        ndjson({ ...head, message: { role: "assistant", content: "", tool_calls: calls }, done: false }),
      );
    }
    response.end(
      ndjson({
        ...head,
        ...piece(""),
        done: true,
        done_reason: type === "limit" ? "length" : "stop",
        prompt_eval_count: timings(call, tokens.length).prompt_n,
        eval_count: tokens.length,
      }),
    );
  };

  const routeOllama = async (
    response: ServerResponse,
    path: string,
    json: Readonly<Record<string, unknown>>,
    model: OllamaModel,
  ): Promise<void> => {
    const loaded = {
      name: modelId,
      model: modelId,
      size: 1_000_000,
      context_length: model.contextTokens ?? contextTokens,
    };
    switch (path) {
      case "/api/version":
        sendJson(response, 200, { version: version ?? "0.12.0" });
        return;
      case "/api/tags":
        sendJson(response, 200, { models: [{ name: modelId, model: modelId, size: 1_000_000 }] });
        return;
      case "/api/ps":
        sendJson(response, 200, { models: isLoading ? [] : [loaded] });
        return;
      case "/api/show":
      case "/api/generate":
      case "/api/chat": {
        if (json["model"] !== modelId) {
          sendJson(response, 404, { error: `model '${asText(json["model"])}' not found` });
          return;
        }
        if (path === "/api/show") {
          sendJson(response, 200, showModel(model));
          return;
        }
        if (isLoading) await new Promise<void>((resolve) => void loadWaiters.add(resolve));
        await withSlot(response, readCall(path, json), (call) => answerOllama(response, call, path === "/api/chat"));
        return;
      }
      default:
        response.writeHead(404, { "content-type": "text/plain" });
        response.end("404 page not found");
    }
  };

  /** One model as the OpenAI routes of llama.cpp, LM Studio and OpenRouter list it. */
  const listEntry = () => {
    const entry = { id: modelId, object: "model" };
    if (lmStudio) return { ...entry, owned_by: "organization_owner" };
    if (costUsd === undefined) return { ...entry, meta: { n_ctx: contextTokens, size: 1_000_000 } };
    return {
      ...entry,
      context_length: contextTokens,
      ...(pricing === undefined ? {} : { pricing }),
      ...(tools === undefined ? {} : { supported_parameters: ["max_tokens", ...(tools ? ["tools"] : [])] }),
      ...(vision === undefined
        ? {}
        : { architecture: { input_modalities: ["text", ...(vision ? ["image"] : [])], output_modalities: ["text"] } }),
    };
  };

  const lmStudioEntry = ({ parallel = slots, isLoaded = true }: NonNullable<ModelServerOptions["lmStudio"]>) => ({
    type: "llm",
    key: modelId,
    size_bytes: 1_000_000,
    max_context_length: 131_072,
    loaded_instances: isLoaded ? [{ id: modelId, config: { context_length: contextTokens, parallel } }] : [],
    capabilities: { vision: vision ?? false, trained_for_tool_use: tools ?? false },
  });

  /** What a generation has cost is known a while after it has ended. */
  const answerGeneration = (response: ServerResponse, id: string): void => {
    const asks = (generationAsks.get(id) ?? 0) + 1;
    generationAsks.set(id, asks);
    if (costUsd === undefined || asks <= generationMisses) {
      sendJson(response, 404, { error: { message: "Generation not found", code: 404 } });
      return;
    }
    const data = { id, total_cost: costUsd, native_tokens_prompt: 7, native_tokens_completion: 2, cancelled: true };
    sendJson(response, 200, { data });
  };

  const withSlot = async (
    response: ServerResponse,
    call: ModelCall,
    work: (call: ModelCall) => Promise<void>,
  ): Promise<void> => {
    const disturbance = disturb?.(call);
    if (disturbance) disturbances.set(response, disturbance);
    await takeSlot();
    try {
      if (response.destroyed) return;
      await pause(firstTokenDelayMs + (disturbance?.headDelayMs ?? 0));
      if (response.destroyed) return;
      await (disturbance?.reply ? play(response.req, response, disturbance.reply) : work(call));
    } finally {
      releaseSlot();
    }
  };

  const answer = async (request: IncomingMessage, response: ServerResponse, body: string): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    const path = url.pathname;
    if (ollama) {
      await routeOllama(response, path, body === "" ? {} : asRecord(JSON.parse(body) as unknown), ollama);
      return;
    }
    if (isLoading) {
      await play(request, response, loadingReply);
      return;
    }
    if (path === "/health") {
      sendJson(response, 200, { status: "ok" });
      return;
    }
    if (apiKey !== undefined && request.headers.authorization !== `Bearer ${apiKey}`) {
      sendError(response, 401, "authentication_error", "Invalid API Key");
      return;
    }
    if (request.method === "GET") {
      switch (path) {
        case "/props":
          sendJson(response, 200, {
            default_generation_settings: { n_ctx: contextTokens },
            total_slots: slots,
            model_alias: modelPath,
            model_path: modelPath,
            build_info: version ?? "fake",
            ...(vision === undefined ? {} : { modalities: { vision, audio: false } }),
            ...(tools === undefined
              ? {}
              : { chat_template_caps: { supports_tools: tools, supports_tool_calls: tools } }),
          });
          return;
        case "/slots":
          if (url.searchParams.get("fail_on_no_slot") === "1" && freeSlots === 0) {
            sendError(response, 503, "unavailable_error", "no slot available");
            return;
          }
          sendJson(
            response,
            200,
            Array.from({ length: slots }, (_, id) => ({ id, n_ctx: contextTokens, is_processing: id >= freeSlots })),
          );
          return;
        case "/models":
        case "/v1/models":
          sendJson(response, 200, {
            object: "list",
            data: [listEntry()],
          });
          return;
        case "/api/v1/models":
          if (lmStudio) sendJson(response, 200, { models: [lmStudioEntry(lmStudio)] });
          else sendError(response, 404, "not_found_error", "File Not Found");
          return;
        case "/v1/generation":
          answerGeneration(response, url.searchParams.get("id") ?? "");
          return;
        case "/v1/key":
          sendJson(response, 200, { data: { label: "sk-or-…", limit: null, limit_remaining: null, usage: 0 } });
          return;
        default:
          sendError(response, 404, "not_found_error", "File Not Found");
          return;
      }
    }
    let json: Readonly<Record<string, unknown>>;
    try {
      json = asRecord(JSON.parse(body) as unknown);
    } catch {
      sendError(response, 500, "server_error", "parse error");
      return;
    }
    const call = readCall(path, json);
    const isMissing =
      (path === "/v1/completions" && !takesCompletions) || (path === "/v1/chat/completions" && !takesChat);
    if (isMissing) {
      sendJson(response, 404, { detail: "Not Found" });
      return;
    }
    if (path.startsWith("/v1/") && Array.isArray(json["stop"]) && json["stop"].length > stopsMax) {
      sendError(response, 400, "invalid_request_error", `'stop': at most ${stopsMax} items are allowed`);
      return;
    }
    switch (path) {
      case "/tokenize":
        sendJson(response, 200, { tokens: tokenize(asText(json["content"])).map((_, index) => index) });
        return;
      case "/completion":
        await withSlot(response, call, () => answerNative(response, call));
        return;
      case "/infill":
        if (takesInfill) await withSlot(response, call, () => answerNative(response, call));
        else sendError(response, 501, "not_supported_error", "Infill is not supported by this model");
        return;
      case "/v1/completions": {
        if (json["suffix"] !== undefined && !takesSuffix) {
          sendJson(response, 400, { object: "error", message: "suffix is not currently supported", code: 400 });
          return;
        }
        const heard = readsSuffix ? call : { ...call, suffix: "" };
        await withSlot(response, heard, () => answerOpenAi(response, heard, false));
        return;
      }
      case "/v1/chat/completions":
        await withSlot(response, call, () => answerOpenAi(response, call, true));
        return;
      default:
        sendError(response, 404, "not_found_error", "File Not Found");
    }
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const connection = sockets.get(request.socket);
    if (connection) connection.isBusy = true;
    const closed = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    response.once("finish", () => answered.resolve());
    response.once("close", () => {
      if (connection) connection.isBusy = false;
      if (!response.writableFinished) closed.resolve();
    });
    // Cuts and resets that a test asked for are no errors here.
    response.on("error", () => {});
    if (keepAlive !== "") response.setHeader("keep-alive", keepAlive);
    let body = "";
    request.setEncoding("utf8");
    for await (const piece of request) body += String(piece);
    const path = request.url ?? "/";
    record({
      method: request.method ?? "",
      path,
      headers: request.headers,
      body,
      connection: connection?.id ?? 0,
      closedByClient: closed.promise,
      answered: answered.promise,
    });
    const index = scripts.findIndex((script) => path.startsWith(script.path));
    const [script] = index >= 0 ? scripts.splice(index, 1) : [];
    await (script ? play(request, response, script.reply) : answer(request, response, body));
  };

  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 }, (request, response) => {
    handle(request, response).catch(() => request.socket.destroy());
  });
  server.on("connection", (socket) => {
    opened++;
    sockets.set(socket, { id: opened, isBusy: false });
    socket.on("error", () => {});
    socket.once("close", () => {
      sockets.delete(socket);
      if (sockets.size > 0) return;
      for (const resolve of closedWaiters) resolve();
      closedWaiters.clear();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", () => resolve());
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    nextRequest(path = "") {
      const index = unclaimed.findIndex((request) => request.path.startsWith(path));
      const [request] = index >= 0 ? unclaimed.splice(index, 1) : [];
      if (request) return Promise.resolve(request);
      return new Promise((resolve) => {
        claims.add({ path, resolve });
      });
    },
    script(path, ...replies) {
      for (const reply of replies) scripts.push({ path, reply });
    },
    unscript() {
      scripts.length = 0;
    },
    setLoading(value) {
      isLoading = value;
      if (value) return;
      for (const resolve of loadWaiters) resolve();
      loadWaiters.clear();
    },
    takeSlots() {
      const taken = freeSlots;
      freeSlots = 0;
      return () => {
        for (let count = 0; count < taken; count++) releaseSlot();
      };
    },
    connections: () => ({ opened, open: sockets.size }),
    busy: () => [...sockets.values()].filter(({ isBusy }) => isBusy).length,
    allClosed: () =>
      sockets.size === 0 ? Promise.resolve() : new Promise((resolve) => void closedWaiters.add(resolve)),
    closeIdle() {
      for (const [socket, { isBusy }] of sockets) if (!isBusy) socket.destroy();
    },
    async close() {
      for (const socket of sockets.keys()) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
};

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "8080" },
      delay: { type: "string", default: "20" },
      text: { type: "string", default: "return 42;" },
    },
  });
  const server = await createModelServer({
    port: Number(values.port),
    tokenDelayMs: Number(values.delay),
    complete: () => values.text,
  });
  console.log(`Fake model server at ${server.url} (OpenAI format at ${server.url}/v1)`);
}

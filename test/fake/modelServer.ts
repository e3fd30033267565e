// A model server for tests: real sockets, the wire formats of llama.cpp, OpenAI, Ollama and OpenRouter, faults on demand.
//   node test/fake/modelServer.ts [--port 8080] [--delay MS] [--text "return 42;"]
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { parseArgs } from "node:util";
import { asRecord, createModelEngine, type Json, type ModelEngineOptions } from "./modelEngine.ts";
import { loadingReply, play, sendError, sendJson, type ScriptedReply } from "./modelReplies.ts";
import { llamaCppRoutes } from "./modelServerLlamaCpp.ts";
import { lmStudioRoutes } from "./modelServerLmStudio.ts";
import { ollamaRoutes } from "./modelServerOllama.ts";
import { openAiRoutes } from "./modelServerOpenAi.ts";

export {
  hangReply,
  htmlReply,
  jsonReply,
  linesReply,
  loadingReply,
  ndjson,
  resetReply,
  sse,
  streamReply,
} from "./modelReplies.ts";
export type { Disturbance, ModelAnswer, ModelCall } from "./modelEngine.ts";
export type { ReplyStep, ScriptedReply } from "./modelReplies.ts";

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

export type ModelServerOptions = ModelEngineOptions & {
  readonly port?: number;
  /** What `/props` says. */
  readonly modelPath?: string;
  /** What `/v1/models` says. */
  readonly modelId?: string;
  readonly contextTokens?: number;
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

/** A request as its route gets it. */
export type Asked = {
  readonly path: string;
  readonly query: URLSearchParams;
  /** The body; empty where there is none. */
  readonly json: Json;
};

/** Answers a request; resolves when the answer is sent. */
export type Route = (response: ServerResponse, asked: Asked) => Promise<void> | void;

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

/** Starts a server on 127.0.0.1. The caller closes it. */
export const createModelServer = async (options: ModelServerOptions = {}): Promise<ModelServer> => {
  const { apiKey, keepAlive = "timeout=5, max=100" } = options;
  const requests: RecordedRequest[] = [];
  const unclaimed: RecordedRequest[] = [];
  const claims = new Set<{ path: string; resolve: (request: RecordedRequest) => void }>();
  const scripts: { path: string; reply: ScriptedReply }[] = [];
  const sockets = new Map<Socket, { readonly id: number; isBusy: boolean }>();
  const closedWaiters = new Set<() => void>();
  let opened = 0;

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

  const engine = createModelEngine(options);
  const routeOllama = options.ollama && ollamaRoutes(options, options.ollama, engine);
  const routes: Readonly<Record<string, Route>> = {
    ...llamaCppRoutes(options, engine),
    ...openAiRoutes(options, engine, () => requests.length),
    ...lmStudioRoutes(options, engine),
  };

  const answer = async (request: IncomingMessage, response: ServerResponse, body: string): Promise<void> => {
    const { pathname: path, searchParams: query } = new URL(request.url ?? "/", "http://127.0.0.1");
    if (routeOllama) {
      await routeOllama(response, { path, query, json: body === "" ? {} : asRecord(JSON.parse(body) as unknown) });
      return;
    }
    if (engine.isLoading()) {
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
    const isGet = request.method === "GET";
    let json: Json = {};
    try {
      if (!isGet) json = asRecord(JSON.parse(body) as unknown);
    } catch {
      sendError(response, 500, "server_error", "parse error");
      return;
    }
    const route = routes[`${isGet ? "GET" : "POST"} ${path}`];
    if (route) await route(response, { path, query, json });
    else sendError(response, 404, "not_found_error", "File Not Found");
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
    setLoading: (isLoading) => engine.setLoading(isLoading),
    takeSlots: () => engine.takeSlots(),
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

// An Ollama whose models take time to load and memory to stay: real sockets, its own routes for lists, loads and unloads.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { systemClock, type Clock } from "../../src/base/clock.ts";

/** The shape of Qwen2.5-Coder 1.5B, as Ollama tells it. */
export const smallCoder = {
  "general.architecture": "qwen2",
  "general.parameter_count": 1_543_714_304,
  "qwen2.block_count": 28,
  "qwen2.embedding_length": 1536,
  "qwen2.feed_forward_length": 8960,
  "qwen2.attention.head_count": 12,
  "qwen2.attention.head_count_kv": 2,
  "qwen2.context_length": 32_768,
};

export type OllamaServerOptions = {
  /** Bytes of each model once it is loaded. */
  readonly models: Readonly<Record<string, number>>;
  /** Default 0. */
  readonly loadMs?: number;
  /** From a request for a loaded model to its first token. Default 0. */
  readonly firstTokenMs?: number;
  /** What of a model lies in graphics memory, 0..1. Default 1. */
  readonly graphicsShare?: number;
  readonly clock?: Clock;
};

export type OllamaServer = {
  readonly url: string;
  /** What was asked, in order, models by their full names: "list", "load a 8192", "unload a", "generate a 8192"; the number is the context. */
  readonly calls: readonly string[];
  /** What is loaded now, by another program's doing or by a request. */
  readonly loaded: ReadonlyMap<string, number>;
  /** As another program would. */
  put(model: string): void;
  take(model: string): void;
  /** The most that was loaded at one moment, a model that is being loaded included. */
  peakBytes(): number;
  close(): Promise<void>;
};

const pause = (clock: Clock, ms: number): Promise<void> =>
  ms > 0
    ? new Promise((resolve) => {
        clock.after(ms, resolve);
      })
    : Promise.resolve();

const readJson = async (request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> => {
  let text = "";
  for await (const piece of request) text += String(piece);
  return text === "" ? {} : (JSON.parse(text) as Readonly<Record<string, unknown>>);
};

const send = (response: ServerResponse, status: number, value: unknown): void => {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
};

/** Starts it on 127.0.0.1. The caller closes it. */
export const createOllamaServer = async (options: OllamaServerOptions): Promise<OllamaServer> => {
  const { models, loadMs = 0, firstTokenMs = 0, graphicsShare = 1, clock = systemClock } = options;
  /** The context that each was loaded with. */
  const loaded = new Map<string, number>();
  const loading = new Map<string, { readonly contextTokens: number; readonly done: Promise<void> }>();
  const calls: string[] = [];
  let peakBytes = 0;

  const sizeOf = (model: string): number => models[model] ?? 0;
  const load = async (model: string, contextTokens: number): Promise<void> => {
    if (loaded.get(model) === contextTokens) return;
    const running = loading.get(model);
    if (running?.contextTokens === contextTokens) return running.done;
    // Another context is another runner, as in Ollama's `needsReload`.
    loaded.delete(model);
    calls.push(`load ${model} ${contextTokens}`);
    const run = async () => {
      const names = new Set([...loaded.keys(), ...loading.keys(), model]);
      peakBytes = Math.max(
        peakBytes,
        [...names].reduce((sum, name) => sum + sizeOf(name), 0),
      );
      await pause(clock, loadMs);
      loading.delete(model);
      loaded.set(model, contextTokens);
    };
    const done = run();
    loading.set(model, { contextTokens, done });
    return done;
  };

  const generate = async (response: ServerResponse, body: Readonly<Record<string, unknown>>): Promise<void> => {
    const wanted = String(body["model"]);
    // As Ollama itself: "a" is "a:latest".
    const model = wanted in models ? wanted : `${wanted}:latest`;
    if (!(model in models)) return send(response, 404, { error: `model '${wanted}' not found` });
    const asked = body["options"] as { readonly num_ctx?: number } | undefined;
    const contextTokens = asked?.num_ctx ?? 4096;
    const isEmpty = body["prompt"] === undefined && body["messages"] === undefined;
    if (isEmpty && body["keep_alive"] === 0) {
      calls.push(`unload ${model}`);
      loaded.delete(model);
      return send(response, 200, { model, done: true, done_reason: "unload" });
    }
    await load(model, contextTokens);
    if (isEmpty) return send(response, 200, { model, done: true, done_reason: "load" });
    calls.push(`generate ${model} ${contextTokens}`);
    await pause(clock, firstTokenMs);
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    const text = "return 42;";
    const piece =
      body["messages"] === undefined ? { response: text } : { message: { role: "assistant", content: text } };
    response.write(`${JSON.stringify({ model, ...piece, done: false })}\n`);
    response.end(
      `${JSON.stringify({ model, done: true, done_reason: "stop", prompt_eval_count: 1200, eval_count: 8 })}\n`,
    );
    return undefined;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readJson(request);
    switch (request.url ?? "") {
      case "/api/version":
        return send(response, 200, { version: "0.12.0" });
      case "/api/tags":
        return send(response, 200, {
          models: Object.entries(models).map(([model, size]) => ({ name: model, model, size })),
        });
      case "/api/ps":
        calls.push("list");
        return send(response, 200, {
          models: [...loaded].map(([model, context]) => ({
            name: model,
            model,
            size: sizeOf(model),
            size_vram: Math.round(graphicsShare * sizeOf(model)),
            context_length: context,
          })),
        });
      case "/api/show":
        return send(response, 200, {
          template: "{{ .Prompt }}{{ .Suffix }}",
          capabilities: ["completion", "insert"],
          details: { family: "qwen2" },
          // Whatever the model is called.
          model_info: smallCoder,
        });
      case "/api/generate":
      case "/api/chat":
        return generate(response, body);
      default:
        return send(response, 404, { error: "not found" });
    }
  };

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    calls,
    loaded,
    put: (model) => void loaded.set(model, 4096),
    take: (model) => void loaded.delete(model),
    peakBytes: () => peakBytes,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
};

import type { TransportClient } from "../transport/client.ts";
import { parseBaseUrl } from "./baseUrl.ts";
import { asCount, asList, asObject, asText, defined, parseJson } from "./json.ts";
import { readLmStudioModels } from "./lmStudio.ts";
import { readTags } from "./ollamaModel.ts";
import type { ModelInfo, ProviderKind } from "./provider.ts";

/** A model that a found server offers. */
export type OfferedModel = ModelInfo & {
  /** Whether it is in memory now; undefined: the server does not say. */
  readonly isLoaded?: boolean;
  /** Whether the server hands requests for it on to another machine. */
  readonly isElsewhere?: boolean;
};

/** A model server that answered. */
export type FoundServer = {
  /** What it is, by its own name: "Ollama", "llama.cpp", "LM Studio", "vLLM", or "OpenAI-compatible server". */
  readonly name: string;
  readonly kind: ProviderKind;
  /** As the settings want it. */
  readonly baseUrl: string;
  /** Empty while it loads, and when it wants a key first. */
  readonly models: readonly OfferedModel[];
  readonly wantsKey: boolean;
  readonly isLoading: boolean;
};

export type DiscoverOptions = {
  readonly transport: TransportClient;
  /** For a server that the user named and has given a key for. Not sent in the clear over the internet. */
  readonly apiKey?: string;
  readonly signal?: AbortSignal;
  /** For one server, all questions together. Default 900: people wait for the list. */
  readonly totalMs?: number;
};

const answerMaxBytes = 4 * 1024 * 1024;
// Two rounds of questions have to fit into the whole; a server on this machine answers within milliseconds.
const firstRoundShare = 0.6;

/**
 * Where model servers listen on this machine unless told otherwise: Ollama, llama.cpp (and a second one), LM Studio,
 * vLLM. What `OLLAMA_HOST` names comes first: it is how Ollama itself is moved.
 * @see https://docs.ollama.com/faq, https://github.com/ggml-org/llama.cpp/tree/master/tools/server,
 * https://lmstudio.ai/docs/developer, https://docs.vllm.ai (2026-08)
 */
export const localOrigins = (ollamaHost: string | undefined): string[] => [
  ...new Set([
    ...ollamaOrigin(ollamaHost),
    "http://127.0.0.1:11434",
    "http://127.0.0.1:8080",
    "http://127.0.0.1:8081",
    "http://127.0.0.1:1234",
    "http://127.0.0.1:8000",
  ]),
];

/** `OLLAMA_HOST` may be a host, a port with a colon, both, or a URL; it also says where Ollama itself listens. */
const ollamaOrigin = (ollamaHost: string | undefined): string[] => {
  const text = (ollamaHost ?? "").trim();
  if (text === "") return [];
  const [, scheme = "http", rest = ""] = /^(?:(https?):\/\/)?(.*)$/.exec(text) ?? [];
  const url = URL.parse(`${scheme}://${rest.startsWith(":") ? `127.0.0.1${rest}` : rest}`);
  if (!url || url.hostname === "" || url.username || url.password) return [];
  if (url.hostname === "0.0.0.0" || url.hostname === "[::]") url.hostname = "127.0.0.1";
  // Not by `url.port`, which is empty for the scheme's own port, too.
  const hasPort = /:\d+\/*$/.test(rest) || text.includes("://");
  if (!hasPort) url.port = "11434";
  return [url.origin];
};

/** Asks all addresses at the same time; those where no model server answers in time are left out. Order is kept. */
export const discoverServers = async (
  origins: readonly string[],
  options: DiscoverOptions,
): Promise<readonly FoundServer[]> => {
  const found = await Promise.all(origins.map((origin) => identifyServer(origin, options)));
  options.signal?.throwIfAborted();
  return found.filter((server) => server !== undefined);
};

/**
 * Finds out what listens at an address by what it answers, and which models it has. Undefined: no model server answers.
 * Never throws for a dead or strange server. `address` may end in `/v1`.
 * @throws {ProviderError} kind "bad-request" for an address that cannot be used, when there is a key for it.
 */
export const identifyServer = async (address: string, options: DiscoverOptions): Promise<FoundServer | undefined> => {
  const { totalMs = 900 } = options;
  const root = address.replace(/\/+$/, "").replace(/\/v1$/, "");
  const apiKey = options.apiKey && parseBaseUrl(root).acceptsKey ? options.apiKey : undefined;
  const ask = (path: string, deadlineMs: number) => askOnce(`${root}${path}`, deadlineMs, apiKey, options);
  // All of them know this route, so that one question is enough for an address where nothing listens.
  const list = await ask("/v1/models", totalMs * firstRoundShare);
  if (!list) return undefined;
  const restMs = totalMs * (1 - firstRoundShare);
  const [ollama, props, health, lmStudio, vllm, tags, loaded] = await Promise.all(
    ["/api/version", "/props", "/health", "/api/v1/models", "/version", "/api/tags", "/api/ps"].map((path) =>
      ask(path, restMs),
    ),
  );
  const wantsKey = list.status === 401 || list.status === 403;
  const data = asList(list.json["data"]);
  const server = { wantsKey, isLoading: false, models: data.map(readOpenAiModel).filter(isNamed) };

  if (asText(ollama?.json["version"]) !== "" && tags?.status === 200) {
    const models = readOllamaModels(tags.json, loaded?.json).filter(isNamed);
    return { ...server, name: "Ollama", kind: "ollama", baseUrl: root, models };
  }
  const studioList = lmStudio?.json["models"];
  const isEmptyStudio = Array.isArray(studioList) && studioList.length === 0 && Array.isArray(list.json["data"]);
  if (isEmptyStudio || asList(studioList).some((item) => asText(asObject(item)["key"]) !== "")) {
    const models = readStudioModels(lmStudio?.json).filter(isNamed);
    return { ...server, name: "LM Studio", kind: "openai-compatible", baseUrl: `${root}/v1`, models };
  }
  const isLoading = list.status === 503 && /loading/i.test(list.text);
  const saysOk = health?.json["status"] === "ok" || asObject(health?.json["error"])["code"] === 503;
  if (asObject(props?.json["default_generation_settings"])["n_ctx"] !== undefined || (isLoading && saysOk)) {
    // Only its router has models that are not in memory, and says so.
    const models = server.models.map((model) => ({ isLoaded: !isLoading, ...model }));
    return { ...server, name: "llama.cpp", kind: "llamacpp", baseUrl: root, isLoading, models };
  }
  // With a key llama.cpp hides everything but its health, and in newer releases its list. Without an answer about its
  // props it is only late.
  const hidesProps = props?.status === 401 || props?.status === 403;
  if (saysOk && (wantsKey || asText(asObject(data[0])["owned_by"]) === "llamacpp")) {
    return { ...server, name: "llama.cpp", kind: "llamacpp", baseUrl: root, wantsKey: wantsKey || hidesProps };
  }
  if (asText(vllm?.json["version"]) !== "" && (data.length > 0 || wantsKey)) {
    return { ...server, name: "vLLM", kind: "openai-compatible", baseUrl: `${root}/v1` };
  }
  // Many programs listen on these ports: only one that lists models, or asks for a key in JSON, is taken for a server.
  if (data.length > 0 || (wantsKey && list.json["error"] !== undefined)) {
    return { ...server, name: "OpenAI-compatible server", kind: "openai-compatible", baseUrl: `${root}/v1` };
  }
  return undefined;
};

type Answer = {
  readonly status: number;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
};

const askOnce = async (
  url: string,
  deadlineMs: number,
  apiKey: string | undefined,
  { transport, signal }: DiscoverOptions,
): Promise<Answer | undefined> => {
  try {
    const response = await transport.request({
      method: "GET",
      url,
      headers: { accept: "application/json", ...(apiKey ? { authorization: `Bearer ${apiKey}` } : {}) },
      deadlines: { connectMs: deadlineMs, firstByteMs: deadlineMs, totalMs: deadlineMs },
      ...(signal ? { signal } : {}),
    });
    const text = await response.excerpt(answerMaxBytes);
    // A page for people is no JSON, and no model server either.
    return { status: response.status, text, json: asObject(parseJson(text)) };
  } catch {
    // Nothing listens there, or not in time: both mean that there is no server to offer.
    return undefined;
  }
};

/** Some are paths. A longer one is none, and to find out what it means would take the thread seconds. */
const nameMaxUnits = 1000;

const isNamed = ({ id }: OfferedModel): boolean => id !== "" && id.length <= nameMaxUnits;

const readOpenAiModel = (item: unknown): OfferedModel => {
  const entry = asObject(item);
  const meta = asObject(entry["meta"]);
  // llama.cpp's router says which of its models are in memory.
  const status = asText(asObject(entry["status"])["value"]);
  return {
    id: asText(entry["id"]),
    ...defined<Omit<OfferedModel, "id">>({
      contextTokens: asCount(meta["n_ctx"]) ?? asCount(entry["max_model_len"]),
      sizeBytes: asCount(meta["size"]),
      isLoaded: status === "" ? undefined : status === "loaded",
    }),
  };
};

const readOllamaModels = (tags: unknown, running: unknown): OfferedModel[] => {
  const entries = asList(asObject(tags)["models"]).map(asObject);
  const loaded = new Set(asList(asObject(running)["models"]).map((entry) => asText(asObject(entry)["name"])));
  return readTags(tags).map((model, index) => {
    const isElsewhere = asText(entries[index]?.["remote_host"]) !== "" || /[:-]cloud$/.test(model.id);
    return isElsewhere ? remoteModel(model) : Object.assign(model, { isLoaded: loaded.has(model.id) });
  });
};

/** The size that Ollama tells of one is that of a note about the other machine. */
const remoteModel = (model: ModelInfo): OfferedModel => {
  const { sizeBytes: _sizeBytes, ...more } = model;
  return { ...more, isLoaded: false, isElsewhere: true };
};

const readStudioModels = (list: unknown): OfferedModel[] => {
  const entries = asList(asObject(list)["models"]).map(asObject);
  return readLmStudioModels(list).map(({ ids, more }, index) =>
    Object.assign({ id: ids[0] ?? "" }, more, { isLoaded: asList(entries[index]?.["loaded_instances"]).length > 0 }),
  );
};

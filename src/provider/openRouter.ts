import { readServerSentEvents, type ServerSentEvent } from "../transport/sse.ts";
import { speakDialect, type Dialect } from "./dialect.ts";
import { errorFromAnswer, errorInPayload, excerptOf, type FailedAnswer } from "./errors.ts";
import { buildFimPrompt, findFimTemplate } from "./fim.ts";
import { asCount, asList, asObject, asText, type JsonObject } from "./json.ts";
import { createOpenAiReader } from "./openAiStream.ts";
import { ProviderError } from "./provider.ts";
import type {
  CallOptions,
  Capabilities,
  ModelInfo,
  Provider,
  ProviderErrorKind,
  ProviderOptions,
  ProviderServices,
  Usage,
} from "./provider.ts";
import { createWire, type StreamReader } from "./wire.ts";

/** Not every provider behind it takes more. */
const serverStopsMax = 4;

/** @see https://openrouter.ai/docs/api/reference/errors-and-debugging (2026-08), `metadata.error_type` */
const kindsByErrorType: Readonly<Record<string, ProviderErrorKind>> = {
  context_length_exceeded: "context-overflow",
  max_tokens_exceeded: "context-overflow",
  token_limit_exceeded: "context-overflow",
  string_too_long: "context-overflow",
  payload_too_large: "context-overflow",
  authentication: "unauthorized",
  permission_denied: "unauthorized",
  payment_required: "payment-required",
  rate_limit_exceeded: "rate-limited",
  provider_overloaded: "server-error",
  provider_unavailable: "server-error",
  server: "server-error",
  unmapped: "server-error",
  timeout: "timeout",
  not_found: "model-not-found",
  invalid_request: "bad-request",
  invalid_prompt: "bad-request",
  precondition_failed: "bad-request",
  unprocessable: "bad-request",
  content_policy_violation: "bad-request",
  refusal: "bad-request",
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

const noModelText = /no endpoints found|no allowed providers|not a valid model/i;

/** What is wrong with the text that was sent: the moderation's or the guardrail's findings. */
const findReasons = (metadata: JsonObject): string =>
  [...asList(metadata["reasons"]), ...asList(metadata["patterns"])].map(asText).filter(Boolean).join(", ");

/** Sharpens an error by what only OpenRouter says of it. */
const refine = (base: ProviderError, body: unknown, retryAfterMs?: number): ProviderError => {
  const error = asObject(asObject(body)["error"]);
  const metadata = asObject(error["metadata"]);
  const reasons = findReasons(metadata);
  const code = Number(error["code"]) || base.status;
  let kind = kindsByErrorType[asText(metadata["error_type"])] ?? base.kind;
  if (code === 402) kind = "payment-required";
  // A refused text, not a refused key: a new key would change nothing.
  else if (code === 403 && (reasons !== "" || metadata["flagged_input"] !== undefined)) kind = "bad-request";
  else if ((code === 400 || code === 404) && noModelText.test(asText(error["message"]))) kind = "model-not-found";
  // "Provider returned error" alone helps nobody.
  const details = [asText(metadata["provider_name"]), reasons, asText(metadata["raw"])].filter((part) => part !== "");
  const message = details.length === 0 ? base.message : `${base.message} (${excerptOf(details.join(": "))})`;
  const pauseMs = base.retryAfterMs ?? retryAfterMs;
  return new ProviderError(kind, message, {
    ...(base.status === undefined ? {} : { status: base.status }),
    ...(pauseMs === undefined ? {} : { retryAfterMs: pauseMs }),
  });
};

/** `X-RateLimit-Reset` as a date in milliseconds or in seconds, in milliseconds from `nowDateMs`. */
const readReset = ({ status, headers }: FailedAnswer, nowDateMs: number): number | undefined => {
  const text = (headers["x-ratelimit-reset"] ?? "").trim();
  if (status !== 429 || !/^\d+$/.test(text)) return undefined;
  // Until the year 5138, a date in seconds has at most eleven digits.
  const dateMs = text.length > 11 ? Number(text) : Number(text) * 1000;
  return Math.max(0, dateMs - nowDateMs);
};

const faultInEvent = (data: string): ProviderError | undefined => {
  // Inside of text the quotes are escaped, so nearly no event is parsed twice.
  if (!data.includes('"error"')) return undefined;
  const payload = parseJson(data);
  const base = errorInPayload(payload);
  if (base) return refine(base, payload);
  const choice = asObject(asList(asObject(payload)["choices"])[0]);
  if (choice["finish_reason"] !== "error") return undefined;
  return new ProviderError("server-error", "The model server answered: the provider failed and gave no reason");
};

const dialect: Dialect = {
  // Names the program in OpenRouter's lists. https://openrouter.ai/docs/app-attribution
  headers: {
    "http-referer": "https://marketplace.visualstudio.com/items?itemName=hotpath.hotpath",
    "x-openrouter-title": "Hotpath",
  },
  streamTypes: ["text/event-stream"],
  async *events(bytes): AsyncGenerator<ServerSentEvent> {
    for await (const event of readServerSentEvents(bytes)) {
      const fault = faultInEvent(event.data);
      if (fault) throw fault;
      yield event;
    }
  },
  fault: (answer, nowDateMs) =>
    refine(errorFromAnswer(answer, nowDateMs), parseJson(answer.text), readReset(answer, nowDateMs)),
};

/** The OpenAI format, and what was charged. */
export const createOpenRouterReader = (route: "completions" | "chat"): StreamReader => {
  const reader = createOpenAiReader(route);
  let costUsd: number | undefined;
  return {
    read(payload) {
      // Said twice is charged once: the last one holds.
      costUsd = asCount(asObject(asObject(payload)["usage"])["cost"]) ?? costUsd;
      return reader.read(payload);
    },
    result(isMarked) {
      const result = reader.result(isMarked);
      if (!result || costUsd === undefined) return result;
      const usage: Usage = { ...result.usage, costUsd };
      return { reason: result.reason, usage };
    },
    isComplete: () => reader.isComplete(),
  };
};

/** A price in US dollars; the router's own models have "-1", which means that it depends. */
const readPrice = (value: unknown): number | undefined => {
  const text = asText(value).trim();
  return asCount(text === "" ? value : Number(text));
};

const readModel = (item: unknown): ModelInfo => {
  const entry = asObject(item);
  const pricing = asObject(entry["pricing"]);
  // The provider that is asked first may take less than the model could.
  const contextTokens = asCount(asObject(entry["top_provider"])["context_length"]) ?? asCount(entry["context_length"]);
  const promptUsdPerToken = readPrice(pricing["prompt"]);
  const completionUsdPerToken = readPrice(pricing["completion"]);
  return {
    id: asText(entry["id"]),
    ...(contextTokens === undefined ? {} : { contextTokens }),
    ...(promptUsdPerToken === undefined ? {} : { promptUsdPerToken }),
    ...(completionUsdPerToken === undefined ? {} : { completionUsdPerToken }),
  };
};

/**
 * OpenRouter. Ghost text goes to `/completions` as a raw prompt when the model's family is known; other models get none:
 * whether a provider behind it honours `suffix` is nowhere written, and a wrong guess costs money.
 * @throws {ProviderError} kind "bad-request" for an address that cannot be used.
 * @see https://openrouter.ai/docs/api-reference (2026-08)
 */
export const createOpenRouter = (options: ProviderOptions, services: ProviderServices): Provider => {
  const { model } = options;
  const apiKey = async (): Promise<string> => {
    const key = (await options.apiKey?.())?.trim();
    if (!key) throw new ProviderError("unauthorized", "OpenRouter wants a key, and none is set");
    return key;
  };
  const transport = speakDialect(services.transport, dialect, services.clock);
  const wire = createWire(options.baseUrl, { ...options, apiKey }, { ...services, transport });
  const template = findFimTemplate(model.replace(/:[^:/]*$/, ""));
  let known: Capabilities | undefined;

  const requireModel = (): void => {
    if (model === "")
      throw new ProviderError("model-not-found", "OpenRouter has many models: name one in the settings");
  };

  const listModels = async (call: CallOptions): Promise<readonly ModelInfo[]> =>
    asList(asObject(await wire.getJson("/models", call))["data"]).map(readModel);

  return {
    kind: "openrouter",
    origin: wire.origin,

    models: (call = {}) => listModels(call),

    async capabilities(call = {}) {
      requireModel();
      if (known) return known;
      const models = await listModels(call);
      // A variant such as `:nitro` chooses the provider; the list may hold the plain model only.
      const plain = model.replace(/:[^:/]*$/, "");
      const info = models.find(({ id }) => id === model) ?? models.find(({ id }) => id === plain);
      known = {
        model,
        fillInMiddle: template ? "raw-template" : "none",
        slots: undefined,
        contextTokens: info?.contextTokens,
      };
      return known;
    },

    async health(call = {}) {
      try {
        // The list of models is open to all; this route says whether the key can be used.
        const { text } = await wire.probe("/key", call);
        const { data } = asObject(parseJson(text));
        if (data === undefined) throw new ProviderError("bad-response", "OpenRouter does not answer here");
        const leftUsd = asObject(data)["limit_remaining"];
        if (typeof leftUsd !== "number" || leftUsd > 0) return { status: "ok" };
        return { status: "down", error: new ProviderError("payment-required", "The key's limit is used up") };
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
        return { status: "down", error };
      }
    },

    async *streamCompletion(request, call = {}) {
      requireModel();
      if (!template) {
        throw new ProviderError("unsupported", `It is not known how ${model} fills in the middle`);
      }
      const stop = [...(request.stop ?? []), ...template.stop];
      const payload = {
        model,
        prompt: buildFimPrompt(template, request.prefix, request.suffix),
        max_tokens: request.maxTokens,
        ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
        stop: stop.slice(0, serverStopsMax),
        stream: true,
      };
      const reader = createOpenRouterReader("completions");
      yield* wire.stream("/completions", payload, call, { use: "completion", reader, stop });
    },

    async *streamChat(request, call = {}) {
      requireModel();
      const payload = {
        model,
        messages: request.messages.map(({ role, content }) => ({ role, content })),
        ...(request.maxTokens === undefined ? {} : { max_tokens: request.maxTokens }),
        ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
        stream: true,
      };
      const reader = createOpenRouterReader("chat");
      yield* wire.stream("/chat/completions", payload, call, { use: "chat", reader, stop: [] });
    },
  };
};

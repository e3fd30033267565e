import { isGone } from "./errors.ts";
import { buildFimPrompt, findFimTemplate, serverStops, stopTexts } from "./fim.ts";
import { asCount, asFlag, asObject, asText, defined, type JsonObject } from "./json.ts";
import { chatPayload, createOpenAiReader, readModels, readTimings, withUsage } from "./openAiStream.ts";
import { ProviderError } from "./provider.ts";
import type {
  CallOptions,
  Capabilities,
  CompletionRequest,
  Provider,
  ProviderOptions,
  ProviderServices,
  Usage,
} from "./provider.ts";
import { validate } from "./validate.ts";
import { createWire } from "./wire.ts";
import type { AnswerEnd, StreamReader } from "./wireFormat.ts";

/** What the last event is to hold: without this it repeats the whole prompt and every setting. */
const lastEventFields = ["content", "stop", "stop_type", "timings"] as const;

/** Understands the stream of `/completion` and `/infill`, which ends with `stop: true` and without `[DONE]`. */
export const createNativeReader = (): StreamReader => {
  let reason: AnswerEnd["reason"] | undefined;
  let usage: Usage = {};
  return {
    read(payload) {
      const event = asObject(payload);
      if (event["timings"] !== undefined) usage = readTimings(event["timings"]);
      if (event["stop"] === true) {
        const type = asText(event["stop_type"]);
        reason = type === "limit" ? "length" : type === "eos" || type === "word" ? "stop" : "other";
      }
      return asText(event["content"]);
    },
    result: () => reason && { reason, usage },
    isComplete: () => reason !== undefined,
  };
};

const isTimeout = (error: unknown): boolean => error instanceof ProviderError && error.kind === "timeout";

/** What `/props` says beside sizes: the template decides about tools, a second file with the weights about images. */
const readAbilities = (props: JsonObject): Pick<Capabilities, "tools" | "vision"> => {
  const template = asObject(props["chat_template_caps"]);
  const takesTools = asFlag(template["supports_tools"]);
  return defined<Pick<Capabilities, "tools" | "vision">>({
    tools: takesTools && (asFlag(template["supports_tool_calls"]) ?? takesTools),
    vision: asFlag(asObject(props["modalities"])["vision"]),
  });
};

type Facts = Capabilities & {
  /** Whether the server keeps several models and must be told which. */
  readonly isRouter: boolean;
  /** What may name the model's family, the likeliest first. */
  readonly names: readonly string[];
};

/** A router would load whatever a question names; asking must not change what is loaded. */
const modelQuery = (model: string): string => `?model=${encodeURIComponent(model)}&autoload=false`;

/**
 * A llama.cpp server, by its own routes. Ghost text goes to `/completion` as a raw prompt when the model's family is
 * known, because `/infill` evaluates nearly the whole prompt again on every key; else to `/infill`.
 * @throws {ProviderError} kind "bad-request" for an address that cannot be used.
 * @see https://github.com/ggml-org/llama.cpp/tree/master/tools/server (v0.5.0, 2026-09)
 */
export const createLlamaCpp = (options: ProviderOptions, services: ProviderServices): Provider => {
  // People paste the OpenAI-compatible address; the server's own routes lie beside it.
  const wire = createWire(options.baseUrl.trim().replace(/\/v1\/*$/, ""), options, services);
  let known: Facts | undefined;
  let isInfillRefused = false;

  const factsFrom = (props: unknown, model: string, isRouter: boolean): Facts => {
    const fields = asObject(props);
    const alias = asText(fields["model_alias"]);
    const path = asText(fields["model_path"]);
    // A router's own path is "none"; a single-model server ignores the name that the settings ask for.
    const names = isRouter ? [path, model] : [path, alias];
    const template = names.map(findFimTemplate).find((found) => found !== undefined);
    return {
      model: isRouter ? model : alias || path || model,
      fillInMiddle: template ? "raw-template" : isInfillRefused ? "none" : "infill",
      slots: asCount(fields["total_slots"]),
      contextTokens: asCount(asObject(fields["default_generation_settings"])["n_ctx"]),
      ...readAbilities(fields),
      isRouter,
      names,
    };
  };

  const learn = async (call: CallOptions): Promise<Facts> => {
    if (known) return known;
    const props = await wire.getJson("/props", call).catch((error: unknown) => {
      const isOther = error instanceof ProviderError && error.kind === "unsupported";
      throw isOther ? new ProviderError("bad-response", "No llama.cpp server answers here", { cause: error }) : error;
    });
    if (asObject(props)["role"] !== "router") {
      known = factsFrom(props, options.model, false);
      return known;
    }
    if (options.model === "") {
      throw new ProviderError("model-not-found", "This server keeps several models: name one in the settings");
    }
    let own: unknown;
    try {
      own = await wire.getJson(`/props${modelQuery(options.model)}`, call);
    } catch (error) {
      // Not loaded yet: its name must do, and what is learned now is not the last word.
      if (!(error instanceof ProviderError) || error.kind !== "model-not-found") throw error;
      return factsFrom({}, options.model, true);
    }
    known = factsFrom(own, options.model, true);
    return known;
  };

  const isBusy = async ({ signal }: CallOptions): Promise<boolean> => {
    const query = known?.isRouter === true ? modelQuery(options.model) : "";
    const call = signal ? { signal } : {};
    try {
      const { status, text } = await wire.probe(`/slots${query}`, call);
      if (status === 503) return true;
      // The list is long and may be cut; one slot at work is enough to know.
      return status === 200 && /"is_processing"\s*:\s*true/.test(text);
    } catch (error) {
      if (!isTimeout(error)) throw error;
      // /slots waits for the batch that is being evaluated, which takes long on a CPU; /health does not.
      return (await wire.probe("/health", call)).status === 200;
    }
  };

  const noteFault = (error: unknown): void => {
    if (!isGone(error)) return;
    known = undefined;
    isInfillRefused = false;
  };

  /** What a completion asks for, wherever it goes. */
  const completionPayload = (facts: Facts, request: CompletionRequest, stop: readonly string[]): object => ({
    model: facts.isRouter ? options.model : undefined,
    n_predict: request.maxTokens,
    temperature: request.temperature,
    stop: serverStops(stop),
    stream: true,
    cache_prompt: true,
    response_fields: lastEventFields,
  });

  const provider: Provider = {
    kind: "llamacpp",
    origin: wire.origin,

    models: async (call = {}) => readModels(await wire.getJson("/v1/models", call)),

    async capabilities(call = {}) {
      const { isRouter: _, names: __, ...capabilities } = await learn(call);
      return capabilities;
    },

    async health(call = {}) {
      try {
        const health = await wire.probe("/health", call);
        if (health.status === 503) return { status: "loading" };
        if (health.status !== 200) {
          return { status: "down", error: new ProviderError("bad-response", "No llama.cpp server answers here") };
        }
        const slots = await wire.probe("/slots?fail_on_no_slot=1", call).catch((error: unknown) => {
          // It answers between two batches, and /health has just said that the server lives.
          if (isTimeout(error)) return { status: 503 };
          throw error;
        });
        if (slots.status === 401) {
          return { status: "down", error: new ProviderError("unauthorized", "The server wants another key") };
        }
        return { status: slots.status === 503 ? "busy" : "ok" };
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
        noteFault(error);
        return { status: "down", error };
      }
    },

    validateConnection: (use, call = {}) => validate(provider, use, call, services.clock),

    async *streamCompletion(request, call = {}) {
      try {
        const facts = await learn(call);
        if (facts.fillInMiddle === "none") {
          throw new ProviderError("unsupported", "This model cannot fill in the middle");
        }
        const template = facts.names.map(findFimTemplate).find((found) => found !== undefined);
        const stop = stopTexts(request.stop, template);
        const shared = completionPayload(facts, request, stop);
        const streamOptions = {
          use: "completion" as const,
          reader: createNativeReader(),
          stop,
          isBusy: () => isBusy(call),
        };
        if (template) {
          const prompt = buildFimPrompt(template, request.prefix, request.suffix);
          yield* wire.stream("/completion", { ...shared, prompt }, call, streamOptions);
          return;
        }
        const payload = { ...shared, input_prefix: request.prefix, input_suffix: request.suffix };
        try {
          yield* wire.stream("/infill", payload, call, streamOptions);
        } catch (error) {
          if (error instanceof ProviderError && error.kind === "unsupported") {
            isInfillRefused = true;
            services.log.warn(`${wire.origin} cannot fill in: no ghost text from ${facts.model}`);
            known = undefined;
          }
          throw error;
        }
      } catch (error) {
        noteFault(error);
        throw error;
      }
    },

    async *streamChat(request, call = {}) {
      try {
        const streamOptions = {
          use: "chat" as const,
          reader: createOpenAiReader("chat"),
          stop: [],
          isBusy: () => isBusy(call),
        };
        const payload = withUsage(chatPayload(request, options.model));
        yield* wire.stream("/v1/chat/completions", payload, call, streamOptions);
      } catch (error) {
        noteFault(error);
        throw error;
      }
    },
  };
  return provider;
};

import { parseBaseUrl } from "./baseUrl.ts";
import { isGone } from "./errors.ts";
import { buildFimPrompt, findFimTemplate, serverStops, stopTexts, type FimTemplate } from "./fim.ts";
import { asObject, asText, defined, parseJson } from "./json.ts";
import { isLmStudioList, readLmStudioModels } from "./lmStudio.ts";
import { chatPayload, createOpenAiReader, readModels, withUsage } from "./openAiStream.ts";
import { ProviderError } from "./provider.ts";
import type { CallOptions, Capabilities, ModelInfo, Provider, ProviderOptions, ProviderServices } from "./provider.ts";
import { validate } from "./validate.ts";
import { createWire } from "./wire.ts";

type ListedModel = { readonly info: ModelInfo; readonly slots: number | undefined };

/** Only a fault that names it is about the suffix: a prompt that is too long, or a bad setting, says nothing of it. */
const isAboutSuffix = (error: unknown): error is ProviderError =>
  error instanceof ProviderError &&
  (error.kind === "unsupported" ||
    (error.kind === "bad-request" && /suffix|fill.in.the.middle|\bfim\b/i.test(error.message)));

/**
 * A server that speaks the OpenAI format (LM Studio, vLLM and others). Ghost text goes to `/completions`: as a raw
 * prompt when the model's family is known (never to Ollama), else with the `suffix` parameter, until the server refuses.
 * @throws {ProviderError} kind "bad-request" for an address that cannot be used.
 */
export const createOpenAiCompatible = (options: ProviderOptions, services: ProviderServices): Provider => {
  const wire = createWire(options.baseUrl, options, services);
  const { isPrivate } = parseBaseUrl(options.baseUrl);
  let known: Capabilities | undefined;
  let isSuffixRefused = false;
  let isOllama = false;

  /** Asks for something that only one make of server has; undefined when this is another. */
  const askMake = async (path: string, call: CallOptions): Promise<unknown> => {
    try {
      const { status, text } = await wire.probe(wire.origin + path, call);
      return status === 200 ? parseJson(text) : undefined;
    } catch (error) {
      if (error instanceof ProviderError) return undefined;
      throw error;
    }
  };

  /**
   * Ollama's OpenAI routes wrap every prompt in the model's chat template, so a raw one comes out as rubbish; with a
   * suffix they use the model's own fill-in form.
   */
  const findOllama = async (call: CallOptions): Promise<boolean> =>
    asText(asObject(await askMake("/api/version", call))["version"]) !== "";

  const templateOf = (model: string): FimTemplate | undefined => (isOllama ? undefined : findFimTemplate(model));

  const listModels = async (call: CallOptions): Promise<readonly ListedModel[]> => {
    const answer = await wire.getJson("/models", call);
    const models = readModels(answer);
    const own = isLmStudioList(answer) ? readLmStudioModels(await askMake("/api/v1/models", call)) : [];
    return models.map((model) => {
      const found = own.find(({ ids }) => ids.includes(model.id));
      return { info: found ? Object.assign(model, found.more) : model, slots: found?.slots };
    });
  };

  const learn = async (call: CallOptions): Promise<Capabilities> => {
    if (known) return known;
    let models: readonly ListedModel[] = [];
    try {
      models = await listModels(call);
    } catch (error) {
      // Some servers have no list; a model that the settings name can be used all the same.
      if (options.model === "" || !(error instanceof ProviderError) || error.kind !== "unsupported") throw error;
    }
    const found = models.find(({ info: { id, writesText } }) =>
      options.model === "" ? writesText !== false : id === options.model,
    );
    const info = found?.info;
    const model = options.model || (info?.id ?? "");
    if (model === "") throw new ProviderError("model-not-found", "The server offers no model");
    isOllama = await findOllama(call);
    known = {
      model,
      fillInMiddle: templateOf(model) ? "raw-template" : isSuffixRefused ? "none" : "suffix-parameter",
      slots: found?.slots,
      contextTokens: info?.contextTokens,
      ...defined<Pick<Capabilities, "tools" | "vision" | "isMetered">>({
        tools: info?.tools,
        vision: info?.vision,
        // Nobody says so, but a server on the internet is mostly paid by the token.
        isMetered: isPrivate ? undefined : true,
      }),
    };
    return known;
  };

  const noteFault = (error: unknown): void => {
    if (!isGone(error)) return;
    known = undefined;
    isSuffixRefused = false;
  };

  const provider: Provider = {
    kind: "openai-compatible",
    origin: wire.origin,

    async models(call = {}) {
      return (await listModels(call)).map(({ info }) => info);
    },

    capabilities: (call = {}) => learn(call),

    async health(call = {}) {
      try {
        const { status } = await wire.probe("/models", call);
        if (status === 503) return { status: "loading" };
        if (status === 401 || status === 403) {
          return {
            status: "down",
            error: new ProviderError("unauthorized", "The server wants another key", { status }),
          };
        }
        // A server without a list still answers, which is all that was asked.
        if (status < 500) return { status: "ok" };
        return { status: "down", error: new ProviderError("server-error", `The server answers ${status}`, { status }) };
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
        noteFault(error);
        return { status: "down", error };
      }
    },

    validateConnection: (use, call = {}) => validate(provider, use, call, services.clock),

    async *streamCompletion(request, call = {}) {
      try {
        const { model, fillInMiddle } = await learn(call);
        if (fillInMiddle === "none") {
          throw new ProviderError("unsupported", "This server cannot fill in the middle with this model");
        }
        const template = templateOf(model);
        const stop = stopTexts(request.stop, template);
        const payload = {
          model,
          ...(template
            ? { prompt: buildFimPrompt(template, request.prefix, request.suffix) }
            : // Ollama takes an empty suffix for none and would answer as in a chat.
              { prompt: request.prefix, suffix: request.suffix || (isOllama ? "\n" : "") }),
          max_tokens: request.maxTokens,
          temperature: request.temperature,
          stop: serverStops(stop),
          stream: true,
        };
        const streamOptions = { use: "completion" as const, reader: createOpenAiReader("completions"), stop };
        try {
          yield* wire.stream("/completions", withUsage(payload), call, streamOptions);
        } catch (error) {
          if (template || !isAboutSuffix(error)) throw error;
          isSuffixRefused = true;
          services.log.warn(`${wire.origin} takes no suffix: no ghost text from ${model}`);
          known = undefined;
          const { message, status } = error;
          throw new ProviderError("unsupported", `The server takes no suffix: ${message}`, {
            cause: error,
            ...(status === undefined ? {} : { status }),
          });
        }
      } catch (error) {
        noteFault(error);
        throw error;
      }
    },

    async *streamChat(request, call = {}) {
      try {
        const { model } = await learn(call);
        const streamOptions = { use: "chat" as const, reader: createOpenAiReader("chat"), stop: [] };
        yield* wire.stream("/chat/completions", withUsage(chatPayload(request, model)), call, streamOptions);
      } catch (error) {
        noteFault(error);
        throw error;
      }
    },
  };
  return provider;
};

import { buildFimPrompt, findFimTemplate, type FimTemplate } from "./fim.ts";
import { chatPayload, createOpenAiReader, readModels } from "./openAiStream.ts";
import { ProviderError } from "./provider.ts";
import type { CallOptions, Capabilities, ModelInfo, Provider, ProviderOptions, ProviderServices } from "./provider.ts";
import { createWire } from "./wire.ts";

/** @see vLLM's documentation v0.32, which takes no more; others take any number. */
const serverStopsMax = 4;

/**
 * A server that speaks the OpenAI format (LM Studio, vLLM and others). Ghost text goes to `/completions`: as a raw
 * prompt when the model's family is known (never to Ollama), else with the `suffix` parameter, until the server refuses.
 * @throws {ProviderError} kind "bad-request" for an address that cannot be used.
 */
export const createOpenAiCompatible = (options: ProviderOptions, services: ProviderServices): Provider => {
  const wire = createWire(options.baseUrl, options, services);
  let known: Capabilities | undefined;
  let isSuffixRefused = false;
  let isOllama = false;

  /**
   * Ollama's OpenAI routes wrap every prompt in the model's chat template, so a raw one comes out as rubbish; with a
   * suffix they use the model's own fill-in form.
   */
  const findOllama = async (call: CallOptions): Promise<boolean> => {
    try {
      const { status, text } = await wire.probe(`${wire.origin}/api/version`, call);
      return status === 200 && text.includes('"version"');
    } catch (error) {
      if (error instanceof ProviderError) return false;
      throw error;
    }
  };

  const templateOf = (model: string): FimTemplate | undefined => (isOllama ? undefined : findFimTemplate(model));

  const listModels = async (call: CallOptions): Promise<readonly ModelInfo[]> =>
    readModels(await wire.getJson("/models", call));

  const learn = async (call: CallOptions): Promise<Capabilities> => {
    if (known) return known;
    let models: readonly ModelInfo[] = [];
    try {
      models = await listModels(call);
    } catch (error) {
      // Some servers have no list; a model that the settings name can be used all the same.
      if (options.model === "" || !(error instanceof ProviderError) || error.kind !== "unsupported") throw error;
    }
    const model = options.model || (models[0]?.id ?? "");
    if (model === "") throw new ProviderError("model-not-found", "The server offers no model");
    isOllama = await findOllama(call);
    known = {
      model,
      fillInMiddle: templateOf(model) ? "raw-template" : isSuffixRefused ? "none" : "suffix-parameter",
      slots: undefined,
      contextTokens: models.find(({ id }) => id === model)?.contextTokens,
    };
    return known;
  };

  const noteFault = (error: unknown): void => {
    if (!(error instanceof ProviderError)) return;
    if (error.kind === "unreachable" || error.kind === "model-not-found") known = undefined;
  };

  return {
    kind: "openai-compatible",
    origin: wire.origin,

    models: (call = {}) => listModels(call),

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

    async *streamCompletion(request, call = {}) {
      try {
        const { model, fillInMiddle } = await learn(call);
        if (fillInMiddle === "none") {
          throw new ProviderError("unsupported", "This server cannot fill in the middle with this model");
        }
        const template = templateOf(model);
        const stop = [...(request.stop ?? []), ...(template?.stop ?? [])];
        const payload = {
          model,
          ...(template
            ? { prompt: buildFimPrompt(template, request.prefix, request.suffix) }
            : // Ollama takes an empty suffix for none and would answer as in a chat.
              { prompt: request.prefix, suffix: request.suffix || (isOllama ? "\n" : "") }),
          max_tokens: request.maxTokens,
          ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
          ...(stop.length === 0 ? {} : { stop: stop.slice(0, serverStopsMax) }),
          stream: true,
          stream_options: { include_usage: true },
        };
        const streamOptions = { use: "completion" as const, reader: createOpenAiReader("completions"), stop };
        try {
          yield* wire.stream("/completions", payload, call, streamOptions);
        } catch (error) {
          const isRefused =
            error instanceof ProviderError && (error.kind === "bad-request" || error.kind === "unsupported");
          if (template || !isRefused) throw error;
          isSuffixRefused = true;
          services.log.warn(`${wire.origin} takes no suffix: no ghost text from ${model}`);
          known = undefined;
          throw new ProviderError("unsupported", `The server takes no suffix: ${error.message}`, {
            cause: error,
            ...(error.status === undefined ? {} : { status: error.status }),
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
        yield* wire.stream("/chat/completions", chatPayload(request, model), call, streamOptions);
      } catch (error) {
        noteFault(error);
        throw error;
      }
    },
  };
};

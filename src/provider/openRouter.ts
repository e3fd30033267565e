import { withoutFiles } from "./completionText.ts";
import { createFillIn } from "./fillIn.ts";
import type { FillInForm } from "./fillInFacts.ts";
import { buildFimPrompt, findFimTemplate, serverStops, stopTexts } from "./fim.ts";
import { fillHole } from "./holeFill.ts";
import { asList, asObject, defined } from "./json.ts";
import { chatPayload } from "./openAiStream.ts";
import { createLateUsageLookup, stopsBillingOnAbort } from "./openRouterBilling.ts";
import { createOpenRouterReader, openRouterFormat, readModel } from "./openRouterStream.ts";
import { ProviderError } from "./provider.ts";
import type {
  CallOptions,
  Capabilities,
  CompletionRequest,
  ModelInfo,
  Provider,
  ProviderOptions,
  ProviderServices,
  StreamPart,
} from "./provider.ts";
import { withoutThoughts } from "./thoughts.ts";
import { validate } from "./validate.ts";
import { createWire, probeMs } from "./wire.ts";

type Facts = Omit<Capabilities, "billsAborted" | "fillInMiddle">;

/**
 * OpenRouter. Ghost text goes to `/completions` as a raw prompt when the model's family is known, else to the chat, since
 * the settings name the model: whether a provider behind it honours `suffix` is nowhere written, and trying costs money.
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
  const wire = createWire(options.baseUrl, { ...options, apiKey }, services, openRouterFormat);
  const lateUsage = createLateUsageLookup(wire, services);
  const plainModel = model.replace(/:[^:/]*$/, "");
  const template = findFimTemplate(plainModel);
  const fillIn = createFillIn(wire.origin, services);
  const forms: readonly FillInForm[] = template ? ["raw-template", "chat"] : ["chat"];
  let known: Facts | undefined;
  let recalled: Promise<void> | undefined;
  /** Who has answered so far. */
  const providerNames = new Set<string>();

  const requireModel = (): void => {
    if (model === "")
      throw new ProviderError("model-not-found", "OpenRouter has many models: name one in the settings");
  };

  const listModels = async (call: CallOptions): Promise<readonly ModelInfo[]> =>
    asList(asObject(await wire.getJson("/models", call))["data"]).map(readModel);

  const recall = (): Promise<void> => (recalled ??= fillIn.recall(model, undefined, undefined));

  const learn = async (call: CallOptions): Promise<Facts> => {
    requireModel();
    if (known) return known;
    const models = await listModels(call);
    // A variant such as `:nitro` chooses the provider; the list may hold the plain model only.
    const info = models.find(({ id }) => id === model) ?? models.find(({ id }) => id === plainModel);
    known = {
      model,
      slots: undefined,
      contextTokens: info?.contextTokens,
      ...defined<Pick<Capabilities, "tools" | "vision">>({ tools: info?.tools, vision: info?.vision }),
      // Free is only what is said to be free.
      isMetered: !(info?.promptUsdPerToken === 0 && info.completionUsdPerToken === 0),
    };
    return known;
  };

  /** Whichever company answers next: one that charges is enough, and so is not to know. */
  const billsAborted = (): boolean => providerNames.size === 0 || ![...providerNames].every(stopsBillingOnAbort);

  /** Streams, and finds out later what it has cost when it ends without saying so. */
  async function* stream(
    route: "completions" | "chat",
    payload: object,
    stop: readonly string[],
    call: CallOptions,
    use: "chat" | "completion",
  ): AsyncGenerator<StreamPart> {
    const reader = createOpenRouterReader(route);
    const path = route === "chat" ? "/chat/completions" : "/completions";
    let headerId = "";
    let isEnded = false;
    const onHead = (headers: Readonly<Record<string, string>>): void => {
      headerId = headers["x-generation-id"] ?? "";
    };
    try {
      for await (const part of wire.stream(path, payload, call, { use, reader, stop, onHead })) {
        isEnded = part.type === "end" && part.usage.costUsd !== undefined;
        yield part;
      }
    } finally {
      const { id, providerName, costUsd } = reader.generation();
      if (providerName !== "") providerNames.add(providerName);
      const { onLateUsage } = call;
      const generationId = headerId || id;
      if (!onLateUsage || isEnded) {
        // Nobody asks, or all is said.
      } else if (costUsd !== undefined) onLateUsage({ costUsd });
      else if (generationId !== "" && known?.isMetered !== false) lateUsage.find(generationId, onLateUsage);
    }
  }

  const complete = (
    request: CompletionRequest,
    call: CallOptions,
    form: FillInForm | "raw",
    stopsMax: number | undefined,
  ): AsyncIterable<StreamPart> => {
    if (form === "chat" || (form !== "raw" && !template)) {
      return fillHole(request, (asked) => stream("chat", chatPayload(asked, model), [], call, "completion"));
    }
    const fim = form === "raw" ? undefined : template;
    const stop = stopTexts(request.stop, fim);
    const payload = {
      model,
      prompt: fim ? buildFimPrompt(fim, withoutFiles(request)) : request.prefix,
      max_tokens: request.maxTokens,
      temperature: request.temperature,
      stop: serverStops(stop.slice(0, stopsMax)),
      stream: true,
    };
    return stream("completions", payload, stop, call, "completion");
  };

  const provider: Provider = {
    kind: "openrouter",
    origin: wire.origin,

    models: (call = {}) => listModels(call),

    async capabilities(call = {}) {
      const facts = await learn(call);
      await recall();
      const fillInMiddle = fillIn.choose(forms);
      return { ...facts, fillInMiddle, billsAborted: facts.isMetered === true && billsAborted() };
    },

    async health(call = {}) {
      try {
        // The list of models is open to all; this route says whether the key can be used.
        const { data } = asObject(await wire.getJson("/key", call, probeMs));
        if (data === undefined) throw new ProviderError("bad-response", "OpenRouter does not answer here");
        const leftUsd = asObject(data)["limit_remaining"];
        if (typeof leftUsd !== "number" || leftUsd > 0) return { status: "ok" };
        return { status: "down", error: new ProviderError("payment-required", "The key's limit is used up") };
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
        return { status: "down", error };
      }
    },

    validateConnection: (use, call = {}) => validate(provider, use, call, services.clock),

    async *streamCompletion(request, call = {}) {
      requireModel();
      await recall();
      if (request.isRaw) yield* complete(request, call, "raw", fillIn.facts.stopsMax);
      else yield* fillIn.stream(forms, (form, stopsMax) => complete(request, call, form, stopsMax));
    },

    async *streamChat(request, call = {}) {
      requireModel();
      yield* withoutThoughts(stream("chat", chatPayload(request, model), [], call, "chat"));
    },
  };
  return provider;
};

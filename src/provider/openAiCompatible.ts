import { orAborted } from "../base/wait.ts";
import { parseBaseUrl } from "./baseUrl.ts";
import { beforeCursor, withoutFiles } from "./completionText.ts";
import { createFillIn } from "./fillIn.ts";
import type { FillInForm } from "./fillInFacts.ts";
import { buildFimPrompt, findFimTemplate, serverStops, stopTexts, type FimTemplate } from "./fim.ts";
import { fillHole } from "./holeFill.ts";
import { asObject, asText, defined, parseJson } from "./json.ts";
import { createLearned } from "./learned.ts";
import { isLmStudioList, readLmStudioModels } from "./lmStudio.ts";
import { chatPayload, createOpenAiReader, readModels, withUsage } from "./openAiStream.ts";
import { ProviderError } from "./provider.ts";
import type {
  CallOptions,
  Capabilities,
  ChatRequest,
  CompletionRequest,
  ModelInfo,
  Provider,
  ProviderErrorKind,
  ProviderOptions,
  ProviderServices,
  StreamPart,
} from "./provider.ts";
import { readsSuffix, suffixCheck } from "./suffixCheck.ts";
import { withoutThoughts } from "./thoughts.ts";
import { validate } from "./validate.ts";
import { createWire } from "./wire.ts";

type ListedModel = { readonly info: ModelInfo; readonly slots: number | undefined };

/** Faults that say nothing about what the server can do. */
const passingFaults: ReadonlySet<ProviderErrorKind> = new Set([
  "unreachable",
  "offline",
  "loading",
  "rate-limited",
  "server-error",
  "timeout",
  "truncated",
]);
/** A busy server gets a moment before it is asked for more than its answers. */
const checkAgainMs = 60_000;

type Facts = Omit<Capabilities, "fillInMiddle">;

/**
 * A server that speaks the OpenAI format (LM Studio, vLLM and others). Ghost text goes to `/completions`: as a raw
 * prompt when the model's family is known (never to Ollama), else with the `suffix` parameter, and to the chat when the
 * server refuses that or does not heed the suffix.
 * @throws {ProviderError} kind "bad-request" for an address that cannot be used.
 */
export const createOpenAiCompatible = (options: ProviderOptions, services: ProviderServices): Provider => {
  const wire = createWire(options.baseUrl, options, services);
  const { isPrivate } = parseBaseUrl(options.baseUrl);
  const fillIn = createFillIn(wire.origin, services);
  const learned = createLearned<Facts>(() => {
    fillIn.forget();
    check = undefined;
    checkAtMs = Number.NEGATIVE_INFINITY;
  });
  let ollamaVersion = "";
  /** Resolves to whether there is nothing more to find out. */
  let check: Promise<boolean> | undefined;
  /** Not to be made before that. */
  let checkAtMs = Number.NEGATIVE_INFINITY;

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
  const findOllama = async (call: CallOptions): Promise<string> =>
    asText(asObject(await askMake("/api/version", call))["version"]);

  const templateOf = (model: string): FimTemplate | undefined =>
    ollamaVersion === "" ? findFimTemplate(model) : undefined;

  /** A chat costs more than a completion, so a model that is paid for is asked only if the settings name it. */
  const formsOf = ({ model }: Facts): readonly FillInForm[] => [
    ...(templateOf(model) ? ["raw-template" as const] : []),
    "suffix-parameter",
    ...(isPrivate || options.model !== "" ? ["chat" as const] : []),
  ];

  const listModels = async (call: CallOptions): Promise<readonly ListedModel[]> => {
    const answer = await wire.getJson("/models", call);
    const models = readModels(answer);
    const own = isLmStudioList(answer) ? readLmStudioModels(await askMake("/api/v1/models", call)) : [];
    return models.map((model) => {
      const found = own.find(({ ids }) => ids.includes(model.id));
      return { info: found ? Object.assign(model, found.more) : model, slots: found?.slots };
    });
  };

  const learn = async (call: CallOptions): Promise<Facts> => {
    if (learned.facts) return learned.facts;
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
    ollamaVersion = await findOllama(call);
    await fillIn.recall(model, ollamaVersion || undefined, found?.slots);
    learned.facts = {
      model,
      slots: found?.slots,
      contextTokens: info?.contextTokens,
      ...defined<Pick<Capabilities, "tools" | "vision" | "isMetered">>({
        tools: info?.tools,
        vision: info?.vision,
        // Nobody says so, but a server on the internet is mostly paid by the token.
        isMetered: isPrivate ? undefined : true,
      }),
    };
    return learned.facts;
  };

  /**
   * Finds out whether this server reads the suffix: some take it and write on from the prompt alone. Asked once for a
   * server and model, of servers that cost nothing, and only when a request that loads the model is due anyway. When the
   * server was away or busy, it is asked again with a later request.
   */
  const checkSuffix = async (model: string): Promise<boolean> => {
    const { signal, clock } = services;
    try {
      const reads = readsSuffix(await wire.postJson("/completions", suffixCheck(model), signal ? { signal } : {}));
      if (reads === false) services.log.info(`${wire.origin} does not heed the suffix of a completion`);
      if (reads !== undefined) fillIn.found("suffix-parameter", reads);
      return true;
    } catch (error) {
      // The request that follows shows what is wrong.
      if (!(error instanceof ProviderError) || !passingFaults.has(error.kind)) return true;
      check = undefined;
      checkAtMs = clock.nowMs() + checkAgainMs;
      return false;
    }
  };

  const needsCheck = (): boolean => {
    const { works, refused } = fillIn.facts;
    if (works === "suffix-parameter" || refused.includes("suffix-parameter")) return false;
    // Ollama either reads it or says that it does not.
    return fillIn.isRemembered && isPrivate && ollamaVersion === "";
  };

  const chat = (request: ChatRequest, model: string, call: CallOptions, use: "chat" | "completion") => {
    const streamOptions = { use, reader: createOpenAiReader("chat"), stop: [] };
    return wire.stream("/chat/completions", withUsage(chatPayload(request, model)), call, streamOptions);
  };

  async function* complete(
    { model }: Facts,
    request: CompletionRequest,
    call: CallOptions,
    form: FillInForm | "raw",
    stopsMax: number | undefined,
  ): AsyncGenerator<StreamPart> {
    if (form === "chat") {
      yield* fillHole(request, (asked) => chat(asked, model, call, "completion"));
      return;
    }
    const template = form === "raw-template" ? templateOf(model) : undefined;
    const stop = stopTexts(request.stop, template);
    const prompt =
      form === "raw"
        ? request.prefix
        : template && buildFimPrompt(template, isPrivate ? request : withoutFiles(request));
    const payload = {
      model,
      ...(prompt === undefined
        ? // Ollama takes an empty suffix for none and would answer as in a chat.
          { prompt: beforeCursor(request), suffix: request.suffix || (ollamaVersion === "" ? "" : "\n") }
        : { prompt }),
      max_tokens: request.maxTokens,
      temperature: request.temperature,
      stop: serverStops(stop.slice(0, stopsMax)),
      stream: true,
    };
    const streamOptions = { use: "completion" as const, reader: createOpenAiReader("completions"), stop };
    yield* wire.stream("/completions", withUsage(payload), call, streamOptions);
  }

  async function* fill(request: CompletionRequest, call: CallOptions): AsyncGenerator<StreamPart> {
    const facts = await learn(call);
    if (request.isRaw) {
      if (ollamaVersion !== "") {
        throw new ProviderError("unsupported", "Ollama takes no raw prompt here: set the provider to Ollama");
      }
      yield* complete(facts, request, call, "raw", fillIn.facts.stopsMax);
      return;
    }
    const forms = formsOf(facts);
    let unproven: FillInForm | undefined;
    if (fillIn.choose(forms) === "suffix-parameter" && needsCheck()) {
      const isDue = check !== undefined || services.clock.nowMs() >= checkAtMs;
      // Whoever types on leaves; the check goes on, so that it need not be made again.
      const isChecked = isDue && (await orAborted((check ??= checkSuffix(facts.model)), call.signal));
      if (!isChecked) unproven = "suffix-parameter";
    }
    yield* fillIn.stream(forms, (form, stopsMax) => complete(facts, request, call, form, stopsMax), unproven);
  }

  async function* talk(request: ChatRequest, call: CallOptions): AsyncGenerator<StreamPart> {
    const { model } = await learn(call);
    yield* chat(request, model, call, "chat");
  }

  const provider: Provider = {
    kind: "openai-compatible",
    origin: wire.origin,

    async models(call = {}) {
      const models = (await listModels(call)).map(({ info }) => info);
      learned.compare(models);
      return models;
    },

    async capabilities(call = {}) {
      const facts = await learn(call);
      return { ...facts, slots: facts.slots ?? fillIn.facts.slots, fillInMiddle: fillIn.choose(formsOf(facts)) };
    },

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
        learned.noteFault(error);
        return { status: "down", error };
      }
    },

    validateConnection: (use, call = {}) => validate(provider, use, call, services.clock),

    streamCompletion: (request, call = {}) => learned.watch(fill(request, call)),

    streamChat: (request, call = {}) => learned.watch(withoutThoughts(talk(request, call))),
  };
  return provider;
};

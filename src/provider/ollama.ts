import { parseBaseUrl } from "./baseUrl.ts";
import { beforeCursor, completionUnits, forServer, withoutFiles } from "./completionText.ts";
import { pause } from "../base/wait.ts";
import { createFillIn } from "./fillIn.ts";
import type { FillInForm } from "./fillInFacts.ts";
import { buildFimPrompt, stopTexts } from "./fim.ts";
import { fillHole } from "./holeFill.ts";
import { asCount, asList, asObject, asText, type JsonObject } from "./json.ts";
import { createLearned } from "./learned.ts";
import { messageUnits } from "./messageUnits.ts";
import { createOllamaList } from "./ollamaList.ts";
import { canComplete, nameOf, readFacts, readTags, type OllamaFacts } from "./ollamaModel.ts";
import { normalizeName } from "./ollamaName.ts";
import { createOllamaReader, ollamaChatPayload, ollamaFormat, ollamaPayload } from "./ollamaStream.ts";
import { ProviderError } from "./provider.ts";
import type {
  CallOptions,
  ChatRequest,
  CompletionRequest,
  ModelInfo,
  Provider,
  ProviderOptions,
  ProviderServices,
  StreamPart,
  Usage,
} from "./provider.ts";
import { withoutThoughts } from "./thoughts.ts";
import { validate } from "./validate.ts";
import { createWire, defaultLoadMs, probeMs } from "./wire.ts";

/** Each poll sends the prompt again: there is no other way to learn that the queue has room. */
const busyPollMs = 1_000;

/** Text and code have three to four units a token, never as many as this over the length of a context. */
const unitsPerTokenMax = 10;

const textUnits = (messages: ChatRequest["messages"]): number =>
  messages.reduce((sum, message) => sum + messageUnits(message, 0), 0);

/** A span shows the request that it is for, not the questions around it. */
const withoutSpan = ({ signal }: CallOptions): CallOptions => (signal ? { signal } : {});

/** A server without these routes is another one. */
const orOtherServer = (error: unknown): unknown =>
  error instanceof ProviderError && error.kind === "unsupported"
    ? new ProviderError("bad-response", "No Ollama server answers here", { cause: error })
    : error;

/**
 * An Ollama server, by its own routes: the OpenAI ones take neither a context length nor raw prompts. Ghost text goes
 * to `/api/generate` as a raw prompt when the model's family is known or its own template spells the marks out, else with
 * `suffix` when the template has a place for it, else to `/api/chat`.
 * @throws {ProviderError} kind "bad-request" for an address that cannot be used.
 * @see https://github.com/ollama/ollama/blob/main/docs/api.md (2026-08)
 */
export const createOllama = (options: ProviderOptions, services: ProviderServices): Provider => {
  const { clock, log } = services;
  // People paste the address of the OpenAI routes, or that of the API's documentation.
  const address = options.baseUrl.trim().replace(/\/(?:v1|api)\/*$/, "");
  const { isPrivate } = parseBaseUrl(options.baseUrl);
  const wire = createWire(address, options, services, ollamaFormat);
  const loadMs = options.loadMs ?? defaultLoadMs;
  const fillIn = createFillIn(wire.origin, services);
  const learned = createLearned<OllamaFacts>(() => fillIn.forget());
  const list = createOllamaList(options.contextTokens);
  /** Whether the context that the server has really set aside was compared with the one asked for. */
  let isContextChecked = false;
  /** Requests without a byte of an answer. */
  let waiting = 0;

  const show = async (model: string, call: CallOptions): Promise<JsonObject> => {
    try {
      return asObject(await wire.postJson("/api/show", { model }, withoutSpan(call)));
    } catch (error) {
      throw orOtherServer(error);
    }
  };

  const listModels = async (call: CallOptions): Promise<readonly ModelInfo[]> => {
    try {
      return readTags(await wire.getJson("/api/tags", call));
    } catch (error) {
      throw orOtherServer(error);
    }
  };

  /** What `/api/ps` says of this model: undefined when it is not loaded. */
  const findLoaded = async (model: string, call: CallOptions): Promise<JsonObject | undefined> => {
    const answer = await wire.getJson("/api/ps", withoutSpan(call), probeMs);
    const wanted = normalizeName(model);
    return asList(asObject(answer)["models"])
      .map(asObject)
      .find((entry) => normalizeName(nameOf(entry)) === wanted);
  };

  const describe = async (call: CallOptions): Promise<readonly ModelInfo[]> => {
    try {
      return await list({
        tags: () => wire.getJson("/api/tags", call),
        running: () => wire.getJson("/api/ps", withoutSpan(call), probeMs),
        show: (model) => show(model, call),
      });
    } catch (error) {
      throw orOtherServer(error);
    }
  };

  /** Asked only where something may be remembered that another release may do otherwise. */
  const readVersion = async ({ template }: OllamaFacts, call: CallOptions): Promise<string | undefined> => {
    if (template || !fillIn.isRemembered) return undefined;
    try {
      const answer = await wire.getJson("/api/version", withoutSpan(call), probeMs);
      return asText(asObject(answer)["version"]) || undefined;
    } catch (error) {
      if (error instanceof ProviderError) return undefined;
      throw error;
    }
  };

  const learn = async (call: CallOptions): Promise<OllamaFacts> => {
    if (learned.facts) return learned.facts;
    isContextChecked = false;
    const names = options.model === "" ? (await listModels(call)).map(({ id }) => id) : [options.model];
    for (const name of names) {
      const shown = await show(name, call);
      // An embedding model is nobody's first choice.
      if (options.model === "" && !canComplete(shown)) continue;
      const facts = readFacts(name, shown, options.contextTokens);
      if (facts.remoteHost !== "")
        log.warn(`${name} does not run at ${wire.origin} but at ${facts.remoteHost}: what it is sent goes there`);
      await fillIn.recall(name, await readVersion(facts, call), undefined);
      learned.facts = facts;
      return facts;
    }
    throw new ProviderError("model-not-found", "The server has no model that writes text");
  };

  /**
   * Once a model has answered, compares the context that it really got with the one asked for. A prompt that fills it,
   * or never fitted, was cut by a server that does not know `truncate`: its answer belongs to another question.
   */
  const checkContext = async (
    facts: OllamaFacts,
    sentUnits: number,
    usage: Usage,
    call: CallOptions,
  ): Promise<void> => {
    let contextTokens = (learned.facts ?? facts).contextTokens;
    if (!isContextChecked) {
      isContextChecked = true;
      const loaded = await findLoaded(facts.model, call).catch((error: unknown) => {
        if (error instanceof ProviderError) return undefined;
        throw error;
      });
      const realTokens = asCount(loaded?.["context_length"]) || undefined;
      if (realTokens !== undefined && contextTokens !== undefined && realTokens < contextTokens) {
        log.warn(`${wire.origin} gives ${facts.model} a context of ${realTokens} tokens, not ${contextTokens}`);
        contextTokens = realTokens;
        learned.facts = { ...facts, contextTokens };
      }
    }
    if (contextTokens === undefined) return;
    const isFull = usage.promptTokens !== undefined && usage.promptTokens >= contextTokens;
    if (!isFull && sentUnits / unitsPerTokenMax <= contextTokens) return;
    throw new ProviderError("context-overflow", `The server cut the prompt to its context of ${contextTokens} tokens`);
  };

  /** Streams, waiting for room in the server's queue and for a model that it has yet to load. */
  async function* stream(
    route: "generate" | "chat",
    facts: OllamaFacts,
    payload: object,
    sentUnits: number,
    stop: readonly string[],
    call: CallOptions,
  ): AsyncGenerator<StreamPart> {
    const startMs = clock.nowMs();
    const isInTime = (): boolean => clock.nowMs() - startMs < loadMs;
    const streamOptions = {
      use: route === "chat" ? ("chat" as const) : ("completion" as const),
      stop,
      // No byte comes before the model is loaded, and nothing tells loading from waiting in the queue; a server that
      // answers at all is given the time that a load may take.
      isBusy: async () => isInTime() && (await wire.probe("/api/ps", withoutSpan(call))).status === 200,
    };
    let isWaiting = true;
    const stopWaiting = (): void => {
      if (isWaiting) waiting--;
      isWaiting = false;
    };
    waiting++;
    try {
      for (;;) {
        try {
          const reader = createOllamaReader(route);
          for await (const part of wire.stream(`/api/${route}`, payload, call, { ...streamOptions, reader })) {
            stopWaiting();
            if (part.type === "end") await checkContext(facts, sentUnits, part.usage, call);
            yield part;
          }
          return;
        } catch (error) {
          learned.noteFault(error);
          if (!isWaiting || !(error instanceof ProviderError)) throw error;
          if (error.kind === "timeout" && !(await isLoaded(facts.model, call))) {
            throw new ProviderError("loading", "The server has not loaded the model in time", { cause: error });
          }
          if (error.kind !== "loading" || !isInTime()) throw error;
        }
        log.info(`${wire.origin} has no room for another request; waiting`);
        await pause(clock, busyPollMs, call.signal);
      }
    } finally {
      stopWaiting();
    }
  }

  const isLoaded = async (model: string, call: CallOptions): Promise<boolean> => {
    try {
      return (await findLoaded(model, call)) !== undefined;
    } catch (error) {
      if (error instanceof ProviderError) return true;
      throw error;
    }
  };

  const chat = (
    request: ChatRequest,
    facts: OllamaFacts,
    call: CallOptions,
    more: object = {},
  ): AsyncIterable<StreamPart> => {
    const payload = { ...ollamaChatPayload(request, facts.model, options.contextTokens), ...more };
    return stream("chat", facts, payload, textUnits(request.messages), [], call);
  };

  const complete = (
    facts: OllamaFacts,
    request: CompletionRequest,
    call: CallOptions,
    form: FillInForm | "raw",
  ): AsyncIterable<StreamPart> => {
    // Thinking would use up the few tokens that ghost text gets.
    if (form === "chat")
      return fillHole(request, (asked) => chat(asked, facts, call, facts.thinks ? { think: false } : {}));
    const template = form === "raw-template" ? facts.template : undefined;
    const stop = stopTexts(request.stop, template);
    const prompt = form === "raw" ? request.prefix : template && buildFimPrompt(template, request);
    const own =
      prompt === undefined
        ? // An empty prompt only loads the model, and an empty suffix asks for a chat.
          { prompt: beforeCursor(request) || "\n", suffix: request.suffix || "\n" }
        : { prompt, raw: true };
    const requestOptions = {
      num_predict: request.maxTokens,
      temperature: request.temperature,
      stop: stop.length === 0 ? undefined : stop,
    };
    const payload = ollamaPayload(facts.model, own, requestOptions, options.contextTokens);
    return stream("generate", facts, payload, completionUnits(request), stop, call);
  };

  async function* fill(asked: CompletionRequest, call: CallOptions): AsyncGenerator<StreamPart> {
    const facts = await learn(call);
    const request = facts.remoteHost === "" ? forServer(asked, isPrivate) : withoutFiles(asked);
    if (request.isRaw) yield* complete(facts, request, call, "raw");
    else yield* fillIn.stream(facts.forms, (form) => complete(facts, request, call, form));
  }

  async function* talk(request: ChatRequest, call: CallOptions): AsyncGenerator<StreamPart> {
    yield* chat(request, await learn(call), call);
  }

  const provider: Provider = {
    kind: "ollama",
    origin: wire.origin,

    async models(call = {}) {
      const models = await describe(call);
      learned.compare(models);
      return models;
    },

    async capabilities(call = {}) {
      const { template: _, forms, thinks: __, remoteHost: ___, ...capabilities } = await learn(call);
      return { ...capabilities, fillInMiddle: fillIn.choose(forms) };
    },

    async health(call = {}) {
      try {
        const answer = await wire.getJson("/api/version", withoutSpan(call), probeMs);
        if (asText(asObject(answer)["version"]) === "") {
          throw new ProviderError("bad-response", "No Ollama server answers here");
        }
        const model = learned.facts?.model ?? options.model;
        if (waiting === 0 || model === "") return { status: "ok" };
        // A model that is loaded and has not answered yet works, on this request or on another.
        return { status: (await findLoaded(model, call)) ? "busy" : "loading" };
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
        learned.noteFault(error);
        return { status: "down", error };
      }
    },

    validateConnection: (use, call = {}) => validate(provider, use, call, clock),

    streamCompletion: (request, call = {}) => learned.watch(fill(request, call)),

    streamChat: (request, call = {}) => learned.watch(withoutThoughts(talk(request, call))),
  };
  return provider;
};

import { parseBaseUrl } from "./baseUrl.ts";
import { forServer } from "./completionText.ts";
import { createFillIn } from "./fillIn.ts";
import type { FillInForm } from "./fillInFacts.ts";
import { buildFimPrompt, findFimTemplate, serverStops, stopTexts } from "./fim.ts";
import { fillHole } from "./holeFill.ts";
import { asCount, asList, asObject, asText } from "./json.ts";
import { createLearned } from "./learned.ts";
import { listLlamaCpp, modelQuery, readAbilities, readContext } from "./llamaCppModels.ts";
import { chatPayload, createOpenAiReader, readTimings, withUsage } from "./openAiStream.ts";
import { ProviderError } from "./provider.ts";
import type {
  CallOptions,
  Capabilities,
  ChatRequest,
  CompletionRequest,
  Provider,
  ProviderOptions,
  ProviderServices,
  StreamPart,
  Usage,
} from "./provider.ts";
import { withoutThoughts } from "./thoughts.ts";
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

// What /infill sets aside before it gives `input_extra` what is left of the context: its batch, unless told otherwise.
const infillBatchTokens = 2048;
// A token has at least one and mostly three to four units of code.
const unitsPerToken = 2;

/**
 * What `/infill` builds its prompt from: `input_extra`, `input_prefix`, `prompt`, `input_suffix`. It cuts the prefix at
 * a number of tokens from its end, and keeps what is in `prompt`: a prefix that stays the same is cut at the same place.
 * Too long an `input_extra` is cut from its beginning, without a word, in the middle of a mark: it goes whole or not.
 */
const infillPayload = (request: CompletionRequest, contextTokens = 0): object => {
  const files = request.context?.files ?? [];
  const units = files.reduce((sum, { path, text }) => sum + path.length + text.length + 8, 64);
  const fits = files.length > 0 && units / unitsPerToken <= contextTokens - infillBatchTokens;
  return {
    input_prefix: request.prefix,
    prompt: request.typed,
    input_suffix: request.suffix,
    input_extra: fits ? files.map(({ path, text }) => ({ filename: path, text: `${text}\n` })) : undefined,
  };
};

type Facts = Omit<Capabilities, "fillInMiddle"> & {
  /** Whether the server keeps several models and must be told which. */
  readonly isRouter: boolean;
  /** What may name the model's family, the likeliest first. */
  readonly names: readonly string[];
};

/** What `/props` tells of the model, which a router has to be asked for by name. */
const factsFrom = (props: unknown, model: string, isRouter: boolean): Facts => {
  const fields = asObject(props);
  const alias = asText(fields["model_alias"]);
  const path = asText(fields["model_path"]);
  // A router's own path is "none"; a single-model server ignores the name that the settings ask for.
  const names = isRouter ? [path, model] : [path, alias];
  return {
    model: isRouter ? model : alias || path || model,
    slots: asCount(fields["total_slots"]),
    contextTokens: readContext(fields),
    ...readAbilities(fields),
    isRouter,
    names,
  };
};

/** Models that think first would use up the few tokens that ghost text gets. Servers that do not know it ignore it. */
const withoutThinking = { chat_template_kwargs: { enable_thinking: false } };

/**
 * A llama.cpp server, by its own routes. Ghost text goes to `/completion` as a raw prompt when the model's family is
 * known, because `/infill` evaluates nearly the whole prompt again on every key; else to `/infill`, and to the chat
 * when the model's vocabulary has no marks to fill in.
 * @throws {ProviderError} kind "bad-request" for an address that cannot be used.
 * @see https://github.com/ggml-org/llama.cpp/tree/master/tools/server (v0.5.0, 2026-09)
 */
export const createLlamaCpp = (options: ProviderOptions, services: ProviderServices): Provider => {
  // People paste the OpenAI-compatible address; the server's own routes lie beside it.
  const { isPrivate } = parseBaseUrl(options.baseUrl);
  const wire = createWire(options.baseUrl.trim().replace(/\/v1\/*$/, ""), options, services);
  const fillIn = createFillIn(wire.origin, services);
  const learned = createLearned<Facts>(() => fillIn.forget());

  const learn = async (call: CallOptions): Promise<Facts> => {
    if (learned.facts) return learned.facts;
    const props = await wire.getJson("/props", call).catch((error: unknown) => {
      const isOther = error instanceof ProviderError && error.kind === "unsupported";
      throw isOther ? new ProviderError("bad-response", "No llama.cpp server answers here", { cause: error }) : error;
    });
    if (asObject(props)["role"] !== "router") {
      return keep(factsFrom(props, options.model, false), props);
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
    return keep(factsFrom(own, options.model, true), own);
  };

  /** The release's own number depends on how a copy was made: with another one it is worth looking anew, no more. */
  const keep = async (facts: Facts, props: unknown): Promise<Facts> => {
    await fillIn.recall(facts.model, asText(asObject(props)["build_info"]) || undefined, facts.slots);
    learned.facts = facts;
    return facts;
  };

  const templateOf = ({ names }: Facts) => names.map(findFimTemplate).find((found) => found !== undefined);

  const formsOf = (facts: Facts): readonly FillInForm[] => {
    const template = templateOf(facts);
    if (!template) return ["infill", "chat"];
    return template.hasSpacedMarks ? ["infill", "raw-template", "chat"] : ["raw-template", "infill", "chat"];
  };

  const isBusy = async ({ signal }: CallOptions): Promise<boolean> => {
    const query = learned.facts?.isRouter === true ? modelQuery(options.model) : "";
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

  /** What a completion asks for, wherever it goes. */
  const completionPayload = (
    facts: Facts,
    request: CompletionRequest,
    stop: readonly string[],
    stopsMax: number | undefined,
  ): object => ({
    model: facts.isRouter ? options.model : undefined,
    n_predict: request.maxTokens,
    temperature: request.temperature,
    stop: serverStops(stop.slice(0, stopsMax)),
    stream: true,
    cache_prompt: true,
    response_fields: lastEventFields,
  });

  const chat = (request: ChatRequest, call: CallOptions, use: "chat" | "completion"): AsyncIterable<StreamPart> => {
    const streamOptions = { use, reader: createOpenAiReader("chat"), stop: [], isBusy: () => isBusy(call) };
    const payload = withUsage(chatPayload(request, options.model));
    const more = use === "completion" ? withoutThinking : {};
    return wire.stream("/v1/chat/completions", { ...payload, ...more }, call, streamOptions);
  };

  const complete = (
    facts: Facts,
    request: CompletionRequest,
    call: CallOptions,
    form: FillInForm | "raw",
    stopsMax: number | undefined,
  ): AsyncIterable<StreamPart> => {
    if (form === "chat") return fillHole(request, (asked) => chat(asked, call, "completion"));
    const template = form === "raw-template" ? templateOf(facts) : undefined;
    const stop = stopTexts(request.stop, template);
    const shared = completionPayload(facts, request, stop, stopsMax);
    const reader = createNativeReader();
    const streamOptions = { use: "completion" as const, reader, stop, isBusy: () => isBusy(call) };
    const prompt = form === "raw" ? request.prefix : template && buildFimPrompt(template, request);
    if (prompt !== undefined) {
      return wire.stream("/completion", { ...shared, prompt }, call, streamOptions);
    }
    const payload = { ...shared, ...infillPayload(request, facts.contextTokens) };
    return wire.stream("/infill", payload, call, streamOptions);
  };

  async function* fill(asked: CompletionRequest, call: CallOptions): AsyncGenerator<StreamPart> {
    const facts = await learn(call);
    const request = forServer(asked, isPrivate);
    if (request.isRaw) yield* complete(facts, request, call, "raw", fillIn.facts.stopsMax);
    else yield* fillIn.stream(formsOf(facts), (form, stopsMax) => complete(facts, request, call, form, stopsMax));
  }

  /** For a server that keeps several models, the question would load the one that it names. */
  const countTokens = async (text: string, call: CallOptions = {}): Promise<number> => {
    if ((await learn(call)).isRouter) throw new ProviderError("unsupported", "A router is not asked to count tokens");
    const answer = asObject(await wire.postJson("/tokenize", { content: text, add_special: false }, call));
    if (!Array.isArray(answer["tokens"])) throw new ProviderError("bad-response", "The server counted no tokens");
    return asList(answer["tokens"]).length;
  };

  const provider: Provider = {
    kind: "llamacpp",
    origin: wire.origin,

    async models(call = {}) {
      const models = await listLlamaCpp(wire, call);
      learned.compare(models);
      return models;
    },

    async capabilities(call = {}) {
      const facts = await learn(call);
      const { isRouter: _, names: __, slots = fillIn.facts.slots, ...capabilities } = facts;
      return { ...capabilities, slots, fillInMiddle: fillIn.choose(formsOf(facts)) };
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
        learned.noteFault(error);
        return { status: "down", error };
      }
    },

    validateConnection: (use, call = {}) => validate(provider, use, call, services.clock),

    streamCompletion: (request, call = {}) => learned.watch(fill(request, call)),

    streamChat: (request, call = {}) => learned.watch(withoutThoughts(chat(request, call, "chat"))),

    ...(isPrivate ? { countTokens } : {}),
  };
  return provider;
};

import type { ServerSentEvent } from "../transport/sse.ts";
import { speakDialect, type Dialect } from "./dialect.ts";
import { errorFromAnswer, excerptOf } from "./errors.ts";
import { buildFimPrompt, findFimTemplate, type FimTemplate } from "./fim.ts";
import { asCount, asList, asObject, asText, type JsonObject } from "./json.ts";
import { readJsonLines } from "./ndjson.ts";
import { ProviderError } from "./provider.ts";
import type {
  CallOptions,
  Capabilities,
  ModelInfo,
  Provider,
  ProviderOptions,
  ProviderServices,
  StreamPart,
  Usage,
} from "./provider.ts";
import { createWire, pause, type StreamReader } from "./wire.ts";

/**
 * What every request says about the loaded model. Ollama loads a model anew when a request differs in one of these, so
 * ghost text and chat must not: https://github.com/ollama/ollama/blob/main/server/sched.go `needsReload`.
 *
 * - `num_ctx`: Ollama's own default is 4096 on most machines, too short for a chat about a file. 8192 holds what
 *   Hotpath sends, and its key-value cache stays near 0.5 GB for a 7B model.
 * - `keep_alive`: the default of 5 minutes is shorter than a meeting or a long thought, and a cold load takes up to
 *   minutes; after half an hour the memory is free again.
 * - `truncate`, `shift`: else Ollama drops the beginning of a prompt that is too long, and says nothing.
 */
export const ollamaRunner = {
  num_ctx: 8192,
  keep_alive: "30m",
  truncate: false,
  shift: false,
} as const;

/** Each poll sends the prompt again: there is no other way to learn that the queue has room. */
const busyPollMs = 1_000;
const defaultLoadMs = 600_000;

const overflowText = /context (?:length|size|window)|prompt (?:is )?too long|exceeds? (?:the )?max(?:imum)? context/i;

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

/** What one of Ollama's error texts means beyond its status; undefined: no more than that. */
const kindByText = (message: string): "context-overflow" | "unsupported" | undefined => {
  // Which status comes with it depends on the release and on the runner.
  if (overflowText.test(message)) return "context-overflow";
  return /does not support/i.test(message) ? "unsupported" : undefined;
};

const faultInLine = (line: string): ProviderError | undefined => {
  // Inside of text the quotes are escaped, so nearly no line is parsed twice.
  if (!line.includes('"error"')) return undefined;
  const message = asText(asObject(parseJson(line))["error"]);
  const kind = message === "" ? undefined : kindByText(message);
  return kind && new ProviderError(kind, `The model server answered: ${excerptOf(message)}`);
};

const dialect: Dialect = {
  headers: { accept: "application/x-ndjson, application/json" },
  // `/api/show` answers with one JSON value: a stream of one line.
  streamTypes: ["application/x-ndjson", "application/json"],
  async *events(bytes): AsyncGenerator<ServerSentEvent> {
    for await (const data of readJsonLines(bytes)) {
      const fault = faultInLine(data);
      if (fault) throw fault;
      yield { data };
    }
  },
  fault(answer, nowDateMs) {
    const error = errorFromAnswer(answer, nowDateMs);
    const message = asText(asObject(parseJson(answer.text))["error"]);
    // "server busy, please try again.  maximum pending requests exceeded"
    const kind = answer.status === 503 && /busy|pending/i.test(message) ? "loading" : kindByText(message);
    return kind ? new ProviderError(kind, error.message, { status: answer.status }) : error;
  },
};

const readUsage = (event: JsonObject): Usage => {
  const promptTokens = asCount(event["prompt_eval_count"]);
  const generatedTokens = asCount(event["eval_count"]);
  return {
    ...(promptTokens === undefined ? {} : { promptTokens }),
    ...(generatedTokens === undefined ? {} : { generatedTokens }),
  };
};

/** Understands the streams of `/api/generate` and `/api/chat`. Thinking comes in a field of its own and stays out. */
export const createOllamaReader = (route: "generate" | "chat"): StreamReader => {
  let reason: "stop" | "length" | "other" | undefined;
  let usage: Usage = {};
  return {
    read(payload) {
      const event = asObject(payload);
      if (event["done"] === true) {
        const said = event["done_reason"];
        reason = said === "stop" || said === "length" ? said : "other";
        usage = readUsage(event);
      }
      return asText(route === "chat" ? asObject(event["message"])["content"] : event["response"]);
    },
    result: () => reason && { reason, usage },
    isComplete: () => reason !== undefined,
  };
};

/** Keeps the one value of an answer that is no stream. */
const createValueReader = (): StreamReader & { value(): unknown } => {
  let value: unknown;
  return {
    read(payload) {
      value = payload;
      return "";
    },
    result: () => (value === undefined ? undefined : { reason: "stop", usage: {} }),
    isComplete: () => false,
    value: () => value,
  };
};

/** `Qwen:7b` and `registry.ollama.ai/library/qwen:7b` are one model, and so are `qwen` and `qwen:latest`. */
const normalizeName = (name: string): string => {
  const short = name.toLowerCase().replace(/^(?:registry\.ollama\.ai\/)?(?:library\/)?/, "");
  return (short.split("/").at(-1) ?? "").includes(":") ? short : `${short}:latest`;
};

/**
 * The family by the model's own name, else by what its weights are called (`general.*`) together with that name, so
 * that "instruct" in either rules a base model's form out. `details.family` says no more than "qwen2", which is a chat
 * model as well.
 */
const findTemplate = (model: string, show: JsonObject): FimTemplate | undefined => {
  const info = asObject(show["model_info"]);
  const weights = ["basename", "size_label", "finetune"].map((field) => asText(info[`general.${field}`]));
  const name = [...weights, asText(asObject(show["details"])["parent_model"]), model]
    .filter((part) => part !== "")
    .join("-");
  return findFimTemplate(model) ?? findFimTemplate(name.replaceAll(/[\s/\\]+/g, "-"));
};

const canInsert = (show: JsonObject): boolean => {
  const capabilities = show["capabilities"];
  if (Array.isArray(capabilities)) return capabilities.includes("insert");
  // Releases before 0.6.4 do not list capabilities; this is how the server itself decides.
  return /\.Suffix\b/.test(asText(show["template"]));
};

const canComplete = (show: JsonObject): boolean => {
  const capabilities = show["capabilities"];
  return !Array.isArray(capabilities) || capabilities.includes("completion");
};

const bodyFor = (model: string, own: object, requestOptions: object): object => {
  const { num_ctx, ...rest } = ollamaRunner;
  return { model, ...own, stream: true, options: { num_ctx, ...requestOptions }, ...rest };
};

/** A span shows the request that it is for, not the questions around it. */
const withoutSpan = ({ signal }: CallOptions): CallOptions => (signal ? { signal } : {});

/** A server without these routes is another one. */
const orOtherServer = (error: unknown): unknown =>
  error instanceof ProviderError && error.kind === "unsupported"
    ? new ProviderError("bad-response", "No Ollama server answers here", { cause: error })
    : error;

type Facts = Capabilities & { readonly template: FimTemplate | undefined };

/**
 * An Ollama server, by its own routes: the OpenAI ones take neither a context length nor raw prompts. Ghost text goes
 * to `/api/generate` as a raw prompt when the model's family is known, else with `suffix` when the model's template has
 * a place for it.
 * @throws {ProviderError} kind "bad-request" for an address that cannot be used.
 * @see https://github.com/ollama/ollama/blob/main/docs/api.md (2026-08)
 */
export const createOllama = (options: ProviderOptions, services: ProviderServices): Provider => {
  const { clock, log } = services;
  const transport = speakDialect(services.transport, dialect, clock);
  // People paste the address of the OpenAI routes, or that of the API's documentation.
  const address = options.baseUrl.trim().replace(/\/(?:v1|api)\/*$/, "");
  const wire = createWire(address, options, { ...services, transport });
  const loadMs = options.loadMs ?? defaultLoadMs;
  let known: Facts | undefined;
  let isInsertRefused = false;
  /** Whether the context that the server has really set aside was compared with the one asked for. */
  let isContextChecked = false;
  /** Requests without a byte of an answer. */
  let waiting = 0;

  const show = async (model: string, call: CallOptions): Promise<JsonObject> => {
    const reader = createValueReader();
    const parts = wire.stream("/api/show", { model }, withoutSpan(call), { reader, stop: [], use: "completion" });
    try {
      for await (const part of parts) if (part.type === "end") break;
    } catch (error) {
      throw orOtherServer(error);
    }
    return asObject(reader.value());
  };

  const listModels = async (call: CallOptions): Promise<readonly ModelInfo[]> => {
    const answer = await wire.getJson("/api/tags", call).catch((error: unknown) => {
      throw orOtherServer(error);
    });
    return asList(asObject(answer)["models"]).map((item) => {
      const entry = asObject(item);
      const sizeBytes = asCount(entry["size"]);
      const id = asText(entry["model"]) || asText(entry["name"]);
      return sizeBytes === undefined ? { id } : { id, sizeBytes };
    });
  };

  /** What `/api/ps` says of this model: undefined when it is not loaded. */
  const findLoaded = async (model: string, call: CallOptions): Promise<JsonObject | undefined> => {
    const { text } = await wire.probe("/api/ps", withoutSpan(call));
    const wanted = normalizeName(model);
    return asList(asObject(parseJson(text))["models"])
      .map(asObject)
      .find((entry) => normalizeName(asText(entry["model"]) || asText(entry["name"])) === wanted);
  };

  const factsFrom = (model: string, shown: JsonObject): Facts => {
    const info = asObject(shown["model_info"]);
    const trainedTokens = asCount(info[`${asText(info["general.architecture"])}.context_length`]);
    const template = canComplete(shown) ? findTemplate(model, shown) : undefined;
    const takesSuffix = canComplete(shown) && canInsert(shown) && !isInsertRefused;
    return {
      model,
      template,
      fillInMiddle: template ? "raw-template" : takesSuffix ? "suffix-parameter" : "none",
      slots: undefined,
      // Ollama lowers a context that is longer than the model was trained for.
      contextTokens: Math.min(ollamaRunner.num_ctx, trainedTokens || ollamaRunner.num_ctx),
    };
  };

  const learn = async (call: CallOptions): Promise<Facts> => {
    if (known) return known;
    isContextChecked = false;
    const names = options.model === "" ? (await listModels(call)).map(({ id }) => id) : [options.model];
    for (const name of names) {
      const shown = await show(name, call);
      // An embedding model is nobody's first choice.
      if (options.model === "" && !canComplete(shown)) continue;
      const remote = asText(shown["remote_host"]);
      if (remote !== "")
        log.warn(`${name} does not run at ${wire.origin} but at ${remote}: what it is sent goes there`);
      known = factsFrom(name, shown);
      return known;
    }
    throw new ProviderError("model-not-found", "The server has no model that writes text");
  };

  const noteFault = (error: unknown): void => {
    if (!(error instanceof ProviderError)) return;
    if (error.kind === "unreachable" || error.kind === "model-not-found") known = undefined;
  };

  /**
   * Once a model has answered, compares the context that it really got with the one asked for. A prompt that fills it
   * was cut by a server that does not know `truncate`: its answer belongs to another question.
   */
  const checkContext = async (facts: Facts, usage: Usage, call: CallOptions): Promise<void> => {
    let contextTokens = (known ?? facts).contextTokens;
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
        known = { ...facts, contextTokens };
      }
    }
    if (usage.promptTokens === undefined || contextTokens === undefined || usage.promptTokens < contextTokens) return;
    throw new ProviderError(
      "context-overflow",
      `The server cut the prompt to ${usage.promptTokens} tokens, all that its context holds`,
    );
  };

  /** Streams, waiting for room in the server's queue and for a model that it has yet to load. */
  async function* stream(
    route: "generate" | "chat",
    facts: Facts,
    payload: object,
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
            if (part.type === "end") await checkContext(facts, part.usage, call);
            yield part;
          }
          return;
        } catch (error) {
          noteFault(error);
          if (!isWaiting || !(error instanceof ProviderError)) throw error;
          if (error.kind === "timeout" && !(await isLoaded(facts.model, call))) {
            throw new ProviderError("loading", "The server has not loaded the model in time", { cause: error });
          }
          if (error.kind !== "loading" || !isInTime()) throw error;
        }
        log.info(`${wire.origin} has no room for another request; waiting`);
        await pause(services, busyPollMs, call.signal);
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

  const learnOrNote = (call: CallOptions): Promise<Facts> =>
    learn(call).catch((error: unknown) => {
      noteFault(error);
      throw error;
    });

  return {
    kind: "ollama",
    origin: wire.origin,

    models: (call = {}) => listModels(call),

    async capabilities(call = {}) {
      const { model, fillInMiddle, slots, contextTokens } = await learn(call);
      return { model, fillInMiddle, slots, contextTokens };
    },

    async health(call = {}) {
      try {
        const { text } = await wire.probe("/api/version", withoutSpan(call));
        if (asText(asObject(parseJson(text))["version"]) === "") {
          throw new ProviderError("bad-response", "No Ollama server answers here");
        }
        const model = known?.model ?? options.model;
        if (waiting === 0 || model === "") return { status: "ok" };
        // A model that is loaded and has not answered yet works, on this request or on another.
        return { status: (await findLoaded(model, call)) ? "busy" : "loading" };
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
        noteFault(error);
        return { status: "down", error };
      }
    },

    async *streamCompletion(request, call = {}) {
      const facts = await learnOrNote(call);
      if (facts.fillInMiddle === "none") {
        throw new ProviderError("unsupported", "This model cannot fill in the middle");
      }
      const { template } = facts;
      const stop = [...(request.stop ?? []), ...(template?.stop ?? [])];
      const own = template
        ? { prompt: buildFimPrompt(template, request.prefix, request.suffix), raw: true }
        : // An empty prompt only loads the model, and an empty suffix asks for a chat.
          { prompt: request.prefix || "\n", suffix: request.suffix || "\n" };
      const payload = bodyFor(facts.model, own, {
        num_predict: request.maxTokens,
        ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
        ...(stop.length === 0 ? {} : { stop }),
      });
      try {
        yield* stream("generate", facts, payload, stop, call);
      } catch (error) {
        if (!template && error instanceof ProviderError && error.kind === "unsupported") {
          isInsertRefused = true;
          log.warn(`${wire.origin} cannot fill in: no ghost text from ${facts.model}`);
          known = undefined;
        }
        throw error;
      }
    },

    async *streamChat(request, call = {}) {
      const facts = await learnOrNote(call);
      const messages = request.messages.map(({ role, content }) => ({ role, content }));
      const payload = bodyFor(
        facts.model,
        { messages },
        {
          ...(request.maxTokens === undefined ? {} : { num_predict: request.maxTokens }),
          ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
        },
      );
      yield* stream("chat", facts, payload, [], call);
    },
  };
};

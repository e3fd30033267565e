import { asCount, asFlag, asList, asObject, asText, clampTo, defined } from "./json.ts";
import type { ChatMessage, ChatRequest, ContentPart, ModelInfo, ToolDefinition, Usage } from "./provider.ts";
import { createToolCallCollector } from "./toolCalls.ts";
import type { AnswerEnd, StreamReader } from "./wireFormat.ts";

/** Reads the `usage` object of the OpenAI format: prompt tokens include the cached ones. */
export const readUsage = (value: unknown): Usage => {
  const usage = asObject(value);
  const promptTokens = asCount(usage["prompt_tokens"]);
  const generatedTokens = asCount(usage["completion_tokens"]);
  return defined<Usage>({
    promptTokens,
    cachedTokens: clampTo(asObject(usage["prompt_tokens_details"])["cached_tokens"], promptTokens),
    cacheWriteTokens: clampTo(asObject(usage["prompt_tokens_details"])["cache_write_tokens"], promptTokens),
    generatedTokens,
    reasoningTokens: clampTo(asObject(usage["completion_tokens_details"])["reasoning_tokens"], generatedTokens),
  });
};

/** Reads llama.cpp's `timings`: `prompt_n` is what was newly evaluated, `cache_n` what the cache held. */
export const readTimings = (value: unknown): Usage => {
  const timings = asObject(value);
  const evaluated = asCount(timings["prompt_n"]);
  const cachedTokens = asCount(timings["cache_n"]);
  return defined<Usage>({
    promptTokens: evaluated === undefined ? undefined : evaluated + (cachedTokens ?? 0),
    cachedTokens,
    generatedTokens: asCount(timings["predicted_n"]),
  });
};

/**
 * Understands the streams of `/completions` and `/chat/completions`. Reasoning comes in fields of its own and stays out
 * of the text.
 */
export const createOpenAiReader = (route: "completions" | "chat"): StreamReader => {
  const toolCalls = createToolCallCollector();
  let reason: AnswerEnd["reason"] | undefined;
  let usage: Usage = {};
  let model = "";
  return {
    read(payload) {
      const event = asObject(payload);
      if (model === "") model = asText(event["model"]);
      if (typeof event["usage"] === "object" && event["usage"] !== null) usage = readUsage(event["usage"]);
      else if (usage.promptTokens === undefined && event["timings"] !== undefined)
        usage = readTimings(event["timings"]);
      const choice = asObject(asList(event["choices"])[0]);
      const finish = choice["finish_reason"];
      if (typeof finish === "string") reason = finish === "stop" || finish === "length" ? finish : "other";
      if (route === "completions") return asText(choice["text"]);
      const delta = asObject(choice["delta"]);
      if (delta["tool_calls"] !== undefined) toolCalls.add(delta["tool_calls"]);
      return asText(delta["content"]);
    },
    result(isMarked) {
      const known = reason ?? (isMarked ? "other" : undefined);
      return known && { reason: known, usage };
    },
    calls: () => toolCalls.complete(reason === "length"),
    model: () => model,
    // The usage may follow the finish reason, so only [DONE] or the end of the stream says that all is there.
    isComplete: () => false,
  };
};

const contentOf = (content: string | readonly ContentPart[]): unknown => {
  if (typeof content === "string") return content;
  const texts = content.filter((part) => part.type === "text");
  // Many servers take parts only for models that see.
  if (texts.length === content.length) return texts.map(({ text }) => text).join("\n");
  return content.map((part) =>
    part.type === "text"
      ? { type: "text", text: part.text }
      : { type: "image_url", image_url: { url: `data:${part.mediaType};base64,${part.base64}` } },
  );
};

const messageOf = (message: ChatMessage): object => {
  switch (message.role) {
    case "system":
      return { role: "system", content: message.content };
    case "user":
      return { role: "user", content: contentOf(message.content) };
    case "assistant": {
      const { content, toolCalls = [] } = message;
      if (toolCalls.length === 0) return { role: "assistant", content };
      return {
        role: "assistant",
        // Some refuse empty text beside calls.
        content: content === "" ? undefined : content,
        tool_calls: toolCalls.map(({ id, name, argumentsJson }) => ({
          id,
          type: "function",
          function: { name, arguments: argumentsJson },
        })),
      };
    }
    case "tool":
      return { role: "tool", tool_call_id: message.toolCallId, content: message.content };
  }
};

/** The list of tools in the format that OpenAI's and Ollama's routes share; undefined instead of an empty one. */
export const toolsOf = (tools: readonly ToolDefinition[] = []): readonly object[] | undefined =>
  tools.length === 0
    ? undefined
    : tools.map(({ name, description, parameters }) => ({
        type: "function",
        function: { name, description: description === "" ? undefined : description, parameters },
      }));

/** The body of a chat request; what is undefined is left out when it is written as JSON. */
export const chatPayload = (request: ChatRequest, model: string): object => {
  const tools = toolsOf(request.tools);
  return {
    model: model === "" ? undefined : model,
    messages: request.messages.map(messageOf),
    tools,
    tool_choice: tools && request.toolChoice !== "auto" ? request.toolChoice : undefined,
    max_tokens: request.maxTokens,
    temperature: request.temperature,
    stream: true,
  };
};

/** Asks servers that send the usage of a stream only on request. */
export const withUsage = (payload: object): object => ({ ...payload, stream_options: { include_usage: true } });

/** Whether a list of kinds of input or output, where there is one, holds this kind. */
const includesKind = (list: unknown, kind: string): boolean | undefined =>
  Array.isArray(list) ? list.includes(kind) : undefined;

/**
 * What an entry says of its abilities: `architecture` (OpenRouter, llama.cpp's router), `supported_parameters`
 * (OpenRouter), `capabilities` (Mistral). Embedding models are called so by LM Studio and OpenAI.
 */
export const readAbilities = (value: unknown): Pick<ModelInfo, "tools" | "vision" | "writesText"> => {
  const entry = asObject(value);
  const architecture = asObject(entry["architecture"]);
  const flags = asObject(entry["capabilities"]);
  return defined<Pick<ModelInfo, "tools" | "vision" | "writesText">>({
    tools: includesKind(entry["supported_parameters"], "tools") ?? asFlag(flags["function_calling"]),
    vision: includesKind(architecture["input_modalities"], "image") ?? asFlag(flags["vision"]),
    writesText: asText(entry["id"]).startsWith("text-embedding-")
      ? false
      : includesKind(architecture["output_modalities"], "text"),
  });
};

/** What vLLM, several gateways, Groq and Mistral call the context, in this order. */
const contextFields = ["max_model_len", "context_length", "context_window", "max_context_length"];

const readModel = (item: unknown): ModelInfo => {
  const entry = asObject(item);
  const meta = asObject(entry["meta"]);
  return {
    id: asText(entry["id"]),
    ...defined<Pick<ModelInfo, "contextTokens" | "sizeBytes">>({
      contextTokens: contextFields.map((name) => asCount(entry[name])).find(Boolean) ?? asCount(meta["n_ctx"]),
      sizeBytes: asCount(meta["size"]),
    }),
    ...readAbilities(entry),
  };
};

/** Reads the list of models, in the shape that llama.cpp, vLLM and several gateways share. */
export const readModels = (answer: unknown): readonly ModelInfo[] => asList(asObject(answer)["data"]).map(readModel);

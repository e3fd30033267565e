import { clampCached } from "./errors.ts";
import { asCount, asList, asObject, asText } from "./json.ts";
import type { ChatRequest, ModelInfo, Usage } from "./provider.ts";
import type { StreamReader } from "./wire.ts";

/** Reads the `usage` object of the OpenAI format: prompt tokens include the cached ones. */
const readUsage = (value: unknown): Usage => {
  const usage = asObject(value);
  const promptTokens = asCount(usage["prompt_tokens"]);
  const cachedTokens = clampCached(asObject(usage["prompt_tokens_details"])["cached_tokens"], promptTokens);
  const generatedTokens = asCount(usage["completion_tokens"]);
  return {
    ...(promptTokens === undefined ? {} : { promptTokens }),
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
    ...(generatedTokens === undefined ? {} : { generatedTokens }),
  };
};

/** Reads llama.cpp's `timings`: `prompt_n` is what was newly evaluated, `cache_n` what the cache held. */
export const readTimings = (value: unknown): Usage => {
  const timings = asObject(value);
  const evaluated = asCount(timings["prompt_n"]);
  const cachedTokens = asCount(timings["cache_n"]);
  const generatedTokens = asCount(timings["predicted_n"]);
  return {
    ...(evaluated === undefined ? {} : { promptTokens: evaluated + (cachedTokens ?? 0) }),
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
    ...(generatedTokens === undefined ? {} : { generatedTokens }),
  };
};

/**
 * Understands the streams of `/completions` and `/chat/completions`. Reasoning comes in fields of its own and stays out
 * of the text.
 */
export const createOpenAiReader = (route: "completions" | "chat"): StreamReader => {
  let reason: "stop" | "length" | "other" | undefined;
  let usage: Usage = {};
  return {
    read(payload) {
      const event = asObject(payload);
      if (typeof event["usage"] === "object" && event["usage"] !== null) usage = readUsage(event["usage"]);
      else if (usage.promptTokens === undefined && event["timings"] !== undefined)
        usage = readTimings(event["timings"]);
      const choice = asObject(asList(event["choices"])[0]);
      const finish = choice["finish_reason"];
      if (typeof finish === "string") reason = finish === "stop" || finish === "length" ? finish : "other";
      return asText(route === "chat" ? asObject(choice["delta"])["content"] : choice["text"]);
    },
    result(isMarked) {
      const known = reason ?? (isMarked ? "other" : undefined);
      return known && { reason: known, usage };
    },
    // The usage may follow the finish reason, so only [DONE] or the end of the stream says that all is there.
    isComplete: () => false,
  };
};

/** The body of a chat request. */
export const chatPayload = (request: ChatRequest, model: string): object => ({
  ...(model === "" ? {} : { model }),
  messages: request.messages.map(({ role, content }) => ({ role, content })),
  ...(request.maxTokens === undefined ? {} : { max_tokens: request.maxTokens }),
  ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
  stream: true,
  stream_options: { include_usage: true },
});

/** Reads the list of models, in the shape that llama.cpp, vLLM and several gateways share. */
export const readModels = (answer: unknown): readonly ModelInfo[] =>
  asList(asObject(answer)["data"]).map((item) => {
    const entry = asObject(item);
    const meta = asObject(entry["meta"]);
    const model: { id: string; contextTokens?: number; sizeBytes?: number } = { id: asText(entry["id"]) };
    const contextTokens = asCount(entry["max_model_len"]) ?? asCount(meta["n_ctx"]) ?? asCount(entry["context_length"]);
    if (contextTokens !== undefined) model.contextTokens = contextTokens;
    const sizeBytes = asCount(meta["size"]);
    if (sizeBytes !== undefined) model.sizeBytes = sizeBytes;
    return model;
  });

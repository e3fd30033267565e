import { errorFromAnswer, errorInPayload, type FailedAnswer } from "./errors.ts";
import { asCount, asObject, asText, defined, parseJson } from "./json.ts";
import { ollamaRunner } from "./ollamaModel.ts";
import { toolsOf } from "./openAiStream.ts";
import { readOverflow, saysOverflow } from "./overflow.ts";
import { ProviderError } from "./provider.ts";
import type { ChatMessage, ChatRequest, Usage } from "./provider.ts";
import { createToolCallCollector } from "./toolCalls.ts";
import { lineFraming, type AnswerEnd, type StreamReader, type WireFormat } from "./wireFormat.ts";

/**
 * Sharpens an error by what only Ollama's own texts say: which status comes with a prompt that does not fit depends on
 * the release and on the runner.
 */
const refine = (error: ProviderError, message: string, status?: number): ProviderError => {
  if (error.kind === "context-overflow" || !saysOverflow(message)) return error;
  return new ProviderError("context-overflow", error.message, {
    ...(status === undefined ? {} : { status }),
    ...readOverflow({}, message),
  });
};

const textIn = (payload: unknown): string => asText(asObject(payload)["error"]);

/** Ollama's own routes: JSON lines, `{error: "text"}`, and no way to tell loading from waiting. */
export const ollamaFormat: WireFormat = {
  framing: lineFraming,
  healthPath: undefined,
  fault(answer: FailedAnswer, nowDateMs) {
    const { status, text } = answer;
    const error = errorFromAnswer(answer, nowDateMs);
    const message = textIn(parseJson(text));
    // "server busy, please try again.  maximum pending requests exceeded"
    if (status === 503 && /busy|pending/i.test(message)) {
      return new ProviderError("loading", error.message, { status });
    }
    return refine(error, message, status);
  },
  faultInPayload(payload) {
    const error = errorInPayload(payload);
    return error && refine(error, textIn(payload));
  },
};

/** Understands the streams of `/api/generate` and `/api/chat`. Thinking comes in a field of its own and stays out. */
export const createOllamaReader = (route: "generate" | "chat"): StreamReader => {
  const toolCalls = createToolCallCollector();
  let reason: AnswerEnd["reason"] | undefined;
  let usage: Usage = {};
  return {
    read(payload) {
      const event = asObject(payload);
      if (event["done"] === true) {
        const said = event["done_reason"];
        reason = said === "stop" || said === "length" ? said : "other";
        usage = defined<Usage>({
          promptTokens: asCount(event["prompt_eval_count"]),
          generatedTokens: asCount(event["eval_count"]),
        });
      }
      if (route === "generate") return asText(event["response"]);
      const message = asObject(event["message"]);
      if (message["tool_calls"] !== undefined) toolCalls.add(message["tool_calls"]);
      return asText(message["content"]);
    },
    result: () => reason && { reason, usage },
    isComplete: () => reason !== undefined,
    calls: () => toolCalls.complete(reason === "length"),
  };
};

const messageOf = (message: ChatMessage): object => {
  switch (message.role) {
    case "system":
      return { role: "system", content: message.content };
    case "user": {
      const { content } = message;
      if (typeof content === "string") return { role: "user", content };
      const images = content.filter((part) => part.type === "image").map(({ base64 }) => base64);
      return {
        role: "user",
        content: content
          .filter((part) => part.type === "text")
          .map(({ text }) => text)
          .join("\n"),
        images: images.length === 0 ? undefined : images,
      };
    }
    case "assistant": {
      const { content, toolCalls = [] } = message;
      const calls = toolCalls.map(({ id, name, argumentsJson }) => ({
        id,
        function: { name, arguments: asObject(parseJson(argumentsJson)) },
      }));
      return { role: "assistant", content, tool_calls: calls.length === 0 ? undefined : calls };
    }
    case "tool":
      return {
        role: "tool",
        content: message.content,
        tool_name: message.toolName,
        tool_call_id: message.toolCallId,
      };
  }
};

/** A request's body: its own fields, and what all requests for a model share. */
export const ollamaPayload = (
  model: string,
  own: object,
  requestOptions: object,
  contextTokens: number = ollamaRunner.num_ctx,
): object => {
  const { num_ctx: _, ...rest } = ollamaRunner;
  return { model, ...own, stream: true, options: { num_ctx: contextTokens, ...requestOptions }, ...rest };
};

/** The body of a chat request. Ollama chooses by itself, so "none" means that it is told of no tool. */
export const ollamaChatPayload = (request: ChatRequest, model: string, contextTokens?: number): object => {
  const tools = request.toolChoice === "none" ? undefined : toolsOf(request.tools);
  const own = { messages: request.messages.map(messageOf), tools };
  const options = { num_predict: request.maxTokens, temperature: request.temperature };
  return ollamaPayload(model, own, options, contextTokens);
};

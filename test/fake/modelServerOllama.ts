import type { ServerResponse } from "node:http";
import { asRecord, asText, readCall, timings, type ModelCall, type ModelEngine } from "./modelEngine.ts";
import { ndjson, ndjsonHeaders, sendJson, write } from "./modelReplies.ts";
import type { ModelServerOptions, OllamaModel, Route } from "./modelServer.ts";

const showModel = (model: OllamaModel) => ({
  template: model.template ?? "{{ .Prompt }}",
  details: { parent_model: model.parentModel ?? "", format: "gguf", family: "qwen2", families: ["qwen2"] },
  model_info: model.modelInfo ?? { "general.architecture": "qwen2", "qwen2.context_length": 32_768 },
  ...("capabilities" in model && model.capabilities === undefined
    ? {}
    : { capabilities: model.capabilities ?? ["completion"] }),
  ...(model.remoteHost === undefined ? {} : { remote_host: model.remoteHost }),
});

/** Ollama's routes; loading shows as silence there. */
export const ollamaRoutes = (
  { modelId = "oracle", contextTokens = 8192, version = "0.12.0" }: ModelServerOptions,
  model: OllamaModel,
  engine: ModelEngine,
): Route => {
  const answerOllama = async (response: ServerResponse, call: ModelCall, isChat: boolean): Promise<void> => {
    const { tokens, type, toolCalls } = await engine.answerOf(call, isChat);
    const piece = (content: string) => (isChat ? { message: { role: "assistant", content } } : { response: content });
    const head = { model: modelId, created_at: "2026-01-01T00:00:00Z" };
    response.writeHead(200, ndjsonHeaders);
    response.flushHeaders();
    await engine.eachToken(response, tokens, (token) => ndjson({ ...head, ...piece(token), done: false }));
    if (toolCalls.length > 0) {
      const calls = toolCalls.map(({ name, arguments: text }) => ({
        function: { name, arguments: asRecord(JSON.parse(text) as unknown) },
      }));
      await write(
        response,
        ndjson({ ...head, message: { role: "assistant", content: "", tool_calls: calls }, done: false }),
      );
    }
    response.end(
      ndjson({
        ...head,
        ...piece(""),
        done: true,
        done_reason: type === "limit" ? "length" : "stop",
        prompt_eval_count: timings(call, tokens.length).prompt_n,
        eval_count: tokens.length,
      }),
    );
  };

  return async (response, { path, json }) => {
    const loaded = {
      name: modelId,
      model: modelId,
      size: 1_000_000,
      context_length: model.contextTokens ?? contextTokens,
    };
    switch (path) {
      case "/api/version":
        sendJson(response, 200, { version: version });
        return;
      case "/api/tags":
        sendJson(response, 200, { models: [{ name: modelId, model: modelId, size: 1_000_000 }] });
        return;
      case "/api/ps":
        sendJson(response, 200, { models: engine.isLoading() ? [] : [loaded] });
        return;
      case "/api/show":
      case "/api/generate":
      case "/api/chat": {
        if (json["model"] !== modelId) {
          sendJson(response, 404, { error: `model '${asText(json["model"])}' not found` });
          return;
        }
        if (path === "/api/show") {
          sendJson(response, 200, showModel(model));
          return;
        }
        await engine.loaded();
        const call = readCall(path, json);
        await engine.withSlot(response, call, () => answerOllama(response, call, path === "/api/chat"));
        return;
      }
      default:
        response.writeHead(404, { "content-type": "text/plain" });
        response.end("404 page not found");
    }
  };
};

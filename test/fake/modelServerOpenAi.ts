import type { ServerResponse } from "node:http";
import { asRecord, readCall, timings, type ModelCall, type ModelEngine } from "./modelEngine.ts";
import { sendError, sendJson, sse, sseHeaders, write } from "./modelReplies.ts";
import type { Asked, ModelServerOptions, Route } from "./modelServer.ts";

/** OpenAI's routes as llama.cpp, LM Studio and OpenRouter have them. `requestCount`: how many have come so far. */
export const openAiRoutes = (
  {
    modelId = "oracle",
    contextTokens = 8192,
    takesSuffix = true,
    readsSuffix = true,
    takesCompletions = true,
    takesChat = true,
    stopsMax = Infinity,
    tools,
    vision,
    lmStudio,
    costUsd,
    providerName,
    pricing,
    generationMisses = 1,
  }: ModelServerOptions,
  engine: ModelEngine,
  requestCount: () => number,
): Readonly<Record<string, Route>> => {
  const generationAsks = new Map<string, number>();

  const answerOpenAi = async (response: ServerResponse, call: ModelCall, isChat: boolean): Promise<void> => {
    const { tokens, type, toolCalls } = await engine.answerOf(call, isChat);
    const reason = toolCalls.length > 0 ? "tool_calls" : type === "limit" ? "length" : "stop";
    const wireCalls = toolCalls.map(({ id, name, arguments: text }, index) => ({
      index,
      id: id ?? `call_${index}`,
      type: "function",
      function: { name, arguments: text },
    }));
    const used = timings(call, tokens.length);
    const usage = {
      prompt_tokens: used.prompt_n,
      completion_tokens: tokens.length,
      total_tokens: used.prompt_n + tokens.length,
      prompt_tokens_details: { cached_tokens: 0 },
      ...(costUsd === undefined ? {} : { cost: costUsd }),
    };
    const generationId = `gen-${requestCount()}`;
    if (costUsd !== undefined) response.setHeader("x-generation-id", generationId);
    const head = {
      id: costUsd === undefined ? "fake-1" : generationId,
      ...(providerName === undefined ? {} : { provider: providerName }),
      created: 0,
      model: modelId,
      object: isChat ? (call.json["stream"] === true ? "chat.completion.chunk" : "chat.completion") : "text_completion",
    };
    if (call.json["stream"] !== true) {
      const text = tokens.join("");
      const message = { role: "assistant", content: text, ...(wireCalls.length > 0 ? { tool_calls: wireCalls } : {}) };
      const choice = isChat ? { message } : { text };
      const choices = [{ index: 0, ...choice, finish_reason: reason }];
      sendJson(response, 200, { ...head, system_fingerprint: null, choices, usage });
      return;
    }
    response.writeHead(200, sseHeaders);
    response.flushHeaders();
    if (isChat) {
      const delta = { role: "assistant", content: null };
      await write(response, sse({ ...head, choices: [{ index: 0, delta, finish_reason: null }] }));
    }
    await engine.eachToken(response, tokens, (token) =>
      sse({
        ...head,
        choices: [{ index: 0, ...(isChat ? { delta: { content: token } } : { text: token }), finish_reason: null }],
      }),
    );
    for (const { function: called, ...opening } of wireCalls) {
      const pieces = [{ ...opening, function: { name: called.name, arguments: "" } }];
      for (const piece of called.arguments.match(/.{1,7}/gs) ?? []) {
        pieces.push({ ...opening, function: { name: called.name, arguments: piece } });
      }
      for (const [at, { index, id, type: kind, function: part }] of pieces.entries()) {
        const delta =
          at === 0 ? { index, id, type: kind, function: part } : { index, function: { arguments: part.arguments } };
        const choice = { index: 0, delta: { tool_calls: [delta] }, finish_reason: null };
        await write(response, sse({ ...head, choices: [choice] }));
      }
    }
    await write(
      response,
      sse({ ...head, choices: [{ index: 0, ...(isChat ? { delta: {} } : { text: "" }), finish_reason: reason }] }),
    );
    if (costUsd !== undefined) {
      await write(
        response,
        sse({ ...head, choices: [{ index: 0, delta: { content: "" }, finish_reason: null }], usage }),
      );
    } else if (asRecord(call.json["stream_options"])["include_usage"] === true) {
      await write(response, sse({ ...head, choices: [], usage, timings: used }));
    }
    response.end(sse("[DONE]"));
  };

  /** One model as the OpenAI routes of llama.cpp, LM Studio and OpenRouter list it. */
  const listEntry = () => {
    const entry = { id: modelId, object: "model" };
    if (lmStudio) return { ...entry, owned_by: "organization_owner" };
    if (costUsd === undefined) return { ...entry, meta: { n_ctx: contextTokens, size: 1_000_000 } };
    return {
      ...entry,
      context_length: contextTokens,
      ...(pricing === undefined ? {} : { pricing }),
      ...(tools === undefined ? {} : { supported_parameters: ["max_tokens", ...(tools ? ["tools"] : [])] }),
      ...(vision === undefined
        ? {}
        : { architecture: { input_modalities: ["text", ...(vision ? ["image"] : [])], output_modalities: ["text"] } }),
    };
  };

  /** What a generation has cost is known a while after it has ended. */
  const answerGeneration = (response: ServerResponse, id: string): void => {
    const asks = (generationAsks.get(id) ?? 0) + 1;
    generationAsks.set(id, asks);
    if (costUsd === undefined || asks <= generationMisses) {
      sendJson(response, 404, { error: { message: "Generation not found", code: 404 } });
      return;
    }
    const data = { id, total_cost: costUsd, native_tokens_prompt: 7, native_tokens_completion: 2, cancelled: true };
    sendJson(response, 200, { data });
  };

  /** Whether the server takes this; it has been told if not. */
  const isTaken = (response: ServerResponse, { json }: Asked, isThere: boolean): boolean => {
    if (!isThere) {
      sendJson(response, 404, { detail: "Not Found" });
      return false;
    }
    if (!Array.isArray(json["stop"]) || json["stop"].length <= stopsMax) return true;
    sendError(response, 400, "invalid_request_error", `'stop': at most ${stopsMax} items are allowed`);
    return false;
  };
  const list: Route = (response) => sendJson(response, 200, { object: "list", data: [listEntry()] });

  return {
    "GET /models": list,
    "GET /v1/models": list,
    "GET /v1/generation": (response, { query }) => answerGeneration(response, query.get("id") ?? ""),
    "GET /v1/key": (response) =>
      sendJson(response, 200, { data: { label: "sk-or-…", limit: null, limit_remaining: null, usage: 0 } }),
    async "POST /v1/completions"(response, asked) {
      if (!isTaken(response, asked, takesCompletions)) return;
      const { path, json } = asked;
      if (json["suffix"] !== undefined && !takesSuffix) {
        sendJson(response, 400, { object: "error", message: "suffix is not currently supported", code: 400 });
        return;
      }
      const call = readCall(path, json);
      const heard = readsSuffix ? call : { ...call, suffix: "" };
      await engine.withSlot(response, heard, () => answerOpenAi(response, heard, false));
    },
    async "POST /v1/chat/completions"(response, asked) {
      if (!isTaken(response, asked, takesChat)) return;
      const call = readCall(asked.path, asked.json);
      await engine.withSlot(response, call, () => answerOpenAi(response, call, true));
    },
  };
};

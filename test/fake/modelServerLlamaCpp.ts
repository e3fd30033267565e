import type { ServerResponse } from "node:http";
import { asText, readCall, timings, tokenize, type ModelCall, type ModelEngine } from "./modelEngine.ts";
import { sendError, sendJson, sse, sseHeaders } from "./modelReplies.ts";
import type { ModelServerOptions, Route } from "./modelServer.ts";

/** llama.cpp's own routes. */
export const llamaCppRoutes = (
  {
    modelPath = "/models/oracle-qwen2.5-coder.gguf",
    contextTokens = 8192,
    version = "fake",
    takesInfill = true,
    tools,
    vision,
  }: ModelServerOptions,
  engine: ModelEngine,
): Readonly<Record<string, Route>> => {
  const answerNative = async (response: ServerResponse, call: ModelCall): Promise<void> => {
    const { tokens, type } = await engine.answerOf(call, false);
    const evaluated = timings(call, tokens.length).prompt_n;
    const last: Record<string, unknown> = {
      index: 0,
      content: call.json["stream"] === true ? "" : tokens.join(""),
      tokens: [],
      id_slot: 0,
      stop: true,
      model: modelPath,
      tokens_predicted: tokens.length,
      tokens_evaluated: evaluated,
      prompt: call.json["prompt"],
      stop_type: type,
      truncated: false,
      timings: timings(call, tokens.length),
    };
    const fields = call.json["response_fields"];
    const shown = Array.isArray(fields)
      ? Object.fromEntries(Object.entries(last).filter(([name]) => fields.includes(name)))
      : last;
    if (call.json["stream"] !== true) {
      sendJson(response, 200, shown);
      return;
    }
    response.writeHead(200, sseHeaders);
    response.flushHeaders();
    await engine.eachToken(response, tokens, (content, index) =>
      sse({
        index: 0,
        content,
        tokens: [index],
        stop: false,
        id_slot: -1,
        tokens_predicted: index + 1,
        tokens_evaluated: evaluated,
      }),
    );
    response.end(sse(shown));
  };

  const answer = (response: ServerResponse, call: ModelCall) =>
    engine.withSlot(response, call, () => answerNative(response, call));

  return {
    "GET /props": (response) =>
      sendJson(response, 200, {
        default_generation_settings: { n_ctx: contextTokens },
        total_slots: engine.slots,
        model_alias: modelPath,
        model_path: modelPath,
        build_info: version,
        ...(vision === undefined ? {} : { modalities: { vision, audio: false } }),
        ...(tools === undefined ? {} : { chat_template_caps: { supports_tools: tools, supports_tool_calls: tools } }),
      }),
    "GET /slots": (response, { query }) => {
      const free = engine.freeSlots();
      if (query.get("fail_on_no_slot") === "1" && free === 0) {
        sendError(response, 503, "unavailable_error", "no slot available");
        return;
      }
      const slots = Array.from({ length: engine.slots }, (_, id) => ({
        id,
        n_ctx: contextTokens,
        is_processing: id >= free,
      }));
      sendJson(response, 200, slots);
    },
    "POST /tokenize": (response, { json }) =>
      sendJson(response, 200, { tokens: tokenize(asText(json["content"])).map((_, index) => index) }),
    "POST /completion": (response, { path, json }) => answer(response, readCall(path, json)),
    "POST /infill": (response, { path, json }) => {
      if (takesInfill) return answer(response, readCall(path, json));
      return sendError(response, 501, "not_supported_error", "Infill is not supported by this model");
    },
  };
};

import type { ModelEngine } from "./modelEngine.ts";
import { sendError, sendJson } from "./modelReplies.ts";
import type { ModelServerOptions, Route } from "./modelServer.ts";

/** LM Studio's own list; a server that is none does not have it. */
export const lmStudioRoutes = (
  { modelId = "oracle", contextTokens = 8192, tools = false, vision = false, lmStudio }: ModelServerOptions,
  engine: ModelEngine,
): Readonly<Record<string, Route>> => ({
  "GET /api/v1/models": (response) => {
    if (!lmStudio) {
      sendError(response, 404, "not_found_error", "File Not Found");
      return;
    }
    const { parallel = engine.slots, isLoaded = true } = lmStudio;
    const entry = {
      type: "llm",
      key: modelId,
      size_bytes: 1_000_000,
      max_context_length: 131_072,
      loaded_instances: isLoaded ? [{ id: modelId, config: { context_length: contextTokens, parallel } }] : [],
      capabilities: { vision, trained_for_tool_use: tools },
    };
    sendJson(response, 200, { models: [entry] });
  },
});

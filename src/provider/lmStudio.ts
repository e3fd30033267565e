import { asCount, asFlag, asList, asObject, asText, defined } from "./json.ts";
import type { ModelInfo } from "./provider.ts";

/** What LM Studio tells of a model. */
export type LmStudioModel = {
  /** Names that requests can use: its own, and those of its loaded copies. */
  readonly ids: readonly string[];
  /** What its OpenAI routes leave out. */
  readonly more: Omit<ModelInfo, "id">;
  /** Requests that its loaded copy works on at the same time; undefined: it is not loaded, or not known. */
  readonly slots: number | undefined;
};

/** Whether a list of models in the OpenAI format is LM Studio's. */
export const isLmStudioList = (answer: unknown): boolean =>
  asList(asObject(answer)["data"]).some((entry) => asText(asObject(entry)["owned_by"]) === "organization_owner");

const readModel = (item: unknown): LmStudioModel => {
  const entry = asObject(item);
  const capabilities = asObject(entry["capabilities"]);
  const instances = asList(entry["loaded_instances"]).map(asObject);
  const loaded = instances[0] ?? {};
  const config = asObject(loaded["config"]);
  const type = asText(entry["type"]);
  return {
    ids: [asText(entry["key"]), ...instances.map(({ id }) => asText(id))].filter((id) => id !== ""),
    more: defined<LmStudioModel["more"]>({
      contextTokens: asCount(config["context_length"]),
      sizeBytes: asCount(entry["size_bytes"]),
      tools: asFlag(capabilities["trained_for_tool_use"]),
      // Older releases have a type of its own for models that see.
      vision: asFlag(capabilities["vision"]) ?? (type === "vlm" ? true : undefined),
      writesText: type === "" ? undefined : type === "llm" || type === "vlm",
    }),
    slots: asCount(loaded["parallel"]) ?? asCount(config["parallel"]),
  };
};

/**
 * Reads LM Studio's own list. Only a model that is loaded has a context: how long it is when a request loads the model
 * is nowhere written.
 * @see https://lmstudio.ai/docs/developer/rest (0.4, 2026-04)
 */
export const readLmStudioModels = (answer: unknown): readonly LmStudioModel[] =>
  asList(asObject(answer)["models"]).map(readModel);

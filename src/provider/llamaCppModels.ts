import { asCount, asFlag, asList, asObject, asText, defined, type JsonObject } from "./json.ts";
import { readModels } from "./openAiStream.ts";
import { ProviderError } from "./provider.ts";
import type { CallOptions, Capabilities, ModelInfo } from "./provider.ts";
import type { Wire } from "./wire.ts";

/** A router would load whatever a question names; asking must not change what is loaded. */
export const modelQuery = (model: string): string => `?model=${encodeURIComponent(model)}&autoload=false`;

/** What `/props` says beside sizes: the template decides about tools, a second file with the weights about images. */
export const readAbilities = (props: JsonObject): Pick<Capabilities, "tools" | "vision"> => {
  const template = asObject(props["chat_template_caps"]);
  const takesTools = asFlag(template["supports_tools"]);
  return defined<Pick<Capabilities, "tools" | "vision">>({
    tools: takesTools && (asFlag(template["supports_tool_calls"]) ?? takesTools),
    vision: asFlag(asObject(props["modalities"])["vision"]),
  });
};

/** What one request can use, in tokens. The server's whole context is shared out over its slots. */
export const readContext = (props: JsonObject): number | undefined =>
  asCount(asObject(props["default_generation_settings"])["n_ctx"]);

const readDetails = (props: unknown): Omit<ModelInfo, "id"> => {
  const fields = asObject(props);
  return { ...defined<Omit<ModelInfo, "id">>({ contextTokens: readContext(fields) }), ...readAbilities(fields) };
};

/** The context that a model of a router will have, as far as the arguments tell that it is started with. */
const contextByArguments = (entry: JsonObject): number | undefined => {
  const list = asList(asObject(entry["status"])["args"]);
  const valueOf = (name: string) => Number(asText(list[list.indexOf(name) + 1]));
  const whole = list.includes("--ctx-size") ? valueOf("--ctx-size") : 0;
  if (!(whole > 0)) return undefined;
  const slots = list.includes("--parallel") ? valueOf("--parallel") : 1;
  return Math.floor(whole / Math.max(1, slots || 1));
};

/**
 * A llama.cpp server's list of models, with what `/props` tells of those that are loaded: the context of one slot, tools
 * and images. Loads nothing.
 * @throws {ProviderError} where there is no list.
 */
export const listLlamaCpp = async (wire: Wire, call: CallOptions): Promise<readonly ModelInfo[]> => {
  const details = async (query = ""): Promise<unknown> => {
    try {
      return await wire.getJson(`/props${query}`, call);
    } catch (error) {
      // The list says enough to choose one.
      if (error instanceof ProviderError) return undefined;
      throw error;
    }
  };
  const [list, props] = await Promise.all([wire.getJson("/v1/models", call), details()]);
  const entries = asList(asObject(list)["data"]).map(asObject);
  const models = readModels(list);
  const isRouter = asObject(props)["role"] === "router";
  return Promise.all(
    models.map(async (model, index) => {
      if (!isRouter) return Object.assign(model, readDetails(props));
      const entry = entries[index] ?? {};
      const isLoaded = asText(asObject(entry["status"])["value"]) === "loaded";
      if (isLoaded) return Object.assign(model, readDetails(await details(modelQuery(model.id))));
      return Object.assign(
        defined<Pick<ModelInfo, "contextTokens">>({ contextTokens: contextByArguments(entry) }),
        model,
      );
    }),
  );
};

import { asCount, asList, asObject, asText, type JsonObject } from "./json.ts";
import { nameOf, readPage, readTags } from "./ollamaModel.ts";
import { normalizeName } from "./ollamaName.ts";
import { ProviderError } from "./provider.ts";
import type { ModelInfo } from "./provider.ts";

/** The questions that a list is put together from. */
export type OllamaQuestions = {
  /** `/api/tags`. */
  readonly tags: () => Promise<unknown>;
  /** `/api/ps`. */
  readonly running: () => Promise<unknown>;
  /** `/api/show`. */
  readonly show: (model: string) => Promise<JsonObject>;
};

/** Pages are short and read from disk; a server with a hundred models is not to be flooded. */
const pagesAtOnce = 4;

/** What a page depends on: a model that was pulled or built anew has another digest. */
const versionOf = (entry: JsonObject): string => `${asText(entry["digest"])} ${asText(entry["modified_at"])}`;

/**
 * Lists an Ollama's models with their abilities and the context that a request will really get: Hotpath's own, less
 * where the model was trained for less or the server has set aside less. Each model's page is read once while the model
 * stays the same. The function throws what `tags` throws. `contextTokens`: what requests ask for, if the settings name it.
 */
export const createOllamaList = (contextTokens?: number): ((ask: OllamaQuestions) => Promise<readonly ModelInfo[]>) => {
  const pages = new Map<string, { readonly version: string; readonly page: Omit<ModelInfo, "id"> }>();

  const pageOf = async (model: string, version: string, ask: OllamaQuestions): Promise<Omit<ModelInfo, "id">> => {
    const known = pages.get(model);
    if (known?.version === version) return known.page;
    try {
      const page = readPage(model, await ask.show(model), contextTokens);
      pages.set(model, { version, page });
      return page;
    } catch (error) {
      // The list says enough to choose it.
      if (error instanceof ProviderError) return {};
      throw error;
    }
  };

  return async (ask) => {
    const [tags, running] = await Promise.all([
      ask.tags(),
      ask.running().catch((error: unknown) => {
        if (error instanceof ProviderError) return undefined;
        throw error;
      }),
    ]);
    const entries = asList(asObject(tags)["models"]).map(asObject);
    const loaded = new Map(
      asList(asObject(running)["models"])
        .map(asObject)
        .map((entry) => [normalizeName(nameOf(entry)), asCount(entry["context_length"])]),
    );
    const models = readTags(tags);
    const waiting = models.entries();
    const work = async (): Promise<void> => {
      for (const [index, model] of waiting) {
        if (model.writesText === false || model.id === "") continue;
        const page = await pageOf(model.id, versionOf(entries[index] ?? {}), ask);
        Object.assign(model, { ...page, ...model });
        const realTokens = loaded.get(normalizeName(model.id)) || Infinity;
        if (page.contextTokens !== undefined) {
          Object.assign(model, { contextTokens: Math.min(page.contextTokens, realTokens) });
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(pagesAtOnce, models.length) }, work));
    return models;
  };
};

import path from "node:path";
import { localFile } from "./localFile.ts";
import { factsFromGguf } from "./memoryNeed.ts";
import type { ModelFacts } from "./modelFacts.ts";
import { factsFromModelInfo } from "./modelInfo.ts";
import { findModelFacts } from "./models.ts";

/** Sends one JSON request to a server; undefined for what it does not know or does not answer. */
export type AskJson = (method: "GET" | "POST", route: string, body?: object) => Promise<unknown>;

/** A model on a server's list. */
export type ListedModel = { readonly id: string; readonly sizeBytes?: number };

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields => (typeof value === "object" && value !== null ? { ...value } : {});
const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.map(fieldsOf) : []);
const countOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) && value > 0 ? value : undefined;

/** So many are asked about: somebody who has more looks for one of them by its name. */
const mostModels = 40;
const askedTogether = 4;

/** The table's shape with the size that the server tells. */
const fromTable = (name: string, sizeBytes: number | undefined, contextTokens?: number): ModelFacts | undefined => {
  const facts = findModelFacts(name);
  if (!facts) return undefined;
  const weightsBytes = sizeBytes ?? facts.weightsBytes;
  return {
    ...facts,
    name,
    weightsBytes,
    activeWeightsBytes: (facts.activeWeightsBytes * weightsBytes) / facts.weightsBytes,
    ...(contextTokens === undefined ? {} : { contextTokens }),
  };
};

/** Lists with one value for each layer come in the verbose answer only, which has the whole vocabulary, too. */
const leavesOutLayers = (info: Fields): boolean =>
  Object.entries(info).some(
    ([key, value]) =>
      (value === null || (Array.isArray(value) && value.length === 0)) &&
      /\.(?:head_count|head_count_kv|feed_forward_length|sliding_window_pattern|recurrent_layers)$/.test(key),
  );

/** Facts of one of Ollama's models, by `/api/show`, else by its name. */
export const ollamaFacts = async (ask: AskJson, { id, sizeBytes }: ListedModel): Promise<ModelFacts | undefined> => {
  const show = async (verbose: boolean): Promise<Fields> =>
    fieldsOf(fieldsOf(await ask("POST", "/api/show", verbose ? { model: id, verbose } : { model: id }))["model_info"]);
  let info = await show(false);
  if (leavesOutLayers(info)) {
    const whole = await show(true);
    if (Object.keys(whole).length > 0) info = whole;
  }
  const facts = sizeBytes === undefined ? undefined : factsFromModelInfo(info, { name: id, weightsBytes: sizeBytes });
  return facts && facts.parametersTotal > 0 ? facts : fromTable(id, sizeBytes);
};

/**
 * Facts of llama.cpp's model: the header of its file, where that lies on this machine (`isHere`), else its name with the
 * size that it tells. `readHeader` is `factsFromGguf` but in tests.
 */
export const llamaFacts = async (
  ask: AskJson,
  { id, sizeBytes }: ListedModel,
  isHere: boolean,
  readHeader: (file: string) => Promise<ModelFacts> = factsFromGguf,
): Promise<{ readonly facts: ModelFacts | undefined; readonly file: string | undefined }> => {
  const props = fieldsOf(await ask("GET", "/props"));
  const file = localFile(props["model_path"]);
  if (isHere && file !== undefined) {
    try {
      return { facts: await readHeader(file), file };
    } catch {
      // The server runs in a container, or the file is gone: its name is still known.
    }
  }
  const list = listOf(fieldsOf(await ask("GET", "/v1/models"))["data"]);
  const meta = fieldsOf((list.find((entry) => entry["id"] === id) ?? list[0])?.["meta"]);
  const name = file === undefined ? id : path.basename(file);
  return { facts: fromTable(name, countOf(meta["size"]) ?? sizeBytes, countOf(meta["n_ctx_train"])), file: undefined };
};

/** Facts of LM Studio's models by their keys: its list tells sizes and the longest context, and no layers. */
export const lmStudioFacts = async (ask: AskJson): Promise<ReadonlyMap<string, ModelFacts>> => {
  const found = new Map<string, ModelFacts>();
  for (const entry of listOf(fieldsOf(await ask("GET", "/api/v1/models"))["models"]).slice(0, mostModels)) {
    const key = entry["key"];
    if (typeof key !== "string" || (entry["type"] !== undefined && entry["type"] !== "llm")) continue;
    const facts = fromTable(key, countOf(entry["size_bytes"]), countOf(entry["max_context_length"]));
    if (facts) found.set(key, facts);
  }
  return found;
};

/** A server that was found, as far as its models' facts depend on it. */
export type FactsServer = {
  /** As `discover.ts` names it. */
  readonly name: string;
  readonly kind: string;
  readonly models: readonly ListedModel[];
  /** Whether its files lie on this machine, if they can be seen at all. */
  readonly isHere: boolean;
};

export type ServerModel = ListedModel & {
  readonly facts: ModelFacts | undefined;
  /** Its file on this machine, where that was read. */
  readonly file?: string;
};

/**
 * The models of a server with what can be found out about each. Never rejects: a question that fails leaves the tables,
 * and a model that no table knows has no facts.
 */
export const readServerModels = async (server: FactsServer, ask: AskJson): Promise<readonly ServerModel[]> => {
  const models = server.models.slice(0, mostModels);
  const asking: AskJson = async (method, route, body) => {
    try {
      return await ask(method, route, body);
    } catch {
      return undefined;
    }
  };
  if (server.name === "LM Studio") {
    const known = await lmStudioFacts(asking);
    return models.map((model) => ({ ...model, facts: known.get(model.id) ?? fromTable(model.id, model.sizeBytes) }));
  }
  if (server.kind === "llamacpp" && models.length <= 1) {
    const model = models[0] ?? { id: "" };
    const { facts, file } = await llamaFacts(asking, model, server.isHere);
    return [{ ...model, facts, ...(file === undefined ? {} : { file }) }];
  }
  if (server.kind !== "ollama") {
    return models.map((model) => ({ ...model, facts: fromTable(model.id, model.sizeBytes) }));
  }
  const described: ServerModel[] = [];
  for (let start = 0; start < models.length; start += askedTogether) {
    const some = models.slice(start, start + askedTogether);
    const facts = await Promise.all(some.map((model) => ollamaFacts(asking, model)));
    for (const [index, model] of some.entries()) described.push({ ...model, facts: facts[index] });
  }
  return described;
};

import type { FillInForm } from "./fillInFacts.ts";
import { findFimTemplate, type FimTemplate } from "./fim.ts";
import { asCount, asList, asObject, asText, defined, type JsonObject } from "./json.ts";
import { templateFromOllama } from "./ollamaTemplate.ts";
import type { Capabilities, ModelInfo } from "./provider.ts";

/**
 * What every request says about the loaded model. Ollama loads a model anew when a request differs in one of these, so
 * ghost text and chat must not: https://github.com/ollama/ollama/blob/main/server/sched.go `needsReload`.
 *
 * - `num_ctx`, unless the settings say otherwise: Ollama's own default is 4096 on most machines, too short for a chat about a file. 8192 holds what
 *   Hotpath sends, and its key-value cache stays near 0.5 GB for a 7B model.
 * - `keep_alive`: the default of 5 minutes is shorter than a meeting or a long thought, and a cold load takes up to
 *   minutes; after half an hour the memory is free again.
 * - `truncate`, `shift`: else Ollama drops the beginning of a prompt that is too long, and says nothing.
 */
export const ollamaRunner = {
  num_ctx: 8192,
  keep_alive: "30m",
  truncate: false,
  shift: false,
} as const;

/** The name of an entry of a list. */
export const nameOf = (entry: JsonObject): string => asText(entry["model"]) || asText(entry["name"]);

/**
 * The family by the model's own name, else by what its weights are called (`general.*`) together with that name, so
 * that "instruct" in either rules a base model's form out. `details.family` says no more than "qwen2", which is a chat
 * model as well.
 */
const findTemplate = (model: string, show: JsonObject): FimTemplate | undefined => {
  const info = asObject(show["model_info"]);
  const weights = ["basename", "size_label", "finetune"].map((field) => asText(info[`general.${field}`]));
  const name = [...weights, asText(asObject(show["details"])["parent_model"]), model]
    .filter((part) => part !== "")
    .join("-");
  return findFimTemplate(model) ?? findFimTemplate(name.replaceAll(/[\s/\\]+/g, "-"));
};

/** Whether the model can do this; undefined: releases before 0.6.4 do not list it. */
const hasAbility = (entry: JsonObject, ability: string): boolean | undefined => {
  const capabilities = entry["capabilities"];
  return Array.isArray(capabilities) ? capabilities.includes(ability) : undefined;
};

/** This is how an old server itself decides. */
const canInsert = (show: JsonObject): boolean =>
  hasAbility(show, "insert") ?? /\.Suffix\b/.test(asText(show["template"]));

/** Whether `/api/show` tells of a model that writes text. */
export const canComplete = (show: JsonObject): boolean => hasAbility(show, "completion") ?? true;

/** What is known of a model. */
export type OllamaFacts = Omit<Capabilities, "fillInMiddle"> & {
  readonly template: FimTemplate | undefined;
  /** How it may be asked to fill in, the best first. */
  readonly forms: readonly FillInForm[];
  /** Whether it thinks before it writes, unless it is told not to. */
  readonly thinks: boolean;
  /** Where the model runs, if that is elsewhere; else empty. */
  readonly remoteHost: string;
};

/** Reads `/api/show`. */
export const readFacts = (
  model: string,
  show: JsonObject,
  contextTokens: number = ollamaRunner.num_ctx,
): OllamaFacts => {
  const info = asObject(show["model_info"]);
  const trainedTokens = asCount(info[`${asText(info["general.architecture"])}.context_length`]);
  // Of a name that nobody knows the model's own template may tell.
  const ownTemplate = canInsert(show) ? templateFromOllama(asText(show["template"])) : undefined;
  const template = canComplete(show) ? (findTemplate(model, show) ?? ownTemplate) : undefined;
  const forms: FillInForm[] = template ? ["raw-template"] : canInsert(show) ? ["suffix-parameter"] : [];
  return {
    model,
    template,
    forms: canComplete(show) ? [...forms, "chat"] : [],
    thinks: hasAbility(show, "thinking") === true,
    remoteHost: asText(show["remote_host"]),
    slots: undefined,
    // Ollama lowers a context that is longer than the model was trained for.
    contextTokens: Math.min(contextTokens, trainedTokens || contextTokens),
    ...defined<Pick<Capabilities, "tools" | "vision">>({
      tools: hasAbility(show, "tools"),
      vision: hasAbility(show, "vision"),
    }),
  };
};

/** Where requests for it go; an old list does not say, but for the models of Ollama's own cloud by their names. */
const readHost = (model: string, entry: JsonObject): string | undefined => {
  const host = asText(entry["remote_host"]);
  if (host !== "") return URL.parse(host)?.host || host;
  return /[:-]cloud$/.test(model) ? "ollama.com" : undefined;
};

/** What a list says of a model whose `/api/show` this is. `askedTokens`: as of {@link readFacts}. */
export const readPage = (model: string, show: JsonObject, askedTokens?: number): Omit<ModelInfo, "id"> => {
  const { contextTokens, tools, vision } = readFacts(model, show, askedTokens);
  return defined<Omit<ModelInfo, "id">>({
    contextTokens,
    tools,
    vision,
    writesText: hasAbility(show, "completion"),
    runsAt: readHost(model, show),
  });
};

const readTag = (item: unknown): ModelInfo => {
  const entry = asObject(item);
  const families = asList(asObject(entry["details"])["families"]).map(asText);
  const isEmbedding = families.some((name) => name.endsWith("bert"));
  return {
    id: nameOf(entry),
    ...defined<Omit<ModelInfo, "id">>({
      sizeBytes: asCount(entry["size"]),
      tools: hasAbility(entry, "tools"),
      vision: hasAbility(entry, "vision"),
      writesText: hasAbility(entry, "completion") ?? (isEmbedding ? false : undefined),
      runsAt: readHost(nameOf(entry), entry),
    }),
  };
};

/** Reads `/api/tags`. Its entries list abilities in newer releases only; older ones tell an embedding by its family. */
export const readTags = (answer: unknown): readonly ModelInfo[] => asList(asObject(answer)["models"]).map(readTag);

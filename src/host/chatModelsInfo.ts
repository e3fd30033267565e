import * as vscode from "vscode";
import { formatCount } from "../base/numbers.ts";
import { inList, priceText } from "../commands/setUpTexts.ts";
import { parseBaseUrl } from "../provider/baseUrl.ts";
import type { ModelInfo, ProviderKind } from "../provider/provider.ts";
import { modelLabel } from "../report/formats.ts";
import type { ModelSetting, RoleSetting } from "./settingsSchema.ts";

/** A model as VS Code's lists show it, with what asking it takes. VS Code hands the same object back with a request. */
export type ListedChatModel = vscode.LanguageModelChatInformation & {
  /** The one server and model that answers; undefined: whatever the settings name for chat, fallbacks included. */
  readonly exact: ModelSetting | undefined;
  /** The model as sentences call it. */
  readonly label: string;
  /** Whether it reads images; undefined: nobody knows. */
  readonly vision: boolean | undefined;
};

/** The id of the entry that follows the setting for chat. */
export const roleModelId = "chat";

const nameMaxUnits = 80;
/** What servers that do not tell their context mostly allocate: a local one no more than it must. */
const unknownContextTokens = { near: 4096, far: 32_768 };
/** As much as an answer needs, agents' edits included; the rest of the context is for the conversation. */
const answerMaxTokens = 16_384;
const answerShare = 1 / 4;

const kindNames: Readonly<Record<ProviderKind, string>> = {
  llamacpp: "llama.cpp",
  ollama: "Ollama",
  "openai-compatible": "OpenAI",
  openrouter: "OpenRouter",
};

/**
 * A server's name for a model as VS Code may show it. The list of models renders names as trusted Markdown, where
 * `[text](command:…)` would be a link that runs something and `$(name)` an icon: only what model names are made of stays.
 */
export const safeName = (text: string): string => {
  const plain = modelLabel(text.toWellFormed())
    .normalize()
    .replaceAll(/[^\p{L}\p{M}\p{N} ._:/@+,()-]/gu, " ")
    // Nor does an address become a link.
    .replaceAll(/\/{2,}/g, "/")
    .replaceAll(/\bwww\./gi, "www ")
    .replaceAll(/\s+/g, " ")
    // Nothing stands before the model that is set for chat, see `roleName`.
    .replace(/^[^\p{L}\p{N}]+/u, "")
    .trim();
  return Array.from(plain).slice(0, nameMaxUnits).join("").trim() || "?";
};

/** The same model has the same id in every session. Nothing in it means anything to Markdown. */
const idOf = ({ provider, baseUrl, model }: ModelSetting): string =>
  [provider, baseUrl, model].map((part) => encodeURIComponent(part.toWellFormed())).join("/");

/** What tells model families apart, as VS Code's prompts and other extensions look for it. */
const familyOf = (name: string): string =>
  name.toLowerCase().replace(/:.*$/, "").replace(/^.*\//, "").replaceAll(" ", "-") || "unknown";

/** Where a model runs, by names that a person knows: "Ollama, 127.0.0.1:11434". */
const placeOf = ({ provider, baseUrl }: ModelSetting, info: ModelInfo | undefined): string => {
  const { l10n } = vscode;
  const server = provider === "openrouter" ? kindNames.openrouter : `${kindNames[provider]}, ${new URL(baseUrl).host}`;
  return info?.runsAt === undefined ? server : l10n.t("{0} through {1}", safeName(info.runsAt), server);
};

/** How a context is shared out. The two together are never more than the server has set aside. */
export const shareContext = (
  contextTokens: number,
  answerTokens = Infinity,
): { readonly maxInputTokens: number; readonly maxOutputTokens: number } => {
  const maxOutputTokens = Math.max(
    1,
    Math.min(answerTokens || Infinity, answerMaxTokens, Math.floor(contextTokens * answerShare)),
  );
  return { maxInputTokens: Math.max(1, Math.floor(contextTokens) - maxOutputTokens), maxOutputTokens };
};

const tooltipOf = (name: string, place: string, info: ModelInfo | undefined, contextTokens: number): string => {
  const { l10n } = vscode;
  const tokens = formatCount(contextTokens);
  const sentences = [
    l10n.t("{0} runs at {1}.", name, place),
    info?.contextTokens === undefined
      ? l10n.t("The server does not tell its context; {0} tokens are assumed.", tokens)
      : l10n.t("Context: {0} tokens.", tokens),
    info?.tools === false ? l10n.t("It calls no tools.") : "",
    info?.vision === true ? l10n.t("It reads images.") : "",
    info ? inList(priceText(info, l10n.t)) : "",
  ];
  return sentences.filter((sentence) => sentence !== "").join(" ");
};

/** What every entry says. `model`: the name to show. */
const describe = (
  model: string,
  setting: ModelSetting,
  info: ModelInfo | undefined,
): Omit<ListedChatModel, "id" | "exact" | "family"> => {
  const name = safeName(model);
  const place = placeOf(setting, info);
  const { near, far } = unknownContextTokens;
  const contextTokens = info?.contextTokens || (parseBaseUrl(setting.baseUrl).isPrivate ? near : far);
  return {
    name,
    label: name,
    version: "1",
    detail: place,
    tooltip: tooltipOf(name, place, info, contextTokens),
    ...shareContext(contextTokens, info?.answerTokens),
    // What a model is known to lack keeps it out; what is not known does not. Images are offered only where they are read.
    capabilities: { toolCalling: info?.tools !== false, imageInput: info?.vision === true },
    vision: info?.vision,
  };
};

/** The entry for one model of one server. */
export const exactModel = (setting: ModelSetting, info: ModelInfo): ListedChatModel => ({
  ...describe(info.id || kindNames[setting.provider], setting, info),
  id: idOf({ ...setting, model: info.id }),
  family: familyOf(safeName(info.id)),
  exact: setting,
});

/**
 * VS Code takes the first name of the alphabet until somebody chooses. That must not be just any model, which may cost
 * money: punctuation stands before letters and digits.
 */
const roleName = (model: string): string => `@hotpath: ${model}`;

/** The entry that follows the setting for chat. VS Code lets a message reach a participant only when there is a model. */
export const roleModel = (setting: RoleSetting | undefined, info?: ModelInfo): ListedChatModel => {
  const fixed = { id: roleModelId, family: "hotpath", exact: undefined };
  if (!setting) {
    return {
      ...fixed,
      name: roleName(vscode.l10n.t("not set up")),
      label: "Hotpath",
      version: "1",
      ...shareContext(unknownContextTokens.near),
      capabilities: { toolCalling: true, imageInput: false },
      vision: undefined,
    };
  }
  const described = describe(setting.model || info?.id || kindNames[setting.provider], setting, info);
  return { ...described, ...fixed, name: roleName(described.name) };
};

import type { ProviderKind } from "../provider/provider.ts";

/** Where to find a model, as the settings say. */
export type ModelSetting = {
  readonly provider: ProviderKind;
  readonly baseUrl: string;
  /** Empty: the server's own choice. */
  readonly model: string;
};

export type Settings = {
  /** Undefined: no model server is set up for ghost text. */
  readonly completion: ModelSetting | undefined;
  /** Undefined: none for chat; falls back to the completion server. */
  readonly chat: ModelSetting | undefined;
  readonly predictorEnabled: boolean;
};

/** A setting that cannot be used as it is. */
export type SettingProblem =
  | { readonly kind: "unknown-provider"; readonly setting: string; readonly value: string }
  | { readonly kind: "bad-url"; readonly setting: string; readonly value: string }
  | { readonly kind: "wrong-type"; readonly setting: string; readonly expected: "text" | "true or false" };

/** Reads one setting by its name without `hotpath.`. */
export type ReadSetting = (name: string) => unknown;

/** Every setting of Hotpath without `hotpath.`, with its default; package.json must say the same. */
export const settingDefaults = {
  "completion.enabled": true,
  "completion.provider": "none",
  "completion.baseUrl": "",
  "completion.model": "",
  "chat.provider": "none",
  "chat.baseUrl": "",
  "chat.model": "",
  "predictor.enabled": true,
} as const;

// Where these servers listen unless told otherwise: llama-server, Ollama, LM Studio for OpenAI-compatible; OpenRouter
// has one address.
const defaultBaseUrl: Readonly<Record<ProviderKind, string>> = {
  llamacpp: "http://127.0.0.1:8080",
  ollama: "http://127.0.0.1:11434",
  "openai-compatible": "http://127.0.0.1:1234/v1",
  openrouter: "https://openrouter.ai/api/v1",
};

const isProviderKind = (value: string): value is ProviderKind => Object.hasOwn(defaultBaseUrl, value);

/** Turns what stands in the settings into what the program uses; what cannot be used is left out and reported. */
export const parseSettings = (read: ReadSetting): { settings: Settings; problems: SettingProblem[] } => {
  const problems: SettingProblem[] = [];
  const text = (name: string): string => {
    const value = read(name) ?? "";
    if (typeof value === "string") return value.trim();
    problems.push({ kind: "wrong-type", setting: `hotpath.${name}`, expected: "text" });
    return "";
  };
  const model = (feature: "completion" | "chat"): ModelSetting | undefined => {
    const provider = text(`${feature}.provider`);
    if (provider === "" || provider === "none") return undefined;
    if (!isProviderKind(provider)) {
      problems.push({ kind: "unknown-provider", setting: `hotpath.${feature}.provider`, value: provider });
      return undefined;
    }
    const baseUrl = text(`${feature}.baseUrl`) || defaultBaseUrl[provider];
    const url = URL.parse(baseUrl);
    if (!url || !["http:", "https:"].includes(url.protocol) || url.username || url.password) {
      // The value may hold a password: it is not repeated.
      problems.push({ kind: "bad-url", setting: `hotpath.${feature}.baseUrl`, value: url?.host ?? "" });
      return undefined;
    }
    return { provider, baseUrl, model: text(`${feature}.model`) };
  };
  const completion = model("completion");
  const chat = model("chat") ?? completion;
  const predictor = read("predictor.enabled") ?? true;
  if (typeof predictor !== "boolean") {
    problems.push({ kind: "wrong-type", setting: "hotpath.predictor.enabled", expected: "true or false" });
  }
  return { settings: { completion, chat, predictorEnabled: predictor !== false }, problems };
};

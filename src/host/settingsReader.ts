import type { PromptLayout } from "../completion/prompt.ts";
import type { LowMemoryMode } from "../memory/lowMemory.ts";
import type { ConfidenceName } from "../predictor/predictorService.ts";
import type { ProviderKind } from "../provider/provider.ts";
import {
  defaultBaseUrl,
  settingDefaults,
  settingRanges,
  type ModelSetting,
  type Role,
  type RoleSetting,
  type Settings,
} from "./settingsSchema.ts";

/** A setting that cannot be used as it is. */
export type SettingProblem =
  | { readonly kind: "unknown-provider"; readonly setting: string; readonly value: string }
  | { readonly kind: "bad-url"; readonly setting: string; readonly value: string }
  | { readonly kind: "unknown-value"; readonly setting: string; readonly value: string; readonly allowed: string }
  | { readonly kind: "out-of-range"; readonly setting: string; readonly min: number; readonly max: number }
  | {
      readonly kind: "wrong-type";
      readonly setting: string;
      readonly expected: "text" | "true or false" | "a list" | "a number" | "an object";
    };

/** Reads one setting by its name without `hotpath.`. */
export type ReadSetting = (name: string) => unknown;

const strategies = ["ordered", "fastest"] as const;
const layouts = ["anchored", "classic"] as const satisfies readonly PromptLayout[];
const confidences = ["balanced", "quiet", "eager"] as const satisfies readonly ConfidenceName[];
const lowMemoryModes = ["automatic", "on", "off"] as const satisfies readonly LowMemoryMode[];
const mebibyte = 1024 * 1024;

const isProviderKind = (value: string): value is ProviderKind => Object.hasOwn(defaultBaseUrl, value);

/** A setting that is true or false. */
type FlagName = {
  [Name in keyof typeof settingDefaults]: (typeof settingDefaults)[Name] extends boolean ? Name : never;
}[keyof typeof settingDefaults];

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** As `parseBaseUrl` judges, which would load a part of the client at start-up. */
const isAddress = (baseUrl: string): boolean => {
  const url = URL.parse(baseUrl);
  if (!url || !["http:", "https:"].includes(url.protocol)) return false;
  return !url.username && !url.password && !url.search && !url.hash;
};

/**
 * Turns what stands in the settings into what the program uses. What cannot be used is left out, alone, and reported:
 * one wrong entry of a list does not cost the others.
 */
export const parseSettings = (read: ReadSetting): { settings: Settings; problems: SettingProblem[] } => {
  const problems: SettingProblem[] = [];

  const textOf = (value: unknown, setting: string): string => {
    if (value === undefined || value === null) return "";
    if (typeof value === "string") return value.trim();
    problems.push({ kind: "wrong-type", setting, expected: "text" });
    return "";
  };
  const listOf = (value: unknown, setting: string): readonly unknown[] => {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value;
    problems.push({ kind: "wrong-type", setting, expected: "a list" });
    return [];
  };
  const flag = (name: FlagName): boolean => {
    const value = read(name) ?? settingDefaults[name];
    if (typeof value === "boolean") return value;
    problems.push({ kind: "wrong-type", setting: `hotpath.${name}`, expected: "true or false" });
    return settingDefaults[name];
  };
  const number = (name: keyof typeof settingRanges): number => {
    const value = read(name) ?? settingDefaults[name];
    const setting = `hotpath.${name}`;
    const { min, max } = settingRanges[name];
    if (typeof value !== "number" || Number.isNaN(value)) {
      problems.push({ kind: "wrong-type", setting, expected: "a number" });
      return settingDefaults[name];
    }
    if (value >= min && value <= max) return value;
    problems.push({ kind: "out-of-range", setting, min, max });
    return Math.min(max, Math.max(min, value));
  };
  /** An address that can be used, else undefined and a problem. */
  const address = (baseUrl: string, setting: string): string | undefined => {
    if (isAddress(baseUrl)) return baseUrl;
    // The value may hold a password: it is not repeated.
    problems.push({ kind: "bad-url", setting, value: URL.parse(baseUrl)?.host ?? "" });
    return undefined;
  };
  /** `setting` ends where `provider`, `baseUrl` and `model` begin. */
  const model = (
    values: { readonly provider: unknown; readonly baseUrl: unknown; readonly model: unknown },
    setting: string,
  ): ModelSetting | undefined => {
    const provider = textOf(values.provider, `${setting}.provider`);
    if (provider === "" || provider === "none") return undefined;
    if (!isProviderKind(provider)) {
      problems.push({ kind: "unknown-provider", setting: `${setting}.provider`, value: provider });
      return undefined;
    }
    const baseUrl = address(
      textOf(values.baseUrl, `${setting}.baseUrl`) || defaultBaseUrl[provider],
      `${setting}.baseUrl`,
    );
    const name = textOf(values.model, `${setting}.model`);
    return baseUrl === undefined ? undefined : { provider, baseUrl, model: name };
  };
  const fallbacks = (role: Role): ModelSetting[] => {
    const setting = `hotpath.${role}.fallbacks`;
    return listOf(read(`${role}.fallbacks`), setting).flatMap((entry, index) => {
      const place = `${setting}[${index}]`;
      if (!isObject(entry)) {
        problems.push({ kind: "wrong-type", setting: place, expected: "an object" });
        return [];
      }
      return model({ provider: entry["provider"], baseUrl: entry["baseUrl"], model: entry["model"] }, place) ?? [];
    });
  };
  const servers = (role: Role, inherited: RoleSetting | undefined): RoleSetting | undefined => {
    const main = model(
      { provider: read(`${role}.provider`), baseUrl: read(`${role}.baseUrl`), model: read(`${role}.model`) },
      `hotpath.${role}`,
    );
    const own = fallbacks(role);
    const setting = `hotpath.${role}.moreBaseUrls`;
    const moreBaseUrls = listOf(read(`${role}.moreBaseUrls`), setting).flatMap(
      (value, index) => address(textOf(value, `${setting}[${index}]`), `${setting}[${index}]`) ?? [],
    );
    if (main) return { ...main, moreBaseUrls, fallbacks: own };
    // Further addresses serve the model that they stand beside; a role without its own has none of its own.
    return inherited && { ...inherited, fallbacks: own.length > 0 ? own : inherited.fallbacks };
  };
  /** One of `names`, of which the first is the default. */
  const oneOf = <Name extends string>(name: string, names: readonly [Name, ...Name[]]): Name => {
    const setting = `hotpath.${name}`;
    const value = textOf(read(name), setting);
    const known = names.find((allowed) => allowed === value);
    if (known !== undefined || value === "") return known ?? names[0];
    const allowed = names.map((other) => `'${other}'`).join(", ");
    problems.push({ kind: "unknown-value", setting, value, allowed });
    return names[0];
  };

  const nextEdit = model(
    { provider: read("nextEdit.provider"), baseUrl: read("nextEdit.baseUrl"), model: read("nextEdit.model") },
    "hotpath.nextEdit",
  );
  const completion = servers("completion", undefined);
  const chat = servers("chat", completion);
  const background = servers("background", chat);
  const settings: Settings = {
    completion,
    chat,
    background,
    completionStrategy: oneOf("completion.strategy", strategies),
    promptLayout: oneOf("completion.promptLayout", layouts),
    relatedFiles: flag("completion.relatedFiles"),
    relatedFilesAnywhere: flag("completion.relatedFilesAnywhere"),
    hedging: flag("completion.hedging"),
    hedgingMaxUsdPerDay: number("completion.hedgingMaxUsdPerDay"),
    speculateOnMetered: flag("completion.speculateOnMetered"),
    connectionsPerServer: Math.round(number("network.connectionsPerServer")),
    retryWaitMs: number("network.retryWaitSeconds") * 1000,
    showDelayMs: number("completion.showDelayMs"),
    predictorEnabled: flag("predictor.enabled"),
    predictorConfidence: oneOf("predictor.confidence", confidences),
    predictorMaxBytes: Math.round(number("predictor.memoryMb")) * mebibyte,
    predictorIndexesOnBattery: flag("predictor.indexOnBattery"),
    lowMemory: oneOf("lowMemory", lowMemoryModes),
    toolCount: flag("tools.selection") ? Math.round(number("tools.count")) : undefined,
    nextEdit: nextEdit && { ...nextEdit, moreBaseUrls: [], fallbacks: [] },
    memory: {
      intervalSeconds: number("memory.intervalSeconds"),
      idleIntervalSeconds: number("memory.idleIntervalSeconds"),
      alerts: flag("memory.alerts"),
      alertPercent: number("memory.alertPercent"),
      hostWarningMb: number("memory.hostWarningMb"),
      hostCriticalMb: number("memory.hostCriticalMb"),
      log: flag("memory.log"),
      manageModels: flag("memory.manageModels"),
      modelShare: number("memory.modelShare"),
      modelLimitShare: number("memory.modelLimitShare"),
      ollamaContextTokens: number("memory.ollamaContextTokens"),
      warmUp: flag("memory.warmUp"),
    },
  };
  return { settings, problems };
};

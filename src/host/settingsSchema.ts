import type { PromptLayout } from "../completion/prompt.ts";
import type { LowMemoryMode } from "../memory/lowMemory.ts";
import type { ConfidenceName } from "../predictor/predictorService.ts";
import type { ProviderKind } from "../provider/provider.ts";

/** Where to find a model, as the settings say. */
export type ModelSetting = {
  readonly provider: ProviderKind;
  readonly baseUrl: string;
  /** Empty: the server's own choice. */
  readonly model: string;
};

/** What a model is used for. */
export const roles = ["completion", "chat", "background"] as const;
export type Role = (typeof roles)[number];

/** The servers of one role. */
export type RoleSetting = ModelSetting & {
  /** Further servers with the same model: requests are spread over all of them. */
  readonly moreBaseUrls: readonly string[];
  /** Asked in this order when the ones before cannot answer. */
  readonly fallbacks: readonly ModelSetting[];
};

export type Settings = {
  /** Undefined: no model server is set up for ghost text. */
  readonly completion: RoleSetting | undefined;
  /** Falls back to the completion servers; undefined: none either. */
  readonly chat: RoleSetting | undefined;
  /** Falls back to the chat servers; undefined: none either. */
  readonly background: RoleSetting | undefined;
  /** `ordered`: the first server that can answer; `fastest`: several are asked, the first answer is taken. */
  readonly completionStrategy: "ordered" | "fastest";
  /** How ghost text's prompts are ordered. */
  readonly promptLayout: PromptLayout;
  /** Whether ghost text's prompts tell of other files. */
  readonly relatedFiles: boolean;
  /** Whether they do so, too, where the server's address is a public one. */
  readonly relatedFilesAnywhere: boolean;
  /** Whether a second server is asked when the first is unusually late. */
  readonly hedging: boolean;
  /** US dollars that second requests may cost in a day. */
  readonly hedgingMaxUsdPerDay: number;
  /** Whether servers that charge are asked ahead, too. */
  readonly speculateOnMetered: boolean;
  readonly connectionsPerServer: number;
  /** The longest pause that a server asks for and that is waited for before the next try. */
  readonly retryWaitMs: number;
  /** How long typing has to pause before new ghost text appears. */
  readonly showDelayMs: number;
  readonly predictorEnabled: boolean;
  readonly predictorConfidence: ConfidenceName;
  readonly predictorMaxBytes: number;
  readonly predictorIndexesOnBattery: boolean;
  readonly lowMemory: LowMemoryMode;
  /** How many tools a chat with more of them begins with beside the core; undefined: all are sent. */
  readonly toolCount: number | undefined;
  /** The model that is asked for next edits; undefined: rules alone. */
  readonly nextEdit: RoleSetting | undefined;
  readonly memory: MemorySettings;
};

/** All of `hotpath.memory.*` by their own names and in their own units: shares, not percent, unless the name says so. */
export type MemorySettings = {
  readonly [
    Name in keyof typeof settingDefaults as Name extends `memory.${infer Own}` ? Own : never
  ]: (typeof settingDefaults)[Name] extends boolean ? boolean : number;
};

/** Every setting of Hotpath without `hotpath.`, with its default; package.json must say the same. */
export const settingDefaults = {
  "completion.enabled": true,
  "completion.provider": "none",
  "completion.baseUrl": "",
  "completion.model": "",
  "completion.moreBaseUrls": [],
  "completion.fallbacks": [],
  "completion.strategy": "ordered",
  "completion.promptLayout": "anchored",
  "completion.relatedFiles": true,
  "completion.relatedFilesAnywhere": false,
  "completion.hedging": true,
  "completion.hedgingMaxUsdPerDay": 0.05,
  "completion.showDelayMs": 0,
  "completion.speculateOnMetered": false,
  "predictor.enabled": true,
  "predictor.confidence": "balanced",
  "predictor.memoryMb": 256,
  "predictor.indexOnBattery": true,
  lowMemory: "automatic",
  "chat.provider": "none",
  "chat.baseUrl": "",
  "chat.model": "",
  "chat.moreBaseUrls": [],
  "chat.fallbacks": [],
  "background.provider": "none",
  "background.baseUrl": "",
  "background.model": "",
  "background.moreBaseUrls": [],
  "background.fallbacks": [],
  "nextEdit.enabled": true,
  "nextEdit.provider": "none",
  "nextEdit.baseUrl": "",
  "nextEdit.model": "",
  "network.connectionsPerServer": 64,
  "network.retryWaitSeconds": 10,
  "tools.selection": true,
  "tools.count": 12,
  "memory.intervalSeconds": 10,
  "memory.idleIntervalSeconds": 60,
  "memory.alerts": true,
  "memory.alertPercent": 80,
  "memory.hostWarningMb": 1024,
  "memory.hostCriticalMb": 2048,
  "memory.log": false,
  "memory.manageModels": true,
  "memory.modelShare": 0.7,
  "memory.modelLimitShare": 0.85,
  "memory.ollamaContextTokens": 8192,
  "memory.warmUp": true,
} as const;

/** Numbers and what they may be; package.json must say the same. */
export const settingRanges = {
  "completion.hedgingMaxUsdPerDay": { min: 0, max: 100 },
  "completion.showDelayMs": { min: 0, max: 5000 },
  "predictor.memoryMb": { min: 32, max: 2048 },
  "network.connectionsPerServer": { min: 1, max: 256 },
  "network.retryWaitSeconds": { min: 0, max: 600 },
  "tools.count": { min: 4, max: 64 },
  "memory.intervalSeconds": { min: 1, max: 3600 },
  "memory.idleIntervalSeconds": { min: 1, max: 3600 },
  "memory.alertPercent": { min: 1, max: 100 },
  "memory.hostWarningMb": { min: 64, max: 16_384 },
  "memory.hostCriticalMb": { min: 64, max: 16_384 },
  "memory.modelShare": { min: 0.1, max: 1 },
  "memory.modelLimitShare": { min: 0.1, max: 1 },
  "memory.ollamaContextTokens": { min: 1024, max: 1_048_576 },
} as const;

/**
 * Where these servers listen unless told otherwise: llama-server, Ollama, LM Studio for OpenAI-compatible; OpenRouter
 * has one address.
 */
export const defaultBaseUrl: Readonly<Record<ProviderKind, string>> = {
  llamacpp: "http://127.0.0.1:8080",
  ollama: "http://127.0.0.1:11434",
  "openai-compatible": "http://127.0.0.1:1234/v1",
  openrouter: "https://openrouter.ai/api/v1",
};

/** Every origin that the settings name, once each, the ghost text's first. */
export const originsOf = (settings: Settings): string[] => [
  ...new Set(
    ([...roles, "nextEdit"] as const).flatMap((role) => {
      const setting = settings[role];
      if (!setting) return [];
      const addresses = [setting.baseUrl, ...setting.moreBaseUrls, ...setting.fallbacks.map(({ baseUrl }) => baseUrl)];
      return addresses.map((baseUrl) => new URL(baseUrl).origin);
    }),
  ),
];

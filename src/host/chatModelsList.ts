import { isAbortError } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { pause } from "../base/wait.ts";
import type { Log } from "../base/log.ts";
import { writesText } from "../provider/modelChoice.ts";
import type { ModelInfo, Provider } from "../provider/provider.ts";
import { exactModel, roleModel, type ListedChatModel } from "./chatModelsInfo.ts";
import { roles, type ModelSetting, type RoleSetting, type Settings } from "./settingsSchema.ts";

/** The models of every server that is set up, as the servers list them. */
export type ChatModelList = {
  /**
   * What is known, the entry for the chat setting first. Servers that were never asked are waited for, 1.5 s at most;
   * those asked longer ago than 30 s are asked anew behind the answer. Asks nobody in a folder that is not trusted.
   * Never rejects but with `AbortError`.
   */
  models(signal?: AbortSignal): Promise<readonly ListedChatModel[]>;
  /** A model of this server was asked, so it is in memory now: what it has really set aside is asked for. */
  answered(setting: ModelSetting): void;
  /** Whether the settings still name this model's server. */
  isSetUp(setting: ModelSetting): boolean;
  /** The settings or keys are others now: everything is asked anew. */
  reset(): void;
};

export type ChatModelListOptions = {
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: () => Settings;
  readonly isTrusted: () => boolean;
  /** The server itself, with its place in the queues and its breaker. */
  readonly open: (setting: ModelSetting) => Promise<Pick<Provider, "models">>;
  /** The list has become another one since it was last given away. */
  readonly onChanged: () => void;
};

/** A server as the settings name it, and what they want of it. */
type SetUpServer = { readonly key: string; readonly setting: ModelSetting; readonly names: Set<string> };

/** What a server told last. */
type Told = { models?: readonly ModelInfo[]; askedMs?: number; asking?: Promise<void>; wasAsked?: boolean };

const firstWaitMs = 1500;
const freshMs = 30_000;
/** A model whose context was not known has one once it is in memory. */
const loadedMs = 2000;
/** A server that reads its model keeps questions waiting for minutes; the next time is soon enough. */
const askMs = 10_000;

/** People write one server's address in several ways. */
const keyOf = ({ provider, baseUrl }: ModelSetting): string => {
  const href = new URL(baseUrl).href.replace(/\/+$/, "");
  return `${provider} ${provider === "llamacpp" || provider === "ollama" ? href.replace(/\/(?:v1|api)$/, "") : href}`;
};

const settingsOf = (role: RoleSetting): readonly ModelSetting[] => [
  role,
  ...role.moreBaseUrls.map((baseUrl) => ({ ...role, baseUrl })),
  ...role.fallbacks,
];

const serversOf = (settings: Settings): readonly SetUpServer[] => {
  const servers = new Map<string, SetUpServer>();
  // The chat's own come first: VS Code lists them in this order.
  const order = ["chat", ...roles.filter((role) => role !== "chat"), "nextEdit"] as const;
  for (const role of order) {
    for (const { provider, baseUrl, model } of settings[role] ? settingsOf(settings[role]) : []) {
      const key = keyOf({ provider, baseUrl, model });
      const server = servers.get(key) ?? { key, setting: { provider, baseUrl, model }, names: new Set<string>() };
      if (model !== "") server.names.add(model);
      servers.set(key, server);
    }
  }
  return [...servers.values()];
};

/** Ollama's `qwen` is `qwen:latest`. OpenRouter's variants, as `:nitro`, may be listed by the plain name only. */
const findModel = (models: readonly ModelInfo[], { provider, model }: ModelSetting): ModelInfo | undefined => {
  if (model === "") return models.find(({ writesText: writes }) => writes !== false);
  const other = provider === "ollama" ? `${model}:latest` : model.replace(/:[^:/]*$/, "");
  return models.find(({ id }) => id === model) ?? models.find(({ id }) => id === other);
};

const isSoleModel = ({ setting }: SetUpServer, models: readonly ModelInfo[]): boolean =>
  setting.provider === "llamacpp" && models.length === 1;

/** Starts with nothing known, and asks nobody yet. */
export const createChatModelList = (options: ChatModelListOptions): ChatModelList => {
  const { clock, log, settings, isTrusted, open, onChanged } = options;
  const told = new Map<string, Told>();
  let given = "";
  /** Calls that will give the list away as soon as they have waited. */
  let waiting = 0;
  let ending = new AbortController();

  const entries = (): readonly ListedChatModel[] => {
    const { chat } = settings();
    const servers = isTrusted() ? serversOf(settings()) : [];
    const chatKey = chat && keyOf(chat);
    const chatInfo = chat && findModel(told.get(keyOf(chat))?.models ?? [], chat);
    const isAlone = chat?.fallbacks.length === 0;
    const exact = servers.flatMap((server) => {
      const listed = told.get(server.key)?.models ?? [];
      const isSole = isSoleModel(server, listed);
      const known = [...server.names].flatMap((model) => {
        const info = findModel(listed, { ...server.setting, model });
        // A llama.cpp server has one model, whatever it is called in the settings.
        return info?.id === model || isSole ? [] : [{ ...info, id: model }];
      });
      return [...listed.filter(({ id }) => id !== ""), ...known]
        .filter((info) => writesText(info))
        .filter(({ id }) => !(isAlone && server.key === chatKey && (id === chatInfo?.id || id === chat?.model)))
        .map((info) => exactModel(isSole ? server.setting : { ...server.setting, model: info.id }, info));
    });
    // VS Code drops the second of two with one id, and says so in its log.
    const byId = new Map(exact.map((model) => [model.id, model]));
    return [roleModel(chat, chatInfo), ...byId.values()];
  };

  const give = (): readonly ListedChatModel[] => {
    const models = entries();
    given = JSON.stringify(models);
    return models;
  };

  const ask = async ({ key, setting }: SetUpServer, server: Told): Promise<void> => {
    const late = new AbortController();
    const timer = clock.after(askMs, () => late.abort());
    try {
      const provider = await open(setting);
      const models = await provider.models({ signal: AbortSignal.any([late.signal, ending.signal]) });
      if (told.get(key) === server) server.models = models;
    } catch (error) {
      // What it told last is better than nothing; that it does not answer is told to whoever asks a model something.
      if (!isAbortError(error)) log.info(`${new URL(setting.baseUrl).origin} does not list its models`);
    } finally {
      timer.dispose();
      delete server.asking;
      server.wasAsked = true;
    }
    const isTold = waiting > 0 || given === "" || told.get(key) !== server;
    if (!isTold && JSON.stringify(entries()) !== given) onChanged();
  };

  /** The question that is under way or is due; undefined: what is known is not older than `maxAgeMs`. */
  const refresh = (server: SetUpServer, maxAgeMs: number): Promise<void> | undefined => {
    const known = told.get(server.key) ?? {};
    told.set(server.key, known);
    if (known.asking) return known.asking;
    if (known.askedMs !== undefined && clock.nowMs() - known.askedMs < maxAgeMs) return undefined;
    known.askedMs = clock.nowMs();
    known.asking = ask(server, known);
    return known.asking;
  };

  const firstAnswers = async (signal: AbortSignal | undefined): Promise<void> => {
    const servers = serversOf(settings());
    for (const key of told.keys()) if (!servers.some((server) => server.key === key)) told.delete(key);
    const firsts = servers.flatMap((server) => {
      const asking = refresh(server, freshMs);
      return asking && !told.get(server.key)?.wasAsked ? [asking] : [];
    });
    if (firsts.length === 0) return;
    const done = new AbortController();
    const patience = pause(clock, firstWaitMs, done.signal, signal).catch((error: unknown) => {
      if (signal?.aborted) throw error;
    });
    try {
      await Promise.race([Promise.all(firsts), patience]);
    } finally {
      done.abort();
    }
  };

  return {
    async models(signal) {
      waiting++;
      try {
        if (isTrusted()) await firstAnswers(signal);
      } finally {
        waiting--;
      }
      return give();
    },
    answered(setting) {
      const server = serversOf(settings()).find(({ key }) => key === keyOf(setting));
      if (!server || !isTrusted() || given === "") return;
      const info = findModel(told.get(server.key)?.models ?? [], setting);
      void refresh(server, info?.contextTokens === undefined ? loadedMs : freshMs);
    },
    isSetUp: (setting) => serversOf(settings()).some(({ key }) => key === keyOf(setting)),
    reset() {
      ending.abort();
      ending = new AbortController();
      told.clear();
    },
  };
};

import * as vscode from "vscode";
import { isAbortError } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import type { Log } from "../base/log.ts";
import { orAborted } from "../base/wait.ts";
import { ResidencyError } from "../memory/modelServer.ts";
import { refusalSentence } from "../memory/refusalSentence.ts";
import { createResidency, type Residency, type ResidencyStatistics } from "../memory/residency.ts";
import { keepResident, type ResidentModel } from "../memory/residentProvider.ts";
import type { Budget, Resident } from "../memory/residencyPlan.ts";
import type { GuardedProvider } from "../provider/guard.ts";
import { ProviderError, type CallOptions } from "../provider/provider.ts";
import type { TransportClient } from "../transport/client.ts";
import { createConsent } from "./memoryConsent.ts";
import { findManagedServer, type ManagedServer } from "./memoryServers.ts";
import { createModelSizes } from "./memorySizes.ts";
import type { ModelSetting } from "./settingsSchema.ts";

/** A loaded model and the server that holds it. */
export type LoadedResident = Resident & { readonly server: ManagedServer };

/** A server of the settings, and what is known of it. */
export type UsedServer = {
  readonly setting: ModelSetting;
  readonly provider: GuardedProvider;
  /** Undefined: it keeps the model that it was started with, or has not answered yet. */
  readonly managed: ManagedServer | undefined;
  /** When the last request began, on the clock's monotonic scale; minus infinity: never. */
  usedAtMs(): number;
};

/** Which models are loaded on the servers of the settings, and what can be done about it. */
export type ModelResidency = Disposable & {
  /** The same provider, which sees that its model is loaded before each request and keeps it meanwhile. */
  wrap(provider: GuardedProvider, setting: ModelSetting): GuardedProvider;
  /** What requests were made of since the start. */
  used(): readonly UsedServer[];
  /** When the last request began, on the clock's monotonic scale; minus infinity: never. */
  usedAtMs(): number;
  /** Of a host that does not answer: what it had told last. */
  list(signal: AbortSignal): Promise<readonly LoadedResident[]>;
  /** What {@link list} found last; asks nobody. */
  lastList(): readonly LoadedResident[];
  /**
   * Loads a model; false: its server keeps its models by itself. `onlyIfRoom`: nothing is unloaded for it.
   * @throws {ProviderError} when it cannot be loaded; its message is for a person.
   */
  load(provider: GuardedProvider, setting: ModelSetting, signal: AbortSignal, onlyIfRoom?: boolean): Promise<boolean>;
  /** False: it is in use, or gone already. */
  unload(resident: LoadedResident, signal: AbortSignal): Promise<boolean>;
  /** LM Studio loads the model with this context from now on. */
  setContext(model: string, contextTokens: number): void;
  /** Servers whose origins are no longer set up are not asked any more; models that they hold stay there. */
  keepOnly(origins: ReadonlySet<string>): void;
  nextUnload(): { readonly model: string; readonly atMs: number } | undefined;
  statistics(): ResidencyStatistics;
};

export type ModelResidencyOptions = {
  readonly clock: Clock;
  readonly log: Log;
  readonly transport: () => Promise<TransportClient>;
  readonly apiKeyFor: (origin: string) => Promise<string | undefined>;
  readonly settings: () => {
    readonly managesModels: boolean;
    readonly budget: Budget;
    readonly ollamaContextTokens: number;
  };
  /** What this machine's programs can use, and what is left of it, read now. */
  readonly machine: () => { readonly totalBytes: number; readonly availableBytes: number };
  /** Own memory of this machine's graphics cards; rejects when nobody can tell. Starts programs. */
  readonly graphicsBytes: () => Promise<number>;
};

/** So long a server that did not answer is not asked again what it is. */
const askAgainMs = 30_000;

type Known = { found: Promise<ManagedServer | undefined> | ManagedServer | undefined; askedAtMs: number };

/** Ollama hands these on to another machine. */
const isElsewhere = (model: string): boolean => /[:-]cloud$/.test(model);

const modelName = async (provider: GuardedProvider, { model }: ModelSetting, signal?: AbortSignal): Promise<string> =>
  model || (await provider.capabilities(signal ? { signal } : {})).model;

export const createModelResidency = (options: ModelResidencyOptions): ModelResidency => {
  const { clock, log, settings } = options;
  const { l10n } = vscode;
  const known = new Map<string, Known>();
  const used = new Map<string, UsedServer>();
  /** Beside {@link used}: a server that is opened anew was used before. */
  const usedAtMsOf = new Map<string, number>();
  /** One for each host: its servers share its memory. */
  const hosts = new Map<string, { readonly residency: Residency; readonly servers: ManagedServer[] }>();
  const sizes = createModelSizes();
  const mayEvict = createConsent(clock);
  const contexts = new Map<string, number>();
  let graphicsBytes: number | undefined;
  let last: readonly LoadedResident[] = [];
  let usedAtMs = Number.NEGATIVE_INFINITY;

  /** Nobody here can see what is free on a graphics card; its server waits for that. */
  const isInMainMemory = (): boolean => {
    const here = last.filter(({ server }) => server.host === "");
    return process.platform === "darwin" || (here.length > 0 && here.every((resident) => resident.graphicsBytes === 0));
  };

  const hostOf = (host: string) => {
    const found = hosts.get(host);
    if (found) return found;
    const servers: ManagedServer[] = [];
    const residency = createResidency({
      clock,
      servers,
      // Of another machine nobody knows what it has: nothing is refused there.
      usableBytes: () => (host === "" ? options.machine().totalBytes + (graphicsBytes ?? 0) : Infinity),
      budget: () => settings().budget,
      ...(host === ""
        ? { freeBytes: async () => (isInMainMemory() ? options.machine().availableBytes : undefined) }
        : {}),
      mayEvict,
      isManaging: () => settings().managesModels,
    });
    const made = { residency, servers };
    hosts.set(host, made);
    return made;
  };

  const find = (setting: ModelSetting): Known["found"] => {
    const key = `${setting.provider} ${setting.baseUrl}`;
    const before = known.get(key);
    if (before?.found !== undefined || (before && clock.nowMs() - before.askedAtMs < askAgainMs)) return before.found;
    const entry: Known = { found: undefined, askedAtMs: clock.nowMs() };
    known.set(key, entry);
    const ask = async (): Promise<ManagedServer | undefined> => {
      const found = await findManagedServer(setting, {
        ...options,
        ollamaContextTokens: () => settings().ollamaContextTokens,
        contextTokensFor: (model) => contexts.get(model),
        modelNames: () => [...used.values()].map((server) => server.setting.model),
        sizeOf: (model) => sizes.known(new URL(setting.baseUrl).origin, model),
      });
      if (!found) {
        // What keeps its models by itself is not asked again.
        entry.askedAtMs = Infinity;
        return undefined;
      }
      // People write one server's address in several ways; its models count once.
      const { servers } = hostOf(found.host);
      const same = servers.find(({ kind, origin }) => kind === found.kind && origin === found.origin);
      if (!same) servers.push(found);
      return same ?? found;
    };
    entry.found = ask().then(
      (found) => (entry.found = found),
      () => (entry.found = undefined),
    );
    return entry.found;
  };

  /** Graphics memory is read when main memory alone would not do: to read it starts programs. */
  const learnGraphics = async ({ host, origin }: ManagedServer, model: string, neededBytes: number): Promise<void> => {
    const others = last.filter(
      ({ server, model: other }) => server.host === host && !(server.origin === origin && other === model),
    );
    const loadedBytes = others.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (host !== "" || graphicsBytes !== undefined) return;
    if (neededBytes + loadedBytes <= settings().budget.share * options.machine().totalBytes) return;
    // Where nobody can tell, nothing is refused.
    graphicsBytes = await options.graphicsBytes().catch(() => Infinity);
  };

  const residentOf = (provider: GuardedProvider, managed: ManagedServer, model: string): ResidentModel => ({
    residency: hostOf(managed.host).residency,
    need: {
      server: managed,
      model,
      async sizeBytes(signal) {
        const bytes = await sizes.read(provider, managed, model, signal);
        await learnGraphics(managed, model, bytes);
        return bytes;
      },
    },
  });

  const refusal = (error: unknown, origin: string, model: string): Error | undefined => {
    if (error instanceof Error && isAbortError(error)) return error;
    if (error instanceof ResidencyError) {
      return new ProviderError("unsupported", refusalSentence(error, model, l10n.t), { cause: error, origin });
    }
    log.warn(
      `What is loaded at ${origin} could not be seen to (${error instanceof ProviderError ? error.kind : "unknown"})`,
    );
    return undefined;
  };

  return {
    wrap(provider, setting) {
      const usedKey = JSON.stringify([setting.provider, setting.baseUrl, setting.model]);
      const entry: UsedServer = {
        setting,
        provider,
        usedAtMs: () => usedAtMsOf.get(usedKey) ?? Number.NEGATIVE_INFINITY,
        get managed() {
          const found = known.get(`${setting.provider} ${setting.baseUrl}`)?.found;
          return found instanceof Promise ? undefined : found;
        },
      };
      used.set(usedKey, entry);
      const findResident = (call: CallOptions): ResidentModel | undefined | Promise<ResidentModel | undefined> => {
        usedAtMs = clock.nowMs();
        usedAtMsOf.set(usedKey, usedAtMs);
        // It may have been taken out of the settings and put back.
        if (!used.has(usedKey)) used.set(usedKey, entry);
        if (!settings().managesModels || provider.breaker.state !== "closed" || isElsewhere(setting.model))
          return undefined;
        const found = find(setting);
        if (found === undefined) return undefined;
        if (!(found instanceof Promise) && setting.model !== "") return residentOf(provider, found, setting.model);
        return (async () => {
          const managed = await orAborted(Promise.resolve(found), call.signal);
          return managed && residentOf(provider, managed, await modelName(provider, setting, call.signal));
        })();
      };
      return keepResident(provider, findResident, (error) => refusal(error, provider.origin, setting.model));
    },
    used: () => [...used.values()],
    usedAtMs: () => usedAtMs,
    async list(signal) {
      const lists = await Promise.all(
        [...hosts].map(async ([host, { residency, servers }]) => {
          const residents = await residency.list(signal).catch(() => undefined);
          // A server that does not answer takes nothing from what the others tell.
          if (!residents) return last.filter(({ server }) => server.host === host);
          return residents.flatMap((resident): LoadedResident[] => {
            const server = servers.find((candidate) => candidate === resident.server);
            return server ? [Object.assign(resident, { server })] : [];
          });
        }),
      );
      last = lists.flat();
      sizes.learn(last);
      return last;
    },
    lastList: () => last,
    async load(provider, setting, signal, onlyIfRoom = false) {
      if (isElsewhere(setting.model)) return false;
      const managed = await find(setting);
      if (!managed) return false;
      const model = await modelName(provider, setting, signal);
      const { residency, need } = residentOf(provider, managed, model);
      try {
        if (onlyIfRoom) {
          const residents = await residency.list(signal);
          const others = residents.filter((other) => other.model !== model);
          const takenBytes = others.reduce((sum, other) => sum + other.sizeBytes, 0);
          const bytes = residents.length > others.length ? 0 : await need.sizeBytes(signal);
          const usable = managed.host === "" ? options.machine().totalBytes + (graphicsBytes ?? 0) : Infinity;
          if (takenBytes + bytes > settings().budget.share * usable) return false;
        }
        (await residency.acquire({ ...need, evictsNothing: onlyIfRoom }, signal)).release();
        return true;
      } catch (error) {
        throw refusal(error, managed.origin, model) ?? error;
      }
    },
    unload: (resident, signal) => hostOf(resident.server.host).residency.unload(resident.key, signal),
    setContext: (model, contextTokens) => void contexts.set(model, contextTokens),
    keepOnly(origins) {
      const isKept = (baseUrl: string) => origins.has(new URL(baseUrl).origin);
      for (const [key, { setting }] of used) if (!isKept(setting.baseUrl)) used.delete(key);
      for (const key of known.keys()) if (!isKept(key.slice(key.indexOf(" ") + 1))) known.delete(key);
      for (const { servers } of hosts.values()) {
        // The residency shares this list.
        const kept = servers.filter(({ origin }) => origins.has(origin));
        servers.splice(0, servers.length, ...kept);
      }
      last = last.filter(({ server }) => origins.has(server.origin));
    },
    nextUnload: () =>
      [...hosts.values()]
        .flatMap(({ residency }) => residency.nextUnload() ?? [])
        .toSorted((a, b) => a.atMs - b.atMs)[0],
    statistics() {
      const all = [...hosts.values()].map(({ residency }) => residency.statistics());
      const sum = (name: keyof ResidencyStatistics) => all.reduce((total, one) => total + one[name], 0);
      return {
        hits: sum("hits"),
        misses: sum("misses"),
        evictions: sum("evictions"),
        expired: sum("expired"),
        refused: sum("refused"),
      };
    },
    dispose() {
      for (const { residency } of hosts.values()) residency.dispose();
    },
  };
};

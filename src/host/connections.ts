import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import { lazy } from "../base/lazy.ts";
import type { Log } from "../base/log.ts";
import type { ModelSource } from "../completion/engine.ts";
import type { GuardedProvider } from "../provider/guard.ts";
import type { Provider } from "../provider/provider.ts";
import type { Target } from "../provider/router.ts";
import type { Servers } from "../provider/servers.ts";
import type { ConnectionFacts } from "../report/model.ts";
import type { TransportClient } from "../transport/client.ts";
import type { NetworkOptions } from "../transport/network.ts";
import type { Pause } from "./pauseWatch.ts";
import type { ModelSetting, Role, RoleSetting, Settings } from "./settingsSchema.ts";

/** A role of the settings, or next edits. */
export type Asker = Role | "nextEdit";

/** The way from the settings to the model servers. Loads the client with the first call that needs it. */
export type Connections = Disposable & {
  /**
   * The model of a role, as the settings are now.
   * @throws {ProviderError} kind "bad-request" for an address that cannot be used.
   */
  source(role: Asker, setting: RoleSetting): Promise<ModelSource>;
  /**
   * One server and model, without fallbacks; whoever asks for the same shares its queue.
   * @throws {ProviderError} kind "bad-request" for an address that cannot be used.
   */
  exact(setting: ModelSetting): Promise<GuardedProvider>;
  /** The pooled client itself, for what is no role's work. */
  transport(): Promise<TransportClient>;
  /** Opens the connections that the next request may want. Never throws. */
  warmUp(setting: RoleSetting): void;
  /**
   * Whether ghost text has come from this very model on this machine, as far as is remembered. Asks no server.
   */
  wasUsed(setting: ModelSetting): Promise<boolean>;
  /** A key was stored or removed. */
  keyChanged(): void;
  /** The settings are others now: what they shape is made anew by its next use. */
  settingsChanged(): void;
  /** The network's settings are others now: every connection is closed, and made anew by its next use. */
  networkChanged(): void;
  /** Undefined while nothing was loaded. */
  facts(): ConnectionFacts | undefined;
  /** The server that is to be left alone for longest. */
  longestPause(): Pause | undefined;
};

export type ConnectionsOptions = {
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: () => Settings;
  readonly apiKeyFor: (origin: string) => Promise<string | undefined>;
  /** Sees that a provider's model is loaded before each request. */
  readonly keepResident?: (provider: GuardedProvider, setting: ModelSetting) => Promise<GuardedProvider>;
  /** Where what was found out about servers is kept for the next session; undefined: nowhere. */
  readonly storageFolder?: string;
  /** What VS Code knows of the network, as it is now. */
  readonly network: () => Pick<NetworkOptions, "settings" | "env" | "fetch" | "resolveProxy">;
};

type Loaded = { readonly client: TransportClient; readonly servers: Servers };

/** What the client and the guards are made with: when it changes, they are made anew. */
const shapeOf = ({ retryWaitMs, memory }: Settings): string =>
  JSON.stringify([retryWaitMs, memory.ollamaContextTokens]);

/** One model, on one server or spread over several. */
const openTarget = async (
  open: (setting: ModelSetting) => Promise<GuardedProvider>,
  { counted }: Servers,
  setting: ModelSetting,
  moreBaseUrls: readonly string[],
  clock: Clock,
): Promise<Target> => {
  const baseUrls = [setting.baseUrl, ...moreBaseUrls];
  const providers = await Promise.all(baseUrls.map((baseUrl) => open({ ...setting, baseUrl })));
  const [only, ...others] = providers;
  if (only && others.length === 0) return { provider: only, breaker: only.breaker, limiter: only.limiter };
  const { createReplicas } = await import("../provider/replicas.ts");
  return { provider: createReplicas(providers, { clock, counters: counted }), replicas: providers.length };
};

export const createConnections = (options: ConnectionsOptions): Connections => {
  const { clock, log, settings, apiKeyFor, network, storageFolder } = options;
  /** What each role got last: while its settings stay, so do its counts, its budgets and what it has learned. */
  const routes = new Map<Asker, { readonly key: string; readonly provider: Promise<Provider> }>();
  let loading: Promise<Loaded> | undefined;
  let loaded: Loaded | undefined;
  let shape = "";
  let isDisposed = false;

  const fillInMemory = lazy(async () => {
    if (storageFolder === undefined) return undefined;
    const { createFillInFile } = await import("./fillInFile.ts");
    return createFillInFile({ folder: storageFolder, clock, log });
  });

  const load = async (): Promise<Loaded> => {
    const now = settings();
    shape = shapeOf(now);
    const [{ createNetworkClient }, { createServers }, memory] = await Promise.all([
      import("../transport/network.ts"),
      import("../provider/servers.ts"),
      fillInMemory(),
    ]);
    const connectionsPerOrigin = () => settings().connectionsPerServer;
    const client = createNetworkClient({ ...network(), clock, log, connectionsPerOrigin });
    const servers = createServers({
      transport: client,
      clock,
      log,
      apiKeyFor,
      retryBudgetMs: now.retryWaitMs,
      ollamaContextTokens: now.memory.ollamaContextTokens,
      ...(memory ? { fillInMemory: memory } : {}),
    });
    return { client, servers };
  };
  const open = (): Promise<Loaded> => {
    if (loading) return loading;
    const mine = load();
    loading = mine;
    const keep = async () => {
      try {
        const made = await mine;
        if (loading === mine && !isDisposed) loaded = made;
        else close(made);
      } catch {
        // Whoever asked is told; the next one may have more luck.
        if (loading === mine) loading = undefined;
      }
    };
    void keep();
    return mine;
  };
  const close = ({ client, servers }: Loaded): void => {
    servers.dispose();
    void client.close();
  };
  const reset = (): void => {
    routes.clear();
    loading = undefined;
    if (loaded) close(loaded);
    loaded = undefined;
  };

  const openOne = async (setting: ModelSetting): Promise<GuardedProvider> => {
    const { servers } = await open();
    const provider = await servers.open(setting);
    // OpenRouter's models take nobody's memory here.
    const isLocal = setting.provider !== "openrouter";
    return (isLocal && options.keepResident?.(provider, setting)) || provider;
  };

  const makeRoute = async (role: Asker, setting: RoleSetting): Promise<Provider> => {
    const { servers } = await open();
    const main = await openTarget(openOne, servers, setting, setting.moreBaseUrls, clock);
    const others = await Promise.all(setting.fallbacks.map((other) => openTarget(openOne, servers, other, [], clock)));
    const { completionStrategy, hedging, hedgingMaxUsdPerDay } = settings();
    const isCompletion = role === "completion";
    if (others.length === 0 && !(isCompletion && hedging)) return main.provider;
    const { createRouter } = await import("../provider/router.ts");
    return createRouter({
      targets: [main, ...others],
      strategy: isCompletion ? completionStrategy : "ordered",
      ...(isCompletion && hedging ? { hedging: { maxUsdPerDay: hedgingMaxUsdPerDay } } : {}),
      clock,
      log,
      counters: servers.counted,
    });
  };

  const route = (role: Asker, setting: RoleSetting): Promise<Provider> => {
    const { completionStrategy, hedging, hedgingMaxUsdPerDay } = settings();
    const key = JSON.stringify([setting, completionStrategy, hedging, hedgingMaxUsdPerDay]);
    const known = routes.get(role);
    if (known?.key === key) return known.provider;
    const provider = makeRoute(role, setting);
    routes.set(role, { key, provider });
    provider.catch(() => {
      if (routes.get(role)?.provider === provider) routes.delete(role);
    });
    return provider;
  };

  return {
    source: async (role, setting) => ({
      provider: await route(role, setting),
      model: setting.model || setting.provider,
    }),
    exact: openOne,
    transport: async () => (await open()).client,
    warmUp({ baseUrl, moreBaseUrls }) {
      const connect = async () => {
        try {
          const { client } = await open();
          for (const url of [baseUrl, ...moreBaseUrls]) client.preconnect(url);
        } catch {
          // The request that follows tells.
        }
      };
      void connect();
    },
    async wasUsed({ baseUrl, model }) {
      const memory = await fillInMemory();
      return (await memory?.recall(new URL(baseUrl).origin, model))?.works !== undefined;
    },
    keyChanged: () => loaded?.servers.keyChanged(),
    settingsChanged() {
      if (loading && shapeOf(settings()) !== shape) reset();
    },
    networkChanged: reset,
    facts: () =>
      loaded && {
        transport: loaded.client.counters(),
        resilience: loaded.servers.counters(),
        servers: loaded.servers.states(),
      },
    longestPause() {
      const states = loaded?.servers.states() ?? [];
      const [longest] = states.filter(({ pausedMs }) => pausedMs > 0).toSorted((a, b) => b.pausedMs - a.pausedMs);
      return longest && { host: new URL(longest.origin).host, pausedMs: longest.pausedMs };
    },
    dispose() {
      isDisposed = true;
      reset();
    },
  };
};

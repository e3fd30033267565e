import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { createBreaker, type Breaker } from "../transport/breaker.ts";
import type { TransportClient } from "../transport/client.ts";
import { createLimiter } from "../transport/limiter.ts";
import { createAccount, type Account } from "./account.ts";
import { parseBaseUrl } from "./baseUrl.ts";
import { createCounters, type ResilienceCounters } from "./counters.ts";
import type { FillInMemory } from "./fillInFacts.ts";
import { guard, type GuardedProvider } from "./guard.ts";
import type { ProviderKind } from "./provider.ts";
import { createProvider } from "./registry.ts";

/** A server and a model, as the settings name them. */
export type ServerSetting = {
  readonly provider: ProviderKind;
  readonly baseUrl: string;
  readonly model: string;
};

/** How one server and model are doing, for the report. */
export type ServerState = {
  readonly kind: ProviderKind;
  readonly origin: string;
  readonly model: string;
  /** Requests that may run at the same time, that do, and that wait. */
  readonly limit: number;
  readonly running: number;
  readonly queued: number;
  readonly breaker: Breaker["state"];
  /** Until one request is let through again; 0 unless the breaker is open. */
  readonly openMs: number;
  /** How long the server still wants to be left alone. */
  readonly pausedMs: number;
};

/** All model servers of the program. */
export type Servers = {
  /**
   * A guarded provider for this server and model, the same for all that ask. Asks the server nothing yet.
   * @throws {ProviderError} kind "bad-request" for an address that cannot be used; its message is for a person.
   */
  open(setting: ServerSetting): Promise<GuardedProvider>;
  /** What was retried, hedged and given to others; shared with whoever does the latter two. */
  readonly counted: ResilienceCounters;
  /** A copy of the numbers up to now. */
  counters(): ResilienceCounters;
  states(): readonly ServerState[];
  /** A key was stored or removed: what was refused for lack of credit is asked again, and pauses end. */
  keyChanged(): void;
  /** Ends what waits in queues and pauses with an `AbortError`; running requests end with the transport. */
  dispose(): void;
};

export type ServersOptions = {
  readonly transport: TransportClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Read anew for every request. */
  readonly apiKeyFor: (origin: string) => Promise<string | undefined>;
  /** 0..1. Default: `Math.random`. */
  readonly random?: () => number;
  /** How long one call may spend on trying again; see the guard. Default 10 000. */
  readonly retryBudgetMs?: number;
  /** The context that requests to Ollama ask for, in tokens. Default: the wire format's. */
  readonly ollamaContextTokens?: number;
  /** Keeps what trying has shown of servers for the next session. Default: nothing is kept. */
  readonly fillInMemory?: FillInMemory;
};

/**
 * Requests that run at the same time: to begin with, and at most. llama.cpp tells its slots with the first answer;
 * Ollama works on one at a time unless told otherwise (`OLLAMA_NUM_PARALLEL`, 2026-08). The others are guesses to learn
 * from.
 */
const limits: Readonly<Record<ProviderKind, { readonly initialLimit: number; readonly maxLimit: number }>> = {
  llamacpp: { initialLimit: 1, maxLimit: 64 },
  ollama: { initialLimit: 1, maxLimit: 16 },
  "openai-compatible": { initialLimit: 8, maxLimit: 128 },
  openrouter: { initialLimit: 8, maxLimit: 128 },
};

/** People write one server's address in several ways; the wire formats take them all. */
const normalize = ({ provider, baseUrl }: ServerSetting): string => {
  const { href } = parseBaseUrl(baseUrl);
  if (provider === "llamacpp") return href.replace(/\/v1$/, "");
  return provider === "ollama" ? href.replace(/\/(?:v1|api)$/, "") : href;
};

/** Makes the list, empty. The caller disposes it before it closes the transport. */
export const createServers = (options: ServersOptions): Servers => {
  const { transport, clock, log, apiKeyFor, random = Math.random, retryBudgetMs, fillInMemory } = options;
  const contextTokens = options.ollamaContextTokens;
  const counters = createCounters();
  const opened = new Map<string, Promise<GuardedProvider>>();
  const known: { readonly provider: GuardedProvider; readonly model: string }[] = [];
  const accounts = new Map<string, Account>();
  const ending = new AbortController();

  const accountAt = (origin: string): Account => {
    const account = accounts.get(origin) ?? createAccount(clock);
    accounts.set(origin, account);
    return account;
  };

  const make = async ({ provider: kind, baseUrl, model }: ServerSetting): Promise<GuardedProvider> => {
    const { origin } = parseBaseUrl(baseUrl);
    const raw = await createProvider(
      kind,
      { baseUrl, model, apiKey: () => apiKeyFor(origin), ...(contextTokens === undefined ? {} : { contextTokens }) },
      { transport, clock, log, signal: ending.signal, ...(fillInMemory ? { fillInMemory } : {}) },
    );
    const provider = guard(raw, {
      limiter: createLimiter({ clock, random, ...limits[kind] }),
      breaker: createBreaker({ clock, random }),
      account: accountAt(origin),
      clock,
      log,
      random,
      counters,
      signal: ending.signal,
      ...(retryBudgetMs === undefined ? {} : { retryBudgetMs }),
    });
    known.push({ provider, model });
    return provider;
  };

  return {
    async open(setting) {
      const key = JSON.stringify([setting.provider, normalize(setting), setting.model]);
      const found = opened.get(key);
      if (found) return found;
      const made = make(setting);
      opened.set(key, made);
      // A chunk that could not be loaded may be there the next time.
      made.catch(() => opened.delete(key));
      return made;
    },
    counted: counters,
    counters: () => ({ ...counters }),
    states: () =>
      known.map(({ provider: { kind, origin, limiter, breaker }, model }) => ({
        kind,
        origin,
        model,
        limit: limiter.limit,
        running: limiter.running,
        queued: limiter.queued,
        breaker: breaker.state,
        openMs: breaker.openMs(),
        pausedMs: limiter.pausedMs(),
      })),
    keyChanged() {
      for (const account of accounts.values()) account.renewed();
      for (const { provider } of known) provider.limiter.resume();
    },
    dispose: () => ending.abort(),
  };
};

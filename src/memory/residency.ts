import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import { orAborted } from "../base/wait.ts";
import { createKnownModels, keyOf, type KnownModel } from "./knownModels.ts";
import { createLoadedModels, type ServerAnswer } from "./loadedModels.ts";
import { ResidencyError, type LoadedModel, type ModelServer } from "./modelServer.ts";
import { budgetOf, type Budget, type Resident } from "./residencyPlan.ts";
import { createRoom } from "./residencyRoom.ts";

/** A model that somebody is about to ask. */
export type ModelNeed = {
  readonly server: ModelServer;
  readonly model: string;
  /** What it takes with its context, as far as known before it is loaded; read only when it is not loaded. */
  sizeBytes(signal: AbortSignal): number | Promise<number>;
  /** When it turns out larger than that, nothing is unloaded for it. */
  readonly evictsNothing?: boolean;
};

/**
 * Keeps a model from being unloaded until it is released; releasing twice is harmless. `hasAnswered`: the server has
 * just written with it, so it is known to be loaded.
 */
export type Lease = { release(hasAnswered?: boolean): void };

export type ResidencyStatistics = {
  /** Requests that found their model loaded, or waited for a load that another had begun. */
  readonly hits: number;
  readonly misses: number;
  /** Unloaded to make room. */
  readonly evictions: number;
  /** Unloaded because nobody had asked for it. */
  readonly expired: number;
  readonly refused: number;
};

/** Decides which models of one machine's memory stay loaded. */
export type Residency = Disposable & {
  /**
   * Sees that a model is loaded, and makes room for it first: the least recently used go, never one in use, and one
   * that somebody else loaded only with consent. Requests for the same model share one load.
   * @throws {ResidencyError} when there is no room; the `AbortError` when `signal` is aborted.
   */
  acquire(need: ModelNeed, signal?: AbortSignal): Promise<Lease>;
  /**
   * A lease without asking anybody, for a model that was loaded a short while ago and is not being unloaded; undefined:
   * {@link Residency.acquire} has to look. Should somebody else have unloaded it meanwhile, the server loads it by itself.
   */
  hold(server: ModelServer, model: string): Lease | undefined;
  /**
   * Unloads a model that a person has chosen, whoever loaded it; false: it is in use, or gone already.
   * @throws {ResidencyError} kind "not-freed"; the `AbortError` as soon as `signal` is aborted.
   */
  unload(key: string, signal?: AbortSignal): Promise<boolean>;
  /** All models that are loaded, as the servers say now, or said last. Rejects when none of them answers. */
  list(signal?: AbortSignal): Promise<readonly Resident[]>;
  /** Which model is unloaded next if nobody asks for it, and when (milliseconds since 1970). */
  nextUnload(): { readonly model: string; readonly atMs: number } | undefined;
  statistics(): ResidencyStatistics;
};

/** So long a model counts as loaded without asking: a typist's next request need not wait for a question. */
const seenForMs = 5_000;
/** So long a lease is given without asking. Servers keep what they have just used for five minutes and more. */
const heldForMs = 4 * 60_000;

type Load = { readonly stop: AbortController; readonly done: Promise<void>; waiters: number };

const isLoaded = async ({ server, model }: ModelNeed, signal: AbortSignal): Promise<boolean> =>
  (await server.loaded(signal)).some((loaded) => loaded.model === model);

/**
 * Makes a residency for the servers that share one memory. `usableBytes` is what models could take at most on an empty
 * machine, `freeBytes` what is free now, if anybody can tell. `mayEvict` asks a person about models that somebody else
 * loaded; without it they stay. While `isManaging` says no, nothing is unloaded by time. Dispose it: timers end, loaded
 * models stay.
 */
export const createResidency = ({
  clock,
  servers,
  usableBytes,
  budget,
  freeBytes,
  mayEvict,
  isManaging = () => true,
}: {
  clock: Clock;
  servers: readonly ModelServer[];
  usableBytes: () => number;
  budget?: Budget | (() => Budget);
  freeBytes?: (signal: AbortSignal) => Promise<number | undefined>;
  mayEvict?: (models: readonly Resident[], signal: AbortSignal) => Promise<boolean>;
  isManaging?: () => boolean;
}): Residency => {
  const loads = new Map<string, Load>();
  const models = createLoadedModels(servers);
  const known = createKnownModels({ clock, isManaging, onUnused: (entry) => expire(entry) });
  let turn: Promise<unknown> = Promise.resolve();
  const closing = new AbortController();
  let hits = 0;
  let misses = 0;
  let evictions = 0;
  let expired = 0;
  let refused = 0;

  /** One change of what is loaded at a time: two at once could not know how much room there is. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  };

  const describe = (server: ModelServer, { isBusy, ...loaded }: LoadedModel): Resident => {
    const key = keyOf(server, loaded.model);
    const entry = known.get(key);
    return {
      ...loaded,
      key,
      server,
      isOurs: entry?.isOurs ?? false,
      isInUse: isBusy === true || (entry?.users ?? 0) > 0 || loads.has(key),
      usedAtMs: entry?.usedAtMs ?? Number.NEGATIVE_INFINITY,
    };
  };

  const readAnswers = (answers: readonly ServerAnswer[]): readonly Resident[] => {
    const residents = answers.flatMap(({ server, loaded }) => loaded.map((model) => describe(server, model)));
    // Whoever loads it the next time, it is not the copy that we had loaded.
    const keys = new Set(residents.map(({ key }) => key));
    for (const entry of known.all()) {
      if (keys.has(entry.key) || loads.has(entry.key)) continue;
      entry.isOurs = false;
      entry.seenAtMs = Number.NEGATIVE_INFINITY;
    }
    return residents;
  };

  const list = async (signal: AbortSignal) => readAnswers(await models.all(signal));
  const listKnown = async (signal: AbortSignal, asked?: readonly ModelServer[]) =>
    readAnswers(await models.known(signal, asked));

  const room = createRoom({
    clock,
    limits: () => budgetOf(usableBytes(), typeof budget === "function" ? budget() : budget),
    list,
    lookAt: (residents, signal) => listKnown(signal, [...new Set(residents.map(({ server }) => server))]),
    isUsed: (key) => (known.get(key)?.users ?? 0) > 0,
    onLeaving: known.leave,
    freeBytes,
    mayEvict,
  });

  const load = async (need: ModelNeed, entry: KnownModel, signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    if (await isLoaded(need, signal)) {
      hits++;
      return;
    }
    const sizeBytes = await need.sizeBytes(signal);
    evictions += await room.make(entry.key, sizeBytes, signal);
    signal.throwIfAborted();
    // From here on it is ours, even if the load is cut off and the server goes on with it.
    entry.isOurs = true;
    await need.server.load(need.model, signal);
    misses++;
    const real = (await list(signal)).find(({ key }) => key === entry.key);
    if (need.evictsNothing || !real || real.sizeBytes <= sizeBytes) return;
    // It is loaded already: others of ours go, if they can. A question would keep whoever waits for the model waiting.
    try {
      evictions += await room.make(entry.key, real.sizeBytes, signal, false);
    } catch (error) {
      if (!(error instanceof ResidencyError)) throw error;
    }
  };

  const startLoad = (need: ModelNeed, entry: KnownModel): Load => {
    const stop = new AbortController();
    const run = async (): Promise<void> => {
      try {
        await load(need, entry, stop.signal);
        entry.seenAtMs = clock.nowMs();
      } catch (error) {
        if (error instanceof ResidencyError) refused++;
        throw error;
      } finally {
        if (loads.get(entry.key) === started) loads.delete(entry.key);
      }
    };
    const started: Load = { stop, waiters: 0, done: inTurn(run) };
    // Whoever waits hears of it; nobody may be left.
    started.done.catch(() => undefined);
    loads.set(entry.key, started);
    return started;
  };

  /** Asks only the server, not the queue: a model that is loaded does not wait while another one loads. */
  const isThere = async (need: ModelNeed, entry: KnownModel, signal: AbortSignal): Promise<boolean> => {
    if (loads.has(entry.key)) return false;
    if (clock.nowMs() - entry.seenAtMs <= seenForMs) return true;
    if (!(await isLoaded(need, signal)) || room.isLeaving(entry.key)) return false;
    entry.seenAtMs = clock.nowMs();
    return true;
  };

  /** Starts a load or joins the one that runs. The last to give up stops it. */
  const ensureLoaded = async (need: ModelNeed, entry: KnownModel, signal: AbortSignal): Promise<void> => {
    if (await isThere(need, entry, signal)) {
      hits++;
      return;
    }
    signal.throwIfAborted();
    const before = loads.get(entry.key);
    const running = before ?? startLoad(need, entry);
    running.waiters++;
    try {
      await orAborted(running.done, signal);
      if (before) hits++;
    } finally {
      running.waiters--;
      if (running.waiters === 0 && loads.get(entry.key) === running) {
        loads.delete(entry.key);
        running.stop.abort();
      }
    }
  };

  const expire = (entry: KnownModel) => {
    void inTurn(async () => {
      if (entry.users > 0 || closing.signal.aborted || !isManaging()) return;
      const resident = (await listKnown(closing.signal, [entry.server])).find(({ key }) => key === entry.key);
      if (!resident?.isOurs || resident.isInUse) return;
      if (known.isUsedByOthers(resident, entry)) return known.keep(entry);
      if (await room.unload([resident], 0, closing.signal)) expired++;
      // A server that cannot be reached has nothing of ours to unload; the next use looks again.
    }).catch(() => undefined);
  };

  const leaseOf = (entry: KnownModel): Lease => {
    let isReleased = false;
    return {
      release(hasAnswered = false) {
        if (isReleased) return;
        isReleased = true;
        if (hasAnswered) entry.seenAtMs = clock.nowMs();
        known.endUse(entry);
      },
    };
  };

  return {
    hold(server, model) {
      const entry = known.get(keyOf(server, model));
      if (!entry || loads.has(entry.key) || room.isLeaving(entry.key)) return undefined;
      if (clock.nowMs() - entry.seenAtMs > heldForMs) return undefined;
      known.startUse(entry);
      hits++;
      return leaseOf(entry);
    },
    async acquire(need, signal = closing.signal) {
      signal.throwIfAborted();
      const entry = known.remember(need.server, need.model);
      known.startUse(entry);
      try {
        await ensureLoaded(need, entry, signal);
      } catch (error) {
        known.endUse(entry);
        throw error;
      }
      return leaseOf(entry);
    },
    async unload(key, signal = closing.signal) {
      const unloaded = inTurn(async () => {
        signal.throwIfAborted();
        const asked = servers.filter((server) => key.startsWith(keyOf(server, "")));
        const resident = (await listKnown(signal, asked)).find((loaded) => loaded.key === key);
        if (!resident || resident.isInUse) return false;
        return room.unload([resident], 0, signal);
      });
      return orAborted(unloaded, signal);
    },
    list: (signal = closing.signal) => listKnown(signal),
    nextUnload: () => known.next(),
    statistics: () => ({ hits, misses, evictions, expired, refused }),
    dispose() {
      closing.abort();
      for (const { stop } of loads.values()) stop.abort();
      known.dispose();
    },
  };
};

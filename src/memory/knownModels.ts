import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import type { ModelServer } from "./modelServer.ts";
import type { Resident } from "./residencyPlan.ts";

/** What we know of a model that was asked for through us. */
export type KnownModel = {
  readonly key: string;
  readonly server: ModelServer;
  readonly model: string;
  isOurs: boolean;
  users: number;
  usedAtMs: number;
  usualPauseMs: number | undefined;
  expiry: Disposable | undefined;
  expiresAtMs: number;
  /** When it was seen loaded last; what is unloaded was never seen. */
  seenAtMs: number;
};

/** Who was asked for through us, when, and until when it stays unused. */
export type KnownModels = Disposable & {
  get(key: string): KnownModel | undefined;
  all(): Iterable<KnownModel>;
  /** The one that is known, or a new one. */
  remember(server: ModelServer, model: string): KnownModel;
  startUse(entry: KnownModel): void;
  endUse(entry: KnownModel): void;
  /** Its time begins anew, where its server tells when it was used last. */
  keep(entry: KnownModel): void;
  /** It is being unloaded. */
  readonly leave: (key: string) => void;
  /** Whether others than this window have used it since, as far as its server's time tells. */
  isUsedByOthers(resident: Resident, entry: KnownModel): boolean;
  /** Whose time ends next, and when (milliseconds since 1970). */
  next(): { readonly model: string; readonly atMs: number } | undefined;
};

/** Ollama's requests ask for as long, so that it does not unload what is still wanted. */
const longestKeepMs = 30 * 60_000;
const shortestKeepMs = 5 * 60_000;
/** So far a server's time may lie from ours: its answer ends a little before the one we have read. */
const sameUseMs = 30_000;
/** Between two keys lies no pause. */
const shortestPauseMs = 30_000;

/** Names a model of a server; as {@link Resident} has it. */
export const keyOf = ({ origin }: Pick<ModelServer, "origin">, model: string): string => `${origin}\n${model}`;

/**
 * How long an unused model stays: four of its usual pauses between uses, five minutes to half an hour; as long as that
 * while no pause is known.
 */
export const keepAliveMs = (usualPauseMs: number | undefined): number =>
  usualPauseMs === undefined ? longestKeepMs : Math.min(longestKeepMs, Math.max(shortestKeepMs, 4 * usualPauseMs));

/** Knows none yet. `onUnused`: a model's time is over. While `isManaging` says no, nobody's time runs. */
export const createKnownModels = (options: {
  readonly clock: Clock;
  readonly isManaging: () => boolean;
  readonly onUnused: (entry: KnownModel) => void;
}): KnownModels => {
  const { clock, isManaging, onUnused } = options;
  const known = new Map<string, KnownModel>();
  let isDisposed = false;

  const endTime = (entry: KnownModel) => {
    entry.expiry?.dispose();
    entry.expiry = undefined;
  };

  const keep = (entry: KnownModel) => {
    if (isDisposed || !isManaging() || entry.server.tellsLastUse !== true) return;
    const keepMs = keepAliveMs(entry.usualPauseMs);
    entry.expiresAtMs = clock.dateMs() + keepMs;
    entry.expiry?.dispose();
    entry.expiry = clock.after(keepMs, () => {
      entry.expiry = undefined;
      onUnused(entry);
    });
  };

  return {
    get: (key) => known.get(key),
    all: () => known.values(),
    remember(server, model) {
      const key = keyOf(server, model);
      const before = known.get(key);
      if (before) return before;
      const entry: KnownModel = {
        key,
        server,
        model,
        isOurs: false,
        users: 0,
        usedAtMs: Number.NEGATIVE_INFINITY,
        usualPauseMs: undefined,
        expiry: undefined,
        expiresAtMs: 0,
        seenAtMs: Number.NEGATIVE_INFINITY,
      };
      known.set(key, entry);
      return entry;
    },
    startUse(entry) {
      const nowMs = clock.nowMs();
      const pauseMs = nowMs - entry.usedAtMs;
      if (Number.isFinite(pauseMs) && pauseMs >= shortestPauseMs && entry.users === 0) {
        entry.usualPauseMs = entry.usualPauseMs === undefined ? pauseMs : 0.8 * entry.usualPauseMs + 0.2 * pauseMs;
      }
      entry.users++;
      entry.usedAtMs = nowMs;
      endTime(entry);
    },
    endUse(entry) {
      entry.users--;
      entry.usedAtMs = clock.nowMs();
      if (entry.users === 0 && entry.isOurs) keep(entry);
    },
    keep,
    leave(key) {
      const entry = known.get(key);
      if (!entry) return;
      endTime(entry);
      entry.seenAtMs = Number.NEGATIVE_INFINITY;
    },
    // Requests of other windows and programs make the server's time another one than our last use has set.
    isUsedByOthers({ expiresAtMs }, { usedAtMs }) {
      const ownEndMs = clock.dateMs() + longestKeepMs - (clock.nowMs() - usedAtMs);
      return expiresAtMs === undefined || Math.abs(expiresAtMs - ownEndMs) > sameUseMs;
    },
    next: () =>
      [...known.values()]
        .filter(({ expiry }) => expiry !== undefined && isManaging())
        .toSorted((a, b) => a.expiresAtMs - b.expiresAtMs)
        .map(({ model, expiresAtMs }) => ({ model, atMs: expiresAtMs }))[0],
    dispose() {
      isDisposed = true;
      for (const entry of known.values()) entry.expiry?.dispose();
    },
  };
};

import { keyOf } from "../memory/knownModels.ts";
import type { Resident } from "../memory/residencyPlan.ts";
import type { GuardedProvider } from "../provider/guard.ts";
import type { ManagedServer } from "./memoryServers.ts";

/** What models take in memory. */
export type ModelSizes = {
  /** As far as it is known already; 0: it is not. */
  known(origin: string, model: string): number;
  /** Finds out what a model will take before it is loaded; 0: nobody knows. */
  read(provider: GuardedProvider, managed: ManagedServer, model: string, signal: AbortSignal): Promise<number>;
  /** Those that are loaded tell it best. */
  learn(residents: readonly Resident[]): void;
};

/** What a model takes beside its file: the context and scratch memory. A first guess; the server tells the rest. */
const overheadShare = 1.15;

/** Of a file's size, where a server's list tells it; 0: nobody knows. */
const listedBytes = async (
  provider: GuardedProvider,
  managed: ManagedServer,
  model: string,
  signal: AbortSignal,
): Promise<number> => {
  const models = await provider.models({ signal }).catch(() => []);
  return Math.round((models.find(({ id }) => managed.isNamed(id, model))?.sizeBytes ?? 0) * overheadShare);
};

/** Of the header of a file on this machine, which llama.cpp's router names beforehand; undefined: it does not. */
const routedBytes = async (managed: ManagedServer, model: string, signal: AbortSignal): Promise<number | undefined> => {
  const args = managed.host === "" ? await managed.argsFor?.(model, signal).catch(() => undefined) : undefined;
  if (!args) return undefined;
  const { startedBytes } = await import("./memoryTips.ts");
  return startedBytes(args);
};

/** Knows none yet. */
export const createModelSizes = (): ModelSizes => {
  const sizes = new Map<string, number>();
  return {
    known: (origin, model) => sizes.get(keyOf({ origin }, model)) ?? 0,
    async read(provider, managed, model, signal) {
      const key = keyOf(managed, model);
      const before = sizes.get(key);
      if (before !== undefined) return before;
      const bytes =
        (await routedBytes(managed, model, signal)) ?? (await listedBytes(provider, managed, model, signal));
      if (bytes > 0) sizes.set(key, bytes);
      return bytes;
    },
    learn(residents) {
      for (const { key, sizeBytes } of residents) if (sizeBytes > 0) sizes.set(key, sizeBytes);
    },
  };
};

import type { Clock } from "../base/clock.ts";
import { pause } from "../base/wait.ts";
import { ResidencyError } from "./modelServer.ts";
import { chooseVictims, type BudgetBytes, type Resident } from "./residencyPlan.ts";

/** Unloads models and waits for their memory. */
export type Room = {
  /**
   * Unloads what has to go for a model, and resolves to how many when there is room. Without `mayAsk` no person is
   * asked, and what somebody else loaded stays.
   * @throws {ResidencyError} when there is none.
   */
  make(key: string, neededBytes: number, signal: AbortSignal, mayAsk?: boolean): Promise<number>;
  /**
   * Unloads these and resolves when the memory is back; to false, and nothing is unloaded, if one has come into use.
   * @throws {ResidencyError} kind "not-freed", when it does not come back.
   */
  unload(victims: readonly Resident[], neededBytes: number, signal: AbortSignal): Promise<boolean>;
  /** Whether the model is being unloaded: whoever wants it now has to wait, and load it anew. */
  isLeaving(key: string): boolean;
};

/** As Ollama waits: five seconds for three quarters of it, because drivers give memory back late. */
const freedWithinMs = 5_000;
const freedShare = 0.75;
const pollMs = 250;

const namesOf = (residents: readonly Resident[]): readonly string[] => residents.map(({ model }) => model);

/**
 * Makes it for the models that `list` finds: all that there are, or it rejects. `lookAt` asks the servers of the given
 * models alone, so that another one that is silent keeps nobody from seeing that they are gone. `onLeaving` is told of
 * each before it is unloaded.
 */
export const createRoom = ({
  clock,
  limits,
  list,
  lookAt,
  isUsed,
  onLeaving,
  freeBytes,
  mayEvict,
}: {
  clock: Clock;
  limits: () => BudgetBytes;
  list: (signal: AbortSignal) => Promise<readonly Resident[]>;
  lookAt: (residents: readonly Resident[], signal: AbortSignal) => Promise<readonly Resident[]>;
  isUsed: (key: string) => boolean;
  onLeaving: (key: string) => void;
  freeBytes: ((signal: AbortSignal) => Promise<number | undefined>) | undefined;
  mayEvict: ((models: readonly Resident[], signal: AbortSignal) => Promise<boolean>) | undefined;
}): Room => {
  const leaving = new Set<string>();

  const waitUntilFreed = async (
    victims: readonly Resident[],
    beforeBytes: number | undefined,
    neededBytes: number,
    signal: AbortSignal,
  ): Promise<void> => {
    const victimBytes = victims.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const startMs = clock.nowMs();
    for (;;) {
      const loaded = new Set((await lookAt(victims, signal)).map(({ key }) => key));
      const isGone = victims.every(({ key }) => !loaded.has(key));
      const nowBytes = beforeBytes === undefined ? undefined : await freeBytes?.(signal);
      const backBytes = beforeBytes === undefined || nowBytes === undefined ? victimBytes : nowBytes - beforeBytes;
      // Weights that were mapped from their file do not come back: they were never taken. Room is what counts.
      const isRoom = neededBytes > 0 && nowBytes !== undefined && nowBytes >= neededBytes;
      if (isGone && (backBytes >= freedShare * victimBytes || isRoom)) return;
      if (clock.nowMs() - startMs >= freedWithinMs) {
        // Somebody else may have taken what came back; what counts is whether there is room.
        if (isGone && nowBytes !== undefined && nowBytes >= neededBytes) return;
        throw new ResidencyError("not-freed", { neededBytes, models: namesOf(victims) });
      }
      await pause(clock, pollMs, signal);
    }
  };

  const unload: Room["unload"] = async (victims, neededBytes, signal) => {
    const beforeBytes = await freeBytes?.(signal);
    if (victims.some(({ key }) => isUsed(key))) return false;
    for (const { key } of victims) {
      leaving.add(key);
      onLeaving(key);
    }
    try {
      for (const { server, model } of victims) await server.unload(model, signal);
      await waitUntilFreed(victims, beforeBytes, neededBytes, signal);
    } finally {
      for (const { key } of victims) leaving.delete(key);
    }
    return true;
  };

  return {
    unload,
    isLeaving: (key) => leaving.has(key),
    async make(key, neededBytes, signal, mayAsk = true) {
      for (;;) {
        const others = (await list(signal)).filter((resident) => resident.key !== key);
        const { budgetBytes, limitBytes } = limits();
        const plan = chooseVictims(others, neededBytes, { budgetBytes, limitBytes });
        if ("refusal" in plan) throw new ResidencyError(plan.refusal, { neededBytes, ...plan.details });
        if (plan.foreign.length > 0 && !(mayAsk && (await mayEvict?.(plan.foreign, signal)))) {
          const models = namesOf(plan.foreign);
          throw new ResidencyError("not-ours", { neededBytes, limitBytes: budgetBytes, models });
        }
        const victims = [...plan.ours, ...plan.foreign];
        if (victims.length === 0 || (await unload(victims, neededBytes, signal))) return victims.length;
      }
    },
  };
};

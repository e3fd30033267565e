import { isAbortError } from "../base/abort.ts";
import type { Disposable } from "../base/disposable.ts";
import { lazy } from "../base/lazy.ts";
import { sampleMemory } from "../memory/sample.ts";
import type { MemoryMonitor } from "../memory/monitor.ts";
import { normalizeName } from "../provider/ollamaName.ts";
import type { MemoryOptions } from "./memory.ts";
import type { MemoryDetails, ModelDetails } from "./memoryDetails.ts";
import type { MachineReading } from "./memoryReading.ts";
import type { ModelResidency, ModelResidencyOptions } from "./memoryResidency.ts";
import { originsOf, type ModelSetting, type Settings } from "./settingsSchema.ts";

/** Models in memory. What looks after them is loaded when the first is asked. */
export type MemoryModels = Disposable & {
  readonly residency: () => Promise<ModelResidency>;
  /** Whether a model was asked already. */
  readonly isUsed: () => boolean;
  /** Asks the servers in use what is loaded. */
  readonly look: () => Promise<ModelDetails>;
  /** Whether it is time to; servers are asked only in a window that has the focus and uses them. */
  isLookDue(): boolean;
  /** What was found last. */
  details(): ModelDetails | undefined;
  /** Loads a model where there is room; true: it is loaded. Never rejects. */
  load(setting: ModelSetting, signal: AbortSignal): Promise<boolean>;
  setTips(tips: ReadonlyMap<string, string>): void;
  /** What could be set for a loaded model of ours, else for another, where somebody has worked it out. */
  tip(): string | undefined;
  settingsChanged(all: Settings): void;
};

export type MemoryModelsOptions = Pick<
  MemoryOptions,
  "clock" | "log" | "ledger" | "settings" | "connections" | "apiKeys"
> &
  Pick<ModelResidencyOptions, "graphicsBytes"> & {
    readonly monitor: Pick<MemoryMonitor, "latest">;
    /** What programs told last of this machine; starts none. */
    readonly reading: () => MachineReading | undefined;
  };

/** What is loaded changes seldom; and not at all while nobody asks. */
const lookEveryMs = 30_000;
/** Servers that were asked nothing for so long before the last look hold what they held then. */
const restMs = 2 * 60_000;

/** Nothing is loaded yet. */
export const createMemoryModels = (options: MemoryModelsOptions): MemoryModels => {
  const { clock, log, ledger, settings, connections, apiKeys, monitor, reading, graphicsBytes } = options;
  let loaded: ModelResidency | undefined;
  let isDisposed = false;
  let details: ModelDetails | undefined;
  let detailsAtMs = Number.NEGATIVE_INFINITY;
  let tips: ReadonlyMap<string, string> = new Map();

  const residency = lazy(async () => {
    const { createModelResidency } = await import("./memoryResidency.ts");
    loaded = createModelResidency({
      clock,
      log,
      transport: () => connections.transport(),
      apiKeyFor: (origin) => apiKeys.get(origin),
      settings() {
        const { manageModels, modelShare, modelLimitShare, ollamaContextTokens } = settings();
        const budget = { share: modelShare, limitShare: modelLimitShare };
        return { managesModels: manageModels, budget, ollamaContextTokens };
      },
      machine() {
        const { machineTotalBytes, machineAvailableBytes } = sampleMemory();
        return { totalBytes: machineTotalBytes, availableBytes: machineAvailableBytes };
      },
      graphicsBytes,
    });
    if (isDisposed) loaded.dispose();
    return loaded;
  });
  const memoryDetails = lazy(async (): Promise<MemoryDetails> => {
    const { createMemoryDetails } = await import("./memoryDetails.ts");
    return createMemoryDetails({ clock, ledger, residency: () => loaded, monitor, reading });
  });

  return {
    residency,
    isUsed: () => loaded !== undefined,
    async look() {
      detailsAtMs = clock.nowMs();
      details = await (await memoryDetails()).look();
      return details;
    },
    isLookDue() {
      const usedAtMs = loaded?.usedAtMs() ?? Number.NEGATIVE_INFINITY;
      return clock.nowMs() - detailsAtMs >= lookEveryMs && usedAtMs > detailsAtMs - restMs;
    },
    details: () => details,
    async load(setting, signal) {
      try {
        const [models, provider] = await Promise.all([residency(), connections.exact(setting)]);
        return await models.load(provider, setting, signal, true);
      } catch (error) {
        // Whoever asks the model is told; nobody has asked for this.
        if (!(error instanceof Error && isAbortError(error))) log.info("The model could not be loaded ahead of need");
        return false;
      }
    },
    setTips(next) {
      tips = next;
    },
    tip() {
      const models = details?.models ?? [];
      for (const { model } of models.toSorted((a, b) => Number(b.isOurs) - Number(a.isOurs))) {
        const tip = tips.get(normalizeName(model.split(/[/\\]/).at(-1) ?? model));
        if (tip !== undefined) return `${model}: ${tip}`;
      }
      return undefined;
    },
    settingsChanged: (all) => loaded?.keepOnly(new Set(originsOf(all))),
    dispose() {
      isDisposed = true;
      loaded?.dispose();
    },
  };
};

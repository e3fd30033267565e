import type { Clock } from "../base/clock.ts";
import type { DisposableList } from "../base/disposable.ts";
import type { CacheBudget } from "../cache/cacheBudget.ts";
import { createCompletionEngine, type CompletionEngine } from "../completion/engine.ts";
import { createPromptBuilder } from "../completion/prompt.ts";
import type { Snapshot } from "../completion/snapshot.ts";
import type { Ledger } from "../metrics/ledger.ts";
import type { PredictionSource } from "../predictor/predictorService.ts";
import type { Connections } from "./connections.ts";
import { registerRelatedFiles } from "./relatedFiles.ts";
import type { SettingsInUse } from "./settingsInUse.ts";
import type { ModelSetting, RoleSetting } from "./settingsSchema.ts";

export type GhostTextEngineOptions = {
  /** Gets what is made here. */
  readonly disposables: DisposableList;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly settingsInUse: SettingsInUse;
  readonly connections: Pick<Connections, "source">;
  /** Undefined: there is no predictor now. */
  readonly predictor: () => Promise<PredictionSource | undefined>;
  readonly budget: Pick<CacheBudget, "register">;
  /** There is a better text for a place that was asked for. */
  readonly onBetter: (snapshot: Snapshot) => void;
  readonly onSuccess: () => void;
  readonly onFailure: (error: unknown, setting: ModelSetting | undefined) => Promise<void>;
};

/** The completion engine of this window. */
export type GhostTextEngine = {
  readonly engine: CompletionEngine;
  /** Makes it ask whom the settings name now. */
  useSources(): Promise<void>;
};

/** Makes one that asks nobody until {@link GhostTextEngine.useSources} is called. */
export const createGhostTextEngine = (options: GhostTextEngineOptions): GhostTextEngine => {
  const { disposables, clock, ledger, settingsInUse, connections, budget, onFailure } = options;
  const { settings, completion } = settingsInUse;
  const related = disposables.add(
    registerRelatedFiles({
      clock,
      isWanted: () => settings().relatedFiles && completion() !== undefined,
      mayLeave: () => settings().relatedFilesAnywhere,
    }),
  );
  const prompts = createPromptBuilder({ clock, layout: () => settings().promptLayout, related: related.source });
  const engine = disposables.add(
    createCompletionEngine({
      clock,
      ledger,
      prompts,
      onBetter: options.onBetter,
      speculateOnMetered: () => settings().speculateOnMetered,
      speculates: () => !settingsInUse.isLow(),
      onSuccess: options.onSuccess,
      onFailure: (error) => void onFailure(error, settings().completion),
    }),
  );
  for (const { cache } of [engine, prompts, related]) disposables.add(budget.register(cache));

  // Settings may change while a source is being made: only the newest call has a say.
  let generation = 0;
  /** Loading the client takes tens of milliseconds: the predictor answers meanwhile. */
  const useModel = async (source: PredictionSource | undefined, setting: RoleSetting, mine: number) => {
    try {
      const model = await connections.source("completion", setting);
      if (mine === generation) engine.use({ predictor: source, model });
    } catch (error) {
      if (mine === generation) await onFailure(error, setting);
    }
  };
  return {
    engine,
    async useSources() {
      const mine = ++generation;
      const source = await options.predictor();
      if (mine !== generation) return;
      engine.use({ predictor: source });
      const setting = completion();
      if (setting) void useModel(source, setting, mine);
    },
  };
};

import type { Log } from "../base/log.ts";
import { lazy } from "../base/lazy.ts";
import type { CacheBudget } from "../cache/cacheBudget.ts";
import type { GhostTextOptions } from "./ghostText.ts";
import type { GhostTextEngine, GhostTextEngineOptions } from "./ghostTextEngine.ts";
import { startGhostText } from "./ghostTextStart.ts";

export type GhostTextServices = Omit<GhostTextEngineOptions, "budget" | "onBetter"> &
  Pick<GhostTextOptions, "isEnabled"> & {
    readonly log: Log;
    readonly cacheBudget: () => Promise<CacheBudget>;
  };

export type ComposedGhostText = {
  /** The settings are others now: the engine asks whom they name. */
  settingsChanged(): Promise<void>;
};

/** Ghost text: what answers is loaded by VS Code's first question, the engine by the first that it could answer. */
export const composeGhostText = (services: GhostTextServices): ComposedGhostText => {
  const { disposables, cacheBudget, settingsInUse } = services;
  let loaded: GhostTextEngine | undefined;
  const engine = lazy(async () => {
    const { createGhostTextEngine } = await import("./ghostTextEngine.ts");
    const budget = await cacheBudget();
    loaded = createGhostTextEngine({ ...services, budget, onBetter: (snapshot) => ghostText.showAgain(snapshot) });
    await loaded.useSources();
    return loaded.engine;
  });
  const ghostText = disposables.add(
    startGhostText({
      ...services,
      async load() {
        const { createGhostTextAnswers } = await import("./ghostTextAnswers.ts");
        return createGhostTextAnswers({
          ...services,
          engine,
          loadedEngine: () => loaded?.engine,
          showDelayMs: () => settingsInUse.settings().showDelayMs,
        });
      },
    }),
  );
  return { settingsChanged: async () => loaded?.useSources() };
};

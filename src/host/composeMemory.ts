import type * as vscode from "vscode";
import type { DisposableList } from "../base/disposable.ts";
import { lazy } from "../base/lazy.ts";
import { betweenTurnsMs, pause } from "../base/wait.ts";
import type { CacheBudget } from "../cache/cacheBudget.ts";
import { cacheBudgetBytes } from "../memory/lowMemory.ts";
import type { Memory, MemoryOptions } from "./memory.ts";
import type { SettingsInUse } from "./settingsInUse.ts";

export type MemoryServices = Omit<MemoryOptions, "settings" | "logUri" | "globalState"> & {
  /** Gets what is made here. */
  readonly disposables: DisposableList;
  readonly context: Pick<vscode.ExtensionContext, "logUri" | "globalState">;
  readonly settingsInUse: SettingsInUse;
};

export type MemoryParts = {
  readonly memory: () => Promise<Memory>;
  readonly cacheBudget: () => Promise<CacheBudget>;
};

/** The indicator and which models stay loaded; and one budget for all caches. Each is loaded by its first use. */
export const composeMemory = ({ disposables, context, settingsInUse, ...services }: MemoryServices): MemoryParts => {
  const { clock, ledger, log } = services;
  const { logUri, globalState } = context;
  const memory = lazy(async () => {
    // Four turns of the event loop: loading, making and the first sample together would hold the thread for 15 ms.
    await import("../memory/describe.ts");
    await pause(clock, betweenTurnsMs);
    const { createMemory } = await import("./memory.ts");
    await pause(clock, betweenTurnsMs);
    const made = disposables.add(
      createMemory({ ...services, logUri, globalState, settings: () => settingsInUse.settings().memory }),
    );
    const { monitor } = made;
    await pause(clock, betweenTurnsMs);
    made.begin();
    const takeSample = () => settingsInUse.takeSample(monitor.latest(), monitor.levels());
    disposables.add(monitor.onSample(takeSample));
    disposables.add(monitor.onAlert(limitCaches));
    takeSample();
    return made;
  });
  const cacheBudget = lazy(async () => {
    const [{ createCacheBudget }, { monitor }] = await Promise.all([import("../cache/cacheBudget.ts"), memory()]);
    const budget = createCacheBudget({ clock });
    budget.register({ name: "requests", ...ledger });
    const keep = () => budget.keepWithin(cacheBudgetBytes(monitor.levels(), settingsInUse.isLow()));
    disposables.add(monitor.onSample(keep));
    keep();
    return budget;
  });
  const limitCaches = () => {
    cacheBudget().catch((error: unknown) => log.error(`The caches could not be limited: ${String(error)}`));
  };
  return { memory, cacheBudget };
};

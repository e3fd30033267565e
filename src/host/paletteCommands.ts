import * as vscode from "vscode";
import { lazy } from "../base/lazy.ts";
import type { PaletteAction, PaletteServices } from "./paletteActions.ts";

/** The palette's commands, without `hotpath.` before them. */
const paletteActions = [
  "clearPredictorIndex",
  "explainSelection",
  "ghostTextMenu",
  "lowerContext",
  "memoryMenu",
  "muteMemoryAlerts",
  "openReport",
  "rebuildPredictorIndex",
  "recommendModel",
  "resumeGhostText",
  "setApiKey",
  "setUpProvider",
  "showLog",
  "showMachineTables",
  "showPredictorStatistics",
  "showTopProcesses",
  "snoozeGhostText",
  "unloadModel",
  "warmUpModel",
] as const satisfies readonly PaletteAction[];

/** Registers the palette's commands; their bodies are loaded by the first that is run. */
export const registerPaletteCommands = (services: PaletteServices): void => {
  const actions = lazy(async () => {
    const { createPaletteActions } = await import("./paletteActions.ts");
    return createPaletteActions(services);
  });
  for (const id of paletteActions) {
    services.disposables.add(
      vscode.commands.registerCommand(`hotpath.${id}`, async (argument: unknown) => (await actions())[id](argument)),
    );
  }
};

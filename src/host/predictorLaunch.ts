import type * as vscode from "vscode";
import type { DisposableList } from "../base/disposable.ts";
import type { Log } from "../base/log.ts";
import { createPredictorService, type PredictorService } from "../predictor/predictorService.ts";
import { predictorIndexFile } from "./predictorFeed.ts";
import type { Settings } from "./settingsSchema.ts";
import type { StatusBar } from "./statusBar.ts";

export type PredictorLaunchOptions = {
  /** Gets what is made here. */
  readonly disposables: DisposableList;
  readonly context: vscode.ExtensionContext;
  readonly log: Log;
  readonly settings: () => Settings;
  readonly statusBar: Pick<StatusBar, "setLearning">;
  /** The address of a worker's built file. */
  readonly workerUrl: (name: string) => URL;
};

/**
 * Starts the predictor's worker with the settings of now; the status bar's tooltip says how far it is. `onLost`: it has
 * to be told everything again.
 */
export const launchPredictor = (options: PredictorLaunchOptions, onLost: () => void): PredictorService => {
  const { disposables, context, log, settings, statusBar, workerUrl } = options;
  const service = createPredictorService({
    workerUrl: workerUrl("predictorWorker"),
    log,
    maxBytes: settings().predictorMaxBytes,
    confidence: settings().predictorConfidence,
    readsOnBattery: settings().predictorIndexesOnBattery,
    indexFile: predictorIndexFile(context),
    onProgress: ({ done, total }) => statusBar.setLearning(done / total),
    onLearned: () => statusBar.setLearning(undefined),
    onLost,
  });
  return disposables.add(service);
};

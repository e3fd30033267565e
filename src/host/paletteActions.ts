import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import type { DisposableList } from "../base/disposable.ts";
import { lazy } from "../base/lazy.ts";
import type { Log } from "../base/log.ts";
import { sampleMemory } from "../memory/sample.ts";
import type { Ledger } from "../metrics/ledger.ts";
import type { Connections } from "./connections.ts";
import type { MemoryActionServices } from "../commands/memoryActions.ts";
import type { MachineView, ViewOptions } from "./machine.ts";
import type { Memory } from "./memory.ts";
import type { Notices } from "./notices.ts";
import type { PredictorFeed } from "./predictorFeed.ts";
import type { ApiKeys } from "./secrets.ts";
import type { ModelSetting, Settings } from "./settingsSchema.ts";
import type { Snooze } from "./snooze.ts";
import type { StatusBar } from "./statusBar.ts";

/** What palette actions need of the rest of the program. */
export type PaletteServices = {
  readonly extensionUri: vscode.Uri;
  /** Gets what an action makes and what has to end with the program. */
  readonly disposables: DisposableList;
  readonly clock: Clock;
  readonly log: Log & { show(): void };
  readonly ledger: Ledger;
  readonly memory: () => Promise<Memory>;
  readonly statusBar: StatusBar;
  readonly notices: Notices;
  readonly snooze: Snooze;
  readonly apiKeys: ApiKeys;
  readonly connections: Connections;
  readonly predictorFeed: PredictorFeed;
  readonly settings: () => Settings;
  /** Writes settings; they take effect together, after the last. */
  readonly write: (changes: Readonly<Record<string, unknown>>) => Promise<void>;
  readonly isGhostTextEnabled: (document: vscode.TextDocument) => boolean;
  readonly stopPredictor: () => Promise<void>;
  readonly reportFault: (error: unknown, setting: ModelSetting | undefined, isAsked?: boolean) => Promise<void>;
  /** The address of a worker's built file. */
  readonly workerUrl: (name: string) => URL;
};

/** The bodies of the palette's actions; what each of them needs is loaded when it is run. */
export const createPaletteActions = (services: PaletteServices) => {
  const { disposables, clock, log, ledger, memory, statusBar, notices, snooze, connections, predictorFeed } = services;
  const { settings, stopPredictor } = services;
  const answerDocuments = lazy(async () => {
    const { createAnswerDocuments } = await import("../commands/explainSelection.ts");
    return disposables.add(createAnswerDocuments(clock));
  });
  const machine = lazy(async () => {
    const { createMachine } = await import("./machine.ts");
    return createMachine({
      clock,
      workerUrl: services.workerUrl("probeWorker"),
      transport: () => connections.transport(),
      apiKeyFor: (origin) => services.apiKeys.get(origin),
      settings,
      readMemory: sampleMemory,
      ledger,
    });
  });
  /** This machine and its models; what to set for them is shown from then on. */
  const viewMachine = async (options: ViewOptions): Promise<MachineView> => {
    const [{ batchTips }, watch] = await Promise.all([import("./batchTips.ts"), memory()]);
    const view = await (await machine()).view(options);
    watch.setBatchTips(batchTips(view, vscode.l10n.t));
    return view;
  };
  let isAdvised = false;
  const adviseModels: MemoryActionServices["adviseModels"] = (reading) => {
    if (isAdvised) return;
    isAdvised = true;
    // Who only opened a menu did not ask for a measurement that takes all cores.
    viewMachine({ mayMeasure: false, reading }).catch(() => {
      isAdvised = false;
    });
  };
  const memoryServices = { ...services, adviseModels };
  const openReport = async (withMachine: boolean) => {
    const [{ openReportPanel }, watch] = await Promise.all([import("../report/panel.ts"), memory()]);
    const options: Parameters<typeof openReportPanel>[0] = {
      extensionUri: services.extensionUri,
      clock,
      ledger,
      monitor: watch.monitor,
      readMemory: () => watch.report(),
      readConnections: () => connections.facts(),
      readHardware: async () => (await machine()).hardware(),
      readPredictor: async () => predictorFeed.stats(),
      readMachine: async (signal) => (await import("./machineTables.ts")).machineTables(await viewMachine({ signal })),
    };
    openReportPanel(options, withMachine);
  };

  return {
    async ghostTextMenu() {
      const { showGhostTextMenu } = await import("../commands/ghostTextMenu.ts");
      return showGhostTextMenu(snooze, services.isGhostTextEnabled, settings());
    },
    snoozeGhostText: async () => (await import("../commands/ghostTextMenu.ts")).snoozeGhostText(snooze),
    resumeGhostText: async () => (await import("../commands/ghostTextMenu.ts")).resumeGhostText(snooze),
    showLog: () => log.show(),
    openReport: () => openReport(false),
    showMachineTables: () => openReport(true),
    async recommendModel() {
      const { recommendModel } = await import("../commands/recommendModel.ts");
      await recommendModel({
        machine: await machine(),
        showTables: () => openReport(true),
        transport: () => connections.transport(),
        clock,
        log,
        apiKeys: services.apiKeys,
        settings,
        write: services.write,
      });
    },
    async setApiKey(origin: unknown) {
      const { setApiKey } = await import("../commands/setApiKey.ts");
      const asked = typeof origin === "string" ? origin : undefined;
      const hasServer = await setApiKey(settings(), services.apiKeys, asked);
      if (!hasServer) await notices.noServer();
    },
    async setUpProvider() {
      const { setUpProvider } = await import("../commands/setUpProvider.ts");
      await setUpProvider({
        transport: () => connections.transport(),
        clock,
        log,
        apiKeys: services.apiKeys,
        settings,
        readMemory: sampleMemory,
        write: services.write,
      });
    },
    async rebuildPredictorIndex() {
      const { rebuildPredictorIndex } = await import("../commands/predictorIndex.ts");
      await rebuildPredictorIndex(predictorFeed, stopPredictor, settings().predictorEnabled);
    },
    async clearPredictorIndex() {
      const { clearPredictorIndex } = await import("../commands/predictorIndex.ts");
      await clearPredictorIndex(predictorFeed);
      statusBar.setLearning(undefined);
      // It was started for this alone.
      if (!settings().predictorEnabled) await stopPredictor();
    },
    async showPredictorStatistics() {
      const { showPredictorStatistics } = await import("../commands/predictorIndex.ts");
      await showPredictorStatistics({
        documents: await answerDocuments(),
        isEnabled: settings().predictorEnabled,
        maxBytes: settings().predictorMaxBytes,
        stats: await predictorFeed.stats(),
        suggestions: ledger.snapshot().suggestions,
      });
    },
    async explainSelection() {
      const setting = settings().chat;
      if (!setting) return notices.noServer();
      if (!vscode.workspace.isTrusted) return notices.notTrusted();
      try {
        const { explainSelection } = await import("../commands/explainSelection.ts");
        const source = await connections.source("chat", setting);
        const isAnswered = await explainSelection({ ...source, clock, ledger, documents: await answerDocuments() });
        if (isAnswered) statusBar.setProblem(undefined);
      } catch (error) {
        await services.reportFault(error, setting, true);
      }
      return undefined;
    },
    memoryMenu: async () => (await import("../commands/memoryMenu.ts")).showMemoryMenu(memoryServices),
    showTopProcesses: async () => (await import("../commands/memoryActions.ts")).showTopProcesses(memoryServices),
    muteMemoryAlerts: async (wanted: unknown) =>
      (await import("../commands/memoryActions.ts")).muteMemoryAlerts(memoryServices, wanted),
    warmUpModel: async () => (await import("../commands/memoryActions.ts")).warmUpModel(memoryServices),
    unloadModel: async (which: unknown) =>
      (await import("../commands/memoryActions.ts")).unloadModel(memoryServices, which),
    lowerContext: async () => (await import("../commands/lowerContext.ts")).lowerContext(memoryServices),
  };
};

export type PaletteAction = keyof ReturnType<typeof createPaletteActions>;

import { isDeepStrictEqual } from "node:util";
import * as vscode from "vscode";
import { systemClock as clock } from "../base/clock.ts";
import { lazy } from "../base/lazy.ts";
import type { Log } from "../base/log.ts";
import type { CompletionEngine, ModelSource } from "../completion/engine.ts";
import { createMemoryMonitor } from "../memory/monitor.ts";
import { sampleMemory } from "../memory/sample.ts";
import { createLedger } from "../metrics/ledger.ts";
import type { PredictionSource } from "../predictor/predictorService.ts";
import { registerGhostText } from "./ghostText.ts";
import { createLogChannel } from "./logChannel.ts";
import { createNotices } from "./notices.ts";
import { registerPredictorFeed } from "./predictorFeed.ts";
import { createApiKeys } from "./secrets.ts";
import { faultKind, faultSentence, settingSentence } from "./sentences.ts";
import { createEnabledCheck, readSettings } from "./settings.ts";
import type { ModelSetting } from "./settingsSchema.ts";
import { createStatusBar } from "./statusBar.ts";

const memoryIntervalMs = 10_000;

/**
 * Makes every object of the program once, in order: the map of the house. What is cheap and must be there at once is
 * made here; what is heavy stands behind `lazy` and is loaded by its first use.
 */
export const compose = (context: vscode.ExtensionContext): { log: Log } => {
  const { extensionUri, subscriptions } = context;
  const workerUrl = (name: string) => new URL(vscode.Uri.joinPath(extensionUri, "dist", `${name}.js`).toString(true));

  // What everything else reports to.
  const log = createLogChannel();
  const notices = createNotices(log);
  const ledger = createLedger({ clock });
  const monitor = createMemoryMonitor({ clock, intervalMs: memoryIntervalMs, sample: sampleMemory });
  const statusBar = createStatusBar(monitor);
  const apiKeys = createApiKeys(context.secrets);
  const enabled = createEnabledCheck();
  subscriptions.push(log, monitor, statusBar);

  // Model servers: one pooled client for all of them.
  const transport = lazy(async () => {
    const { createTransportClient } = await import("../transport/client.ts");
    const client = createTransportClient({ clock, log });
    subscriptions.push({ dispose: () => void client.close() });
    return client;
  });
  const connect = async (setting: ModelSetting): Promise<ModelSource> => {
    const { createProvider } = await import("../provider/registry.ts");
    const origin = new URL(setting.baseUrl).origin;
    const provider = await createProvider(
      setting.provider,
      { baseUrl: setting.baseUrl, model: setting.model, apiKey: () => apiKeys.get(origin) },
      { transport: await transport(), clock, log },
    );
    return { provider, model: setting.model || setting.provider };
  };
  const reportFault = (error: unknown, setting: ModelSetting | undefined) => {
    const kind = faultKind(error);
    if (!kind || !setting) return;
    log.error(`${kind}: ${error instanceof Error ? error.message : String(error)}`);
    const sentence = faultSentence(kind, new URL(setting.baseUrl).host, vscode.l10n.t);
    statusBar.setProblem(sentence);
    notices.warnOnce(sentence);
  };

  // The embedded predictor, in its worker.
  const predictor = lazy(async () => {
    const { createPredictorService } = await import("../predictor/predictorService.ts");
    const service = createPredictorService({ workerUrl: workerUrl("predictorWorker"), log });
    subscriptions.push({ dispose: () => void service.dispose() });
    return service;
  });
  const predictorFeed = registerPredictorFeed({
    predictor,
    clock,
    isWanted: () => readSettings().settings.predictorEnabled,
  });
  subscriptions.push(predictorFeed);

  // Ghost text.
  let loadedEngine: CompletionEngine | undefined;
  const engine = lazy(async () => {
    const { createCompletionEngine } = await import("../completion/engine.ts");
    loadedEngine = createCompletionEngine({
      clock,
      ledger,
      onBetter: () => void vscode.commands.executeCommand("editor.action.inlineSuggest.trigger"),
      onFailure: (error) => reportFault(error, readSettings().settings.completion),
    });
    subscriptions.push(loadedEngine);
    await useSources(loadedEngine);
    return loadedEngine;
  });
  const useSources = async (target: CompletionEngine) => {
    const { settings } = readSettings();
    const source = settings.predictorEnabled ? await predictor() : undefined;
    target.use({ predictor: source });
    // A folder that is not trusted is read as text by the predictor, never sent anywhere.
    const setting = vscode.workspace.isTrusted ? settings.completion : undefined;
    if (setting) void useModel(target, source, setting);
  };
  /** Loading the client takes tens of milliseconds: the predictor answers meanwhile. */
  const useModel = async (target: CompletionEngine, source: PredictionSource | undefined, setting: ModelSetting) => {
    try {
      const model = await connect(setting);
      if (isDeepStrictEqual(readSettings().settings.completion, setting)) target.use({ predictor: source, model });
    } catch (error) {
      reportFault(error, setting);
    }
  };
  subscriptions.push(
    registerGhostText({
      engine,
      isEnabled: (document) => enabled.isEnabled(document),
      onModelAnswer: () => statusBar.setProblem(undefined),
    }),
  );

  // Settings and trust.
  const settingsChanged = async () => {
    enabled.reset();
    notices.reset();
    statusBar.setProblem(undefined);
    for (const problem of readSettings().problems) notices.warnOnce(settingSentence(problem, vscode.l10n.t));
    if (loadedEngine) await useSources(loadedEngine);
  };
  for (const problem of readSettings().problems) notices.warnOnce(settingSentence(problem, vscode.l10n.t));
  subscriptions.push(
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("hotpath")) void settingsChanged();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void settingsChanged()),
  );

  // Palette actions: each body is loaded when it is run.
  const answerDocuments = lazy(async () => {
    const { createAnswerDocuments } = await import("../commands/explainSelection.ts");
    const documents = createAnswerDocuments();
    subscriptions.push(documents);
    return documents;
  });
  const readHardware = lazy(async () => {
    const { createProbe } = await import("../hardware/probe.ts");
    return createProbe({ workerUrl: workerUrl("probeWorker"), clock });
  });
  const register = (id: string, run: () => unknown) =>
    subscriptions.push(vscode.commands.registerCommand(`hotpath.${id}`, run));

  register("showLog", () => log.show());
  register("openReport", async () => {
    const { openReportPanel } = await import("../report/panel.ts");
    openReportPanel({
      extensionUri,
      clock,
      ledger,
      monitor,
      readHardware: async () => (await readHardware())(),
      readPredictor: async () => predictorFeed.stats(),
    });
  });
  register("setApiKey", async () => {
    const { setApiKey } = await import("../commands/setApiKey.ts");
    if (await setApiKey(readSettings().settings, apiKeys)) await settingsChanged();
  });
  register("explainSelection", async () => {
    const setting = readSettings().settings.chat;
    if (!setting) return notices.noServer();
    if (!vscode.workspace.isTrusted) return notices.notTrusted();
    try {
      const { explainSelection } = await import("../commands/explainSelection.ts");
      const source = await connect(setting);
      await explainSelection({ ...source, ledger, documents: await answerDocuments() });
    } catch (error) {
      reportFault(error, setting);
    }
    return undefined;
  });

  return { log };
};

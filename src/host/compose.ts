import { pathToFileURL } from "node:url";
import * as vscode from "vscode";
import { systemClock as clock } from "../base/clock.ts";
import { createDisposableList } from "../base/disposable.ts";
import { lazy } from "../base/lazy.ts";
import type { Log } from "../base/log.ts";
import type { CompletionEngine, ModelSource } from "../completion/engine.ts";
import { createMemoryMonitor } from "../memory/monitor.ts";
import { sampleMemory } from "../memory/sample.ts";
import { createLedger } from "../metrics/ledger.ts";
import type { PredictionSource, PredictorService } from "../predictor/predictorService.ts";
import { ProviderError } from "../provider/provider.ts";
import { isCursorAt, registerGhostText } from "./ghostText.ts";
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
  const { extensionUri } = context;
  // One list for everything: what is made after the end, by an import that was still under way, is ended at once.
  const disposables = createDisposableList();
  context.subscriptions.push(disposables);
  const workerUrl = (name: string) => pathToFileURL(vscode.Uri.joinPath(extensionUri, "dist", `${name}.js`).fsPath);

  // What everything else reports to.
  const log = createLogChannel();
  disposables.add(log);
  const notices = createNotices(log);
  const ledger = createLedger({ clock });
  const monitor = disposables.add(createMemoryMonitor({ clock, intervalMs: memoryIntervalMs, sample: sampleMemory }));
  const statusBar = disposables.add(createStatusBar(monitor));
  const apiKeys = createApiKeys(context.secrets);
  const enabled = createEnabledCheck();
  let { settings, problems } = readSettings();

  // Model servers: one pooled client for all of them.
  const transport = lazy(async () => {
    const { createTransportClient } = await import("../transport/client.ts");
    const client = createTransportClient({ clock, log });
    disposables.add({ dispose: () => void client.close() });
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
    const { origin, host } = new URL(setting.baseUrl);
    // Not the message: a server's own words may quote the code that it was sent.
    const status = error instanceof ProviderError && error.status !== undefined ? ` (HTTP ${error.status})` : "";
    log.error(kind === "unknown" ? String(error) : `${origin}: ${kind}${status}`);
    const sentence = faultSentence(kind, host, vscode.l10n.t);
    statusBar.setProblem(sentence);
    notices.warnOnce(sentence);
  };

  // The embedded predictor, in its worker, while the settings want it.
  let predictorService: Promise<PredictorService> | undefined;
  const predictor = () =>
    (predictorService ??= import("../predictor/predictorService.ts").then(({ createPredictorService }) => {
      const service = createPredictorService({ workerUrl: workerUrl("predictorWorker"), log });
      disposables.add({ dispose: () => void service.dispose() });
      return service;
    }));
  const predictorFeed = disposables.add(
    registerPredictorFeed({ predictor, clock, log, isWanted: () => settings.predictorEnabled }),
  );
  const stopPredictor = async () => {
    const service = predictorService;
    predictorService = undefined;
    predictorFeed.stop();
    await (await service)?.dispose();
  };

  // Ghost text.
  let loadedEngine: CompletionEngine | undefined;
  const engine = lazy(async () => {
    const { createCompletionEngine } = await import("../completion/engine.ts");
    loadedEngine = disposables.add(
      createCompletionEngine({
        clock,
        ledger,
        onBetter(snapshot) {
          if (isCursorAt(snapshot)) void vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
        },
        onSuccess: () => statusBar.setProblem(undefined),
        onFailure: (error) => reportFault(error, settings.completion),
      }),
    );
    await useSources(loadedEngine);
    return loadedEngine;
  });
  // Settings may change while a source is being made: only the newest call has a say.
  let generation = 0;
  const useSources = async (target: CompletionEngine) => {
    const mine = ++generation;
    const source = settings.predictorEnabled ? await predictor() : undefined;
    if (mine !== generation) return;
    target.use({ predictor: source });
    // A folder that is not trusted is read as text by the predictor, never sent anywhere.
    const setting = vscode.workspace.isTrusted ? settings.completion : undefined;
    if (setting) void useModel(target, source, setting, mine);
  };
  /** Loading the client takes tens of milliseconds: the predictor answers meanwhile. */
  const useModel = async (
    target: CompletionEngine,
    source: PredictionSource | undefined,
    setting: ModelSetting,
    mine: number,
  ) => {
    try {
      const model = await connect(setting);
      if (mine === generation) target.use({ predictor: source, model });
    } catch (error) {
      if (mine === generation) reportFault(error, setting);
    }
  };
  disposables.add(registerGhostText({ engine, log, isEnabled: (document) => enabled.isEnabled(document) }));

  // Settings, keys and trust.
  const showProblems = () => {
    for (const problem of problems) notices.warnOnce(settingSentence(problem, vscode.l10n.t));
  };
  const settingsChanged = async () => {
    ({ settings, problems } = readSettings());
    enabled.reset();
    notices.reset();
    statusBar.setProblem(undefined);
    showProblems();
    try {
      if (!settings.predictorEnabled) await stopPredictor();
      if (loadedEngine) await useSources(loadedEngine);
    } catch (error) {
      log.error(`The changed settings could not be used: ${String(error)}`);
    }
  };
  showProblems();
  disposables.add(
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("hotpath")) void settingsChanged();
      const isExclusion = change.affectsConfiguration("files.exclude") || change.affectsConfiguration("search.exclude");
      if (isExclusion) predictorFeed.relearn();
    }),
  );
  disposables.add(vscode.workspace.onDidGrantWorkspaceTrust(() => void settingsChanged()));
  // Also when another window stores a key.
  disposables.add(context.secrets.onDidChange(() => void settingsChanged()));

  // Palette actions: each body is loaded when it is run.
  const answerDocuments = lazy(async () => {
    const { createAnswerDocuments } = await import("../commands/explainSelection.ts");
    return disposables.add(createAnswerDocuments());
  });
  const readHardware = lazy(async () => {
    const { createProbe } = await import("../hardware/probe.ts");
    return createProbe({ workerUrl: workerUrl("probeWorker"), clock });
  });
  const register = (id: string, run: () => unknown) =>
    disposables.add(vscode.commands.registerCommand(`hotpath.${id}`, run));

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
    await setApiKey(settings, apiKeys);
  });
  register("explainSelection", async () => {
    const setting = settings.chat;
    if (!setting) return notices.noServer();
    if (!vscode.workspace.isTrusted) return notices.notTrusted();
    try {
      const { explainSelection } = await import("../commands/explainSelection.ts");
      const source = await connect(setting);
      await explainSelection({ ...source, ledger, documents: await answerDocuments() });
      statusBar.setProblem(undefined);
    } catch (error) {
      reportFault(error, setting);
    }
    return undefined;
  });

  return { log };
};

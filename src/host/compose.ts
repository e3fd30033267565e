import { pathToFileURL } from "node:url";
import * as vscode from "vscode";
import { systemClock as clock } from "../base/clock.ts";
import { createDisposableList } from "../base/disposable.ts";
import { lazy } from "../base/lazy.ts";
import type { Log } from "../base/log.ts";
import { createRedactor } from "../base/redact.ts";
import { pause } from "../base/wait.ts";
import type { CompletionEngine } from "../completion/engine.ts";
import { cacheBudgetBytes, createLowMemory, lowMemorySentence, type LowMemoryReason } from "../memory/lowMemory.ts";
import { createLedger } from "../metrics/ledger.ts";
import type { PredictionSource, PredictorService } from "../predictor/predictorService.ts";
import { createConnections } from "./connections.ts";
import { startGhostText } from "./ghostTextStart.ts";
import { createGhostTextStatus } from "./ghostTextStatus.ts";
import type { Memory } from "./memory.ts";
import { createLogChannel } from "./logChannel.ts";
import { startNextEdit } from "./nextEditStart.ts";
import { requestsKept, withLessMemory } from "./lowMemorySettings.ts";
import { createNotices } from "./notices.ts";
import type { PaletteAction } from "./paletteActions.ts";
import { networkOptions, onDidChangeNetworkSettings } from "./network.ts";
import { registerOwnTools } from "./ownTools.ts";
import { pauseSentence, watchPauses } from "./pauseWatch.ts";
import { startPredictorFeed } from "./predictorStart.ts";
import { registerChat, type ChatRegistration } from "./registerChat.ts";
import { createApiKeys } from "./secrets.ts";
import { createEnabledCheck, readSettings, writeSettings } from "./settings.ts";
import type { ModelSetting, RoleSetting } from "./settingsSchema.ts";
import { createSnooze } from "./snooze.ts";
import { createStatusBar } from "./statusBar.ts";
import type { ToolMemory } from "./toolMemory.ts";
import { registerWarmUp } from "./warmUp.ts";

/** The palette's commands, without `hotpath.` before them; their bodies are loaded by the first that is run. */
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

export type Program = {
  readonly log: Log;
  /** Writes down what should outlive the window; to be awaited before everything is disposed. */
  finish(): Promise<void>;
};

/**
 * Makes every object of the program once, in order: the map of the house. What is cheap and must be there at once is
 * made here; what is heavy stands behind `lazy` and is loaded by its first use.
 */
export const compose = (context: vscode.ExtensionContext): Program => {
  const { extensionUri } = context;
  // One list for everything: what is made after the end, by an import that was still under way, is ended at once.
  const disposables = createDisposableList();
  context.subscriptions.push(disposables);
  const workerUrl = (name: string) => pathToFileURL(vscode.Uri.joinPath(extensionUri, "dist", `${name}.js`).fsPath);

  // What everything else reports to.
  const redactor = createRedactor();
  const log = createLogChannel(redactor);
  disposables.add(log);
  const notices = createNotices(log);
  const ledger = createLedger({ clock });
  const statusBar = disposables.add(createStatusBar());
  const apiKeys = createApiKeys(context.secrets, (apiKey) => redactor.learn(apiKey));
  const enabled = createEnabledCheck("completion.enabled");
  const nextEditEnabled = createEnabledCheck("nextEdit.enabled");
  let { settings: wished, problems } = readSettings();

  // Memory of our own: one budget for all caches, and less of everything while memory is low.
  const lowMemory = createLowMemory({ clock, mode: () => wished.lowMemory, onChange: () => void memoryChanged() });
  let lowReason: LowMemoryReason | undefined;
  const isLow = () => lowReason !== undefined;
  const settingsNow = () => {
    lowReason = lowMemory.reason();
    statusBar.setSaving(lowReason && lowMemorySentence(lowReason, vscode.l10n.t));
    ledger.setCapacity(requestsKept(isLow()));
    return isLow() ? withLessMemory(wished) : wished;
  };
  let settings = settingsNow();
  const cacheBudget = lazy(async () => {
    const [{ createCacheBudget }, { monitor }] = await Promise.all([import("../cache/cacheBudget.ts"), memory()]);
    const budget = createCacheBudget({ clock });
    budget.register({ name: "requests", ...ledger });
    const keep = () => budget.keepWithin(cacheBudgetBytes(monitor.levels(), isLow()));
    disposables.add(monitor.onSample(keep));
    keep();
    return budget;
  });

  // Model servers: one pooled client for all of them, loaded by the first request.
  const faultReporter = lazy(async () => {
    const { createFaultReporter } = await import("./faults.ts");
    return createFaultReporter({ log, notices, statusBar, clock });
  });
  const reportFault = async (error: unknown, setting: ModelSetting | undefined, isAsked = false) =>
    (await faultReporter()).report(error, setting, isAsked);
  const connections = disposables.add(
    createConnections({
      clock,
      log,
      settings: () => settings,
      apiKeyFor: (origin) => apiKeys.get(origin),
      network: networkOptions,
      storageFolder: context.globalStorageUri.fsPath,
      async keepResident(provider, setting) {
        const watch = await memory();
        return (await watch.residency()).wrap(provider, setting);
      },
    }),
  );
  // A folder that is not trusted is read as text by the predictor, never sent anywhere.
  const completionSetting = () => (vscode.workspace.isTrusted ? settings.completion : undefined);
  disposables.add(
    registerWarmUp(clock, (isFirstFocus) => {
      const setting = completionSetting();
      if (!setting) return;
      connections.warmUp(setting);
      if (isFirstFocus) void memory().then((watch) => watch.warmUp(setting));
    }),
  );

  // Memory: the indicator, and which models stay loaded.
  const memory: () => Promise<Memory> = lazy(async () => {
    const { createMemory } = await import("./memory.ts");
    // A turn between: loading and the first sample together would hold the thread for 9 ms.
    await pause(clock, 1);
    const { logUri, globalState } = context;
    const parts = { clock, log, ledger, statusBar, connections, apiKeys, workerUrl, logUri, globalState };
    const made = disposables.add(createMemory({ ...parts, settings: () => settings.memory }));
    const { monitor } = made;
    const takeSample = () => lowMemory.take(monitor.latest(), monitor.levels());
    disposables.add(monitor.onSample(takeSample));
    disposables.add(monitor.onAlert(() => void cacheBudget()));
    takeSample();
    return made;
  });
  // In a turn of its own: start-up must not hold other extensions.
  disposables.add(clock.after(0, () => void memory()));
  disposables.add(
    watchPauses({
      clock,
      ledger,
      longestPause: () => connections.longestPause(),
      show: (waiting) => statusBar.setWaiting(waiting && pauseSentence(waiting, vscode.l10n.t)),
    }),
  );

  // The embedded predictor, in its worker, while the settings want it.
  let predictorService: Promise<PredictorService> | undefined;
  const makePredictor = async () => {
    const [{ createPredictorService }, { predictorIndexFile }] = await Promise.all([
      import("../predictor/predictorService.ts"),
      import("./predictorFeed.ts"),
    ]);
    const service = createPredictorService({
      workerUrl: workerUrl("predictorWorker"),
      log,
      maxBytes: settings.predictorMaxBytes,
      confidence: settings.predictorConfidence,
      readsOnBattery: settings.predictorIndexesOnBattery,
      indexFile: predictorIndexFile(context),
      onProgress: ({ done, total }) => statusBar.setLearning(done / total),
      onLearned: () => statusBar.setLearning(undefined),
    });
    disposables.add({ dispose: () => void service.dispose() });
    return service;
  };
  const predictor = () =>
    (predictorService ??= makePredictor().catch((error: unknown) => {
      // So that the next one who needs it tries anew.
      predictorService = undefined;
      throw error;
    }));
  /** What a running predictor was started with. */
  const predictorOptions = () =>
    [settings.predictorMaxBytes, settings.predictorConfidence, settings.predictorIndexesOnBattery].join();
  const predictorFeed = disposables.add(
    startPredictorFeed({
      log,
      isWanted: () => settings.predictorEnabled,
      async load() {
        const { registerPredictorFeed } = await import("./predictorFeed.ts");
        return registerPredictorFeed({ predictor, clock, log, isWanted: () => settings.predictorEnabled });
      },
    }),
  );
  /** Ghost text goes on with the model alone where the predictor cannot be started. */
  const predictorOrNone = async () => {
    try {
      return await predictor();
    } catch (error) {
      log.error(`The predictor could not be started: ${String(error)}`);
      return undefined;
    }
  };
  const stopPredictor = async () => {
    const service = predictorService;
    predictorService = undefined;
    predictorFeed.stop();
    statusBar.setLearning(undefined);
    await (await service?.catch(() => undefined))?.dispose();
  };

  // Ghost text.
  const tellsOfFiles = () => settings.relatedFiles && completionSetting() !== undefined;
  let loadedEngine: CompletionEngine | undefined;
  const engine = lazy(async () => {
    const [{ createCompletionEngine }, { createPromptBuilder }, { registerRelatedFiles }] = await Promise.all([
      import("../completion/engine.ts"),
      import("../completion/prompt.ts"),
      import("./relatedFiles.ts"),
    ]);
    const related = disposables.add(
      registerRelatedFiles({ clock, isWanted: tellsOfFiles, mayLeave: () => settings.relatedFilesAnywhere }),
    );
    const prompts = createPromptBuilder({ clock, layout: () => settings.promptLayout, related: related.source });
    const budget = await cacheBudget();
    loadedEngine = disposables.add(
      createCompletionEngine({
        clock,
        ledger,
        prompts,
        onBetter: (snapshot) => ghostText.showAgain(snapshot),
        speculateOnMetered: () => settings.speculateOnMetered,
        speculates: () => !isLow(),
        onSuccess: () => statusBar.setProblem(undefined),
        onFailure: (error) => void reportFault(error, settings.completion),
      }),
    );
    for (const { cache } of [loadedEngine, prompts, related]) disposables.add(budget.register(cache));
    await useSources(loadedEngine);
    return loadedEngine;
  });
  // Settings may change while a source is being made: only the newest call has a say.
  let generation = 0;
  const useSources = async (target: CompletionEngine) => {
    const mine = ++generation;
    const source = settings.predictorEnabled ? await predictorOrNone() : undefined;
    if (mine !== generation) return;
    target.use({ predictor: source });
    const setting = completionSetting();
    if (setting) void useModel(target, source, setting, mine);
  };
  /** Loading the client takes tens of milliseconds: the predictor answers meanwhile. */
  const useModel = async (
    target: CompletionEngine,
    source: PredictionSource | undefined,
    setting: RoleSetting,
    mine: number,
  ) => {
    try {
      const model = await connections.source("completion", setting);
      if (mine === generation) target.use({ predictor: source, model });
    } catch (error) {
      if (mine === generation) await reportFault(error, setting);
    }
  };
  const isEnabled = (document: vscode.TextDocument) => enabled.isEnabled(document);
  const snooze = disposables.add(createSnooze(clock));
  const wantsGhostText = (document: vscode.TextDocument) => snooze.leftMs() === undefined && isEnabled(document);
  const ghostTextStatus = disposables.add(createGhostTextStatus({ snooze, isEnabled }));
  const ghostText = disposables.add(
    startGhostText({
      isEnabled: wantsGhostText,
      log,
      async load() {
        const [{ createAcceptance }, { registerGhostText }] = await Promise.all([
          import("../completion/acceptance.ts"),
          import("./ghostText.ts"),
        ]);
        const acceptance = disposables.add(
          createAcceptance({
            clock,
            onTaken({ suggestion, ...how }) {
              ledger.accepted(suggestion.origin, suggestion.insertText.length, how);
              if (suggestion.insertText !== "") loadedEngine?.accepted(suggestion);
            },
            onUndone(suggestion, documentId) {
              ledger.undone(suggestion.origin, suggestion.insertText.length);
              loadedEngine?.undone(documentId);
            },
            onKept: (suggestion, share) => ledger.kept(suggestion.origin, suggestion.insertText.length, share),
          }),
        );
        return registerGhostText({
          engine,
          acceptance,
          clock,
          ledger,
          log,
          isEnabled: wantsGhostText,
          showDelayMs: () => settings.showDelayMs,
          budget: await cacheBudget(),
        });
      },
    }),
  );

  // Next edits: the change just made, at the next place where it applies.
  const nextEditModel = lazy(async () => {
    const { createNextEditModel } = await import("./nextEditModel.ts");
    return createNextEditModel({
      ledger,
      source: (setting) => connections.source("nextEdit", setting),
      onSuccess: () => statusBar.setProblem(undefined),
      onFailure: (error, setting) => void reportFault(error, setting),
    });
  });
  const nextEdits = disposables.add(
    startNextEdit(async () => {
      const { registerNextEdit } = await import("./nextEdit.ts");
      return registerNextEdit({
        clock,
        log,
        ledger,
        budget: await cacheBudget(),
        isEnabled: (document) => wantsGhostText(document) && nextEditEnabled.isEnabled(document),
        async askModel(editor, nextEdit, signal) {
          const setting = vscode.workspace.isTrusted ? settings.nextEdit : undefined;
          return setting && (await nextEditModel())(setting, editor, nextEdit, signal);
        },
      });
    }, log),
  );
  disposables.add(
    snooze.onDidChange(() => {
      if (snooze.leftMs() !== undefined) nextEdits.clear();
    }),
  );

  // Settings, keys and trust.
  const showProblems = async () => {
    if (problems.length === 0) return;
    const { settingSentence } = await import("./sentences.ts");
    for (const problem of problems) notices.warnOnce(settingSentence(problem, vscode.l10n.t));
  };
  let chat: ChatRegistration | undefined;
  // While several are written, none takes effect before the last.
  let isWriting = false;
  const write = async (changes: Readonly<Record<string, unknown>>) => {
    isWriting = true;
    try {
      await writeSettings(changes);
    } finally {
      isWriting = false;
      await settingsChanged();
    }
  };
  const settingsChanged = async () => {
    if (isWriting) return;
    ({ settings: wished, problems } = readSettings());
    const inUse = useSettings();
    void memory().then((made) => made.settingsChanged(wished));
    enabled.reset();
    ghostTextStatus.refresh();
    chat?.settingsChanged();
    nextEditEnabled.reset();
    nextEdits.clear();
    notices.reset();
    statusBar.setProblem(undefined);
    void showProblems();
    await inUse;
  };
  const useSettings = async () => {
    const usedOptions = predictorOptions();
    settings = settingsNow();
    connections.settingsChanged();
    try {
      if (!settings.predictorEnabled || predictorOptions() !== usedOptions) await stopPredictor();
      if (loadedEngine) await useSources(loadedEngine);
    } catch (error) {
      log.error(`The changed settings could not be used: ${String(error)}`);
    }
  };
  const memoryChanged = async () => {
    await useSettings();
    log.info(lowReason ? lowMemorySentence(lowReason, vscode.l10n.t) : "Memory is no longer low");
  };
  void showProblems();
  disposables.add(
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("hotpath")) void settingsChanged();
      const isExclusion = change.affectsConfiguration("files.exclude") || change.affectsConfiguration("search.exclude");
      if (isExclusion) predictorFeed.relearn();
    }),
  );
  disposables.add(vscode.workspace.onDidGrantWorkspaceTrust(() => void settingsChanged()));
  disposables.add(
    onDidChangeNetworkSettings(() => {
      connections.networkChanged();
      void settingsChanged();
    }),
  );
  // Also when another window stores a key.
  disposables.add(
    context.secrets.onDidChange(() => {
      connections.keyChanged();
      void settingsChanged();
    }),
  );

  const actions = lazy(async () => {
    const { createPaletteActions } = await import("./paletteActions.ts");
    return createPaletteActions({
      extensionUri,
      disposables,
      clock,
      log,
      ledger,
      memory,
      statusBar,
      notices,
      snooze,
      apiKeys,
      connections,
      predictorFeed,
      settings: () => settings,
      write,
      isGhostTextEnabled: isEnabled,
      stopPredictor,
      reportFault,
      workerUrl,
    });
  });
  for (const id of paletteActions) {
    disposables.add(
      vscode.commands.registerCommand(`hotpath.${id}`, async (argument: unknown) => (await actions())[id](argument)),
    );
  }

  // VS Code's chat: the participant and the model behind it.
  const toolCount = () => settings.toolCount;
  let toolMemory: ToolMemory | undefined;
  const tools = lazy(async () => {
    const { openToolMemory } = await import("./toolMemory.ts");
    const storageFolder = context.storageUri?.fsPath;
    const made = disposables.add(await openToolMemory({ ledger, clock, log, storageFolder, count: toolCount }));
    disposables.add((await cacheBudget()).register({ name: "tools", ...made }));
    toolMemory = made;
    return made;
  });
  chat = disposables.add(
    registerChat(
      {
        ledger,
        faults: faultReporter,
        clock,
        log,
        setting: () => settings.chat,
        settings: () => settings,
        source: (setting) => connections.source("chat", setting),
        exact: (setting) => connections.exact(setting),
        storageFolder: context.globalStorageUri.fsPath,
        tools,
        onSuccess: () => statusBar.setProblem(undefined),
      },
      extensionUri,
    ),
  );

  // Tools for any model in VS Code.
  disposables.add(registerOwnTools({ clock, ledger, memory, workerUrl }, context.extension.packageJSON));

  return {
    log,
    async finish() {
      await Promise.all([stopPredictor(), toolMemory?.finish()]);
    },
  };
};

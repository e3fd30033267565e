import { pathToFileURL } from "node:url";
import * as vscode from "vscode";
import { systemClock as clock } from "../base/clock.ts";
import { createDisposableList } from "../base/disposable.ts";
import { lazy } from "../base/lazy.ts";
import type { Log } from "../base/log.ts";
import { createRedactor } from "../base/redact.ts";
import { betweenTurnsMs } from "../base/wait.ts";
import { createLedger } from "../metrics/ledger.ts";
import { composeChat, type ComposedChat } from "./composeChat.ts";
import { composeGhostText, type ComposedGhostText } from "./composeGhostText.ts";
import { composeMemory } from "./composeMemory.ts";
import { composePredictor } from "./composePredictor.ts";
import { createConnections } from "./connections.ts";
import { createGhostTextStatus, type GhostTextStatus } from "./ghostTextStatus.ts";
import { loadAhead } from "./loadAhead.ts";
import { createLogChannel } from "./logChannel.ts";
import { networkOptions } from "./network.ts";
import { startNextEdit, type NextEdits } from "./nextEditStart.ts";
import { createNotices } from "./notices.ts";
import { registerOwnTools } from "./ownTools.ts";
import { registerPaletteCommands } from "./paletteCommands.ts";
import { pauseSentence, watchPauses } from "./pauseWatch.ts";
import { createApiKeys } from "./secrets.ts";
import { createEnabledCheck, writeSettings } from "./settings.ts";
import { createSettingsInUse } from "./settingsInUse.ts";
import type { ModelSetting } from "./settingsSchema.ts";
import { watchSettings } from "./settingsWatch.ts";
import { createSnooze } from "./snooze.ts";
import { createStatusBar } from "./statusBar.ts";
import { registerWarmUp } from "./warmUp.ts";

export type Program = {
  readonly log: Log;
  /**
   * Each registers some of what is neither a command nor needed by one. To be called once, in order, each in a turn of
   * the event loop of its own, before activation is said to be over: start-up must not hold other extensions.
   */
  readonly rest: readonly (() => void)[];
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
  const faults = lazy(async () => {
    const { createFaultReporter } = await import("./faults.ts");
    return createFaultReporter({ log, notices, statusBar, clock });
  });
  const reportFault = async (error: unknown, setting: ModelSetting | undefined, isAsked = false) =>
    (await faults()).report(error, setting, isAsked);
  const onSuccess = () => statusBar.setProblem(undefined);

  // Settings, with less of everything while memory is low, and keys.
  const onMemoryChange = () => void memoryChanged();
  const settingsInUse = createSettingsInUse({ clock, ledger, statusBar, onMemoryChange });
  const { settings } = settingsInUse;
  const apiKeys = createApiKeys(context.secrets, (apiKey) => redactor.learn(apiKey));
  const ghostTextEnabled = createEnabledCheck("completion.enabled");
  const nextEditEnabled = createEnabledCheck("nextEdit.enabled");

  // Model servers: one pooled client for all of them, loaded by the first request.
  const connections = disposables.add(
    createConnections({
      clock,
      log,
      settings,
      apiKeyFor: (origin) => apiKeys.get(origin),
      network: networkOptions,
      storageFolder: context.globalStorageUri.fsPath,
      async keepResident(provider, setting) {
        const watch = await memory();
        return (await watch.residency()).wrap(provider, setting);
      },
    }),
  );
  // Memory: the indicator, which models stay loaded, and one budget for all caches.
  const shared = { disposables, context, clock, log, ledger, statusBar, connections, workerUrl };
  const { memory, cacheBudget } = composeMemory({ ...shared, apiKeys, settingsInUse });

  // The embedded predictor.
  const predictor = composePredictor({ ...shared, settings });

  // Whether ghost text is wanted.
  const snooze = disposables.add(createSnooze(clock));
  const isGhostTextEnabled = (document: vscode.TextDocument) => ghostTextEnabled.isEnabled(document);
  const isGhostTextWanted = (document: vscode.TextDocument) =>
    snooze.leftMs() === undefined && isGhostTextEnabled(document);

  // Made in later turns.
  let ghostText: ComposedGhostText | undefined;
  let ghostTextStatus: GhostTextStatus | undefined;
  let chat: ComposedChat | undefined;
  let nextEdits: NextEdits | undefined;

  // What follows when settings, keys, trust or memory change.
  const showProblems = async () => {
    if (settingsInUse.problems().length === 0) return;
    const { settingSentence } = await import("./sentences.ts");
    for (const problem of settingsInUse.problems()) notices.warnOnce(settingSentence(problem, vscode.l10n.t));
  };
  const useSettings = async () => {
    settingsInUse.follow();
    connections.settingsChanged();
    try {
      await predictor.settingsChanged();
      await ghostText?.settingsChanged();
    } catch (error) {
      log.error(`The changed settings could not be used: ${String(error)}`);
    }
  };
  const memoryChanged = async () => {
    await useSettings();
    log.info(settingsInUse.memorySentence());
  };
  // While several are written, none takes effect before the last.
  let isWriting = false;
  const settingsChanged = async () => {
    if (isWriting) return;
    settingsInUse.readAgain();
    const inUse = useSettings();
    const tellMemory = async () => (await memory()).settingsChanged(settingsInUse.wished());
    tellMemory().catch((error: unknown) => log.error(`Memory does not follow the settings: ${String(error)}`));
    ghostTextEnabled.reset();
    ghostTextStatus?.refresh();
    chat?.settingsChanged();
    nextEditEnabled.reset();
    nextEdits?.clear();
    notices.reset();
    statusBar.setProblem(undefined);
    void showProblems();
    await inUse;
  };
  const write = async (changes: Readonly<Record<string, unknown>>) => {
    isWriting = true;
    try {
      await writeSettings(changes);
    } finally {
      isWriting = false;
      await settingsChanged();
    }
  };
  disposables.add(
    watchSettings({
      secrets: context.secrets,
      onSettings: () => void settingsChanged(),
      onNetwork: () => connections.networkChanged(),
      onKey: () => connections.keyChanged(),
      onExclusions: () => predictor.feed.relearn(),
    }),
  );

  // The palette.
  registerPaletteCommands({
    ...shared,
    extensionUri,
    memory,
    notices,
    snooze,
    apiKeys,
    predictorFeed: predictor.feed,
    settings,
    write,
    isGhostTextEnabled,
    stopPredictor: () => predictor.stop(),
    reportFault,
  });

  // What is registered in later turns, in this order.
  const followWork = () => {
    disposables.add(
      registerWarmUp(clock, (isFirstFocus) => {
        const setting = settingsInUse.completion();
        if (!setting) return;
        connections.warmUp(setting);
        if (isFirstFocus) void loadAhead(setting, { log, connections, memory, isGhostTextWanted });
      }),
    );
    disposables.add(
      watchPauses({
        clock,
        ledger,
        longestPause: () => connections.longestPause(),
        show: (waiting) => statusBar.setWaiting(waiting && pauseSentence(waiting, vscode.l10n.t)),
      }),
    );
    nextEdits = disposables.add(
      startNextEdit(async () => {
        const { createNextEditOffers } = await import("./nextEditOffers.ts");
        return createNextEditOffers({
          ...shared,
          cacheBudget,
          settings,
          isEnabled: (document) => isGhostTextWanted(document) && nextEditEnabled.isEnabled(document),
          onSuccess,
          onFailure: (error, setting) => void reportFault(error, setting),
        });
      }, log),
    );
    disposables.add(
      snooze.onDidChange(() => {
        if (snooze.leftMs() !== undefined) nextEdits?.clear();
      }),
    );
  };
  const offerGhostText = () => {
    ghostTextStatus = disposables.add(
      createGhostTextStatus({ snooze, isEnabled: isGhostTextEnabled, source: settings }),
    );
    ghostText = composeGhostText({
      ...shared,
      cacheBudget,
      settingsInUse,
      predictor: () => predictor.source(),
      isEnabled: isGhostTextWanted,
      onSuccess,
      onFailure: reportFault,
    });
  };
  const offerChat = () => {
    // In VS Code's own view; and tools for any model in it.
    chat = composeChat({ ...shared, cacheBudget, settings, faults, onSuccess });
    disposables.add(registerOwnTools({ clock, ledger, memory, workerUrl }, context.extension.packageJSON));

    void showProblems();
    // In a turn of its own again.
    const startMemory = () =>
      memory().catch((error: unknown) => log.error(`The memory indicator could not be started: ${String(error)}`));
    disposables.add(clock.after(betweenTurnsMs, () => void startMemory()));
  };

  return {
    log,
    rest: [followWork, offerGhostText, offerChat],
    async finish() {
      await Promise.all([predictor.stop(), chat?.finish()]);
    },
  };
};

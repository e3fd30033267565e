import os from "node:os";
import path from "node:path";
import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import { lazy } from "../base/lazy.ts";
import type { Log } from "../base/log.ts";
import { createActivityMeter } from "../memory/activity.ts";
import { describeMemory } from "../memory/describe.ts";
import type { MemoryLogEntry } from "../memory/memoryLog.ts";
import { createMemoryMonitor, type Alert, type MemoryMonitor, type MonitorSettings } from "../memory/monitor.ts";
import { sampleMemory, type MemorySample } from "../memory/sample.ts";
import type { Trend } from "../memory/trend.ts";
import type { Ledger } from "../metrics/ledger.ts";
import type { MemoryReport } from "../report/memoryView.ts";
import type { Connections } from "./connections.ts";
import type { ModelDetails } from "./memoryDetails.ts";
import { createMemoryModels } from "./memoryModels.ts";
import type { MachineReader, MachineReading } from "./memoryReading.ts";
import type { ModelResidency } from "./memoryResidency.ts";
import type { ApiKeys } from "./secrets.ts";
import type { MemorySettings, ModelSetting, Settings } from "./settingsSchema.ts";
import type { StatusBar } from "./statusBar.ts";

/** Memory as this window watches it. */
export type Memory = Disposable & {
  /** Takes the first sample, if the window has the focus, and goes on by itself. To be called once. */
  begin(): void;
  readonly monitor: MemoryMonitor;
  /** Asks the servers in use what is loaded. */
  models(): Promise<ModelDetails>;
  /**
   * Asks vendors' tools and the system for what only they tell, and shows it: for a person's question. Never rejects;
   * undefined: nobody could tell.
   */
  readMachine(): Promise<MachineReading | undefined>;
  /** What to set for a model, by its name as `batchTips` writes it, once somebody has asked what fits this machine; shown while it is loaded. */
  setBatchTips(tips: ReadonlyMap<string, string>): void;
  residency(): Promise<ModelResidency>;
  /** Loads a model in the background, unless the settings, the server or a lack of room are against it. */
  warmUp(setting: ModelSetting): void;
  /** What the performance report shows; asks nobody. */
  report(): MemoryReport;
  /** The settings are others now: these. Servers that are no longer among them are not asked any more. */
  settingsChanged(all: Settings): void;
  /** Writes an event to the log, if there is one: figures and short words. */
  log(kind: "model" | "processes", fields: Readonly<Record<string, number | string | undefined>>): void;
  /** Where all windows remember what was said of alerts. */
  readonly globalState: vscode.Memento;
  readonly remote: string | undefined;
};

export type MemoryOptions = {
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: Ledger;
  readonly statusBar: StatusBar;
  readonly settings: () => MemorySettings;
  readonly connections: Pick<Connections, "transport" | "exact">;
  readonly apiKeys: ApiKeys;
  /** The address of a worker's built file. */
  readonly workerUrl: (name: string) => URL;
  /** This window's own folder. */
  readonly logUri: vscode.Uri;
  readonly globalState: vscode.Memento;
};

const megabyte = 2 ** 20;
/** Who has not typed for so long reads, or is away. */
const idleAfterMs = 2 * 60_000;
const trendEveryMs = 60_000;
/** So often tools are asked while memory is short. To ask takes some itself. */
const readingEveryMs = 5 * 60_000;
/** The level is left this far below its beginning. */
const leaveShare = 0.05;

const monitorSettings = (settings: MemorySettings): MonitorSettings => ({
  intervalMs: settings.intervalSeconds * 1000,
  idleIntervalMs: Math.max(settings.intervalSeconds, settings.idleIntervalSeconds) * 1000,
  limits: {
    machineEnterShare: settings.alertPercent / 100,
    machineLeaveShare: settings.alertPercent / 100 - leaveShare,
    hostWarningBytes: settings.hostWarningMb * megabyte,
    hostCriticalBytes: settings.hostCriticalMb * megabyte,
  },
});

/** The machine that is measured, where the window is on another one. */
export const measuredMachine = (): string | undefined =>
  vscode.env.remoteName === undefined ? undefined : os.hostname();

/** A time of day, as people here write it. */
const clockTime = (dateMs: number): string =>
  new Date(dateMs).toLocaleTimeString(vscode.env.language, { hour: "2-digit", minute: "2-digit" });

/**
 * Watches memory once {@link Memory.begin} is called: samples while the window has the focus, slower while nobody types,
 * draws the indicator, and says so when memory runs short. What it says beside the numbers is loaded when there is
 * something to say.
 */
export const createMemory = (options: MemoryOptions): Memory => {
  const { clock, log, statusBar, settings, globalState } = options;
  const { l10n } = vscode;
  const disposables = createDisposableList();
  const closing = new AbortController();
  disposables.add({ dispose: () => closing.abort() });
  const meter = disposables.add(createActivityMeter({ clock }));
  const monitor = disposables.add(
    createMemoryMonitor({
      clock,
      sample: (): MemorySample => ({ ...sampleMemory(), activity: meter.read() }),
      ...monitorSettings(settings()),
    }),
  );
  const remote = measuredMachine();
  let trend: Trend | undefined;
  let isLeakLikely = false;
  let trendAtMs = clock.nowMs();
  let graphicsTotalBytes: number | undefined;
  let reader: MachineReader | undefined;
  let readingAtMs = Number.NEGATIVE_INFINITY;
  let typedAtMs = clock.nowMs();

  const draw = (sample: MemorySample) => {
    statusBar.show(
      describeMemory(
        {
          sample,
          levels: monitor.levels(),
          trend,
          ...models.details(),
          batchTip: models.tip(),
          graphicsTotalBytes,
          graphicsReading: graphicsReading(),
          remote,
        },
        l10n.t,
      ),
    );
  };

  // What only programs tell: none is started unless somebody asks, or memory is short.
  const machineReader = lazy(async () => {
    const { createMachineReader } = await import("./memoryReading.ts");
    reader = createMachineReader({ workerUrl: options.workerUrl("probeWorker"), clock });
    return reader;
  });
  const graphicsReading = () => {
    const latest = reader?.latest();
    return latest?.graphics && { ...latest.graphics, at: clockTime(latest.dateMs) };
  };
  const readMachine = async (): Promise<MachineReading | undefined> => {
    readingAtMs = clock.nowMs();
    try {
      const found = await (await machineReader()).read();
      // A tip may depend on it.
      if (models.isUsed()) await models.look();
      draw(monitor.latest());
      return found;
    } catch {
      log.info("This machine could not be read");
      return undefined;
    }
  };

  const readGraphics = lazy(async () => {
    const { ownGraphicsBytes } = await (await machineReader()).read();
    graphicsTotalBytes = ownGraphicsBytes;
    return ownGraphicsBytes;
  });
  const models = disposables.add(
    createMemoryModels({ ...options, monitor, reading: () => reader?.latest(), graphicsBytes: readGraphics }),
  );

  // What is said beside the numbers.
  const assess = async () => {
    trendAtMs = clock.nowMs();
    const { assessTrend } = await import("../memory/trend.ts");
    const found = assessTrend(monitor.history());
    // Once is chance: what looks like a leak must look so again a minute later.
    trend = { ...found, possibleLeak: found.possibleLeak && isLeakLikely };
    isLeakLikely = found.possibleLeak;
  };
  // The log.
  const memoryLog = lazy(async () => {
    const { createMemoryLog } = await import("../memory/memoryLog.ts");
    return createMemoryLog({ folder: path.join(options.logUri.fsPath, "memory"), log });
  });
  const keep = (entry: MemoryLogEntry) => {
    if (!settings().log) return;
    memoryLog().then(
      (file) => file.add(entry),
      () => log.warn("The memory log could not be loaded"),
    );
  };
  const write: Memory["log"] = (kind, fields) => keep({ ...fields, atMs: clock.dateMs(), kind });

  const load = async (setting: ModelSetting) => {
    const startMs = clock.nowMs();
    if (await models.load(setting, closing.signal))
      write("model", { event: "warm-up", model: setting.model, durationMs: clock.nowMs() - startMs });
  };

  const onSample = async (sample: MemorySample) => {
    draw(sample);
    const { activity, ...bytes } = sample;
    keep({ ...bytes, ...activity, kind: "sample" });
    if (clock.nowMs() - typedAtMs > idleAfterMs) monitor.setPace("idle");
    const isTrendDue = clock.nowMs() - trendAtMs >= trendEveryMs;
    const isDue = models.isLookDue();
    try {
      if (isTrendDue) await assess();
      if (isDue) await models.look();
    } catch (error) {
      log.warn(`Memory details could not be read: ${error instanceof Error ? error.name : "unknown"}`);
    }
    if (isTrendDue || isDue) draw(monitor.latest());
    const isShort = monitor.levels().machine !== "normal";
    if (isShort && clock.nowMs() - readingAtMs >= readingEveryMs) await readMachine();
  };
  const onAlert = async (alert: Alert) => {
    const { sample, of, level } = alert;
    const { atMs, hostRssBytes, machineTotalBytes, machineAvailableBytes } = sample;
    keep({ of, level, hostRssBytes, machineTotalBytes, machineAvailableBytes, atMs, kind: "alert" });
    if (!settings().alerts) return;
    const { showAlert } = await import("./memoryAlerts.ts");
    await showAlert(alert, {
      clock,
      state: globalState,
      remote,
      look: models.look,
      isStillSo: () => monitor.levels()[of] !== "normal",
    });
  };
  disposables.add(monitor.onSample((sample) => void onSample(sample)));
  disposables.add(monitor.onAlert((alert) => void onAlert(alert)));

  // How fast to look.
  const onFocus = ({ focused }: vscode.WindowState) => {
    typedAtMs = clock.nowMs();
    monitor.setPace(focused ? "active" : "paused");
  };
  disposables.add(vscode.window.onDidChangeWindowState(onFocus));
  disposables.add(
    vscode.workspace.onDidChangeTextDocument(({ document }) => {
      // What a program changes in the background is nobody's typing.
      if (document !== vscode.window.activeTextEditor?.document) return;
      const wasIdle = clock.nowMs() - typedAtMs > idleAfterMs;
      typedAtMs = clock.nowMs();
      if (wasIdle && vscode.window.state.focused) monitor.setPace("active");
    }),
  );
  return {
    begin() {
      // The window may have been closed meanwhile.
      if (closing.signal.aborted) return;
      // With the focus it is drawn by the first sample.
      if (!vscode.window.state.focused) draw(monitor.latest());
      onFocus(vscode.window.state);
    },
    monitor,
    models: async () => {
      const found = await models.look();
      draw(monitor.latest());
      return found;
    },
    readMachine,
    setBatchTips(tips) {
      models.setTips(tips);
      draw(monitor.latest());
    },
    residency: models.residency,
    warmUp(setting) {
      const { warmUp, manageModels } = settings();
      if (warmUp && manageModels && monitor.levels().machine === "normal") void load(setting);
    },
    report() {
      const details = models.details();
      return {
        statistics: monitor.statistics(),
        trend,
        models: details?.models ?? [],
        residency: details?.statistics,
        nextUnload: details?.nextUnload,
        tip: details?.tip ?? models.tip(),
      };
    },
    settingsChanged(all) {
      monitor.configure(monitorSettings(settings()));
      models.settingsChanged(all);
    },
    log: write,
    globalState,
    remote,
    dispose: () => disposables.dispose(),
  };
};

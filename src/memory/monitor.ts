import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import { defaultLimits, hostLevel, machineLevel, usedShare, type Level, type Limits } from "./levels.ts";
import type { MemorySample } from "./sample.ts";
import type { SizeSample } from "./trend.ts";

/** How often to look: somebody works, nobody does, nobody can see it. */
export type Pace = "active" | "idle" | "paused";

export type Levels = { readonly machine: Level; readonly host: Level };

/** A level became worse. */
export type Alert = { readonly of: "machine" | "host"; readonly level: Level; readonly sample: MemorySample };

/** Since the monitor was made. Averages are over samples, whatever lies between them. */
export type MemoryStatistics = {
  readonly samples: number;
  readonly hostAverageBytes: number;
  readonly hostPeakBytes: number;
  /** 0..1 of the machine's memory. */
  readonly machineAverageShare: number;
  readonly machinePeakShare: number;
  readonly machineAlerts: number;
  readonly hostWarnings: number;
  readonly hostCriticals: number;
};

/** How often to look, and when to say something. */
export type MonitorSettings = {
  /** While active, from a second to hours. */
  readonly intervalMs: number;
  readonly idleIntervalMs: number;
  readonly limits: Limits;
};

/** Samples memory at an interval while somebody is looking. */
export type MemoryMonitor = Disposable & {
  /** The newest sample, taken now if there is none yet. */
  latest(): MemorySample;
  /** Stops the interval, restarts it, or makes it slower; restarting samples at once. */
  setPace(pace: Pace): void;
  /** Takes other settings, from the next sample on. */
  configure(settings: MonitorSettings): void;
  onSample(listener: (sample: MemorySample) => void): Disposable;
  /** Called once for each time that a level becomes worse. How often to tell a person is the listener's business. */
  onAlert(listener: (alert: Alert) => void): Disposable;
  levels(): Levels;
  /** The extension host's resident memory, the newest last, for `assessTrend`; that is loaded by whoever shows it. */
  history(): readonly SizeSample[];
  statistics(): MemoryStatistics;
};

/** Two hours at ten seconds: long enough for a leak, and about 150 KB. */
const historySamples = 720;

/**
 * Makes a monitor that is not active yet. It holds one timer while active; dispose it. `intervalMs` while active,
 * `idleIntervalMs` while idle, from a second to hours.
 */
export const createMemoryMonitor = ({
  clock,
  sample,
  intervalMs,
  idleIntervalMs = Math.max(60_000, intervalMs),
  limits = defaultLimits,
}: Partial<MonitorSettings> & {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly sample: () => MemorySample;
}): MemoryMonitor => {
  let settings: MonitorSettings = { intervalMs, idleIntervalMs, limits };
  const sampleListeners = new Set<(sample: MemorySample) => void>();
  const alertListeners = new Set<(alert: Alert) => void>();
  let history: SizeSample[] = [];
  let newest: MemorySample | undefined;
  let timer: Disposable | undefined;
  let pace: Pace = "paused";
  let levels: Levels = { machine: "normal", host: "normal" };
  let samples = 0;
  let hostSumBytes = 0;
  let hostPeakBytes = 0;
  let machineSum = 0;
  let machinePeakShare = 0;
  let machineAlerts = 0;
  let hostWarnings = 0;
  let hostCriticals = 0;

  const count = (taken: MemorySample) => {
    const share = usedShare(taken);
    samples++;
    hostSumBytes += taken.hostRssBytes;
    hostPeakBytes = Math.max(hostPeakBytes, taken.hostRssBytes);
    machineSum += share;
    machinePeakShare = Math.max(machinePeakShare, share);
    history.push({ atMs: taken.atMs, bytes: taken.hostRssBytes });
    // In one piece now and then is cheaper than moving everything each time.
    if (history.length >= 2 * historySamples) history = history.slice(-historySamples);
  };

  const alertsOf = (before: Levels, now: Levels, taken: MemorySample): readonly Alert[] => {
    const alerts: Alert[] = [];
    if (now.machine !== "normal" && before.machine === "normal") {
      machineAlerts++;
      alerts.push({ of: "machine", level: now.machine, sample: taken });
    }
    if (now.host === "critical" ? before.host !== "critical" : now.host === "warning" && before.host === "normal") {
      if (now.host === "critical") hostCriticals++;
      else hostWarnings++;
      alerts.push({ of: "host", level: now.host, sample: taken });
    }
    return alerts;
  };

  const take = (): MemorySample => {
    const taken = sample();
    newest = taken;
    count(taken);
    const before = levels;
    levels = {
      machine: machineLevel(before.machine, taken, settings.limits),
      host: hostLevel(before.host, taken, settings.limits),
    };
    const alerts = alertsOf(before, levels, taken);
    for (const listener of sampleListeners) listener(taken);
    for (const alert of alerts) for (const listener of alertListeners) listener(alert);
    return taken;
  };

  const stop = () => {
    timer?.dispose();
    timer = undefined;
  };
  const schedule = () => {
    timer = clock.after(pace === "idle" ? settings.idleIntervalMs : settings.intervalMs, () => {
      schedule();
      take();
    });
  };
  const setPace = (wanted: Pace) => {
    if (wanted === pace) return;
    const wasPaused = pace === "paused";
    const isFaster = wasPaused || wanted === "active";
    pace = wanted;
    stop();
    if (pace === "paused") return;
    schedule();
    if (isFaster) take();
  };

  return {
    latest: () => (newest ??= sample()),
    setPace,
    configure(wanted) {
      settings = wanted;
      if (pace === "paused") return;
      stop();
      schedule();
    },
    onSample(listener) {
      sampleListeners.add(listener);
      return { dispose: () => sampleListeners.delete(listener) };
    },
    onAlert(listener) {
      alertListeners.add(listener);
      return { dispose: () => alertListeners.delete(listener) };
    },
    levels: () => levels,
    history: () => history.slice(-historySamples),
    statistics: () => ({
      samples,
      hostAverageBytes: samples > 0 ? hostSumBytes / samples : 0,
      hostPeakBytes,
      machineAverageShare: samples > 0 ? machineSum / samples : 0,
      machinePeakShare,
      machineAlerts,
      hostWarnings,
      hostCriticals,
    }),
    dispose() {
      stop();
      pace = "paused";
      sampleListeners.clear();
      alertListeners.clear();
    },
  };
};

import os from "node:os";
import { PerformanceObserver } from "node:perf_hooks";
import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";

/** What was worked since the last reading. Shares are 0..1. */
export type Activity = {
  /** How much of the time this process's JavaScript stood still for collecting garbage. */
  readonly gcShare: number;
  readonly longestGcMs: number;
  /** All of the machine's processors together; undefined where the system does not tell. */
  readonly machineCpuShare: number | undefined;
  /** This process, of one core: 2 are two cores at full load. */
  readonly hostCpuCores: number;
};

/** Measures what was worked between two readings. */
export type ActivityMeter = Disposable & { read(): Activity };

const machineTimes = (): { busyMs: number; allMs: number } => {
  let busyMs = 0;
  let allMs = 0;
  for (const { times } of os.cpus()) {
    const workMs = times.user + times.nice + times.sys + times.irq;
    busyMs += workMs;
    allMs += workMs + times.idle;
  }
  return { busyMs, allMs };
};

/** Begins to count. Reading compares counters that the system keeps anyway, so it never waits; dispose it. */
export const createActivityMeter = ({ clock }: { clock: Clock }): ActivityMeter => {
  let gcMs = 0;
  let longestGcMs = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      gcMs += duration;
      longestGcMs = Math.max(longestGcMs, duration);
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  let sinceMs = clock.nowMs();
  let machine = machineTimes();
  let host = process.cpuUsage();
  return {
    read() {
      const passedMs = Math.max(1, clock.nowMs() - sinceMs);
      const machineNow = machineTimes();
      const hostNow = process.cpuUsage();
      const allMs = machineNow.allMs - machine.allMs;
      const hostMs = (hostNow.user - host.user + hostNow.system - host.system) / 1000;
      const activity = {
        gcShare: Math.min(1, gcMs / passedMs),
        longestGcMs,
        machineCpuShare: allMs > 0 ? Math.min(1, Math.max(0, (machineNow.busyMs - machine.busyMs) / allMs)) : undefined,
        hostCpuCores: hostMs / passedMs,
      };
      gcMs = 0;
      longestGcMs = 0;
      sinceMs += passedMs;
      machine = machineNow;
      host = hostNow;
      return activity;
    },
    dispose: () => observer.disconnect(),
  };
};

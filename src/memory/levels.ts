import type { MemorySample } from "./sample.ts";

/** How bad it is. The machine knows no "critical". */
export type Level = "normal" | "warning" | "critical";

/** When to say something. Shares are 0..1 of the machine's memory. */
export type Limits = {
  readonly machineEnterShare: number;
  readonly machineLeaveShare: number;
  readonly hostWarningBytes: number;
  readonly hostCriticalBytes: number;
};

/** The defaults of the settings. */
export const defaultLimits: Limits = {
  machineEnterShare: 0.8,
  machineLeaveShare: 0.75,
  hostWarningBytes: 2 ** 30,
  hostCriticalBytes: 2 * 2 ** 30,
};

/** An extension host leaves a level when it is this much below its beginning. */
const hostLeaveShare = 0.9;
/** Where the heap has a lower cap than the limits expect, these parts of it take their place. */
const warningCapShare = 0.75;
const criticalCapShare = 0.9;

/** What part of the machine's memory is in use, 0..1. */
export const usedShare = ({ machineTotalBytes, machineAvailableBytes }: MemorySample): number =>
  machineTotalBytes > 0 ? Math.min(1, Math.max(0, 1 - machineAvailableBytes / machineTotalBytes)) : 0;

/** The machine's level after `before`: once entered it is left only at the lower limit. */
export const machineLevel = (before: Level, sample: MemorySample, limits: Limits): Level => {
  const leaveShare = Math.min(limits.machineLeaveShare, limits.machineEnterShare);
  return usedShare(sample) >= (before === "normal" ? limits.machineEnterShare : leaveShare) ? "warning" : "normal";
};

/** The extension host's level after `before`. A limit never lies above what the heap is allowed to take. */
export const hostLevel = (before: Level, sample: MemorySample, limits: Limits): Level => {
  const { hostRssBytes: bytes, hostHeapBytes: heapBytes, hostHeapLimitBytes: capBytes } = sample;
  const criticalBytes = Math.min(limits.hostCriticalBytes, criticalCapShare * capBytes);
  const warningBytes = Math.min(limits.hostWarningBytes, criticalBytes, warningCapShare * capBytes);
  const isPast = (limitBytes: number, isIn: boolean) =>
    Math.max(bytes, heapBytes) >= (isIn ? hostLeaveShare * limitBytes : limitBytes);
  if (isPast(criticalBytes, before === "critical")) return "critical";
  return isPast(warningBytes, before !== "normal") ? "warning" : "normal";
};

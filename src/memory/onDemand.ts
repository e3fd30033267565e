import { readFile, statfs } from "node:fs/promises";
import type { Clock } from "../base/clock.ts";
import { pause } from "../base/wait.ts";

/** Room on the disk that holds a folder, in bytes. */
export type DiskFacts = { readonly freeBytes: number; readonly totalBytes: number };

/** What goes over all of this machine's networks but the loopback. */
export type NetworkFacts = { readonly receivedBytesPerSecond: number; readonly sentBytesPerSecond: number };

/** Reads it when somebody asks; undefined where the system does not tell. */
export const readDisk = async (folder: string): Promise<DiskFacts | undefined> => {
  try {
    const { bsize, bavail, blocks } = await statfs(folder);
    return { freeBytes: bsize * bavail, totalBytes: bsize * blocks };
  } catch {
    return undefined;
  }
};

/** Sums the counters of Linux's `/proc/net/dev`: bytes received stand first behind the name, bytes sent ninth. */
export const countedBytes = (table: string): { readonly received: number; readonly sent: number } => {
  let received = 0;
  let sent = 0;
  for (const line of table.split("\n")) {
    const [, name, counters] = /^\s*([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (counters === undefined || name === "lo") continue;
    const counts = counters.split(/\s+/).map(Number);
    received += counts[0] ?? 0;
    sent += counts[8] ?? 0;
  }
  return { received, sent };
};

const watchMs = 500;

/** Watches for half a second when somebody asks; undefined where the system keeps no such counters (Linux does). */
export const readNetwork = async (
  clock: Clock,
  signal?: AbortSignal,
  readTable: () => Promise<string> = () => readFile("/proc/net/dev", "utf8"),
): Promise<NetworkFacts | undefined> => {
  const table = async () => countedBytes(await readTable());
  try {
    const before = await table();
    const startMs = clock.nowMs();
    await pause(clock, watchMs, signal);
    const after = await table();
    const seconds = Math.max(1, clock.nowMs() - startMs) / 1000;
    return {
      receivedBytesPerSecond: Math.max(0, after.received - before.received) / seconds,
      sentBytesPerSecond: Math.max(0, after.sent - before.sent) / seconds,
    };
  } catch {
    return undefined;
  }
};

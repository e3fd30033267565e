import { readFileSync } from "node:fs";
import os from "node:os";
import v8 from "node:v8";
import type { Activity } from "./activity.ts";
import { readContainerMemory, type ReadText } from "./container.ts";
import { machineMemory } from "./machine.ts";

/** Memory at one moment, in bytes. */
export type MemorySample = {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** Resident memory of this process: in VS Code, of the extension host that all extensions share. */
  readonly hostRssBytes: number;
  readonly hostHeapBytes: number;
  /** Where V8 gives up: the heap can never grow past it. */
  readonly hostHeapLimitBytes: number;
  /** What this machine, or the container that this process runs in, has. */
  readonly machineTotalBytes: number;
  readonly machineAvailableBytes: number;
  /** What was worked since the sample before, where somebody measures it. */
  readonly activity?: Activity;
};

/** The kernel answers these files from memory, in some microseconds each, so nothing waits for a disk. */
const readText: ReadText = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
};

/** Reads the numbers now, by Node's own calls; takes well under a millisecond. */
export const sampleMemory = (): MemorySample => {
  const heap = v8.getHeapStatistics();
  const totalBytes = os.totalmem();
  const machine = machineMemory({
    platform: process.platform,
    totalBytes,
    freeBytes: os.freemem(),
    availableBytes: process.availableMemory(),
    constrainedBytes: process.constrainedMemory(),
    container: process.platform === "linux" ? readContainerMemory(totalBytes, readText) : undefined,
  });
  return {
    atMs: Date.now(),
    hostRssBytes: process.memoryUsage.rss(),
    hostHeapBytes: heap.used_heap_size,
    hostHeapLimitBytes: heap.heap_size_limit,
    machineTotalBytes: machine.totalBytes,
    machineAvailableBytes: machine.availableBytes,
  };
};

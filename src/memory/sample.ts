import os from "node:os";
import v8 from "node:v8";

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
};

/** Reads the numbers now, by Node's own calls; takes well under a millisecond. */
export const sampleMemory = (): MemorySample => {
  const heap = v8.getHeapStatistics();
  const constrainedBytes = process.constrainedMemory();
  const machineTotalBytes = constrainedBytes > 0 ? Math.min(os.totalmem(), constrainedBytes) : os.totalmem();
  return {
    atMs: Date.now(),
    hostRssBytes: process.memoryUsage.rss(),
    hostHeapBytes: heap.used_heap_size,
    hostHeapLimitBytes: heap.heap_size_limit,
    machineTotalBytes,
    machineAvailableBytes: Math.min(os.freemem(), process.availableMemory(), machineTotalBytes),
  };
};

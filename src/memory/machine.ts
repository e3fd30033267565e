import type { ContainerMemory } from "./container.ts";

/** What Node says about this machine's memory, in bytes, and what its container allows. */
export type MachineReadings = {
  readonly platform: string;
  /** `os.totalmem()`. */
  readonly totalBytes: number;
  /** `os.freemem()`. */
  readonly freeBytes: number;
  /** `process.availableMemory()`. */
  readonly availableBytes: number;
  /** `process.constrainedMemory()`: 0 or 2^64 - 1 where nothing is set. */
  readonly constrainedBytes: number;
  readonly container: ContainerMemory | undefined;
};

/**
 * What there is and what is left of it, in the container if there is one. macOS calls memory free only while nobody has
 * ever used it, so the free memory counts on Linux alone, where Node gives the kernel's estimate of what is available.
 * There `availableMemory` takes a container's file pages for used.
 */
export const machineMemory = (readings: MachineReadings): { totalBytes: number; availableBytes: number } => {
  const { platform, totalBytes, freeBytes, availableBytes, constrainedBytes, container } = readings;
  const isLimited = constrainedBytes > 0 && constrainedBytes < totalBytes;
  if (container) {
    return {
      totalBytes: container.limitBytes,
      availableBytes: Math.min(container.availableBytes, container.limitBytes, freeBytes),
    };
  }
  const limitBytes = isLimited ? constrainedBytes : totalBytes;
  const leftBytes = platform === "linux" && !isLimited ? freeBytes : availableBytes;
  return { totalBytes: limitBytes, availableBytes: Math.min(leftBytes, limitBytes) };
};

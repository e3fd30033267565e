import { findDevice } from "../hardware/devices.ts";
import type { HardwareFacts } from "../hardware/probe.ts";

/**
 * Own memory of graphics cards, in bytes, which models can use beside the machine's; 0 for chips that share it. Where a
 * card is known by its name, a smaller measured size is not believed: some systems tell the part that is mapped.
 */
export const graphicsBytesOf = (gpus: HardwareFacts["gpus"]): number =>
  gpus.reduce((sum, { name, memoryBytes = 0, sharesMemory = false }) => {
    const device = findDevice(name);
    if (sharesMemory || device?.unifiedMemory) return sum;
    return sum + Math.max(memoryBytes, device?.memoryBytes ?? 0);
  }, 0);

/** What is in use of the cards' own memory, by whomever, where their drivers tell; undefined where none does. */
export const graphicsUseOf = (
  gpus: HardwareFacts["gpus"],
): { readonly usedBytes: number; readonly totalBytes: number } | undefined => {
  let usedBytes = 0;
  let totalBytes = 0;
  for (const { memoryBytes, freeBytes, sharesMemory = false } of gpus) {
    if (sharesMemory || memoryBytes === undefined || freeBytes === undefined) continue;
    usedBytes += Math.max(0, memoryBytes - freeBytes);
    totalBytes += memoryBytes;
  }
  return totalBytes > 0 ? { usedBytes, totalBytes } : undefined;
};

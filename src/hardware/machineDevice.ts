import { combineDevices, findDevice, processorDevice, unknownDevice } from "./devices.ts";
import type { GpuFacts, HardwareFacts } from "./probe.ts";
import type { DeviceFacts } from "./speed.ts";

const gib = 1024 ** 3;

/** A card with less holds no model that is of use, and only drives a screen. */
const leastCardBytes = 3.5 * gib;

/** What models run on here. */
export type MachineDevice = {
  readonly device: DeviceFacts;
  /** What is free of it now, where the driver tells. */
  readonly freeBytes?: number;
};

/** The machine's memory: all of it, in bytes, and what it gives a second, where that was measured. */
export type MachineMemory = { readonly totalBytes: number; readonly bytesPerSecond?: number | undefined };

const cardOf = (gpu: GpuFacts): DeviceFacts | undefined => {
  const known = findDevice(gpu.name, gpu.memoryBytes);
  if (known) return known.unifiedMemory ? undefined : known;
  return gpu.memoryBytes === undefined ? undefined : unknownDevice(gpu.name, gpu.memoryBytes);
};

/** A chip that computes in the machine's memory, and is known to be worth it. */
const chipOf = (gpu: GpuFacts, { totalBytes }: MachineMemory, wiredLimitBytes: number | undefined) => {
  // Windows tells only what is set aside at start, and lets graphics take half of the rest.
  const mayTake = gpu.sharesMemory
    ? Math.min(totalBytes, gpu.memoryBytes ?? totalBytes)
    : Math.max(gpu.memoryBytes ?? 0, totalBytes / 2);
  const known = findDevice(gpu.name, mayTake);
  if (!known?.unifiedMemory) return undefined;
  return known.vendor === "apple" && wiredLimitBytes !== undefined
    ? { ...known, usableBytes: Math.min(totalBytes, wiredLimitBytes) }
    : known;
};

/**
 * Says what models run on: cards with memory of their own, all of the maker whose cards have most of it together; else
 * a chip with unified memory; else the processor. A card that no table knows counts with its memory and without a speed.
 */
export const machineDevice = (facts: HardwareFacts, memory: MachineMemory): MachineDevice => {
  const cards = facts.gpus.flatMap((gpu) => {
    const device = gpu.sharesMemory ? undefined : cardOf(gpu);
    return device && device.memoryBytes >= leastCardBytes ? [{ device, freeBytes: gpu.freeBytes }] : [];
  });
  const makers = Map.groupBy(cards, ({ device }) => device.vendor);
  const sizeOf = (of: typeof cards): number => of.reduce((sum, { device }) => sum + device.memoryBytes, 0);
  const [most] = [...makers.values()].toSorted((a, b) => sizeOf(b) - sizeOf(a));
  if (most) {
    const freeBytes = most.reduce<number | undefined>(
      (sum, card) => (sum === undefined || card.freeBytes === undefined ? undefined : sum + card.freeBytes),
      0,
    );
    const device = combineDevices(most.map((card) => card.device));
    return { device, ...(freeBytes === undefined ? {} : { freeBytes }) };
  }
  for (const gpu of facts.gpus) {
    const device = chipOf(gpu, memory, facts.wiredLimitBytes);
    if (device) return { device };
  }
  return { device: processorDevice(facts.cpu, memory.totalBytes, memory.bytesPerSecond) };
};

/** Whether the speed of the machine's own memory decides, so that it is worth measuring. */
export const computesOnProcessor = (facts: HardwareFacts): boolean =>
  machineDevice(facts, { totalBytes: 0 }).device.vendor === "cpu";

import type { Translate } from "../../src/base/translate.ts";
import { adviceMarkdown, adviceRows, publishedCandidates, type Candidate } from "../../src/hardware/adviceTables.ts";
import { findDevice, processorDevice } from "../../src/hardware/devices.ts";
import type { DeviceFacts } from "../../src/hardware/speed.ts";

const gib = 1024 ** 3;

/** The messages as they stand in the source. */
export const english: Translate = (message, ...values) =>
  message.replaceAll(/\{(\d+)\}/g, (_, index) => String(values[Number(index)]));

const device = (name: string, memoryGib: number): DeviceFacts => {
  const found = findDevice(name, memoryGib * gib);
  if (!found) throw new Error(`No facts about ${name}`);
  return found;
};

/** The machines that the golden tables of advice are made for, by the name of their file. */
export const adviceDevices: Readonly<Record<string, DeviceFacts>> = {
  rtx3080: device("NVIDIA GeForce RTX 3080", 10),
  rtx3090: device("NVIDIA GeForce RTX 3090", 24),
  rtx4090: device("NVIDIA GeForce RTX 4090", 24),
  a100: device("NVIDIA A100-PCIE-40GB", 40),
  m4Pro: device("Apple M4 Pro", 24),
  cpuOnly: processorDevice("Processor only, two channels of DDR4-3200", 32 * gib),
};

/** The models of the golden tables: those that the report always shows. */
export const adviceModels: readonly Candidate[] = publishedCandidates;

export const goldenAdvice = (of: DeviceFacts): string => adviceMarkdown(adviceRows(adviceModels, of), of, english);

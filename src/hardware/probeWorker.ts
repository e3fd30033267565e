import { parentPort } from "node:worker_threads";
import { cpu, graphics } from "systeminformation";
import type { HardwareFacts, ProbeAnswer } from "./probe.ts";

const readFacts = async (): Promise<HardwareFacts> => {
  const [processor, display] = await Promise.all([cpu(), graphics()]);
  return {
    cpu: `${processor.manufacturer} ${processor.brand}`.trim(),
    physicalCores: processor.physicalCores,
    gpus: display.controllers
      .map(({ vendor, model, vram, vramDynamic }) => ({
        name: model.startsWith(vendor) ? model : `${vendor} ${model}`.trim(),
        // systeminformation counts video memory in MiB; dynamic memory is the machine's own.
        memoryBytes: vram && !vramDynamic ? vram * 1024 * 1024 : undefined,
      }))
      .filter(({ name }) => name !== ""),
  };
};

const answer = (message: ProbeAnswer) => parentPort?.postMessage(message);
readFacts().then(
  (facts) => answer({ facts }),
  (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }),
);

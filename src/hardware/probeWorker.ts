import { parentPort, workerData } from "node:worker_threads";
import { cpu, graphics, processes } from "systeminformation";
import type { HardwareFacts, ProbeAnswer, ProbeQuestion, ProcessFacts } from "./probe.ts";

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

/** On some systems the name is a path, or carries arguments that hold one. */
const bareName = (name: string): string => name.split(/\s-/)[0]!.split(/[/\\]/).at(-1)!.trim().slice(0, 40);

const readTopProcesses = async (count: number): Promise<readonly ProcessFacts[]> => {
  const sizes = new Map<string, number>();
  for (const { name, memRss } of (await processes()).list) {
    const bare = bareName(name);
    // systeminformation counts resident memory in KiB.
    if (bare !== "" && memRss > 0) sizes.set(bare, (sizes.get(bare) ?? 0) + memRss * 1024);
  }
  return [...sizes]
    .map(([name, memoryBytes]) => ({ name, memoryBytes }))
    .toSorted((a, b) => b.memoryBytes - a.memoryBytes)
    .slice(0, count);
};

const question: ProbeQuestion | undefined = workerData;
const answer = (message: ProbeAnswer<HardwareFacts | readonly ProcessFacts[]>) => parentPort?.postMessage(message);
(question ? readTopProcesses(question.topProcesses) : readFacts()).then(
  (facts) => answer({ facts }),
  (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }),
);

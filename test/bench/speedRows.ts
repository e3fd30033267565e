import { readFile } from "node:fs/promises";
import type { ModelFacts } from "../../src/hardware/modelFacts.ts";
import type { DeviceFacts } from "../../src/hardware/speed.ts";

/** One measured speed, with the facts that a prediction starts from. */
export type SpeedRow = {
  readonly gpu: string;
  readonly facts: ModelFacts;
  readonly device: DeviceFacts;
  readonly contextTokens: number;
  readonly tokensPerSecond: number;
};

type RawRow = {
  readonly gpu: string;
  readonly gbPerSecond: number;
  readonly model: string;
  readonly fileGib: number;
  readonly activeGib: number;
  readonly backend: DeviceFacts["backend"];
  readonly contextTokens: number;
  readonly tokensPerSecond: number;
};

/** Parameters in thousands of millions (all, active), layers, layers with full attention, key and value heads, head size. */
const shapes: Readonly<Record<string, readonly [number, number, number, number, number, number]>> = {
  "Llama-3.1/3-8B": [8.03, 8.03, 32, 32, 8, 128],
  "Llama-3-8B": [8.03, 8.03, 32, 32, 8, 128],
  "Llama-3-70B": [70.6, 70.6, 80, 80, 8, 128],
  "Llama-3.1-70B": [70.6, 70.6, 80, 80, 8, 128],
  "Llama-2-7B": [6.74, 6.74, 32, 32, 32, 128],
  "DeepSeek-R1-Distill-Qwen-14B": [14.77, 14.77, 48, 48, 8, 128],
  "gpt-oss-20b": [20.91, 3.6, 24, 12, 8, 64],
  "Llama-3.2-3B": [3.21, 3.21, 28, 28, 8, 128],
};

const vendors = ["nvidia", "apple", "amd", "intel"] as const;
const gib = 1024 ** 3;

/** The measured rows that the constants of speed predictions are fitted to. */
export const readSpeedRows = async (): Promise<SpeedRow[]> => {
  const text = await readFile(new URL("../fixtures/hardware/speedRows.json", import.meta.url), "utf8");
  const { rows } = JSON.parse(text) as { rows: RawRow[] };
  return rows.map((row) => {
    const shape = shapes[row.model];
    if (!shape) throw new Error(`No shape for ${row.model}`);
    const [total, active, layers, fullAttentionLayers, kvHeads, headDim] = shape;
    const vendor = vendors.find((name) => row.gpu.toLowerCase().includes(name));
    if (!vendor) throw new Error(`No vendor for ${row.gpu}`);
    return {
      gpu: row.gpu,
      facts: {
        name: row.model,
        parametersTotal: total * 1e9,
        parametersActive: active * 1e9,
        weightsBytes: row.fileGib * gib,
        activeWeightsBytes: row.activeGib * gib,
        layers,
        fullAttentionLayers,
        kvHeads,
        headDim,
      },
      device: {
        name: row.gpu,
        vendor,
        memoryBytes: 0,
        unifiedMemory: vendor === "apple",
        bandwidthBytesPerSecond: row.gbPerSecond * 1e9,
        backend: row.backend,
      },
      contextTokens: row.contextTokens,
      tokensPerSecond: row.tokensPerSecond,
    };
  });
};

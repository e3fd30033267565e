/** A model as published. Sizes in thousands of millions of parameters; layers and widths as in its configuration. */
export type ModelRow = {
  readonly name: string;
  readonly billions: number;
  /** Of these, how many one token uses. */
  readonly activeBillions?: number;
  readonly layers: number;
  readonly fullLayers: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Numbers that a layer keeps per token instead of keys and values (multi-head latent attention). */
  readonly latentWidth?: number;
  readonly contextTokens: number;
  readonly sliding?: { readonly layers: number; readonly window: number; readonly width: number };
  readonly recurrentLayers?: number;
  /** Sizes of published files in GiB, by quantisation. */
  readonly fileGib?: Readonly<Record<string, number>>;
  readonly fim: boolean;
  readonly use: "completion" | "chat" | "both" | "next edit";
};

type TableRow = readonly [
  name: string,
  billions: number,
  layers: number,
  kvHeads: number,
  headDim: number,
  contextTokens: number,
  fim: boolean,
  use: ModelRow["use"],
  more?: Pick<ModelRow, "activeBillions" | "recurrentLayers" | "latentWidth"> & {
    readonly sliding?: readonly [layers: number, window: number, width: number];
  },
];

/**
 * Models for coding and for chat, for when neither a header nor a server tells. Sources: the models' cards and
 * configurations, docker/model-cards@a433166. Windows only where llama.cpp uses them.
 */
const table: readonly TableRow[] = [
  ["Qwen2.5-Coder-0.5B", 0.494, 24, 2, 64, 32_768, true, "completion"],
  ["Qwen2.5-Coder-1.5B", 1.544, 28, 2, 128, 32_768, true, "completion"],
  ["Qwen2.5-Coder-3B", 3.09, 36, 2, 128, 32_768, true, "completion"],
  ["Qwen2.5-Coder-7B", 7.61, 28, 4, 128, 32_768, true, "both"],
  ["Qwen2.5-Coder-14B", 14.77, 48, 8, 128, 32_768, true, "chat"],
  ["Qwen2.5-Coder-32B", 32.76, 64, 8, 128, 32_768, true, "chat"],
  ["Qwen3-4B / 4B-2507", 4.02, 36, 8, 128, 40_960, false, "chat"],
  ["Qwen3-8B", 8.19, 36, 8, 128, 40_960, false, "chat"],
  ["Qwen3-14B", 14.77, 40, 8, 128, 40_960, false, "chat"],
  ["Qwen3-32B", 32.76, 64, 8, 128, 40_960, false, "chat"],
  ["Qwen3-Coder-30B-A3B", 30.5, 48, 4, 128, 262_144, true, "both", { activeBillions: 3.3 }],
  ["Qwen3-Coder-Next", 80, 48, 2, 256, 262_144, false, "chat", { activeBillions: 3, recurrentLayers: 36 }],
  ["Qwen3.5-9B", 9, 32, 4, 256, 262_144, false, "chat", { recurrentLayers: 24 }],
  ["Qwen3.5/3.6/3.8-27B", 27, 64, 4, 256, 262_144, false, "chat", { recurrentLayers: 48 }],
  ["Qwen3.6-35B-A3B", 35, 40, 2, 256, 262_144, false, "chat", { activeBillions: 3, recurrentLayers: 30 }],
  ["Devstral Small 1.1 / Mistral Small 3.x 24B", 23.57, 40, 8, 128, 131_072, false, "chat"],
  ["Devstral-Small-2-24B", 23.6, 40, 8, 128, 262_144, false, "chat"],
  ["Codestral-22B-v0.1", 22.25, 56, 8, 128, 32_768, true, "both"],
  ["Mistral-7B-v0.3", 7.25, 32, 8, 128, 32_768, false, "chat"],
  ["Ministral-8B-2410", 8.02, 36, 8, 128, 131_072, false, "chat"],
  ["Ministral-3-3B", 3.4, 26, 8, 128, 262_144, false, "chat"],
  ["Ministral-3-8B", 8.5, 34, 8, 128, 262_144, false, "chat"],
  ["Ministral-3-14B", 13.5, 40, 8, 128, 262_144, false, "chat"],
  ["gpt-oss-20b", 20.91, 24, 8, 64, 131_072, false, "chat", { activeBillions: 3.6, sliding: [12, 128, 512] }],
  ["gpt-oss-120b", 116.8, 36, 8, 64, 131_072, false, "chat", { activeBillions: 5.1, sliding: [18, 128, 512] }],
  ["DeepSeek-Coder-V2-Lite", 15.7, 27, 1, 0, 163_840, true, "both", { activeBillions: 2.4, latentWidth: 576 }],
  ["Granite-4.0-H-Micro", 3.2, 40, 8, 64, 1_048_576, true, "both", { recurrentLayers: 36 }],
  ["Granite-4.0-H-Tiny", 6.9, 40, 4, 128, 1_048_576, true, "both", { activeBillions: 1, recurrentLayers: 36 }],
  ["Granite-4.0-H-Small", 32.2, 40, 8, 128, 1_048_576, true, "chat", { activeBillions: 9, recurrentLayers: 36 }],
  ["Granite-Code-8B", 8.05, 36, 8, 128, 4096, true, "completion"],
  ["Seed-Coder-8B", 8.25, 32, 8, 128, 32_768, true, "completion"],
  ["StarCoder2-3B", 3.03, 30, 2, 128, 16_384, true, "completion"],
  ["StarCoder2-7B", 7.17, 32, 4, 128, 16_384, true, "completion"],
  ["StarCoder2-15B", 15.96, 40, 4, 128, 16_384, true, "completion"],
  ["Gemma-3-4B", 3.88, 34, 4, 256, 131_072, false, "chat", { sliding: [29, 1024, 1024] }],
  ["Gemma-3-12B", 11.77, 48, 8, 256, 131_072, false, "chat", { sliding: [40, 1024, 2048] }],
  ["Gemma-3-27B", 27, 62, 16, 128, 131_072, false, "chat", { sliding: [52, 1024, 2048] }],
  ["Gemma-4-E4B", 8, 42, 2, 512, 131_072, false, "chat", { activeBillions: 4.5, sliding: [35, 512, 512] }],
  ["Gemma-4-26B-A4B", 26, 30, 2, 512, 262_144, false, "chat", { activeBillions: 4, sliding: [25, 1024, 2048] }],
  ["Gemma-4-31B", 30.7, 60, 4, 512, 262_144, false, "chat", { sliding: [50, 1024, 4096] }],
  ["Phi-4 14B", 14.66, 40, 10, 128, 16_384, false, "chat"],
  ["Phi-4-mini", 3.84, 32, 8, 128, 131_072, false, "chat"],
  ["Llama-3.1-8B / Dolphin-3.0-8B", 8.03, 32, 8, 128, 131_072, false, "chat"],
  ["Llama-3.2-1B", 1.24, 16, 8, 64, 131_072, false, "chat"],
  ["Llama-3.2-3B", 3.21, 28, 8, 128, 131_072, false, "chat"],
  ["Llama-3.3-70B", 70.55, 80, 8, 128, 131_072, false, "chat"],
  ["GLM-4.5-Air", 106, 46, 8, 128, 131_072, false, "chat", { activeBillions: 12 }],
  ["GLM-4.7-Flash", 30, 47, 1, 0, 202_752, false, "chat", { activeBillions: 3, latentWidth: 576 }],
  ["GLM-4-32B-0414", 32.6, 61, 2, 128, 32_768, false, "chat"],
  ["Zeta (v1)", 7.61, 28, 4, 128, 32_768, false, "next edit"],
  ["sweep-next-edit-1.5B", 1.544, 28, 2, 128, 32_768, false, "next edit"],
  ["sweep-next-edit-v2-7B", 7.61, 28, 4, 128, 32_768, false, "next edit"],
];

/** Sizes of published GGUF files. */
const fileGib: Readonly<Record<string, ModelRow["fileGib"]>> = {
  "Qwen2.5-Coder-3B": { Q4_K_M: 1.8 },
  "Qwen2.5-Coder-14B": { Q4_K_M: 8.37, F16: 27.51, Q8_0: 14.62 },
  "Qwen3-8B": { Q4_K_M: 4.66 },
  "Qwen3-Coder-Next": { Q4_K_M: 45.1, Q5_K_M: 52.8, Q6_K: 61, Q8_0: 79 },
  "Codestral-22B-v0.1": { Q6_K: 17 },
  "Mistral-7B-v0.3": { Q4_K_M: 4.07, F16: 13.5 },
  "Ministral-3-3B": { Q4_K_M: 1.99 },
  "Ministral-3-8B": { Q4_K_M: 4.83 },
  "Ministral-3-14B": { Q4_K_M: 7.78 },
  "gpt-oss-20b": { MXFP4: 11.27 },
  "DeepSeek-Coder-V2-Lite": { Q8_0: 15.55 },
  "Granite-4.0-H-Micro": { Q4_K_M: 1.81 },
  "Granite-4.0-H-Tiny": { Q4_K_M: 3.94 },
  "Granite-4.0-H-Small": { Q4_K_M: 18.14 },
  "Gemma-3-4B": { Q4_K_M: 2.31 },
  "Gemma-4-E4B": { Q4_K_M: 5 },
  "Phi-4 14B": { Q4_K_M: 8.43, F16: 27.31 },
  "Llama-3.1-8B / Dolphin-3.0-8B": {
    Q4_K_M: 4.58,
    Q5_K_M: 5.33,
    Q6_K: 6.14,
    Q8_0: 7.95,
    F16: 14.96,
    Q2_K: 2.95,
    IQ4_XS: 4.17,
  },
  "Llama-3.2-1B": { Q8_0: 1.22, F16: 2.3 },
  "Llama-3.2-3B": { Q4_K_M: 1.87, F16: 5.98 },
  "Llama-3.3-70B": {
    Q2_K: 24.56,
    Q3_K_M: 31.91,
    IQ4_XS: 35.3,
    Q4_K_M: 39.6,
    Q5_K_M: 46.52,
    Q6_K: 53.91,
    Q8_0: 69.83,
    F16: 131.43,
  },
  "sweep-next-edit-1.5B": { Q8_0: 1.53 },
};

const rowOf = ([name, billions, layers, kvHeads, headDim, contextTokens, fim, use, more = {}]: TableRow): ModelRow => {
  const { sliding: [near, window, width] = [0, 0, 0], ...rest } = more;
  const files = fileGib[name];
  return {
    name,
    billions,
    layers,
    // All others look at the whole context.
    fullLayers: layers - near - (rest.recurrentLayers ?? 0),
    kvHeads,
    headDim,
    contextTokens,
    fim,
    use,
    ...rest,
    ...(near > 0 ? { sliding: { layers: near, window, width } } : {}),
    ...(files ? { fileGib: files } : {}),
  };
};

/** All of the table's models, in its order. */
export const modelRows: readonly ModelRow[] = table.map(rowOf);

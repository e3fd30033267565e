import type { LayerCache, ModelFacts } from "./modelFacts.ts";
import { modelRows, type ModelRow } from "./modelTable.ts";

const gib = 1024 ** 3;

/**
 * Bits a weight by quantisation, best first: of an 8B model and of a 70B one, which has a smaller part of embeddings
 * (ggml-org/llama.cpp@311c2c9 tools/quantize/README.md; the sizes of published files).
 */
const bitsPerWeight = {
  F16: [16, 16],
  Q8_0: [8.5, 8.5],
  Q6_K: [6.56, 6.56],
  Q5_K_M: [5.7, 5.66],
  Q4_K_M: [4.89, 4.82],
  IQ4_XS: [4.46, 4.3],
  Q3_K_M: [4, 3.89],
  Q2_K: [3.16, 2.99],
  /** Four bits in blocks with a shared exponent, as gpt-oss is published. */
  MXFP4: [4.63, 4.35],
} as const;

export type Quantisation = keyof typeof bitsPerWeight;

/** From the best that is worth its memory to the smallest that is still of use. */
export const quantisations = [
  "Q8_0",
  "Q6_K",
  "Q5_K_M",
  "Q4_K_M",
  "IQ4_XS",
  "Q3_K_M",
  "Q2_K",
] as const satisfies readonly Quantisation[];

/** State of a recurrent layer for one slot, as Qwen3.5-9B logs it: 201 MiB for 4 slots and 24 layers. */
const assumedStateBytes = 2.1 * 1024 * 1024;

const weightsBytes = ({ billions, fileGib }: ModelRow, quantisation: Quantisation): number => {
  const seen = fileGib?.[quantisation];
  if (seen !== undefined) return seen * gib;
  const [small, large] = bitsPerWeight[quantisation];
  return (billions * 1e9 * (billions > 20 ? large : small)) / 8;
};

const cachesOf = ({
  fullLayers,
  kvHeads,
  headDim,
  latentWidth,
  sliding,
  recurrentLayers = 0,
}: ModelRow): LayerCache[] => {
  const width = latentWidth ?? kvHeads * headDim;
  const valueWidth = latentWidth === undefined ? width : 0;
  const full = { layers: fullLayers, keyWidth: width, valueWidth, sliding: false, stateBytes: 0 };
  const recurrent = {
    layers: recurrentLayers,
    keyWidth: 0,
    valueWidth: 0,
    sliding: false,
    stateBytes: assumedStateBytes,
  };
  const { layers = 0, width: near = 0 } = sliding ?? {};
  return [full, { layers, keyWidth: near, valueWidth: near, sliding: true, stateBytes: 0 }, recurrent].filter(
    (cache) => cache.layers > 0,
  );
};

/** Facts of a published model at a quantisation, for when nothing of it is here to be read. */
export const factsFromRow = (row: ModelRow, quantisation: Quantisation): ModelFacts => {
  const {
    name,
    billions,
    activeBillions = billions,
    layers,
    fullLayers,
    kvHeads,
    headDim,
    latentWidth,
    contextTokens,
  } = row;
  const bytes = weightsBytes(row, quantisation);
  return {
    name,
    parametersTotal: billions * 1e9,
    parametersActive: activeBillions * 1e9,
    weightsBytes: bytes,
    activeWeightsBytes: (bytes * activeBillions) / billions,
    layers,
    fullAttentionLayers: fullLayers,
    kvHeads,
    headDim: headDim || (latentWidth ?? 0),
    contextTokens,
    ...(row.sliding ? { slidingWindowTokens: row.sliding.window } : {}),
    caches: cachesOf(row),
  };
};

/** Words that a name may leave out, and those that make another model of one that has them and one that has not. */
const optionalWords = new Set(["small", "lite", "v", "x"]);
const decisiveWords = [
  "coder",
  "code",
  "mini",
  "next",
  "edit",
  "vl",
  "nemo",
  "small",
  "medium",
  "large",
  "air",
  "flash",
];
const decisive = new Set([...decisiveWords, "micro", "tiny", "embed", "embedding", "math", "devstral", "codestral"]);

/** A name taken apart: "hf.co/x/Gemma-3-27B-it-GGUF:Q4_K_M" and "gemma3:27b" have words, numbers and size in common. */
const takeApart = (name: string) => {
  let rest = name.toLowerCase().replace(/\.gguf$/, "");
  rest = rest.replaceAll(/(?<![a-z0-9])(?:ud-)?(?:i?q\d\w*|b?f16|mxfp4\w*)/g, " ");
  const size = /(?<![a-z0-9.])(\d+(?:\.\d+)?)b(?![a-z0-9])/.exec(rest)?.[1];
  // Sizes, parameters in use, and the versions of weights ("v0.3") do not name a model.
  rest = rest.replaceAll(/(?<![a-z0-9.])[ae]?\d+(?:\.\d+)?b(?![a-z0-9])|(?<=[-_ ])v\d+\.\d+/g, " ");
  // A number of four digits is a date.
  const numbers = (rest.match(/\d+(?:\.\d+)?/g) ?? []).map(Number).filter((number) => number < 1000);
  const words: readonly string[] = rest.match(/[a-z]+/g) ?? [];
  return { words, numbers, size: size === undefined ? undefined : Number(size) };
};

/** How well a name fits a model's, or undefined when it means another one. */
const likeness = (name: string, alias: string, billions: number): number | undefined => {
  const given = takeApart(name);
  const known = takeApart(alias);
  if (known.words.length === 0) return undefined;
  if (
    given.size !== undefined &&
    ![known.size ?? billions, billions].some((size) => Math.abs((given.size ?? 0) / size - 1) < 0.1)
  ) {
    return undefined;
  }
  if (known.words.some((word) => !optionalWords.has(word) && !given.words.includes(word))) return undefined;
  if (given.words.some((word) => decisive.has(word) && !known.words.includes(word))) return undefined;
  if (given.numbers.some((number) => !known.numbers.includes(number))) return undefined;
  const missing = known.numbers.filter((number) => !given.numbers.includes(number)).length;
  return known.words.length + known.numbers.length - 1.5 * missing;
};

/** Says which of the published models a server's or a file's name means, or undefined when it is not clear. */
export const findModel = (name: string): ModelRow | undefined => {
  // Of a path or a registry's address, the end.
  const last = name.replace(/^.*\//, "");
  let best: { row: ModelRow; score: number } | undefined;
  for (const row of modelRows) {
    for (const alias of row.name.split(" / ")) {
      const score = likeness(last, alias, row.billions);
      if (score !== undefined && (!best || score > best.score)) best = { row, score };
    }
  }
  return best?.row;
};

/** Facts of a model by its name, as quantised as the name says, else as models are mostly published. */
export const findModelFacts = (name: string): ModelFacts | undefined => {
  const row = findModel(name);
  if (!row) return undefined;
  const upper = name.toUpperCase();
  const named = (["F16", "MXFP4", ...quantisations] as const).find((quantisation) => upper.includes(quantisation));
  return factsFromRow(row, named ?? (row.fileGib?.["MXFP4"] === undefined ? "Q4_K_M" : "MXFP4"));
};

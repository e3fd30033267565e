import type { ModelFacts } from "./modelFacts.ts";

/** What a model runs on: one graphics card, several as one (`combineDevices`), a chip with unified memory, a processor. */
export type DeviceFacts = {
  readonly name: string;
  readonly vendor: "nvidia" | "amd" | "apple" | "intel" | "cpu";
  /** All of its memory; of a chip with unified memory and of a processor, the machine's. */
  readonly memoryBytes: number;
  /** How much of it the system lets models have, where somebody has set that. */
  readonly usableBytes?: number;
  readonly unifiedMemory: boolean;
  readonly bandwidthBytesPerSecond: number;
  readonly backend: "cuda" | "metal" | "rocm" | "vulkan" | "sycl" | "cpu";
};

export type Speed = {
  /** What one request gets while it is alone. */
  readonly tokensPerSecond: number;
  readonly low: number;
  readonly high: number;
  /** Rough: it depends on computing power, of which a bandwidth says little. */
  readonly promptTokensPerSecond: number;
};

/**
 * A token takes the time to read the weights it uses and the context's keys and values, at the part of the memory's
 * peak that programs reach, and a moment for each layer to be started.
 */
export type SpeedConstants = {
  /** Part of the peak bandwidth that is reached. */
  readonly nvidia: number;
  readonly apple: number;
  readonly amd: number;
  /** Milliseconds that a layer takes whatever its size. */
  readonly nvidiaLayerMs: number;
  readonly appleLayerMs: number;
  readonly amdLayerMs: number;
  /** How many times as long a layer with experts takes to be started. */
  readonly expertLayer: number;
  /** The same on data centre cards, whose memory is faster than one request can use. */
  readonly stackedMemoryLayer: number;
  /** Reading time on GeForce 40 and 50 and their kin, against older ones: their caches are large. */
  readonly newNvidia: number;
  /** Reading time of quantised weights on M1 and M2, which unpack them more slowly than they read them. */
  readonly oldApple: number;
  /** Whole time on Intel's cards, which nobody has tuned as well. */
  readonly intel: number;
};

/**
 * Fitted by `test/bench/speedFit.bench.ts` to the 59 measured rows of `test/fixtures/hardware/speedRows.json` and to
 * nothing else. Leaving one GPU out at a time, the error is 6.6 % in the median and 22 % at the 90th percentile.
 */
export const speedConstants: SpeedConstants = {
  nvidia: 0.85,
  apple: 0.848,
  amd: 0.842,
  nvidiaLayerMs: 0.057,
  appleLayerMs: 0.127,
  amdLayerMs: 0.056,
  expertLayer: 1.841,
  stackedMemoryLayer: 2.626,
  newNvidia: 0.892,
  oldApple: 1.363,
  intel: 2.469,
};

/** The range that is shown: nine in ten of the measured rows lie inside, each predicted from the other GPUs' rows. */
const lowShare = 1 / 1.35;
const highShare = 1.3;

/** Keys and values are read at about this part of the rate of weights: gpt-oss-20b measured at contexts up to 98,000. */
const cacheReadShare = 0.7;

/**
 * Processors, measured with llama.cpp on x86-64: 73 to 92 % of the memory's bandwidth for dense models, 30 to 43 % for
 * one with experts. Context costs computing there, several times what its bytes would take.
 */
const processor = { dense: 0.75, experts: 0.45, cacheReadShare: 0.2 };

/** Names whose memory is stacked beside the chip (HBM). */
const stackedMemory = /\b(?:a100|a30|h100|h200|b200|b300|gh200|v100|mi\d{2,3}x?)\b/i;
const newNvidia = /\brtx (?:40|50)\d0\b|\bada\b|\bblackwell\b|\bl40?s?\b/i;
const oldApple = /\bm[12]\b/i;

/** More bits a weight than this are read as they are, or nearly so. */
const quantisedBits = 7;

/** Whose constants count. What computes says more than who made it: AMD and Intel make processors, too. */
const makerOf = ({ vendor, backend }: DeviceFacts): DeviceFacts["vendor"] => {
  if (backend === "cpu") return "cpu";
  if (backend === "metal") return "apple";
  return backend === "cuda" ? "nvidia" : vendor;
};

const hasExperts = ({ parametersActive, parametersTotal }: ModelFacts): boolean =>
  parametersActive < 0.9 * parametersTotal;

/** Bytes of keys and values that one more token looks at, with a 16-bit cache. */
const cacheReadBytes = (facts: ModelFacts, contextTokens: number): number => {
  const { caches, slidingWindowTokens = 0, fullAttentionLayers, kvHeads, headDim } = facts;
  if (!caches) return 4 * fullAttentionLayers * kvHeads * headDim * contextTokens;
  let numbers = 0;
  for (const { layers, keyWidth, valueWidth, sliding } of caches) {
    const seen = sliding ? Math.min(contextTokens, slidingWindowTokens) : contextTokens;
    numbers += layers * (keyWidth + valueWidth) * seen;
  }
  return 2 * numbers;
};

/** Where the time of one token goes, in seconds. Exported for the bench that fits the constants. */
export const tokenSeconds = (
  facts: ModelFacts,
  device: DeviceFacts,
  contextTokens: number,
  constants: SpeedConstants = speedConstants,
): { readonly weights: number; readonly cache: number; readonly layers: number } => {
  const { bandwidthBytesPerSecond, name } = device;
  const maker = makerOf(device);
  const cacheBytes = cacheReadBytes(facts, contextTokens);
  const experts = hasExperts(facts);
  if (maker === "cpu") {
    const reached = bandwidthBytesPerSecond * (experts ? processor.experts : processor.dense);
    const cache = cacheBytes / (bandwidthBytesPerSecond * processor.cacheReadShare);
    return { weights: facts.activeWeightsBytes / reached, cache, layers: 0 };
  }
  const kind = maker === "intel" ? "amd" : maker;
  const slower = maker === "intel" ? constants.intel : 1;
  const quantised = facts.parametersTotal > 0 && (8 * facts.weightsBytes) / facts.parametersTotal < quantisedBits;
  let perByte = slower / (bandwidthBytesPerSecond * constants[kind]);
  if (maker === "nvidia" && newNvidia.test(name)) perByte *= constants.newNvidia;
  if (maker === "apple" && quantised && oldApple.test(name)) perByte *= constants.oldApple;
  let perLayer = (constants[`${kind}LayerMs`] / 1000) * slower;
  if (experts) perLayer *= constants.expertLayer;
  if (stackedMemory.test(name)) perLayer *= constants.stackedMemoryLayer;
  return {
    weights: facts.activeWeightsBytes * perByte,
    cache: (cacheBytes * perByte) / cacheReadShare,
    layers: perLayer * facts.layers,
  };
};

/**
 * Prompt tokens a second of an 8B model for each GB/s, medians of the measured rows (512-token prompts); AMD, Intel,
 * stacked memory and processors are assumptions.
 */
const promptRates = { nvidia: 4.9, newNvidia: 7.5, apple: 1.7, oldApple: 1.1, amd: 2.5, intel: 1.5, cpu: 0.5 };
const promptParameters = 8.03e9;

const promptSpeed = (facts: ModelFacts, device: DeviceFacts): number => {
  const { name, bandwidthBytesPerSecond } = device;
  const maker = makerOf(device);
  let rate: number = promptRates[maker];
  if (maker === "nvidia" && newNvidia.test(name)) rate = promptRates.newNvidia;
  if (maker === "apple" && oldApple.test(name)) rate = promptRates.oldApple;
  // Stacked memory is fast for its card's computing power; a batch spread over experts uses the card less well.
  if (stackedMemory.test(name)) rate *= 0.6;
  if (hasExperts(facts)) rate *= 0.6;
  return (rate * (bandwidthBytesPerSecond / 1e9) * promptParameters) / Math.max(1, facts.parametersActive);
};

/**
 * How fast a model that fits into a device's memory answers one request there, with `contextTokens` already read.
 * Zero bandwidth (a device that no table knows) gives zeros.
 */
export const predictSpeed = (
  facts: ModelFacts,
  device: DeviceFacts,
  { contextTokens }: { readonly contextTokens: number },
): Speed => {
  if (!(device.bandwidthBytesPerSecond > 0)) return { tokensPerSecond: 0, low: 0, high: 0, promptTokensPerSecond: 0 };
  const { weights, cache, layers } = tokenSeconds(facts, device, Math.max(0, contextTokens));
  const seconds = weights + cache + layers;
  const tokensPerSecond = seconds > 0 ? 1 / seconds : 0;
  return {
    tokensPerSecond,
    low: tokensPerSecond * lowShare,
    high: tokensPerSecond * highShare,
    promptTokensPerSecond: promptSpeed(facts, device),
  };
};

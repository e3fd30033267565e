import { basename } from "node:path";
import { GgufError, readGgufHeader, type GgufHeader } from "./gguf.ts";
import { factsFromHeader, type ComputeWidths, type LayerCache, type ModelFacts } from "./modelFacts.ts";

export type { ModelFacts } from "./modelFacts.ts";
export { GgufError } from "./gguf.ts";

/** Values and bytes of one block, by the names that llama.cpp's `--cache-type-k` and `-v` take. */
const cacheTypes = {
  f32: [1, 4],
  f16: [1, 2],
  bf16: [1, 2],
  q8_0: [32, 34],
  q5_1: [32, 24],
  q5_0: [32, 22],
  q4_1: [32, 20],
  q4_0: [32, 18],
  iq4_nl: [32, 18],
} as const;

export type CacheType = keyof typeof cacheTypes;

/** How a server is started. What is left out has llama.cpp's default. */
export type MemorySettings = {
  /** The server's whole context, over all slots; 0 is the model's own. */
  readonly contextTokens: number;
  /** Requests at the same time; left out, llama.cpp takes four that share one context. */
  readonly slots?: number;
  /** Whether the slots share one context instead of a part of it each. */
  readonly unifiedCache?: boolean;
  readonly keyType?: CacheType;
  readonly valueType?: CacheType;
  readonly microBatchTokens?: number;
  readonly flashAttention?: boolean;
  /** Keep the whole context in layers with a sliding window, too (`--swa-full`). */
  readonly fullSlidingWindow?: boolean;
};

export type MemoryNeed = {
  readonly weightsBytes: number;
  /** Keys and values, of full and of sliding layers. */
  readonly kvBytes: number;
  /** The states of recurrent layers. */
  readonly stateBytes: number;
  /** Scratch memory of a batch; the only figure that is an estimate. */
  readonly computeBytes: number;
  readonly totalBytes: number;
};

const paddedCells = (cells: number): number => Math.ceil(cells / 256) * 256;

const rowBytes = (width: number, type: CacheType): number => {
  const [values, bytes] = cacheTypes[type];
  return Math.ceil(width / values) * bytes;
};

/** Layers by the rough facts, for a model whose header nobody has read. */
const assumedCaches = ({ layers, fullAttentionLayers, kvHeads, headDim }: ModelFacts): LayerCache[] => {
  const width = kvHeads * headDim;
  const full = Math.min(layers, fullAttentionLayers);
  return [{ layers: full, keyWidth: width, valueWidth: width, sliding: false, stateBytes: 0 }];
};

/** A transformer has about 12 x layers x width² parameters, and its feed-forward network is some 3.5 times as wide. */
const assumedCompute = ({ parametersActive, layers }: ModelFacts): ComputeWidths => {
  const embedding = layers > 0 ? Math.sqrt(parametersActive / (12 * layers)) : 0;
  return { feedForward: 14.5 * embedding, attention: 6 * embedding, heads: embedding / 128 };
};

/**
 * The memory that a llama.cpp server takes for a model, by its own rules (read in its sources and checked against its
 * log): weights, keys and values and states to the byte, scratch memory nearly so. The log's figures leave out the
 * process itself, a graphics driver's share, and copies that a processor's own weight layout takes.
 */
export const memoryNeed = (facts: ModelFacts, settings: MemorySettings): MemoryNeed => {
  const { keyType = "f16", valueType = "f16", flashAttention = true, fullSlidingWindow = false } = settings;
  const slots = Math.max(1, Math.floor(settings.slots ?? 4));
  const unified = settings.unifiedCache ?? settings.slots === undefined;
  const context = paddedCells(Math.max(1, settings.contextTokens || facts.contextTokens || 4096));
  const cells = unified ? context : paddedCells(Math.max(1, Math.floor(context / slots)));
  const streams = unified ? 1 : slots;
  const batch = Math.min(settings.microBatchTokens ?? 512, cells * streams);

  const caches = facts.caches ?? assumedCaches(facts);
  const window = facts.slidingWindowTokens ?? 0;
  const slidingCells =
    fullSlidingWindow || window === 0 ? cells : paddedCells(Math.min(cells, window * (unified ? slots : 1) + batch));
  // Without flash attention values lie transposed, and every layer gets rows of the widest one's length.
  const widestValue = Math.max(0, ...caches.map(({ valueWidth }) => valueWidth));

  let kvBytes = 0;
  let stateBytes = 0;
  let fullLayers = 0;
  let slidingLayers = 0;
  for (const cache of caches) {
    stateBytes += cache.stateBytes * slots * cache.layers;
    if (cache.keyWidth === 0) continue;
    const valueWidth = flashAttention || cache.valueWidth === 0 ? cache.valueWidth : widestValue;
    const perCell = rowBytes(cache.keyWidth, keyType) + rowBytes(valueWidth, valueType);
    kvBytes += perCell * (cache.sliding ? slidingCells : cells) * streams * cache.layers;
    if (cache.sliding) slidingLayers += cache.layers;
    else fullLayers += cache.layers;
  }

  const { feedForward, attention, heads } = facts.compute ?? assumedCompute(facts);
  const seen = (fullLayers > 0 ? cells : 0) + (slidingLayers > 0 ? slidingCells : 0);
  const scores = flashAttention
    ? 0
    : heads * Math.max(fullLayers > 0 ? cells : 0, slidingLayers > 0 ? slidingCells : 0);
  // The mask, which says what each token of a batch may look at: half precision with flash attention.
  const maskBytes = batch * seen * (flashAttention ? 2 : 4);
  const computeBytes = Math.round(maskBytes + batch * 4 * Math.max(feedForward, attention + scores));

  const { weightsBytes } = facts;
  return {
    weightsBytes,
    kvBytes,
    stateBytes,
    computeBytes,
    totalBytes: weightsBytes + kvBytes + stateBytes + computeBytes,
  };
};

/** The header of a model; where it lies in several files ("-00001-of-00003.gguf"), with the tensors of them all. */
const readModel = async (path: string): Promise<GgufHeader> => {
  const first = await readGgufHeader(path);
  const split = /^(.*-)00001-of-(\d{5})\.gguf$/.exec(path);
  if (!split) return first;
  const [, start = "", count = ""] = split;
  const tensors = [...first.tensors];
  for (let part = 2; part <= Number(count); part++) {
    const header = await readGgufHeader(`${start}${String(part).padStart(5, "0")}-of-${count}.gguf`);
    for (const tensor of header.tensors) tensors.push(tensor);
  }
  return { ...first, tensors };
};

/**
 * Reads a model's facts from the header of a GGUF file; of a model in several files, give the first.
 * Throws `GgufError` for a file that is none, is damaged, or holds no language model, and the file system's error when
 * it, or one of several, is not there.
 */
export const factsFromGguf = async (path: string): Promise<ModelFacts> => {
  const facts = factsFromHeader(await readModel(path), basename(path, ".gguf"));
  if (facts.layers === 0) throw new GgufError("unsupported", "This GGUF file does not describe a language model");
  return facts;
};

import type { GgufHeader } from "./gguf.ts";

/** What some layers that are alike keep of the tokens they have read. */
export type LayerCache = {
  readonly layers: number;
  /** Numbers kept per token for keys and for values; 0 when the layer keeps none. */
  readonly keyWidth: number;
  readonly valueWidth: number;
  /** Whether the layer looks back only as far as the model's sliding window. */
  readonly sliding: boolean;
  /** A state of fixed size per slot, of recurrent layers. */
  readonly stateBytes: number;
};

/** What decides how much memory a computation takes, as numbers held at the same time per token of a batch. */
export type ComputeWidths = {
  readonly feedForward: number;
  readonly attention: number;
  readonly heads: number;
};

/** What has to be known of a model to say what it needs and how fast it is. The first group is enough for a rough answer. */
export type ModelFacts = {
  readonly name: string;
  readonly parametersTotal: number;
  /** Parameters that one token uses: fewer than all where a token goes to a few experts only. */
  readonly parametersActive: number;
  readonly weightsBytes: number;
  /** Weights that are read for one token. */
  readonly activeWeightsBytes: number;
  readonly layers: number;
  readonly fullAttentionLayers: number;
  readonly kvHeads: number;
  readonly headDim: number;

  readonly architecture?: string;
  readonly contextTokens?: number;
  readonly slidingWindowTokens?: number;
  readonly caches?: readonly LayerCache[];
  readonly compute?: ComputeWidths;
};

/**
 * Which layers slide, where the header tells only the window: every one but the last (or the first) of a period.
 * Read in llama.cpp's sources (`src/models/*.cpp`, 2026). An architecture that is not listed reads a window from its
 * header without using it (phi3, starcoder2, qwen2, llama), so all its layers are full.
 */
const slidingPeriods: Readonly<
  Record<string, { readonly period: number; readonly fullFirst?: true; readonly layers?: number }>
> = {
  gemma2: { period: 2 },
  gemma3: { period: 6 },
  gemma3n: { period: 5 },
  "gpt-oss": { period: 2 },
  // Ollama's name for it.
  gptoss: { period: 2 },
  cohere2: { period: 4 },
  cohere2moe: { period: 4 },
  llama4: { period: 4 },
  // The 32B model only.
  exaone4: { period: 4, layers: 64 },
  "exaone-moe": { period: 4 },
  olmo2: { period: 4 },
  afmoe: { period: 4 },
  plamo3: { period: 8 },
  "muse-glimmer": { period: 4 },
  laguna: { period: 4, fullFirst: true },
  smallthinker: { period: 4, fullFirst: true },
};

/** Windows that the program has where the header names none. */
const builtInWindows: Readonly<Record<string, number>> = { llama4: 8192, gemma2: 4096, exaone4: 4096 };

/** Llama 4 attends in chunks of one length, whatever the header says, unless that is 0. */
const fixedWindows: Readonly<Record<string, number>> = { llama4: 8192 };

/** Architectures that are recurrent in every layer and keep no tokens. */
const recurrentArchitectures = new Set(["mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"]);
/** Architectures that look at a whole text at once and keep nothing of it: embeddings, and texts made by diffusion. */
const cachelessArchitectures = new Set([
  "bert",
  "jina-bert-v2",
  "jina-bert-v3",
  "nomic-bert",
  "nomic-bert-moe",
  "neo-bert",
  "modern-bert",
  "gemma-embedding",
  "dream",
  "llada",
  "llada-moe",
  "rnd1",
]);
/** Architectures that are recurrent but for every so many layers, by `full_attention_interval`, which may be left out. */
const intervalArchitectures = new Set(["qwen3next", "qwen35", "qwen35moe"]);
/** Architectures with a second, small key per token that picks what attention looks at. */
const indexedArchitectures = new Set(["deepseek32", "glm-dsa"]);

/** Reads the header's values of one architecture, whatever the header holds under a name. */
const createKeys = ({ values }: GgufHeader, architecture: string) => {
  const raw = (key: string) => values.get(`${architecture}.${key}`);
  const number = (key: string): number | undefined => {
    const value = raw(key);
    if (typeof value !== "number" || !Number.isFinite(value) || value < 0) return undefined;
    return value;
  };
  /** A value that may be one for all layers or a list with one for each. */
  const perLayer = (key: string, layer: number): number | undefined => {
    const value = raw(key);
    if (!Array.isArray(value)) return number(key);
    const item: unknown = value[layer];
    return typeof item === "number" && item >= 0 ? item : undefined;
  };
  const list = (key: string): readonly number[] | undefined => {
    const value = raw(key);
    return Array.isArray(value) ? value : undefined;
  };
  return { number, perLayer, list };
};

type Keys = ReturnType<typeof createKeys>;

/** Tells of each layer whether it slides, and how far. */
const slidingRule = (architecture: string, keys: Keys, layers: number) => {
  const written = keys.number("attention.sliding_window");
  const window = (written ? (fixedWindows[architecture] ?? written) : written) ?? builtInWindows[architecture] ?? 0;
  const known = slidingPeriods[architecture];
  const list = keys.list("attention.sliding_window_pattern");
  const period = keys.number("attention.sliding_window_pattern") ?? known?.period;
  const slides = (layer: number): boolean => {
    if (window === 0 || (known?.layers !== undefined && known.layers !== layers)) return false;
    // Some files write one period of the pattern instead of all layers.
    if (list && list.length > 0) return list[layer % list.length] !== 0;
    if (period === undefined || (known === undefined && architecture === "phi3")) return false;
    if (period === 0) return true;
    return known?.fullFirst ? layer % period !== 0 : layer % period < period - 1;
  };
  return { window, slides };
};

/** Bytes of one recurrent layer's state for one slot; llama.cpp keeps them as 32-bit floats. */
const recurrentBytes = (keys: Keys, embedding: number, heads: number): number => {
  const linearHead = keys.number("kda.head_dim");
  const convolution = Math.max(0, (keys.number("ssm.conv_kernel") ?? 0) - 1);
  if (linearHead !== undefined) return 4 * (3 * convolution * heads * linearHead + linearHead * linearHead * heads);
  const wkvHead = keys.number("wkv.head_size");
  if (wkvHead !== undefined) return 4 * ((keys.number("token_shift_count") ?? 2) * embedding + embedding * wkvHead);
  const shortConvolution = keys.number("shortconv.l_cache");
  if (shortConvolution !== undefined) return 4 * embedding * Math.max(0, shortConvolution - 1);
  const inner = keys.number("ssm.inner_size") ?? 0;
  const state = keys.number("ssm.state_size") ?? 0;
  const groups = keys.number("ssm.group_count") ?? 0;
  return 4 * (convolution * (inner + 2 * groups * state) + state * inner);
};

/** Whether a layer is recurrent instead of attending, or (Falcon-H1) as well. */
const recurrence = (architecture: string, keys: Keys, layer: number): "none" | "only" | "both" => {
  if (recurrentArchitectures.has(architecture)) return "only";
  if (architecture === "falcon-h1") return "both";
  const listed = keys.list("attention.recurrent_layers");
  if (listed) return listed[layer] ? "only" : "none";
  const interval = keys.number("full_attention_interval") ?? (intervalArchitectures.has(architecture) ? 4 : undefined);
  if (interval) return (layer + 1) % interval === 0 ? "none" : "only";
  const hasState = keys.number("ssm.inner_size") ?? keys.number("shortconv.l_cache") ?? keys.number("kda.head_dim");
  if (hasState === undefined || keys.perLayer("attention.head_count_kv", layer) !== 0) return "none";
  // A layer with neither attention nor a state: Nemotron-H has layers that are a feed-forward network and nothing else.
  const onlyFeedForward =
    architecture.startsWith("nemotron_h") && (keys.perLayer("feed_forward_length", layer) ?? 0) > 0;
  return onlyFeedForward ? "none" : "only";
};

/** Layers that keep tokens: the first so many; the others use what those kept, or only guess ahead. */
const cachingLayers = (architecture: string, keys: Keys, layers: number): number => {
  const shared = keys.number("attention.shared_kv_layers") ?? 0;
  const ahead = keys.number("nextn_predict_layers") ?? 0;
  if (cachelessArchitectures.has(architecture)) return 0;
  if (architecture === "gemma3n") return Math.min(layers, 20);
  return Math.max(0, layers - shared - ahead);
};

/** Heads of the first layer that has any. */
const firstHeads = (keys: Keys, layers: number): number => {
  for (let layer = 0; layer < layers; layer++) {
    const heads = keys.perLayer("attention.head_count", layer) ?? 0;
    if (heads > 0) return heads;
  }
  return Infinity;
};

const readCaches = (architecture: string, keys: Keys, layers: number, embedding: number): LayerCache[] => {
  const { window, slides } = slidingRule(architecture, keys, layers);
  const caching = cachingLayers(architecture, keys, layers);
  const latent = (keys.number("attention.key_length_mla") ?? 0) > 0;
  const indexWidth = indexedArchitectures.has(architecture) ? (keys.number("attention.indexer.key_length") ?? 0) : 0;
  // Heads that the header gives no width are as wide in every layer, however many a layer has.
  const headWidth = Math.floor(embedding / firstHeads(keys, layers)) || 0;
  return Array.from({ length: layers }, (_, layer) => {
    const heads = keys.perLayer("attention.head_count", layer) ?? 0;
    const kvHeads = keys.perLayer("attention.head_count_kv", layer) ?? heads;
    const sliding = window > 0 && slides(layer);
    const width = (kind: "key" | "value"): number =>
      (sliding ? keys.number(`attention.${kind}_length_swa`) : undefined) ??
      keys.perLayer(`attention.${kind}_length`, layer) ??
      headWidth;
    const recurrent = layer < caching ? recurrence(architecture, keys, layer) : "none";
    const attends = recurrent !== "only" && layer < caching;
    return {
      layers: 1,
      keyWidth: attends ? kvHeads * width("key") + indexWidth : 0,
      // Multi-head latent attention keeps one compressed vector per token, from which keys and values are made.
      valueWidth: attends && !latent ? kvHeads * width("value") : 0,
      sliding,
      stateBytes: recurrent === "none" ? 0 : recurrentBytes(keys, embedding, heads),
    };
  });
};

/** Layers that are alike counted together, so that nobody has to go through a hundred of them. */
const countAlike = (caches: readonly LayerCache[]): LayerCache[] => {
  const alike = new Map<string, LayerCache>();
  for (const cache of caches) {
    const kind = `${cache.keyWidth} ${cache.valueWidth} ${cache.sliding} ${cache.stateBytes}`;
    alike.set(kind, { ...cache, layers: (alike.get(kind)?.layers ?? 0) + 1 });
  }
  return [...alike.values()];
};

/**
 * How many numbers per token are held at the same time at the two places where it is most: around the feed-forward
 * network and around attention. Fitted to llama.cpp's logs (`test/fixtures/gguf/memoryTruth.json`): exact for dense
 * models of usual shape, roughly right for the others.
 */
const readCompute = (keys: Keys, layers: number, embedding: number, caches: readonly LayerCache[]): ComputeWidths => {
  const most = (of: (layer: number) => number): number => {
    let result = 0;
    for (let layer = 0; layer < layers; layer++) result = Math.max(result, of(layer));
    return result;
  };
  const forward = most((layer) => keys.perLayer("feed_forward_length", layer) ?? 0);
  const dense = (forward >= 3 * embedding ? 4 : 3) * embedding + 3 * forward;
  const used = keys.number("expert_used_count") ?? 0;
  const expert = keys.number("expert_feed_forward_length") ?? forward;
  const experts = 5 * embedding + used * (3 * expert + embedding);
  // Some mixtures have layers without experts: the first few, or every second one (Llama 4 Maverick).
  const hasDense =
    (keys.number("leading_dense_block_count") ?? 0) > 0 || (keys.number("interleave_moe_layer_step") ?? 0) > 1;
  const forwardWidth = used > 0 ? Math.max(experts, hasDense ? dense : 0) : dense;
  const heads = most((layer) => keys.perLayer("attention.head_count", layer) ?? 0);
  const kvHeads = most((layer) => keys.perLayer("attention.head_count_kv", layer) ?? heads);
  const keyWidth = Math.max(0, ...caches.map((cache) => cache.keyWidth));
  const headWidth = keys.number("attention.key_length") ?? (kvHeads > 0 ? keyWidth / kvHeads : 0);
  const attention = 3 * embedding + 2 * heads * headWidth + 2 * keyWidth;
  const inner = keys.number("ssm.inner_size") ?? 0;
  const groups = (keys.number("ssm.group_count") ?? 0) * (keys.number("ssm.state_size") ?? 0);
  const recurrent = inner > 0 ? 3 * embedding + 5 * inner + 2 * groups : 0;
  return { feedForward: Math.max(forwardWidth, recurrent), attention, heads };
};

/** Parameters and bytes: all of them, and those that one token uses. */
const readWeights = ({ tensors }: GgufHeader, keys: Keys) => {
  const experts = keys.number("expert_count") ?? 0;
  const share = experts > 0 ? Math.min(1, (keys.number("expert_used_count") ?? experts) / experts) : 1;
  const tied = !tensors.some(({ name }) => name === "output.weight");
  const sum = { parametersTotal: 0, parametersActive: 0, weightsBytes: 0, activeWeightsBytes: 0 };
  for (const { name, values, bytes } of tensors) {
    const part = name.includes("_exps.") ? share : 1;
    // Of the tables that tokens are looked up in, one row is read.
    const lookedUp = name.startsWith("per_layer_token_embd.") || (name === "token_embd.weight" && !tied);
    sum.parametersTotal += values;
    sum.parametersActive += values * part;
    sum.weightsBytes += bytes;
    sum.activeWeightsBytes += lookedUp ? 0 : bytes * part;
  }
  return sum;
};

/** More layers than any model has: a damaged header must not become a long loop. */
const mostLayers = 4096;

/** What a GGUF header tells about its model; `name` is used when the header has none. */
export const factsFromHeader = (header: GgufHeader, name: string): ModelFacts => {
  const named = header.values.get("general.architecture");
  const architecture = typeof named === "string" ? named : "";
  const keys = createKeys(header, architecture);
  const layers = Math.min(mostLayers, Math.floor(keys.number("block_count") ?? 0));
  const embedding = keys.number("embedding_length") ?? 0;
  const caches = readCaches(architecture, keys, layers, embedding);
  const full = caches.filter(({ keyWidth, sliding }) => keyWidth > 0 && !sliding);
  const sliding = caches.some((cache) => cache.sliding);
  const written = header.values.get("general.name");
  const attending = caches.findIndex(({ keyWidth }, layer) => keyWidth > 0 && !caches[layer]?.sliding);
  const kvHeads =
    attending < 0
      ? 0
      : (keys.perLayer("attention.head_count_kv", attending) ?? keys.perLayer("attention.head_count", attending) ?? 0);
  const context = keys.number("context_length");
  return {
    name: typeof written === "string" && written !== "" ? written : name,
    ...readWeights(header, keys),
    layers,
    fullAttentionLayers: full.length,
    kvHeads,
    headDim: kvHeads > 0 ? (full[0]?.keyWidth ?? 0) / kvHeads : 0,
    architecture,
    ...(context === undefined ? {} : { contextTokens: context }),
    ...(sliding ? { slidingWindowTokens: slidingRule(architecture, keys, layers).window } : {}),
    caches: countAlike(caches),
    compute: readCompute(keys, layers, embedding, caches),
  };
};

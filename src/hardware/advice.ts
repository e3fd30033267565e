import { isSharedMemory } from "./devices.ts";
import { memoryNeed, type CacheType } from "./memoryNeed.ts";
import type { ModelFacts } from "./modelFacts.ts";
import { predictSpeed, tokenSeconds, type DeviceFacts, type Speed } from "./speed.ts";

const mib = 1024 ** 2;
const gib = 1024 ** 3;

/** What can be said of a model on a device. Everything is for llama.cpp's own defaults but for what it names. */
export type Advice =
  | {
      readonly fits: true;
      /** It takes all of a card's memory, which has to be free of anything else. */
      readonly tight: boolean;
      readonly budgetBytes: number;
      /** With the recommended context. */
      readonly needBytes: number;
      readonly keyValueType: CacheType;
      readonly context: {
        /** As much as the memory takes; as much as is of use, is read in five minutes and leaves a tenth; leaves a quarter. */
        readonly maxTokens: number;
        readonly recommendedTokens: number;
        readonly safeTokens: number;
      };
      readonly batch: {
        /** Requests at the same time, each with `contextTokens`. */
        readonly recommended: number;
        readonly max: number;
        readonly contextTokens: number;
        /** All requests of the recommended batch together. */
        readonly tokensPerSecond: number;
        readonly low: number;
        readonly high: number;
      };
      /** One request alone, with a short context. */
      readonly speed: Speed;
      /** Seconds until a prompt of the recommended context's length has been read. */
      readonly promptSeconds: number;
    }
  | {
      readonly fits: false;
      readonly budgetBytes: number;
      /** With the smallest context that is of use. */
      readonly needBytes: number;
      readonly because: "weights" | "context";
    };

/** What advice depends on beside the model and the device. */
export type AdviceOptions = {
  readonly purpose?: Purpose;
  /** Memory of the device that models can have now, when it is known and something else uses the rest. */
  readonly freeBytes?: number;
};

/** What a context is for: ghost text reads a few files, chat a conversation. */
export type Purpose = "completion" | "chat";
const usefulContext = { completion: 16_384, chat: 65_536 } as const;

/** Less is of no use: a prompt, a file and an answer. */
const leastContext = 4096;
/** Nobody waits longer than this for a prompt to be read. */
const patienceSeconds = 300;
/** Below this an eight-bit cache is worth its small loss. */
const comfortableContext = 8192;
/** Servers are not run with more, and an editor has never more to ask than this. */
const mostSlots = 32;
const usefulSlots = 8;
/** One request of a batch should keep this part of the speed it would have alone. */
const keptShare = 0.5;
/** Parts of the memory beside the weights that a recommended and a safe context take. */
const recommendedShare = 0.9;
const safeShare = 0.75;
/** Measured cases run at full speed on cards that have a gibibyte more than the file. */
const tightRoomBytes = gib;
/** llama.cpp's process, and what a driver takes for it. */
const processBytes = 300 * mib;

/**
 * How much of a device's memory a model may take. A card keeps 1 GiB or 8 % for its driver and the screen; macOS lets
 * the GPU have two thirds of the memory, on machines above 36 GB three quarters; else a fifth stays for the rest.
 */
export const memoryBudget = (device: DeviceFacts): number => {
  const { memoryBytes, vendor } = device;
  const budget = (): number => {
    if (device.usableBytes !== undefined) return device.usableBytes - 512 * mib;
    if (vendor === "apple") return memoryBytes * (memoryBytes <= 36.5 * gib ? 0.667 : 0.75) - 512 * mib;
    if (isSharedMemory(device)) return memoryBytes * 0.8;
    return memoryBytes - Math.max(1024 * mib, memoryBytes * 0.08);
  };
  return Math.max(0, Math.floor(budget()));
};

type Shape = { readonly slots: number; readonly type: CacheType };

const needOf = (facts: ModelFacts, contextTokens: number, { slots, type }: Shape): number =>
  memoryNeed(facts, { contextTokens, slots, unifiedCache: slots === 1, keyType: type, valueType: type }).totalBytes +
  processBytes;

/** The largest context whose need stays within `bytes`, in steps of 256 tokens, at most the model's own. */
const largestContext = (facts: ModelFacts, bytes: number, shape: Shape): number => {
  // Most versions of a large model end here.
  if (facts.weightsBytes > bytes) return 0;
  let low = 0;
  let high = Math.floor((facts.contextTokens ?? 131_072) / 256);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (needOf(facts, middle * 256, shape) <= bytes) low = middle;
    else high = middle - 1;
  }
  return low * 256;
};

/** Seconds of one step in which `requests` get a token each, and of a step with one. */
const stepSeconds = (facts: ModelFacts, device: DeviceFacts, speed: Speed, requests: number, contextTokens: number) => {
  const { weights, cache, layers } = tokenSeconds(facts, device, contextTokens);
  // Requests go to different experts: the more there are, the more of the weights are read.
  const active = facts.activeWeightsBytes / Math.max(1, facts.weightsBytes);
  const read = active < 1 ? (1 - (1 - active) ** requests) / active : 1;
  // What is read once serves all; every further request has to be computed.
  const computed = speed.promptTokensPerSecond > 0 ? (requests - 1) / speed.promptTokensPerSecond : 0;
  return weights * read + cache * requests + layers + computed;
};

const adviseBatch = (facts: ModelFacts, device: DeviceFacts, budget: number, speed: Speed, type: CacheType) => {
  const contextTokens = Math.min(leastContext, facts.contextTokens ?? leastContext);
  const alone = stepSeconds(facts, device, speed, 1, contextTokens / 2);
  let max = 1;
  let recommended = 1;
  for (let slots = 2; slots <= mostSlots; slots++) {
    if (needOf(facts, contextTokens * slots, { slots, type }) > budget) break;
    max = slots;
    const keeps = stepSeconds(facts, device, speed, slots, contextTokens / 2) * keptShare <= alone;
    if (slots <= usefulSlots && keeps) recommended = slots;
  }
  const tokensPerSecond = recommended / stepSeconds(facts, device, speed, recommended, contextTokens / 2);
  const shares =
    speed.tokensPerSecond > 0
      ? { low: speed.low / speed.tokensPerSecond, high: speed.high / speed.tokensPerSecond }
      : { low: 0, high: 0 };
  return {
    recommended,
    max,
    contextTokens,
    tokensPerSecond: Number.isFinite(tokensPerSecond) ? tokensPerSecond : 0,
    low: Number.isFinite(tokensPerSecond) ? tokensPerSecond * shares.low : 0,
    high: Number.isFinite(tokensPerSecond) ? tokensPerSecond * shares.high : 0,
  };
};

type Limits = {
  readonly budgetBytes: number;
  readonly least: number;
  readonly purpose: Purpose;
  readonly tight: boolean;
};

const adviseWithin = (
  facts: ModelFacts,
  device: DeviceFacts,
  { budgetBytes, least, purpose, tight }: Limits,
): Advice => {
  // Shares of what is left beside the weights: those cannot be had smaller.
  const room = Math.max(0, budgetBytes - facts.weightsBytes);
  const reach = (type: CacheType, share: number) =>
    largestContext(facts, facts.weightsBytes + room * share, { slots: 1, type });
  const comfortable = Math.min(comfortableContext, facts.contextTokens ?? comfortableContext);
  const type: CacheType = reach("f16", recommendedShare) >= comfortable ? "f16" : "q8_0";
  const maxTokens = reach(type, 1);
  if (maxTokens < least) {
    const because = facts.weightsBytes + processBytes > budgetBytes ? "weights" : "context";
    return { fits: false, budgetBytes, needBytes: needOf(facts, least, { slots: 1, type }), because };
  }
  const speed = predictSpeed(facts, device, { contextTokens: Math.min(1024, maxTokens) });
  const read = speed.promptTokensPerSecond > 0 ? patienceSeconds * speed.promptTokensPerSecond : Infinity;
  const useful = Math.min(usefulContext[purpose], Math.max(comfortable, Math.floor(read / 256) * 256));
  const within = (share: number) => Math.min(useful, reach(type, share));
  const recommendedTokens = within(recommendedShare);
  return {
    fits: true,
    tight,
    budgetBytes,
    needBytes: needOf(facts, recommendedTokens, { slots: 1, type }),
    keyValueType: type,
    context: { maxTokens, recommendedTokens, safeTokens: within(safeShare) },
    batch: adviseBatch(facts, device, budgetBytes, speed, type),
    speed,
    promptSeconds: speed.promptTokensPerSecond > 0 ? recommendedTokens / speed.promptTokensPerSecond : 0,
  };
};

/** What to set for a model on a device, or why it does not fit there. Pure, and well under 5 ms. */
export const advise = (
  facts: ModelFacts,
  device: DeviceFacts,
  { purpose = "chat", freeBytes = Infinity }: AdviceOptions = {},
): Advice => {
  const trained = facts.contextTokens ?? Infinity;
  const budgetBytes = Math.min(memoryBudget(device), freeBytes);
  const advice = adviseWithin(facts, device, {
    budgetBytes,
    least: Math.min(leastContext, trained),
    purpose,
    tight: false,
  });
  const memoryBytes = Math.min(device.memoryBytes, freeBytes);
  if (advice.fits || isSharedMemory(device) || facts.weightsBytes + tightRoomBytes > memoryBytes) return advice;
  // Nothing else may use the card then, and a short context is all there is.
  const all = { budgetBytes: memoryBytes - 128 * mib, least: Math.min(1024, trained), purpose, tight: true };
  const tight = adviseWithin(facts, device, all);
  return tight.fits ? tight : advice;
};

/**
 * The best of several versions of a model that fits with a comfortable context, else the first that fits at all, without being tight if there is one.
 * `versions` are in order of quality, best first; undefined when none fits.
 */
export const bestFit = <Version extends { readonly facts: ModelFacts }>(
  versions: readonly Version[],
  device: DeviceFacts,
  options: AdviceOptions = {},
): { readonly version: Version; readonly advice: Advice & { readonly fits: true } } | undefined => {
  let first: { version: Version; advice: Advice & { fits: true } } | undefined;
  for (const version of versions) {
    const advice = advise(version.facts, device, options);
    if (!advice.fits) continue;
    if (!first || (first.advice.tight && !advice.tight)) first = { version, advice };
    if (!advice.tight && advice.context.recommendedTokens >= comfortableContext) return { version, advice };
  }
  return first;
};

import { formatCount } from "../base/numbers.ts";
import type { Translate } from "../base/translate.ts";
import { formatBytes, formatShare } from "./format.ts";
import type { LoadedModel } from "./modelServer.ts";

/** What is measured or reported about a loaded model, its server and this machine; what is not known is left out. */
export type TipFacts = {
  readonly server: "ollama" | "llamacpp" | "lmstudio" | "other";
  readonly loaded?: LoadedModel;
  /** Whether the server's graphics memory is its own, and not the machine's main memory. */
  readonly hasOwnGraphicsMemory?: boolean;
  /** What the context's keys and values take now, and in how many bits an element. */
  readonly cacheBytes?: number;
  readonly cacheBits?: number;
  readonly flashAttention?: boolean;
  /** Prompts of the last hour that were too long for the server, and how long it takes them. */
  readonly truncatedPrompts?: number;
  readonly contextTokens?: number;
  /** What the server was started with: the context of all its slots together. */
  readonly contextTotalTokens?: number;
  /** Threads that the server computes with, and cores that the machine really has. */
  readonly threads?: number;
  readonly physicalCores?: number;
  /** Requests that the server keeps room for, and the most that we have seen at once. */
  readonly slots?: number;
  readonly usedSlots?: number;
  /** The most requests that have waited for one of the slots at once. */
  readonly waitedForSlots?: number;
  /** What llama.cpp may take of main memory for prompts that were read before; Infinity: there is no limit. */
  readonly promptCacheBytes?: number;
  readonly machineAvailableBytes?: number;
  /** Loads of the last hour that unloaded something, and all requests in that time. */
  readonly evictionsLastHour?: number;
  readonly requestsLastHour?: number;
};

export type TipId =
  | "truncated"
  | "spilled"
  | "half-cache"
  | "flash-attention"
  | "unused-slots"
  | "more-slots"
  | "threads"
  | "prompt-cache"
  | "reload-thrash";

export type Tip = { readonly id: TipId; readonly text: string };

type Rule = (facts: TipFacts, t: Translate) => string | undefined;

/** Below this a model works well enough, and a server's own figures are not more exact. */
const spilledShare = 0.02;

const spilledBytes = ({ loaded, hasOwnGraphicsMemory }: TipFacts): number => {
  // A model without any graphics memory was put where it is on purpose, or there is none.
  if (!hasOwnGraphicsMemory || !loaded?.graphicsBytes) return 0;
  const bytes = loaded.sizeBytes - loaded.graphicsBytes;
  return bytes > spilledShare * loaded.sizeBytes ? bytes : 0;
};

const spilled: Rule = (facts, t) => {
  const bytes = spilledBytes(facts);
  if (bytes === 0) return undefined;
  const share = formatShare(bytes / facts.loaded!.sizeBytes);
  return t(
    "{0} of the model ({1}) lies in main memory, which slows it down. Lower its context, or choose a smaller model or quantization.",
    formatBytes(bytes),
    share,
  );
};

/** Quantizing the cache to 8 bits saves 47 %: q8_0 stores 32 elements in 34 bytes. */
const halfCacheShare = 1 - 34 / 64;

const halfCache: Rule = (facts, t) => {
  const { cacheBytes = 0, cacheBits = 0, flashAttention, loaded, server } = facts;
  if (cacheBits < 16 || !loaded || cacheBytes < 0.2 * loaded.sizeBytes) return undefined;
  if (spilledBytes(facts) === 0 && (facts.machineAvailableBytes ?? Infinity) > cacheBytes) return undefined;
  const saved = formatBytes(halfCacheShare * cacheBytes);
  if (server === "ollama")
    return t(
      "The context takes {0}. Start Ollama with OLLAMA_FLASH_ATTENTION=1 and OLLAMA_KV_CACHE_TYPE=q8_0 to save about {1}.",
      formatBytes(cacheBytes),
      saved,
    );
  if (server === "llamacpp")
    return flashAttention === false
      ? t(
          "The context takes {0}. Start llama-server with -fa on -ctk q8_0 -ctv q8_0 to save about {1}.",
          formatBytes(cacheBytes),
          saved,
        )
      : t(
          "The context takes {0}. Start llama-server with -ctk q8_0 -ctv q8_0 to save about {1}.",
          formatBytes(cacheBytes),
          saved,
        );
  return t("The context takes {0}. Eight-bit keys and values would save about {1}.", formatBytes(cacheBytes), saved);
};

/** Below this the table of every token against every other is small. */
const flashAttentionTokens = 8192;

const flashAttention: Rule = ({ server, flashAttention: isOn, loaded, contextTokens }, t) => {
  const tokens = contextTokens ?? loaded?.contextTokens ?? 0;
  // A model that runs on the processor alone gains nothing from it.
  if (isOn !== false || !loaded || loaded.graphicsBytes === 0 || tokens < flashAttentionTokens) return undefined;
  if (server === "ollama")
    return t("Flash attention is off. Start Ollama with OLLAMA_FLASH_ATTENTION=1: long contexts take less memory.");
  if (server === "llamacpp")
    return t("Flash attention is off. Start llama-server with -fa on: long contexts take less memory.");
  return t("Flash attention is off. Switched on, long contexts take less memory.");
};

const truncated: Rule = ({ server, truncatedPrompts = 0, contextTokens = 0, contextTotalTokens }, t) => {
  if (truncatedPrompts === 0) return undefined;
  if (server === "llamacpp" && contextTokens > 0)
    return t(
      "Prompts were longer than the context of {0} tokens ({1} in the last hour). Start llama-server with -c {2}, or with fewer slots.",
      formatCount(contextTokens),
      formatCount(truncatedPrompts),
      2 * (contextTotalTokens ?? contextTokens),
    );
  return t(
    "Prompts were longer than the model's context ({0} in the last hour). Load it with a longer one.",
    formatCount(truncatedPrompts),
  );
};

const threads: Rule = ({ server, loaded, threads: used, physicalCores }, t) => {
  if (used === undefined || physicalCores === undefined || physicalCores < 2) return undefined;
  // Where all of it lies in graphics memory, threads wait most of the time.
  const computes = loaded?.graphicsBytes !== undefined && loaded.graphicsBytes < (1 - spilledShare) * loaded.sizeBytes;
  if (!computes || (used <= physicalCores && used >= physicalCores / 2)) return undefined;
  if (server === "llamacpp")
    return t("The model computes with {0} threads on {1} cores. Start llama-server with -t {1}.", used, physicalCores);
  return t("The model computes with {0} threads on {1} cores. {1} threads are fastest.", used, physicalCores);
};

/** As many as an editor has at once: ghost text, chat, and work in the background. */
const editorSlots = 4;

const moreSlots: Rule = ({ server, slots, waitedForSlots = 0, cacheBytes, machineAvailableBytes, loaded }, t) => {
  if (slots === undefined || slots >= editorSlots || waitedForSlots < 2) return undefined;
  const room = machineAvailableBytes ?? 0;
  // Each slot keeps a context of its own; where that may not fit, waiting is better.
  if (cacheBytes === undefined || (loaded?.graphicsBytes ?? 0) > 0 || cacheBytes / slots > 0.5 * room) return undefined;
  if (server === "ollama")
    return t("Requests wait for each other. OLLAMA_NUM_PARALLEL={0} would answer them together.", slots + 1);
  if (server === "llamacpp")
    return t("Requests wait for each other. Start llama-server with -np {0} to answer them together.", slots + 1);
  return undefined;
};

const unusedSlots: Rule = ({ server, slots = 1, usedSlots, cacheBytes = 0 }, t) => {
  if (usedSlots === undefined || slots < 2 || usedSlots * 2 > slots || cacheBytes < 512 * 2 ** 20) return undefined;
  const wanted = Math.max(1, usedSlots);
  const saved = formatBytes((1 - wanted / slots) * cacheBytes);
  if (server === "ollama")
    return t(
      "The server keeps room for {0} requests at once, and {1} were seen. OLLAMA_NUM_PARALLEL={1} would save about {2}.",
      slots,
      wanted,
      saved,
    );
  // llama.cpp divides one context among its slots: fewer make each longer, and save nothing by themselves.
  return undefined;
};

const promptCache: Rule = ({ server, promptCacheBytes = 0, machineAvailableBytes }, t) => {
  if (server !== "llamacpp" || machineAvailableBytes === undefined) return undefined;
  if (promptCacheBytes <= 0.5 * machineAvailableBytes) return undefined;
  const mebibytes = Math.max(0, Math.floor((0.25 * machineAvailableBytes) / 2 ** 20 / 256) * 256);
  if (promptCacheBytes === Infinity)
    return t(
      "llama-server may take all memory for its prompt cache, and {0} are available. Start it with --cache-ram {1}.",
      formatBytes(machineAvailableBytes),
      mebibytes,
    );
  return t(
    "llama-server may take {0} for its prompt cache, and {1} are available. Start it with --cache-ram {2}.",
    formatBytes(promptCacheBytes),
    formatBytes(machineAvailableBytes),
    mebibytes,
  );
};

const reloadThrash: Rule = ({ evictionsLastHour = 0, requestsLastHour = 0 }, t) => {
  if (evictionsLastHour < 6 || evictionsLastHour < 0.1 * requestsLastHour) return undefined;
  return t(
    "Models pushed each other out of memory {0} times in the last hour. Choose smaller ones, or one model for completions and chat.",
    evictionsLastHour,
  );
};

/** The most useful first: what costs most time stands at the front. */
const rules: readonly (readonly [TipId, Rule])[] = [
  ["reload-thrash", reloadThrash],
  ["truncated", truncated],
  ["spilled", spilled],
  ["threads", threads],
  ["half-cache", halfCache],
  ["flash-attention", flashAttention],
  ["prompt-cache", promptCache],
  ["more-slots", moreSlots],
  ["unused-slots", unusedSlots],
];

/** What would make this model faster or smaller, the most useful first, each in one line. */
export const memoryTips = (facts: TipFacts, t: Translate): readonly Tip[] =>
  rules.flatMap(([id, rule]) => {
    const text = rule(facts, t);
    return text === undefined ? [] : [{ id, text }];
  });

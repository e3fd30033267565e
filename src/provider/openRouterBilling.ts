import { isAbortError } from "../base/abort.ts";
import { pause } from "../base/wait.ts";
import { asCount, asObject, clampTo, defined } from "./json.ts";
import { ProviderError } from "./provider.ts";
import type { ProviderErrorKind, ProviderServices, Usage } from "./provider.ts";
import type { Wire } from "./wire.ts";

/** @see https://openrouter.ai/docs/api/reference/streaming (2026-08), "Stream cancellation", without punctuation */
const stopsBilling = new Set([
  "openai",
  "azure",
  "anthropic",
  "fireworks",
  "novita",
  "novitaai",
  "deepinfra",
  "together",
  "cohere",
  "xai",
  "cloudflare",
  "friendli",
  "chutes",
  "deepseek",
]);

/** Whether a company is known to charge no more than what it had written when a request was cancelled. */
export const stopsBillingOnAbort = (providerName: string): boolean =>
  stopsBilling.has(providerName.toLowerCase().replaceAll(/[^a-z0-9]/g, ""));

/** A generation is known some seconds after it has ended: half a minute in all, then nothing more is to be expected. */
const lookupDelaysMs = [4_000, 8_000, 16_000];
/** Who types cancels more requests than are worth asking about. */
const maxWaiting = 20;
/** Asking again would not help, whichever generation it is about. */
const finalKinds = new Set<ProviderErrorKind>(["unauthorized", "payment-required", "rate-limited"]);

const readGeneration = (answer: unknown): Usage | undefined => {
  const data = asObject(asObject(answer)["data"]);
  const costUsd = asCount(data["total_cost"]);
  if (costUsd === undefined) return undefined;
  const promptTokens = asCount(data["native_tokens_prompt"]) ?? asCount(data["tokens_prompt"]);
  const generatedTokens = asCount(data["native_tokens_completion"]) ?? asCount(data["tokens_completion"]);
  return defined<Usage>({
    costUsd,
    promptTokens,
    cachedTokens: clampTo(data["native_tokens_cached"], promptTokens),
    generatedTokens,
    reasoningTokens: clampTo(data["native_tokens_reasoning"], generatedTokens),
  });
};

/** A generation whose cost is to be asked for. */
type Lookup = {
  readonly id: string;
  readonly tell: (usage: Usage) => void;
  /** How often it was asked for. */
  asked: number;
  dueMs: number;
};

/** Finds out what generations have cost that ended without saying so. */
export type LateUsageLookup = {
  /** Calls `tell` once it is known; never, where it is not found out. */
  find(id: string, tell: (usage: Usage) => void): void;
};

/**
 * Makes one for a server. It asks for one generation at a time, none earlier than four seconds after its end, and
 * remembers no more than the newest twenty. When the server does not want to be asked, all of them stay unknown. The
 * program's signal ends everything; there is nothing to dispose.
 */
export const createLateUsageLookup = (
  wire: Pick<Wire, "getJson" | "origin">,
  services: Omit<ProviderServices, "transport">,
): LateUsageLookup => {
  const { clock, log, signal } = services;
  const call = signal ? { signal } : {};
  let waiting: Lookup[] = [];
  let isRunning = false;

  const look = async (lookup: Lookup): Promise<void> => {
    try {
      const usage = readGeneration(await wire.getJson(`/generation?id=${encodeURIComponent(lookup.id)}`, call));
      if (usage) {
        lookup.tell(usage);
        return;
      }
    } catch (error) {
      if (!(error instanceof ProviderError) || finalKinds.has(error.kind)) throw error;
    }
    const delayMs = lookupDelaysMs[++lookup.asked];
    if (delayMs === undefined) return;
    lookup.dueMs = clock.nowMs() + delayMs;
    waiting.push(lookup);
  };

  const run = async (): Promise<void> => {
    isRunning = true;
    try {
      while (waiting.length > 0) {
        const next = waiting.reduce((first, other) => (other.dueMs < first.dueMs ? other : first));
        await pause(clock, Math.max(0, next.dueMs - clock.nowMs()), signal);
        // It may have been forgotten meanwhile.
        if (!waiting.includes(next)) continue;
        waiting = waiting.filter((other) => other !== next);
        await look(next);
      }
    } catch (error) {
      waiting = [];
      if (!isAbortError(error)) log.debug(`${wire.origin} does not say what a cancelled request has cost`);
    } finally {
      isRunning = false;
    }
  };

  return {
    find(id, tell) {
      if (signal?.aborted) return;
      waiting.push({ id, tell, asked: 0, dueMs: clock.nowMs() + lookupDelaysMs[0]! });
      if (waiting.length > maxWaiting) waiting.shift();
      if (!isRunning) void run();
    },
  };
};

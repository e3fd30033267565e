import { isAbortError } from "../base/abort.ts";
import { asCount, asObject, clampTo, defined } from "./json.ts";
import { ProviderError } from "./provider.ts";
import type { ProviderErrorKind, ProviderServices, Usage } from "./provider.ts";
import { pause, type Wire } from "./wire.ts";

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
const lookupDelaysMs = [1_000, 2_000, 4_000, 8_000, 16_000];
/** Asking again would not help. */
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

/**
 * Asks what a generation has cost that ended without saying so, until it is known. Undefined: it never was, or the
 * program ends. Never throws.
 */
export const findLateUsage = async (
  id: string,
  wire: Pick<Wire, "getJson" | "origin">,
  services: ProviderServices,
): Promise<Usage | undefined> => {
  try {
    for (const delayMs of lookupDelaysMs) {
      await pause(services, delayMs, undefined);
      try {
        const usage = readGeneration(await wire.getJson(`/generation?id=${encodeURIComponent(id)}`, {}));
        if (usage) return usage;
      } catch (error) {
        if (!(error instanceof ProviderError) || finalKinds.has(error.kind)) throw error;
      }
    }
  } catch (error) {
    if (!isAbortError(error)) services.log.debug(`${wire.origin} does not say what a cancelled request has cost`);
  }
  return undefined;
};

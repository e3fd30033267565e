import type { Clock } from "../base/clock.ts";
import { ProviderError } from "./provider.ts";
import type { CallOptions, Provider, StreamPart, Validation } from "./provider.ts";

/** Enough to see that text comes. Some models of OpenAI's refuse a chat of less than 16 tokens. */
const completionTokens = 8;
const chatTokens = 16;

const open = (
  provider: Pick<Provider, "streamCompletion" | "streamChat">,
  use: "completion" | "chat",
  call: CallOptions,
): AsyncIterable<StreamPart> => {
  if (use === "completion") {
    const request = { prefix: "const add = (a, b) => ", suffix: ";\n", maxTokens: completionTokens, temperature: 0 };
    return provider.streamCompletion(request, call);
  }
  // No temperature: models that reason take none but their own.
  return provider.streamChat({ messages: [{ role: "user", content: "Say OK." }], maxTokens: chatTokens }, call);
};

/**
 * Does what {@link Provider.validateConnection} promises with the other calls of the same provider. What the server has
 * to be asked first is asked before the time is taken.
 */
export const validate = async (
  provider: Pick<Provider, "capabilities" | "streamCompletion" | "streamChat">,
  use: "completion" | "chat",
  call: CallOptions,
  clock: Clock,
): Promise<Validation> => {
  try {
    const { model } = await provider.capabilities(call);
    const startMs = clock.nowMs();
    let firstTokenMs: number | undefined;
    let end: Extract<StreamPart, { type: "end" }> | undefined;
    for await (const part of open(provider, use, call)) {
      firstTokenMs ??= clock.nowMs() - startMs;
      if (part.type === "end") end = part;
    }
    if (!end || firstTokenMs === undefined)
      throw new ProviderError("truncated", "The answer ended before it was complete");
    return { ok: true, model: end.model ?? model, firstTokenMs, totalMs: clock.nowMs() - startMs, usage: end.usage };
  } catch (error) {
    if (error instanceof ProviderError) return { ok: false, error };
    throw error;
  }
};

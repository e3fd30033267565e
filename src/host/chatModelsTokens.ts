import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import type { ChatMessage, ChatRequest, Provider, StreamPart } from "../provider/provider.ts";
import { createTokenCalibration, estimateMessage, estimateRequest, estimateTokens } from "../provider/tokenEstimate.ts";

/** What a model's texts cost in tokens, learned from what its server counts. */
export type TokenCounts = {
  /**
   * How many tokens a text has for this model. A local server with a tokenizer counts longer texts, for 200 ms at most;
   * else it is an estimate. Each text is counted once. @throws `AbortError`
   */
  count(model: CountedModel, text: string, signal?: AbortSignal): Promise<number>;
  /** About how many tokens a message takes. Asks nobody. */
  estimate(model: CountedModel, message: ChatMessage): number;
  /** The same provider; what it counts in answers is learned. */
  watch<P extends Provider>(model: CountedModel, provider: P): P;
};

export type CountedModel = {
  /** Tells models apart. */
  readonly id: string;
  /** Its server, where that may be asked. */
  readonly open?: () => Promise<Pick<Provider, "countTokens">>;
};

/** The error of an estimate is a few per cent: of what is shorter, no more tokens than matter to nobody. */
const countFromUnits = 600;
/** Longer ones take the server longer than they are worth. */
const countToUnits = 400_000;
const waitMs = 200;
/** After a server did not count in time it has other things to do. */
const restMs = 20_000;
const atOnceMax = 4;
const rememberedMax = 2000;

/** A text is known again by its digest: prompts are not kept. */
const digestOf = (id: string, text: string): string =>
  createHash("sha1").update(`${id}\n`).update(text).digest("base64");

const hasImage = ({ messages }: ChatRequest): boolean =>
  messages.some(({ content }) => typeof content !== "string" && content.some(({ type }) => type === "image"));

/** Starts with nothing learned. */
export const createTokenCounts = (clock: Clock): TokenCounts => {
  const calibration = createTokenCalibration();
  const counted = new Map<string, number>();
  const restsUntilMs = new Map<string, number>();
  let running = 0;

  const byFactor = (id: string, estimated: number): number => Math.round(estimated * calibration.factor(id));

  /** Undefined: the server does not say, or not in time. */
  const ask = async ({ id, open }: CountedModel, text: string, signal?: AbortSignal): Promise<number | undefined> => {
    running++;
    const late = new AbortController();
    let timer: Disposable | undefined;
    try {
      const provider = await open?.();
      if (!provider?.countTokens) {
        restsUntilMs.set(id, Infinity);
        return undefined;
      }
      // Loading the client is not the server's fault.
      timer = clock.after(waitMs, () => late.abort());
      return await provider.countTokens(text, {
        signal: signal ? AbortSignal.any([late.signal, signal]) : late.signal,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      restsUntilMs.set(id, clock.nowMs() + restMs);
      return undefined;
    } finally {
      running--;
      timer?.dispose();
    }
  };

  return {
    async count(model, text, signal) {
      signal?.throwIfAborted();
      const { id, open } = model;
      const estimated = estimateTokens(text);
      const mayAsk = open && text.length >= countFromUnits && text.length <= countToUnits;
      if (!mayAsk) return byFactor(id, estimated);
      const key = digestOf(id, text);
      const known = counted.get(key);
      if (known !== undefined) return known;
      const isResting = (restsUntilMs.get(id) ?? 0) > clock.nowMs();
      if (isResting || running >= atOnceMax) return byFactor(id, estimated);
      const tokens = await ask(model, text, signal);
      if (tokens === undefined) return byFactor(id, estimated);
      calibration.learn(id, estimated, tokens);
      if (counted.size >= rememberedMax) counted.clear();
      counted.set(key, tokens);
      return tokens;
    },

    estimate: ({ id }, message) => byFactor(id, estimateMessage(message)),

    watch: ({ id }, provider) => ({
      ...provider,
      async *streamChat(request, call): AsyncGenerator<StreamPart> {
        for await (const part of provider.streamChat(request, call)) {
          if (part.type === "end" && part.usage.promptTokens !== undefined && !hasImage(request)) {
            calibration.learn(id, estimateRequest(request), part.usage.promptTokens);
          }
          yield part;
        }
      },
    }),
  };
};

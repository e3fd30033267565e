import { firstTokenSpan, type RequestRow } from "../metrics/ledger.ts";
import type { Advice } from "./advice.ts";

/** What this machine was seen to do with one model: medians over its requests. */
export type MeasuredSpeed = {
  readonly tokensPerSecond?: number;
  readonly promptTokensPerSecond?: number;
};

/** Before that one odd request would count too much. */
const leastRequests = 3;
/** Shorter answers are over before a rate can be seen; shorter prompts are mostly waiting. */
const leastGenerated = 16;
const leastRead = 256;

const median = (values: readonly number[]): number | undefined => {
  if (values.length < leastRequests) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

const lastMs = ({ trace }: RequestRow, name: string): number | undefined => {
  const span = trace.children.find((child) => child.name === name);
  // What is last ends with the request.
  const endMs = span?.endMs ?? trace.endMs;
  const lastedMs = span === undefined || endMs === undefined ? 0 : endMs - span.startMs;
  return lastedMs > 0 ? lastedMs : undefined;
};

/** The first token comes with the prompt's last; the others are what the time of writing is for. */
const writingRate = (row: RequestRow): number[] => {
  const { generatedTokens = 0 } = row.usage;
  const writingMs = lastMs(row, "generation");
  return generatedTokens < leastGenerated || writingMs === undefined
    ? []
    : [(generatedTokens - 1) / (writingMs / 1000)];
};

/** Only where the server tells what it had read before: else a rate would be that of its memory. */
const readingRate = (row: RequestRow): number[] => {
  const { promptTokens = 0, cachedTokens } = row.usage;
  const readingMs = lastMs(row, firstTokenSpan);
  const read = cachedTokens === undefined ? 0 : promptTokens - cachedTokens;
  return read < leastRead || readingMs === undefined ? [] : [read / (readingMs / 1000)];
};

/**
 * What the ledger's answered requests say of a model on a kind of server, from three requests on; nothing before.
 * `models`: all names that it goes by, since a llama.cpp server's is its file, an alias, or not set at all. The
 * time until the first token includes the way to the server and its queue, so reading may be faster than said.
 */
export const measuredSpeed = (
  requests: readonly RequestRow[],
  asked: { readonly provider: string; readonly models: readonly string[] },
): MeasuredSpeed => {
  const rows = requests.filter(
    ({ outcome, provider, model }) => outcome === "ok" && provider === asked.provider && asked.models.includes(model),
  );
  const tokensPerSecond = median(rows.flatMap(writingRate));
  const promptTokensPerSecond = median(rows.flatMap(readingRate));
  return {
    ...(tokensPerSecond === undefined ? {} : { tokensPerSecond }),
    ...(promptTokensPerSecond === undefined ? {} : { promptTokensPerSecond }),
  };
};

/**
 * Advice in which what this machine was seen to do stands in the place of what was predicted, without a range. A batch
 * is as much faster or slower as one request is.
 */
export const withMeasured = (advice: Advice, measured: MeasuredSpeed | undefined): Advice => {
  if (!advice.fits || measured === undefined) return advice;
  const { speed, batch, context } = advice;
  const one = measured.tokensPerSecond;
  const read = measured.promptTokensPerSecond ?? speed.promptTokensPerSecond;
  // Where no speed was predicted, requests are taken to share the one that was seen.
  const ratio = one === undefined || speed.tokensPerSecond === 0 ? undefined : one / speed.tokensPerSecond;
  const together = ratio === undefined ? one : batch.tokensPerSecond * ratio;
  return {
    ...advice,
    speed: {
      ...speed,
      ...(one === undefined ? {} : { tokensPerSecond: one, low: one, high: one }),
      promptTokensPerSecond: read,
    },
    batch: {
      ...batch,
      ...(together === undefined ? {} : { tokensPerSecond: together, low: together, high: together }),
    },
    promptSeconds: read > 0 ? context.recommendedTokens / read : 0,
  };
};

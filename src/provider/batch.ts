import { abortError, isAbortError } from "../base/abort.ts";
import type { Span } from "../metrics/spans.ts";
import type { ChatRequest, Provider, ToolCall, Usage } from "./provider.ts";

/** What came of one request: a whole answer, or the fault that kept it from being one. */
export type BatchResult =
  | { readonly ok: true; readonly text: string; readonly toolCalls: readonly ToolCall[]; readonly usage: Usage }
  | { readonly ok: false; readonly error: Error };

export type BatchOptions = {
  /** Requests that are under way at the same time, from 1. Default: all, as far as the provider lets them. */
  readonly concurrency?: number;
  /** Cancels all of them. */
  readonly signal?: AbortSignal;
  /** Gets the timing parts of every request as children. */
  readonly span?: Span;
  /** Called after each request has ended. */
  readonly onProgress?: (done: number, total: number) => void;
};

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/**
 * Runs chat requests at background priority and returns their results in the order of the requests. One that fails does
 * not stop the others. @throws `AbortError` when `signal` fires; every socket is closed then.
 */
export const batch = async (
  provider: Pick<Provider, "streamChat">,
  requests: readonly ChatRequest[],
  options: BatchOptions = {},
): Promise<readonly BatchResult[]> => {
  const { concurrency = requests.length, signal, span, onProgress } = options;
  if (signal?.aborted === true) throw abortError();
  const ending = new AbortController();
  const call = {
    priority: "background",
    signal: signal ? AbortSignal.any([signal, ending.signal]) : ending.signal,
    ...(span ? { span } : {}),
  } as const;
  const results: BatchResult[] = [];
  const waiting = requests.entries();
  let done = 0;

  const run = async (request: ChatRequest): Promise<BatchResult> => {
    let text = "";
    const toolCalls: ToolCall[] = [];
    let usage: Usage = {};
    try {
      for await (const part of provider.streamChat(request, call)) {
        if (part.type === "text") text += part.text;
        else if (part.type === "tool-call") toolCalls.push(part.call);
        else usage = part.usage;
      }
      return { ok: true, text, toolCalls, usage };
    } catch (error) {
      if (isAbortError(error)) throw error;
      return { ok: false, error: toError(error) };
    }
  };

  const work = async (): Promise<void> => {
    for (const [index, request] of waiting) {
      results[index] = await run(request);
      onProgress?.(++done, requests.length);
    }
  };

  try {
    await Promise.all(Array.from({ length: Math.min(Math.max(1, concurrency), requests.length) }, work));
  } finally {
    ending.abort();
  }
  return results;
};

import { toAbortError } from "../base/abort.ts";
import { onceAborted, orAborted } from "../base/wait.ts";
import type { TextRequest, TextResponse, TransportClient } from "./client.ts";
import { decodableEncodings } from "./decode.ts";

type Shared = { readonly answer: Promise<TextResponse>; readonly controller: AbortController; callers: number };

/** Makes `getText` of a client from its `request`. */
export const createSharedText = (request: TransportClient["request"]): TransportClient["getText"] => {
  const running = new Map<string, Shared>();

  const ask = async ({ headers, ...rest }: TextRequest, maxBytes: number, signal: AbortSignal) => {
    const response = await request({
      ...rest,
      method: "GET",
      // A list of models is long and compresses well; nobody waits for its single bytes.
      headers: { "accept-encoding": decodableEncodings, ...headers },
      signal,
    });
    return { status: response.status, headers: response.headers, text: await response.text(maxBytes) };
  };

  const share = (key: string, textRequest: TextRequest, maxBytes: number): Shared => {
    const controller = new AbortController();
    const answer = ask(textRequest, maxBytes, controller.signal);
    const shared: Shared = { answer, controller, callers: 0 };
    running.set(key, shared);
    const end = () => {
      if (running.get(key) === shared) running.delete(key);
    };
    answer.then(end, end);
    return shared;
  };

  return async (textRequest, maxBytes) => {
    const { url, headers = {}, signal } = textRequest;
    if (signal?.aborted) throw toAbortError(signal.reason);
    // Every header counts, so that nobody is given what another key may see.
    const key = JSON.stringify([url, maxBytes, Object.entries(headers).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
    const shared = running.get(key) ?? share(key, textRequest, maxBytes);
    shared.callers++;
    if (!signal) return shared.answer;

    const stop = onceAborted([signal], () => {
      shared.callers--;
      if (shared.callers > 0) return;
      if (running.get(key) === shared) running.delete(key);
      shared.controller.abort();
    });
    try {
      return await orAborted(shared.answer, signal);
    } finally {
      stop();
    }
  };
};

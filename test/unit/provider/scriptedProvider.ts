import { abortError } from "../../../src/base/abort.ts";
import type {
  CallOptions,
  Capabilities,
  ChatRequest,
  CompletionRequest,
  Provider,
  ProviderKind,
  StreamPart,
  Usage,
} from "../../../src/provider/provider.ts";

/** A request that a scripted provider got, to be answered by the test. */
export type ScriptedCall = {
  readonly request: CompletionRequest | ChatRequest;
  readonly options: CallOptions;
  /** True once the request was aborted, or its reader left. */
  readonly isClosed: () => boolean;
  text(text: string): void;
  part(part: StreamPart): void;
  end(usage?: Usage): void;
  fail(error: Error): void;
};

export type ScriptedProvider = Provider & {
  /** Every streamed request so far. */
  readonly calls: readonly ScriptedCall[];
  /** How often it was asked what it can do. */
  readonly questions: () => number;
  /** What it answers next, or throws. */
  setCapabilities(capabilities: Partial<Capabilities> | Error): void;
};

/** A provider without a server, whose answers the test gives one by one. */
export const createScriptedProvider = (
  name: string,
  told: Partial<Capabilities> | Error = {},
  kind: ProviderKind = "openai-compatible",
): ScriptedProvider => {
  const calls: ScriptedCall[] = [];
  let capabilities = told;
  let questions = 0;

  async function* stream(request: CompletionRequest | ChatRequest, options: CallOptions): AsyncGenerator<StreamPart> {
    const { signal } = options;
    const queue: (StreamPart | Error)[] = [];
    let wake = Promise.withResolvers<void>();
    let isClosed = false;
    const push = (item: StreamPart | Error): void => {
      queue.push(item);
      wake.resolve();
    };
    const onAbort = (): void => {
      isClosed = true;
      push(abortError());
    };
    calls.push({
      request,
      options,
      isClosed: () => isClosed,
      text: (text) => push({ type: "text", text }),
      part: push,
      end: (usage = {}) => push({ type: "end", reason: "stop", usage }),
      fail: push,
    });
    if (signal?.aborted) throw abortError();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      for (;;) {
        const item = queue.shift();
        if (item instanceof Error) throw item;
        if (item) yield item;
        if (item?.type === "end") return;
        if (item) continue;
        wake = Promise.withResolvers();
        if (queue.length === 0) await wake.promise;
      }
    } finally {
      isClosed = true;
      signal?.removeEventListener("abort", onAbort);
    }
  }

  return {
    kind,
    origin: `http://${name}`,
    calls,
    questions: () => questions,
    setCapabilities(next) {
      capabilities = next;
    },
    models: () => Promise.resolve([{ id: name }]),
    async capabilities() {
      questions++;
      if (capabilities instanceof Error) throw capabilities;
      return {
        model: name,
        fillInMiddle: "suffix-parameter",
        slots: undefined,
        contextTokens: undefined,
        ...capabilities,
      };
    },
    health: () => Promise.resolve({ status: "ok" }),
    validateConnection: () => Promise.resolve({ ok: true, model: name, firstTokenMs: 1, totalMs: 1, usage: {} }),
    streamCompletion: (request, options = {}) => stream(request, options),
    streamChat: (request, options = {}) => stream(request, options),
  };
};

/** Lets everything run that waits for nothing but its turn. */
export const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

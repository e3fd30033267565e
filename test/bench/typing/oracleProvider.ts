import type { Clock } from "../../../src/base/clock.ts";
import { beforeCursor } from "../../../src/provider/completionText.ts";
import { buildFimPrompt, findFimTemplate, serverStops, stopTexts } from "../../../src/provider/fim.ts";
import type { Provider, StreamPart } from "../../../src/provider/provider.ts";
import type { Oracle, Yardstick } from "./yardstick.ts";

/**
 * - `llamacpp`: a raw prompt with the model's marks, and the server tells how much of it was in its cache.
 * - `openai-compatible`: prompt and suffix apart, and the server puts what was typed before the suffix; it tells, too.
 * - `ollama`: the same of a model whose own template has no plain marks, and the server does not tell.
 */
export const wireNames = ["llamacpp", "ollama", "openai-compatible"] as const;
export type WireName = (typeof wireNames)[number];

const wireMs = 1.5;

const unused = () => {
  throw new Error("not used by the engine");
};

/** The yardstick's model server as the adapter of that name meets it, in virtual time. */
export const oracleProvider = (oracle: Oracle, clock: Clock, yardstick: Yardstick, wire: WireName): Provider => {
  const template = findFimTemplate("qwen2.5-coder")!;
  const fillInMiddle = wire === "llamacpp" ? "raw-template" : "suffix-parameter";
  return {
    kind: wire,
    origin: "http://127.0.0.1:1",
    models: unused,
    capabilities: () =>
      Promise.resolve({
        model: "oracle",
        fillInMiddle,
        contextTokens: wire === "openai-compatible" ? undefined : 32_768,
        slots: wire === "llamacpp" ? 1 : undefined,
      }),
    health: unused,
    streamChat: unused,
    validateConnection: unused,
    async *streamCompletion(request, { signal } = {}): AsyncGenerator<StreamPart> {
      const parts: (StreamPart | Error)[] = [];
      let wake = Promise.withResolvers<void>();
      const push = (part: StreamPart | Error) => {
        parts.push(part);
        wake.resolve();
      };
      const onClose: (() => void)[] = [];
      const response = {
        on: (_: string, callback: () => void) => void onClose.push(callback),
        writableFinished: false,
      };
      signal?.addEventListener("abort", () => {
        clock.after(wireMs, () => onClose.forEach((callback) => callback()));
        push(new DOMException("cancelled", "AbortError"));
      });
      // A template of the server's own knows no text behind the middle mark.
      const inOrder = wire === "llamacpp" ? request : { ...request, prefix: beforeCursor(request), typed: "" };
      const prompt = buildFimPrompt(template, inOrder);
      const task = {
        ep: "completion",
        prompt,
        ...yardstick.splitFim(prompt),
        nPredict: request.maxTokens,
        stop: serverStops(stopTexts(request.stop, template)) ?? [],
      };
      const onToken = (text: string) => clock.after(wireMs, () => push({ type: "text", text }));
      const submit = async () => {
        const { rec } = await oracle.submit(undefined, response, task, onToken);
        const usage = {
          promptTokens: rec.prompt,
          generatedTokens: rec.generated,
          ...(wire === "ollama" ? {} : { cachedTokens: rec.cached }),
        };
        const reason = rec.finish === "limit" ? ("length" as const) : ("stop" as const);
        clock.after(wireMs, () => push({ type: "end", reason, usage }));
      };
      clock.after(wireMs, () => {
        if (signal?.aborted !== true) void submit();
      });
      for (;;) {
        const part = parts.shift();
        if (part === undefined) {
          await wake.promise;
          wake = Promise.withResolvers();
        } else if (part instanceof Error) throw part;
        else {
          yield part;
          if (part.type === "end") return;
        }
      }
    },
  };
};

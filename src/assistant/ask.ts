import { isAbortError } from "../base/abort.ts";
import { firstTokenSpan, type Ledger } from "../metrics/ledger.ts";
import type { CallOptions, Capabilities, ChatRequest, Provider, ToolCall } from "../provider/provider.ts";

export type AskOptions = {
  readonly ledger: Ledger;
  readonly provider: Provider;
  /** For the ledger, until the server names the model that answers. */
  readonly model: string;
  readonly signal: AbortSignal;
  /** What to send, made when it is known what the server can read. */
  readonly compose: (capabilities: Capabilities) => ChatRequest;
  readonly onText: (text: string) => void;
  /** A complete call, in the model's order. Default: calls are left out. */
  readonly onToolCall?: (call: ToolCall) => void;
};

/** `cancelled`: the signal fired; what had come by then was handed to `onText`. `length`: the answer's room was used up. */
export type AskOutcome = "answered" | "length" | "cancelled";

/**
 * Asks a model in a chat and counts it in the ledger. Throws what the provider throws, but
 * for a cancellation.
 */
export const askModel = async (options: AskOptions): Promise<AskOutcome> => {
  const { ledger, provider, signal } = options;
  const request = ledger.startRequest({ feature: "chat", provider: provider.kind, model: options.model });
  const firstToken = request.span.child(firstTokenSpan);
  const call: CallOptions = { signal, span: request.span, onLateUsage: (usage) => request.lateUsage(usage) };
  let isFirst = true;
  let outcome: AskOutcome = "answered";
  try {
    const capabilities = await provider.capabilities({ signal });
    request.named(capabilities.model);
    for await (const part of provider.streamChat(options.compose(capabilities), call)) {
      if (part.type === "end") {
        request.usage(part.usage);
        if (part.model) request.named(part.model);
        if (part.reason === "length") outcome = "length";
        break;
      }
      if (part.type === "text" && part.text === "") continue;
      if (isFirst) {
        firstToken.end();
        request.span.child("generation");
        isFirst = false;
      }
      if (part.type === "text") options.onText(part.text);
      else options.onToolCall?.(part.call);
    }
    request.end("ok");
    return outcome;
  } catch (error) {
    if (signal.aborted || isAbortError(error)) {
      request.end("cancelled");
      return "cancelled";
    }
    request.end("failed", error instanceof Error && "kind" in error ? String(error.kind) : "unknown");
    throw error;
  }
};

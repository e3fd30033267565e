import { isAbortError } from "../base/abort.ts";
import { firstTokenSpan, type Ledger } from "../metrics/ledger.ts";
import type { Capabilities, Provider, Usage } from "../provider/provider.ts";
import type { PromptBuilder } from "./prompt.ts";
import { soundPart } from "./soundness.ts";
import { isLineEnd, remainder, suffixKey, typedBetween, type Snapshot } from "./snapshot.ts";

/** A request under way and the text that it has brought so far. */
export type RunningStream = {
  readonly snapshot: Snapshot;
  /** It stands behind all other work of the server, and is shorter than other answers. */
  readonly isSpeculated: boolean;
  /** It was asked for a place that the user had not reached yet. */
  readonly isAhead: boolean;
  /** All text so far, as it came; at the end without a line that the token limit has cut, and only while it is code. */
  readonly text: string;
  /** What the server told, at the end. */
  readonly usage: Usage | undefined;
  readonly isDone: boolean;
  /** True when it ended by a fault: asking again at once would only repeat it. */
  readonly hasFailed: boolean;
  /** True while the document is still one that this answer can serve: typed on along its text, or not at all. */
  agreesWith(snapshot: Snapshot): boolean;
  /** True when the model has said all it had to say at this very place: asking again would bring the same. */
  hasAnswered(snapshot: Snapshot): boolean;
  /** What is still to come at `snapshot`; undefined when there is none yet, or it does not agree. */
  rest(snapshot: Snapshot): string | undefined;
  /** Resolves at the next new text, at the end, and at once when it has ended. */
  progress(): Promise<void>;
  /** Closes the socket. The stream then counts as done. */
  abort(): void;
};

export type StreamOptions = {
  readonly provider: Provider;
  readonly model: string;
  readonly snapshot: Snapshot;
  readonly ledger: Ledger;
  readonly prompts: PromptBuilder;
  /** True: what comes after a text that nobody has taken yet. It goes behind all other work of the server. */
  readonly isSpeculated?: boolean;
  /** Called before the request is sent, with what is known of the server. */
  onCapabilities(capabilities: Capabilities): void;
  /** Called when text came and more may follow. */
  onText(stream: RunningStream): void;
  /** Called once, when all text is there or the stream was closed because enough is; not after `abort`. */
  onEnd(stream: RunningStream): void;
  onFailure(error: unknown): void;
};

const multiLineTokens = 160;
const singleLineTokens = 64;
// Most speculation is for nothing: enough for the next lines, and the rest is asked for when somebody gets there.
const speculatedTokens = 48;
const maxStreamLines = 14;
/** More than the tokens that were asked for can be; a server may send on and on in one line. */
const maxStreamUnits = 8000;
// Before the first token nobody knows whether the answer agrees: this much typing is waited for it.
const maxBlindCharacters = 24;

/** Asks the model for what follows `snapshot`. Streams to the end even when nobody waits any more, unless aborted. */
export const startStream = (options: StreamOptions): RunningStream => {
  const { snapshot, ledger, provider, isSpeculated = false } = options;
  const controller = new AbortController();
  const key = suffixKey(snapshot.suffix);
  const isMultiline = isLineEnd(snapshot.suffix);
  let text = "";
  let usage: Usage | undefined;
  let isDone = false;
  let isComplete = false;
  let hasFailed = false;
  let wake = Promise.withResolvers<void>();

  const agreesWith = (at: Snapshot): boolean => {
    if (controller.signal.aborted) return false;
    if (at.documentId !== snapshot.documentId || suffixKey(at.suffix) !== key) return false;
    const missing = snapshot.prefix.length - at.prefix.length;
    if (missing > 0) return missing <= snapshot.aheadUnits && typedBetween(at.prefix, snapshot.prefix) !== undefined;
    const typed = typedBetween(snapshot.prefix, at.prefix);
    if (typed === undefined) return false;
    if (text === "" && typed.length > maxBlindCharacters) return false;
    return isDone
      ? text.startsWith(typed) && text.length > typed.length
      : text.startsWith(typed) || typed.startsWith(text);
  };

  const stream: RunningStream = {
    snapshot,
    isSpeculated,
    isAhead: snapshot.aheadUnits > 0,
    get text() {
      return text;
    },
    get usage() {
      return usage;
    },
    get isDone() {
      return isDone;
    },
    get hasFailed() {
      return hasFailed;
    },
    agreesWith,
    hasAnswered: (at) =>
      isComplete &&
      at.documentId === snapshot.documentId &&
      typedBetween(snapshot.prefix, at.prefix) === "" &&
      suffixKey(at.suffix) === key,
    rest: (at) => (agreesWith(at) ? remainder(snapshot.prefix, text, at.prefix) : undefined),
    progress: () => (isDone ? Promise.resolve() : wake.promise),
    abort() {
      if (isDone) return;
      controller.abort();
      finish();
    },
  };

  /** True when a whole line of `soFar` is no code: nothing that the model says behind it is worth waiting for. */
  const isLost = (soFar: string): boolean => {
    const lines = soFar.slice(0, soFar.lastIndexOf("\n"));
    return soundPart(lines, snapshot.prefix, snapshot.languageId).length < lines.length;
  };
  const notify = () => {
    const { resolve } = wake;
    wake = Promise.withResolvers<void>();
    resolve();
  };
  const finish = () => {
    isDone = true;
    notify();
  };

  const run = async () => {
    let pieces = 0;
    const request = ledger.startRequest({ feature: "completion", provider: provider.kind, model: options.model });
    const firstToken = request.span.child(firstTokenSpan);
    try {
      const capabilities = await provider.capabilities({ signal: controller.signal });
      options.onCapabilities(capabilities);
      const { model } = capabilities;
      request.named(model);
      const fullTokens = isMultiline ? multiLineTokens : singleLineTokens;
      const maxTokens = isSpeculated ? Math.min(speculatedTokens, fullTokens) : fullTokens;
      const parts = provider.streamCompletion(
        {
          // The room for the answer is always the longer one's: the prompt must not depend on where in the line the cursor is.
          ...options.prompts.build(snapshot, { ...capabilities, maxTokens: multiLineTokens }),
          maxTokens,
          temperature: 0,
          ...(isMultiline ? {} : { stop: ["\n"] }),
        },
        {
          signal: controller.signal,
          span: request.span,
          ...(isSpeculated ? { priority: "speculation" } : {}),
          // Most requests for ghost text are cancelled: what they cost is told later, if at all.
          onLateUsage: (late) => request.lateUsage(late),
        },
      );
      for await (const part of parts) {
        if (part.type === "end") {
          usage = part.usage;
          request.usage(usage);
          if (part.model) request.named(part.model);
          if (part.reason === "length" && isMultiline) text = withoutCutLine(text);
          break;
        }
        if (part.type !== "text" || part.text === "") continue;
        if (text === "") {
          firstToken.end();
          request.span.child("generation");
        }
        text = (text + part.text).slice(0, maxStreamUnits);
        // The server tells its own count with the last piece; an answer that ends before that has one token a piece.
        request.usage({ generatedTokens: ++pieces });
        if (hasEnough(text) || (part.text.includes("\n") && isLost(text))) break;
        options.onText(stream);
        notify();
      }
      request.end("ok");
      if (controller.signal.aborted) return;
      // What follows is remembered as no answer: the model is asked again once the cursor gets there.
      text = soundPart(text, snapshot.prefix, snapshot.languageId);
      isComplete = true;
      finish();
      options.onEnd(stream);
    } catch (error) {
      const cancelled = controller.signal.aborted || isAbortError(error);
      request.end(cancelled ? "cancelled" : "failed", cancelled ? undefined : kindOf(error));
      hasFailed = !cancelled;
      // Also when it had to make room for others: what there is of it is no answer.
      if (cancelled) controller.abort();
      finish();
      if (hasFailed) options.onFailure(error);
    }
  };
  void run();
  return stream;
};

/** A block is over at a blank line behind text; what a model says after that is rarely wanted. */
const hasEnough = (text: string): boolean => {
  if (text.length >= maxStreamUnits) return true;
  const lines = text.split("\n");
  return lines.length > maxStreamLines || /\S[^\n]*\n[^\S\n]*\n/.test(text);
};

/** The text without its last line, which goes on beyond what was asked for; all of it when there is only one. */
const withoutCutLine = (text: string): string => {
  const lines = text.slice(0, text.lastIndexOf("\n"));
  return text.includes("\n") && lines.trim() !== "" ? lines : text;
};

/** The kind of a provider's fault; rooms that take providers as types only cannot ask `instanceof`. */
export const kindOf = (error: unknown): string =>
  error instanceof Error && "kind" in error && typeof error.kind === "string" ? error.kind : "unknown";

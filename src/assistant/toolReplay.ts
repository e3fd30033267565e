import type { ChatMessage, ToolCall } from "../provider/provider.ts";
import { textOf } from "./toolRequest.ts";

/** What was said between Hotpath and the model behind one message, and is not in VS Code's history. */
export type Exchange = {
  /** Questions for tools, and what they were answered. */
  readonly inner: readonly ChatMessage[];
  /** Names of the tools that these messages describe. */
  readonly told: readonly string[];
  /** The answer that came then, if one did. */
  readonly answer?: {
    /** As VS Code knows it. */
    readonly shownText: string;
    readonly shownCalls: readonly ToolCall[];
    /** As the model gave it, with the results of those calls in it that VS Code does not know. */
    readonly said: readonly ChatMessage[];
  };
};

/** The exchanges of a conversation, by the message that they follow. */
export type Exchanges = ReadonlyMap<string, Exchange>;

/** A conversation as the model knows it. */
export type Replayed = {
  readonly messages: readonly ChatMessage[];
  readonly told: readonly string[];
  /** Name of the last message, for an exchange that follows it. */
  readonly lastKey: string;
};

const isShown = (message: ChatMessage, { shownText, shownCalls }: NonNullable<Exchange["answer"]>): boolean => {
  if (message.role !== "assistant") return false;
  const ids = (message.toolCalls ?? []).map(({ id }) => id);
  if (ids.length !== shownCalls.length) return false;
  return ids.length > 0
    ? shownCalls.every(({ id }, at) => id === ids[at])
    : message.content.trim() === shownText.trim();
};

/**
 * Puts back into VS Code's history what it does not know, where it was, so that the prompt begins with what the server has read. A
 * message is known by its text, or its call, and by how many like it came before.
 */
export const replay = (messages: readonly ChatMessage[], exchanges: Exchanges): Replayed => {
  const replayed: ChatMessage[] = [];
  const told: string[] = [];
  const seen = new Map<string, number>();
  let lastKey = "";
  let answer: Exchange["answer"];
  for (const message of messages) {
    if (answer && isShown(message, answer)) replayed.push(...answer.said);
    else replayed.push(message);
    const name = `${message.role} ${message.role === "tool" ? message.toolCallId : textOf(message)}`;
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    lastKey = `${before} ${name}`;
    const exchange = exchanges.get(lastKey);
    answer = exchange?.answer;
    if (!exchange) continue;
    replayed.push(...exchange.inner);
    told.push(...exchange.told);
  }
  return { messages: replayed, told, lastKey };
};

import type { ChatMessage, ContentPart } from "./provider.ts";

type UserMessage = Extract<ChatMessage, { role: "user" }>;
type AssistantMessage = Extract<ChatMessage, { role: "assistant" }>;
type ToolMessage = Extract<ChatMessage, { role: "tool" }>;

const blankLine = "\n\n";

const asParts = (content: UserMessage["content"]): readonly ContentPart[] =>
  typeof content === "string" ? [{ type: "text", text: content }] : content;

const isEmpty = (content: UserMessage["content"]): boolean =>
  asParts(content).every((part) => part.type === "text" && part.text.trim() === "");

const joinText = (...texts: readonly string[]): string => texts.filter((text) => text.trim() !== "").join(blankLine);

const joinUsers = (one: UserMessage, other: UserMessage): UserMessage =>
  typeof one.content === "string" && typeof other.content === "string"
    ? { role: "user", content: joinText(one.content, other.content) }
    : { role: "user", content: [...asParts(one.content), ...asParts(other.content)] };

const joinAssistants = (one: AssistantMessage, { content, toolCalls }: AssistantMessage): AssistantMessage => ({
  role: "assistant",
  content: joinText(one.content, content),
  ...(toolCalls ? { toolCalls } : {}),
});

/** A result whose call is gone would be refused; what it says may still matter. */
const asUserMessage = ({ toolName, content }: ToolMessage): UserMessage => ({
  role: "user",
  content: `Result of the tool ${toolName || "that was called"}:\n${content}`,
});

/**
 * The same conversation in the shape that every chat template takes: one system message, first; users and assistants in
 * turn, none of them empty; behind each call its result, and no result without its call. Other programs cut and compose
 * conversations as they like, and servers refuse what their template does not know. A sound conversation stays as it is,
 * and one that goes on begins as before.
 */
export const mendConversation = (messages: readonly ChatMessage[]): readonly ChatMessage[] => {
  const mended: ChatMessage[] = [];
  let open: AssistantMessage | undefined;
  let results: ToolMessage[] = [];
  let users: UserMessage[] = [];

  /** Puts what belongs behind the last assistant message into order. */
  const close = (): void => {
    for (const { id, name } of open?.toolCalls ?? []) {
      const found = results.find(({ toolCallId }) => toolCallId === id);
      results = results.filter((result) => result !== found);
      mended.push(
        found ?? { role: "tool", toolCallId: id, toolName: name, content: "No result: the call was not made." },
      );
    }
    open = undefined;
    const [first, ...others] = [...results.map(asUserMessage), ...users];
    results = [];
    users = [];
    if (first) mended.push(others.reduce(joinUsers, first));
  };

  for (const message of messages) {
    if (message.role === "user") {
      if (!isEmpty(message.content)) users.push(message);
    } else if (message.role === "tool") {
      results.push(message);
    } else if (message.role === "assistant") {
      const hasCalls = message.toolCalls !== undefined && message.toolCalls.length > 0;
      if (!hasCalls && message.content.trim() === "") continue;
      close();
      const last = mended.at(-1);
      const isSecond = last?.role === "assistant";
      if (isSecond) mended.pop();
      open = isSecond ? joinAssistants(last, message) : message;
      mended.push(open);
    }
  }
  close();
  const system = joinText(...messages.flatMap(({ role, content }) => (role === "system" ? [content] : [])));
  return system === "" ? mended : [{ role: "system", content: system }, ...mended];
};

import type { ChatMessage } from "../provider/provider.ts";
import type { ToolContext } from "../tools/tool.ts";

/** What a request says of the tools that it needs. */
export type ToolRequest = {
  /** The same in all requests of a conversation: the words of its first message. */
  readonly conversation: string;
  /** What the person asks for now. */
  readonly words: string;
  readonly context: ToolContext;
  /** Names of tools that the person attached to the message. */
  readonly attached: readonly string[];
  /** Whether nothing was answered since; else this goes on with the results of tools. */
  readonly isTurnStart: boolean;
  /** Whether VS Code's agent has put a summary in the place of the conversation's beginning. */
  readonly isSummarized: boolean;
};

const maxCalls = 10;
const maxPrevious = 3;

/** The text of a message, without its images. */
export const textOf = ({ content }: ChatMessage): string =>
  typeof content === "string" ? content : content.map((part) => (part.type === "text" ? part.text : "")).join("\n");

/** What stands between the last mark of this name and its end. VS Code's agent marks the parts of its messages so. */
const marked = (text: string, name: string): string | undefined => {
  const start = text.lastIndexOf(`<${name}>`);
  const end = start < 0 ? -1 : text.indexOf(`</${name}>`, start);
  return end < 0 ? undefined : text.slice(start + name.length + 2, end).trim();
};

/** Names in the list that VS Code's agent makes of attached tools, and words such as `#name`. */
const attachedIn = (text: string, words: string): readonly string[] => {
  const listed = marked(text, "toolReferences")?.matchAll(/^- (\S+)\s*$/gm) ?? [];
  const hashed = words.matchAll(/(?<![\w#])#([\w.-]+)/g);
  return [...new Set([...listed, ...hashed].map(([, name = ""]) => name))];
};

/**
 * Reads what tools a request is about. VS Code's agent wraps what the person wrote into much else, and sends messages of the user's
 * that no person wrote; where none is marked so, every message of the user's counts.
 */
export const readToolRequest = (messages: readonly ChatMessage[]): ToolRequest => {
  const said = messages.flatMap((message, index) => {
    if (message.role !== "user") return [];
    const text = textOf(message);
    return text.trim() === "" ? [] : [{ index, text, words: marked(text, "userRequest") }];
  });
  const wrapped = said.filter(({ words }) => words !== undefined);
  const requests = (wrapped.length > 0 ? wrapped : said).map(({ index, text, words = text }) => ({
    index,
    text,
    words,
  }));
  const last = requests.at(-1);
  const calls = messages.flatMap((message) => (message.role === "assistant" ? (message.toolCalls ?? []) : []));
  return {
    conversation: requests[0]?.words ?? "",
    words: last?.words ?? "",
    context: {
      tools: calls.slice(-maxCalls).map(({ name }) => name),
      previous: requests.slice(-1 - maxPrevious, -1).map(({ words }) => words),
    },
    attached: last ? attachedIn(last.text, last.words) : [],
    isSummarized: said.some(({ text }) => marked(text, "conversation-summary") !== undefined),
    isTurnStart: !messages.slice((last?.index ?? -1) + 1).some(({ role }) => role === "assistant"),
  };
};

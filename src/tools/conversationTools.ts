import type { ToolSelector } from "./selector.ts";
import type { Tool, ToolContext } from "./tool.ts";

/** The tool with which a model asks for tools that it was not given. */
export const findTools = {
  name: "find_tools",
  description:
    "Finds more tools. Call this when none of your tools can do what is asked. " +
    "The answer lists tools by name with their parameters; call them like any other tool.",
  parameters: {
    type: "object",
    properties: { query: { type: "string", description: "What the tool has to do, in a few words" } },
    required: ["query"],
  },
} as const;

/** The tools of a conversation for one request to the model. */
export type ConversationList = {
  /** Ids in an order that never changes: the small core, then what the first request needs, then what came later. */
  readonly ids: readonly string[];
  /**
   * How many of {@link ConversationList.ids} were there at the first request. Servers write tools at the head of the prompt, so whoever
   * wants to keep all that a server has read declares these only, and gives later ones in the messages.
   */
  readonly firstCount: number;
  /** The ids that came with this request. */
  readonly added: readonly string[];
  /** False if a tool had to be taken out because it is gone, so that the server has to read the prompt anew. */
  readonly isPrefixKept: boolean;
};

/** The answer to a call of {@link findTools}. */
export type FoundTools = {
  /** The tool's result for the model. */
  readonly text: string;
  /** Ids to append to the conversation's tools, best first; none that it has. */
  readonly append: readonly string[];
};

/** Which tools each conversation has; a list only ever grows at its end, unless a tool is gone. */
export type ConversationTools = {
  /** The list for a request; `conversation` is the conversation's first user message. */
  listFor(conversation: string, request: string, context?: ToolContext): ConversationList;
  /** Answers a call of {@link findTools} with the arguments the model gave, and appends what was found. */
  find(conversation: string, input: unknown, context?: ToolContext): FoundTools;
  /** Number of conversations that are remembered. */
  readonly size: number;
};

const foundPerCall = 8;
const maxQueryUnits = 1_000;
const maxDescriptionUnits = 600;
const maxSchemaUnits = 2_000;

const cut = (text: string, units: number): string => (text.length <= units ? text : `${text.slice(0, units - 1)}…`);

const describe = ({ name, description, parameters }: Tool): string => {
  const schema = parameters === undefined ? "" : `\n  parameters: ${cut(JSON.stringify(parameters), maxSchemaUnits)}`;
  return `- ${name}: ${cut(description.replaceAll(/\s+/g, " ").trim(), maxDescriptionUnits)}${schema}`;
};

/** Describes tools for a model, in a message rather than in the list of tools. */
export const describeTools = (tools: readonly Tool[]): string => tools.map(describe).join("\n");

const queryOf = (input: unknown): string => {
  const query = typeof input === "object" && input !== null ? (input as { readonly query?: unknown }).query : input;
  return typeof query === "string" ? query.slice(0, maxQueryUnits).trim() : "";
};

/**
 * Answers a call of {@link findTools}. `input` is whatever the model gave; `listed` are the tools that it has. Changes nothing.
 */
export const answerFindTools = (
  selector: Pick<ToolSelector, "select" | "tool">,
  input: unknown,
  listed: ReadonlySet<string>,
  context?: ToolContext,
): FoundTools => {
  const query = queryOf(input);
  if (!query) return { text: 'Give "query": what the tool has to do, in a few words.', append: [] };
  const ranked = selector.select(query, foundPerCall + listed.size, context);
  const append = ranked.filter((id) => !listed.has(id)).slice(0, foundPerCall);
  const found = append.map((id) => selector.tool(id)).filter((tool) => tool !== undefined);
  const best = ranked[0];
  const known = best !== undefined && listed.has(best) ? selector.tool(best)?.name : undefined;
  const hint = known === undefined ? "" : `You already have ${known}, which fits best.\n`;
  if (found.length === 0)
    return { text: hint || "No other tool fits. Try other words, or answer without.", append: [] };
  return { text: `${hint}These tools can be called now:\n${describeTools(found)}`, append: found.map(({ id }) => id) };
};

type Conversation = { ids: string[]; has: Set<string>; firstCount: number };

/**
 * Makes the lists of tools for conversations. `core` are ids that every conversation has; `count` is how many ranked ones its first request
 * adds, `laterCount` how many each later request may add: 0 keeps the list, and with it what a server has read of the prompt. The
 * `maxConversations` last used are remembered; a forgotten one begins anew.
 */
export const createConversationTools = ({
  selector,
  core = [],
  count = 10,
  laterCount = 0,
  maxTools = 64,
  maxConversations = 64,
}: {
  readonly selector: ToolSelector;
  readonly core?: readonly string[];
  readonly count?: number;
  readonly laterCount?: number;
  /** A list is never longer, whatever is found. */
  readonly maxTools?: number;
  readonly maxConversations?: number;
}): ConversationTools => {
  const conversations = new Map<string, Conversation>();

  const append = (conversation: Conversation, ids: readonly string[]): string[] => {
    const added: string[] = [];
    for (const id of ids) {
      if (conversation.ids.length >= maxTools) break;
      if (conversation.has.has(id) || !selector.has(id)) continue;
      conversation.has.add(id);
      conversation.ids.push(id);
      added.push(id);
    }
    return added;
  };

  const dropGone = (conversation: Conversation): boolean => {
    const isGone = conversation.ids.some((id) => !selector.has(id));
    if (!isGone) return false;
    const first = conversation.ids.slice(0, conversation.firstCount).filter((id) => selector.has(id));
    conversation.ids = conversation.ids.filter((id) => selector.has(id));
    conversation.has = new Set(conversation.ids);
    conversation.firstCount = first.length;
    return true;
  };

  /** The conversation, now the one that was used last. */
  const touch = (key: string): Conversation | undefined => {
    const conversation = conversations.get(key);
    if (!conversation) return undefined;
    conversations.delete(key);
    conversations.set(key, conversation);
    return conversation;
  };

  const begin = (key: string, request: string, context: ToolContext | undefined): Conversation => {
    const conversation: Conversation = { ids: [], has: new Set(), firstCount: 0 };
    append(conversation, core);
    const ranked = selector.select(request, count + conversation.ids.length, context);
    append(conversation, ranked.filter((id) => !conversation.has.has(id)).slice(0, count));
    conversation.firstCount = conversation.ids.length;
    conversations.set(key, conversation);
    const oldest = conversations.size > maxConversations ? conversations.keys().next().value : undefined;
    if (oldest !== undefined) conversations.delete(oldest);
    return conversation;
  };

  return {
    listFor(key, request, context) {
      const known = touch(key);
      if (!known) {
        const { ids, firstCount } = begin(key, request, context);
        return { ids: [...ids], firstCount, added: [...ids], isPrefixKept: true };
      }
      const isPrefixKept = !dropGone(known);
      const wanted = laterCount > 0 ? selector.select(request, count, context) : [];
      const added = append(known, wanted.filter((id) => !known.has.has(id)).slice(0, laterCount));
      return { ids: [...known.ids], firstCount: known.firstCount, added, isPrefixKept };
    },
    find(key, input, context) {
      const conversation = touch(key) ?? begin(key, queryOf(input), context);
      const answer = answerFindTools(selector, input, conversation.has, context);
      return { text: answer.text, append: append(conversation, answer.append) };
    },
    get size() {
      return conversations.size;
    },
  };
};

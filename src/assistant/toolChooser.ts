import type { Ledger } from "../metrics/ledger.ts";
import { noToolSelections, withToolSelection } from "../metrics/toolTally.ts";
import type { ChatMessage, ChatRequest, ToolDefinition } from "../provider/provider.ts";
import { answerFindTools, callTool, describeTools, findTools, oneLine } from "../tools/findTools.ts";
import { createSelector, type LearnedState, type Tool, type ToolContext } from "../tools/selector.ts";
import { toolTokens } from "../tools/tool.ts";
import { replay, type Exchange } from "./toolReplay.ts";
import { readToolRequest, textOf, type ToolRequest } from "./toolRequest.ts";
import { createToolTurn, type ToolTurn, type ToolTurns } from "./toolTurn.ts";

export type ToolChooserOptions = {
  readonly ledger: Pick<Ledger, "toolsChosen">;
  /** How many tools a conversation begins with beside the core; undefined: all are sent. Asked anew for each request. */
  readonly count: () => number | undefined;
  /** Called when something was learned. */
  readonly onLearned?: () => void;
};

/** Chooses the tools of conversations; lives as long as the window. */
export type ToolChooser = ToolTurns & {
  /** What was learned, as plain data to keep in a file. */
  serialize(nowMs: number): LearnedState;
  /** Takes up what {@link ToolChooser.serialize} gave, faded by its age; false if it is something else. */
  restore(state: unknown, nowMs: number): boolean;
  /** What conversations and selections of late take, estimated. */
  sizeBytes(): number;
  /** Forgets selections, then the conversations asked in longest ago, until at most `toBytes` are left; never what was learned. */
  shrink(toBytes: number): void;
};

/** A request that goes on: which tools it has used. */
type Lesson = { readonly words: string; readonly context: ToolContext; readonly used: Set<string> };

type Conversation = {
  /** What its first request was sent, in that order; every request declares the same, whatever VS Code offers later. */
  readonly declared: readonly ToolDefinition[];
  /** What `declared` takes, estimated. */
  readonly declaredBytes: number;
  readonly exchanges: Map<string, Exchange>;
  lesson?: Lesson | undefined;
};

/**
 * What VS Code's own agent needs for nearly every task, by the names that models get (VS Code 1.139): reading, searching, changing, and
 * running. Its other tools are ranked like any.
 */
const coreTools: ReadonlySet<string> = new Set([
  "read_file",
  "list_dir",
  "grep_search",
  "create_file",
  "replace_string_in_file",
  "run_in_terminal",
]);
const ownTools: readonly ToolDefinition[] = [findTools, callTool];

const maxConversations = 64;
const maxExchanges = 64;
const maxInnerMessages = 24;
/** Of the ranked tools, so many are told to a later request that were not declared: half, for each costs reading in every turn. */
const laterShare = 0.5;
const querySaidUnits = 200;

/** The MCP server in the name that VS Code gives its tools: mcp_SERVER_TOOL. */
const serverOf = (name: string): string | undefined => /^mcp_([^_]+)_./.exec(name)?.[1];

const toTool = ({ name, description, parameters }: ToolDefinition): Tool => {
  const server = serverOf(name);
  return { id: name, name, description, parameters, ...(server === undefined ? {} : { server }) };
};

const isSame = (a: ToolDefinition, b: ToolDefinition | undefined): boolean =>
  b !== undefined && a.description === b.description && JSON.stringify(a.parameters) === JSON.stringify(b.parameters);

const tokensOf = (tools: readonly ToolDefinition[]): number => tools.reduce((sum, tool) => sum + toolTokens(tool), 0);
const unitsPerToken = 4;
const bytesPerUnit = 2;
/** An object of a message, beside its text. */
const messageBytes = 120;
const textTokens = (text: string): number => Math.ceil(text.length / unitsPerToken);

/** Makes a chooser that has learned nothing and knows no conversation. */
export const createToolChooser = ({ ledger, count: currentCount, onLearned }: ToolChooserOptions): ToolChooser => {
  const selector = createSelector([]);
  const conversations = new Map<string, Conversation>();
  const endings = new WeakMap<ToolTurn, (isWhole: boolean) => void>();
  let totals = noToolSelections;
  let toldCalls = 0;

  const remember = (key: string, conversation: Conversation): void => {
    conversations.delete(key);
    conversations.set(key, conversation);
    const oldest = conversations.size > maxConversations ? conversations.keys().next().value : undefined;
    if (oldest !== undefined) conversations.delete(oldest);
  };

  /** The conversation that was asked in last: a summary does not tell whose it is, and this one is the likeliest. */
  const newest = (): Conversation | undefined => [...conversations.values()].at(-1);

  const conversationBytes = (): number => [...conversations.values()].reduce((sum, one) => sum + bytesOf(one), 0);

  const learn = (conversation: Conversation): void => {
    const { lesson } = conversation;
    conversation.lesson = undefined;
    if (!lesson || lesson.used.size === 0) return;
    selector.learn(lesson.words, [...lesson.used], lesson.context);
    onLearned?.();
  };

  /** What the model would have said and heard, had it asked for these tools itself. */
  const telling = (words: string, tools: readonly Tool[]): readonly ChatMessage[] => {
    // Nine letters and digits: the templates of Mistral's models take no other length.
    const id = `tell${String(++toldCalls % 100_000).padStart(5, "0")}`;
    const argumentsJson = JSON.stringify({ query: oneLine(words, querySaidUnits) });
    return [
      { role: "assistant", content: "", toolCalls: [{ id, name: findTools.name, argumentsJson }] },
      { role: "tool", toolCallId: id, toolName: findTools.name, content: describeTools(tools) },
    ];
  };

  const begin = (request: ChatRequest): ToolTurn => {
    const { tools = [], toolChoice = "auto" } = request;
    const offered = new Map(tools.map((tool) => [tool.name, tool]));
    const canCall = (name: string): boolean => offered.has(name);
    const count = currentCount();
    const isTaken = ownTools.some(({ name }) => offered.has(name));
    // Who offers none gets none, whatever the conversation had.
    if (tools.length === 0 || count === undefined || toolChoice !== "auto" || isTaken) {
      return createToolTurn({ request, canCall });
    }
    const core = tools.map(({ name }) => name).filter((name) => coreTools.has(name));
    const asked = readToolRequest(request.messages);
    const before = conversations.get(asked.conversation) ?? (asked.isSummarized ? newest() : undefined);
    if (!before && tools.length <= core.length + count + ownTools.length) return createToolTurn({ request, canCall });

    selector.sync(tools.map(toTool));
    const best = selector.select(asked.words, count + core.length, asked.context);
    const ranked = best.filter((name) => !coreTools.has(name)).slice(0, count);
    const source = selector.lastSource();
    const attached = asked.attached.filter(canCall);
    const conversation = before ?? start(asked, offered, [...core, ...attached, ...ranked]);
    remember(asked.conversation, conversation);

    const replayed = replay(request.messages, conversation.exchanges);
    // A tool that has changed since it was declared can be told anew.
    const current = conversation.declared.filter((tool) => isSame(tool, offered.get(tool.name)));
    const known = new Set([...current.map(({ name }) => name), ...replayed.told]);
    const declared = new Set(current.map(({ name }) => name));
    const later = ranked.filter((name) => !declared.has(name)).slice(0, Math.ceil(count * laterShare));
    const wanted = [...new Set([...attached, ...later])].filter((name) => !known.has(name));
    const told = wanted.map((id) => selector.tool(id)).filter((tool) => tool !== undefined);
    const preface = told.length === 0 ? [] : telling(asked.words, told);
    const listed = new Set([...known, ...wanted]);

    if (!before || asked.isTurnStart) learn(conversation);
    conversation.lesson ??= { words: asked.words, context: asked.context, used: new Set() };
    const { lesson } = conversation;

    let tokensTold = preface.reduce((sum, message) => sum + textTokens(textOf(message)), 0);
    let searches = 0;
    const called: string[] = [];
    const found: string[] = [];
    const turn = createToolTurn({
      request: { ...request, tools: conversation.declared, messages: [...replayed.messages, ...preface] },
      canCall,
      find(input) {
        const answer = answerFindTools(selector, input, new Set([...listed, ...found]), asked.context);
        found.push(...answer.ids);
        tokensTold += textTokens(answer.text);
        searches++;
        return answer.text;
      },
      onCall: (name) => void called.push(name),
    });
    endings.set(turn, (isWhole) => {
      for (const name of called) lesson.used.add(name);
      if (isWhole && called.length === 0) learn(conversation);
      keepExchange(conversation, replayed.lastKey, [...preface], [...wanted, ...found], turn);
      totals = withToolSelection(totals, {
        source,
        calls: called.length,
        callsListed: called.filter((name) => listed.has(name)).length,
        searches,
        promptTokensSaved: (before ? 0 : tokensOf(tools) - tokensOf(conversation.declared)) - tokensTold,
      });
      ledger.toolsChosen(totals);
    });
    return turn;
  };

  return {
    begin,
    end(turn, isWhole) {
      endings.get(turn)?.(isWhole);
      endings.delete(turn);
    },
    serialize: (nowMs) => selector.serialize(nowMs),
    restore: (state, nowMs) => selector.restore(state, nowMs),
    sizeBytes: () => selector.cache.sizeBytes() + conversationBytes(),
    shrink(toBytes) {
      selector.cache.shrink(Math.max(0, toBytes - conversationBytes()));
      for (const key of conversations.keys()) {
        if (conversationBytes() <= toBytes) return;
        conversations.delete(key);
      }
    },
  };
};

const bytesOf = ({ declaredBytes, exchanges }: Conversation): number => {
  let bytes = declaredBytes;
  for (const [key, { inner, answer }] of exchanges) {
    bytes += key.length * bytesPerUnit;
    for (const message of [...inner, ...(answer?.said ?? [])]) {
      bytes += messageBytes + textOf(message).length * bytesPerUnit;
    }
  }
  return bytes;
};

/** The list of a conversation: what all of them have comes first, so that servers find the head of the prompt in their cache. */
const start = (
  { context }: ToolRequest,
  offered: ReadonlyMap<string, ToolDefinition>,
  names: readonly string[],
): Conversation => {
  // One that went on before this window opened has tools in use.
  const all = new Set([...names, ...context.tools]);
  const chosen = [...all].map((name) => offered.get(name)).filter((tool) => tool !== undefined);
  const declared = [...ownTools, ...chosen];
  return { declared, declaredBytes: tokensOf(declared) * unitsPerToken * bytesPerUnit, exchanges: new Map() };
};

const keepExchange = (
  { exchanges }: Conversation,
  key: string,
  preface: readonly ChatMessage[],
  told: readonly string[],
  turn: ToolTurn,
): void => {
  const said = turn.exchange();
  if (!said && preface.length === 0) return;
  // Another answer to the same message has read what was said for the first.
  const earlier = exchanges.get(key);
  const isKept = earlier && earlier.inner.length < maxInnerMessages;
  exchanges.delete(key);
  exchanges.set(key, {
    ...said,
    inner: [...(isKept ? earlier.inner : []), ...preface, ...(said?.inner ?? [])],
    told: [...(isKept ? earlier.told : []), ...told],
  });
  const oldest = exchanges.size > maxExchanges ? exchanges.keys().next().value : undefined;
  if (oldest !== undefined) exchanges.delete(oldest);
};

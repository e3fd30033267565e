// VS Code's part and a model's part in a conversation with tools. What both say is scripted; what is sent is what the program sends.
import { askWithTools, type ToolTurns } from "../../src/assistant/toolTurn.ts";
import type { Ledger } from "../../src/metrics/ledger.ts";
import type {
  ChatMessage,
  ChatRequest,
  Provider,
  StreamPart,
  ToolCall,
  ToolDefinition,
} from "../../src/provider/provider.ts";

/** A conversation: what is asked in each turn, and the tools that this needs, in order. */
export type ToolSession = {
  readonly id: string;
  readonly turns: readonly {
    readonly query: string;
    readonly needed: readonly string[];
    /** Tools that do as well, for some of `needed`. */
    readonly instead?: Readonly<Record<string, readonly string[]>>;
  }[];
};

/** The body of a chat request as OpenAI's routes take it, as far as it is read here. */
export type ChatBody = {
  readonly messages: readonly { readonly role: string; readonly content?: unknown; readonly tool_calls?: unknown }[];
  readonly tools?: readonly { readonly function: { readonly name: string } }[];
};

/** A {@link ChatRequest} as a body. */
export const bodyOf = ({ messages, tools }: ChatRequest): ChatBody => ({
  messages: messages.map((message) => ({
    role: message.role,
    content: message.content,
    ...(message.role === "assistant" && message.toolCalls ? { tool_calls: message.toolCalls } : {}),
    ...(message.role === "tool" ? { tool_call_id: message.toolCallId } : {}),
  })),
  ...(tools ? { tools: tools.map((tool) => ({ type: "function", function: tool })) } : {}),
});

/** How a turn's tools reached the model. */
export type ToolWays = {
  /** It had them, by declaration or because they were told unasked. */
  listed: number;
  /** It got them by its one question. */
  found: number;
  missed: number;
};

/** What a model answers. */
export type Answer = { readonly text: string; readonly toolCalls: readonly ToolCall[] };

const charactersPerToken = 4;

/** Whether a text describes a tool as Hotpath does. */
const isTold = (text: string, name: string): boolean => text.includes(`\n- ${name}: `);

/**
 * A server's reading of prompts, with one slot and a cache of what that read last. The tools stand at the head, as most templates put
 * them. Tokens are characters / 4.
 */
export const createPromptReader = () => {
  const prompts: string[] = [];
  return {
    prompts,
    /** Reads a prompt; returns its tokens, and how many of them the cache did not hold. */
    read({ messages, tools = [] }: ChatBody) {
      const prompt = [JSON.stringify(tools), ...messages.map((message) => JSON.stringify(message))].join("\n");
      const last = prompts.at(-1) ?? "";
      let same = 0;
      while (same < last.length && prompt[same] === last[same]) same++;
      prompts.push(prompt);
      return {
        promptTokens: Math.ceil(prompt.length / charactersPerToken),
        readTokens: Math.ceil((prompt.length - same) / charactersPerToken),
      };
    },
  };
};

/**
 * A model that knows what each turn needs. It calls what it has by name and what it was told of by `call_tool`; for anything else it
 * asks `find_tools` once in a turn, with the request's own words, and does without what that does not bring.
 */
export const createToolModel = () => {
  let query = "";
  let open: string[] = [];
  let instead: Readonly<Record<string, readonly string[]>> = {};
  let hasSearched = false;
  let calls = 0;
  let ways: ToolWays = { listed: 0, found: 0, missed: 0 };
  /** What was told when the turn began is no find. */
  let toldBefore = "";
  const call = (name: string, value: unknown): Answer => {
    const id = `call${String(++calls).padStart(5, "0")}`;
    return { text: "", toolCalls: [{ id, name, argumentsJson: JSON.stringify(value) }] };
  };
  return {
    begin(turn: ToolSession["turns"][number]): void {
      query = turn.query;
      open = [...turn.needed];
      instead = turn.instead ?? {};
      hasSearched = false;
      toldBefore = "";
      ways = { listed: 0, found: 0, missed: 0 };
    },
    ways: () => ways,
    answer({ messages, tools = [] }: ChatBody): Answer {
      const told = messages.map(({ role, content }) => (role === "tool" ? String(content) : "")).join("\n");
      if (!hasSearched) toldBefore = told;
      const declared = new Set(tools.map(({ function: { name } }) => name));
      for (let wanted = open[0]; wanted !== undefined; wanted = open[0]) {
        const fitting = [wanted, ...(instead[wanted] ?? [])];
        const name = fitting.find((other) => declared.has(other)) ?? fitting.find((other) => isTold(told, other));
        if (name !== undefined) {
          open.shift();
          if (declared.has(name) || isTold(toldBefore, name)) ways.listed++;
          else ways.found++;
          return declared.has(name) ? call(name, {}) : call("call_tool", { name, arguments: {} });
        }
        if (!hasSearched && declared.has("find_tools")) {
          hasSearched = true;
          return call("find_tools", { query });
        }
        ways.missed++;
        open.shift();
      }
      return { text: "Done.", toolCalls: [] };
    },
  };
};

/** A provider whose answers `answer` gives. */
export const createAnswerProvider = (answer: (request: ChatRequest) => Answer): Provider =>
  ({
    kind: "llamacpp",
    capabilities: async () => ({ model: "m", fillInMiddle: "none", slots: 1, contextTokens: 65_536 }),
    async *streamChat(request: ChatRequest): AsyncGenerator<StreamPart> {
      const { text, toolCalls } = answer(request);
      yield { type: "text", text };
      for (const call of toolCalls) yield { type: "tool-call", call };
      yield { type: "end", reason: toolCalls.length > 0 ? "tool-calls" : "stop", usage: {} };
    },
  }) as unknown as Provider;

/** What VS Code gets to see of an answer. */
export type ShownAnswer = { readonly text: string; readonly calls: readonly ToolCall[] };

/** A message as VS Code's agent wraps it. */
export const wrapRequest = (words: string): string =>
  `<context>\nThe current date is November 21, 2026.\n</context>\n<reminderInstructions>\nGo on until it is done.\n</reminderInstructions>\n<userRequest>\n${words}\n</userRequest>`;

/** Plays VS Code's agent: sends all tools with every request, runs each call, and stops at an answer without one. */
export const playSession = async (
  { turns }: ToolSession,
  {
    tools,
    system = "You are a helpful assistant.",
    ask,
    onTurn,
  }: {
    readonly tools: readonly ToolDefinition[];
    readonly system?: string;
    readonly ask: (request: ChatRequest) => Promise<ShownAnswer>;
    /** Before a turn's first request; what it returns is called when the turn is over. */
    readonly onTurn: (turn: ToolSession["turns"][number], index: number) => () => void;
  },
): Promise<void> => {
  const messages: ChatMessage[] = [
    { role: "system", content: system },
    { role: "user", content: "<environment_info>\nThe system is Linux.\n</environment_info>" },
  ];
  for (const [index, turn] of turns.entries()) {
    const end = onTurn(turn, index);
    messages.push({ role: "user", content: wrapRequest(turn.query) });
    while (true) {
      const { text, calls } = await ask({ messages: [...messages], tools });
      messages.push({ role: "assistant", content: text, ...(calls.length > 0 ? { toolCalls: calls } : {}) });
      if (calls.length === 0) break;
      for (const { id, name } of calls) messages.push({ role: "tool", toolCallId: id, toolName: name, content: "ok" });
    }
    end();
  }
};

/** What playing sessions has shown; tokens are means over turns, shares are of all turns with needs. */
export type SessionFigures = {
  readonly turns: number;
  /** Tokens that the server's cache did not hold, until a conversation's first answer, and until that of a later turn. */
  readonly firstTurnTokens: number;
  readonly laterTurnTokens: number;
  /** Turns that had every tool they needed, at once or after one question; and that had at least one. */
  readonly coveredShare: number;
  readonly listedShare: number;
  readonly partlyShare: number;
  /** Prompts that did not begin with the one before. */
  readonly brokenPrefixes: number;
};

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Plays sessions against a server that has read nothing when a conversation begins: what it may still know of another one is not
 * counted on.
 */
export const measureSessions = async (
  sessions: readonly ToolSession[],
  {
    toolsOf,
    turnsOf,
    system,
    providerOf = createAnswerProvider,
  }: {
    readonly toolsOf: (session: ToolSession, index: number) => readonly ToolDefinition[];
    /** What chooses the tools of a session. */
    readonly turnsOf: (session: ToolSession) => { readonly turns: ToolTurns; readonly ledger: Ledger };
    readonly system?: string;
    readonly providerOf?: (answer: (request: ChatRequest) => Answer) => Provider;
  },
): Promise<SessionFigures> => {
  const read: { isFirst: boolean; tokens: number }[] = [];
  const reached: ToolWays[] = [];
  let brokenPrefixes = 0;
  for (const [index, session] of sessions.entries()) {
    const { turns, ledger } = turnsOf(session);
    const reader = createPromptReader();
    const model = createToolModel();
    let tokens: number | undefined;
    const provider = providerOf((request) => {
      const body = bodyOf(request);
      const { readTokens } = reader.read(body);
      tokens ??= readTokens;
      return model.answer(body);
    });
    await playSession(session, {
      tools: toolsOf(session, index),
      ...(system === undefined ? {} : { system }),
      ask: (request) => askAsVsCode(turns, { ledger, provider, request }),
      onTurn(turn, at) {
        tokens = undefined;
        model.begin(turn);
        return () => {
          read.push({ isFirst: at === 0, tokens: tokens ?? 0 });
          if (turn.needed.length > 0) reached.push(model.ways());
        };
      },
    });
    for (const [at, prompt] of reader.prompts.entries()) {
      if (at > 0 && !prompt.startsWith(reader.prompts[at - 1]!)) brokenPrefixes++;
    }
  }
  const share = (isSo: (ways: ToolWays) => boolean) => mean(reached.map((ways) => Number(isSo(ways))));
  const tokensOf = (wanted: boolean) =>
    mean(read.filter(({ isFirst }) => isFirst === wanted).map(({ tokens }) => tokens));
  return {
    turns: reached.length,
    firstTurnTokens: tokensOf(true),
    laterTurnTokens: tokensOf(false),
    coveredShare: share(({ missed }) => missed === 0),
    listedShare: share(({ missed, found }) => missed + found === 0),
    partlyShare: share(({ listed, found }) => listed + found > 0),
    brokenPrefixes,
  };
};

/** Asks as VS Code does, and returns what it gets to see. */
export const askAsVsCode = async (
  turns: ToolTurns,
  {
    ledger,
    provider,
    request,
  }: { readonly ledger: Ledger; readonly provider: Provider; readonly request: ChatRequest },
): Promise<ShownAnswer> => {
  let text = "";
  const calls: ToolCall[] = [];
  await askWithTools(turns)({
    ledger,
    provider,
    model: "m",
    signal: new AbortController().signal,
    compose: () => request,
    onText: (piece) => void (text += piece),
    onToolCall: (call) => void calls.push(call),
  });
  return { text, calls };
};

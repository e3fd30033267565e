import type { ChatMessage, ChatRequest, ToolCall } from "../provider/provider.ts";
import { callTool, findTools } from "../tools/findTools.ts";
import { askModel, type AskOptions, type AskOutcome } from "./ask.ts";
import type { Exchange } from "./toolReplay.ts";

/** One answer for VS Code: as many answers of the model as it takes until none only asks for tools. */
export type ToolTurn = {
  /** What to send to the model now. */
  request(): ChatRequest;
  /** Takes a call of the model's and returns what VS Code is to see of it; undefined: it is answered here. */
  take(call: ToolCall): ToolCall | undefined;
  /** An answer of the model is complete. True: it is to be asked again. */
  heard(text: string): boolean;
  /** What was said that VS Code does not see; undefined: nothing. */
  exchange(): Pick<Exchange, "inner" | "answer"> | undefined;
};

/** Answers that only asked for tools, or called what there is not, before VS Code gets what there is. */
const maxInnerAnswers = 4;
const lastRound = "Do not search again: use a tool that you have, or answer without.";

const parse = (argumentsJson: string): unknown => {
  try {
    return JSON.parse(argumentsJson);
  } catch {
    return undefined;
  }
};

/** The call that is inside of a call of {@link callTool}; undefined: there is none. Models send `arguments` as text, too. */
const innerCall = ({ id, argumentsJson }: ToolCall): ToolCall | undefined => {
  const input = parse(argumentsJson);
  if (typeof input !== "object" || input === null || !("name" in input) || typeof input.name !== "string")
    return undefined;
  const given: unknown = "arguments" in input ? input.arguments : {};
  const value = typeof given === "string" ? parse(given.trim() || "{}") : (given ?? {});
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return { id, name: input.name, argumentsJson: JSON.stringify(value) };
};

/**
 * Makes a turn. `canCall` says which tools VS Code has offered: no other call ever reaches it. `find` answers a call of
 * {@link findTools}; without it the model is not known to have that tool.
 */
export const createToolTurn = ({
  request,
  canCall,
  find,
  onCall,
}: {
  readonly request: ChatRequest;
  readonly canCall: (name: string) => boolean;
  readonly find?: (input: unknown) => string;
  /** VS Code gets a call of this tool. */
  readonly onCall?: (name: string) => void;
}): ToolTurn => {
  const inner: ChatMessage[] = [];
  let innerAnswers = 0;
  let shownText = "";
  let answer: Exchange["answer"];
  // Of the answer that is being read: all calls, those that VS Code sees, and the results of the others.
  let calls: ToolCall[] = [];
  let shown: ToolCall[] = [];
  let results: ChatMessage[] = [];

  /** The result of a call that is answered here, or the call for VS Code. */
  const judge = (call: ToolCall): string | ToolCall => {
    if (find && call.name === findTools.name) {
      const text = find(parse(call.argumentsJson));
      return innerAnswers < maxInnerAnswers - 1 ? text : `${text}\n${lastRound}`;
    }
    const meant = find && call.name === callTool.name ? innerCall(call) : call;
    if (!meant) return `Give "name" and "arguments", an object.`;
    if (find && meant.name === findTools.name) return judge(meant);
    if (canCall(meant.name)) return meant;
    const advice = find ? `Use one of your tools, or ${findTools.name}.` : "Use one of your tools.";
    return `There is no tool ${JSON.stringify(meant.name.slice(0, 100))}. ${advice}`;
  };

  return {
    request: () => (inner.length === 0 ? request : { ...request, messages: [...request.messages, ...inner] }),
    take(call) {
      calls.push(call);
      const judged = judge(call);
      if (typeof judged === "string") {
        results.push({ role: "tool", toolCallId: call.id, toolName: call.name, content: judged });
        return undefined;
      }
      shown.push(judged);
      onCall?.(judged.name);
      return judged;
    },
    heard(text) {
      shownText += text;
      const said: ChatMessage = { role: "assistant", content: text, ...(calls.length > 0 ? { toolCalls: calls } : {}) };
      const isOver = shown.length > 0 || calls.length === 0;
      if (isOver) answer = { shownText, shownCalls: shown, said: [said, ...results] };
      else {
        inner.push(said, ...results);
        innerAnswers++;
      }
      calls = [];
      shown = [];
      results = [];
      return !isOver && innerAnswers <= maxInnerAnswers;
    },
    exchange() {
      // What VS Code saw may still be worded otherwise: a call of what was found, or one beside a question for tools.
      const isAsShown =
        answer === undefined ||
        (answer.said.length === 1 && answer.said.every((said) => sameCalls(said, answer?.shownCalls ?? [])));
      if (inner.length === 0 && isAsShown) return undefined;
      return { inner: [...inner], ...(answer ? { answer } : {}) };
    },
  };
};

const sameCalls = (said: ChatMessage, shown: readonly ToolCall[]): boolean =>
  said.role === "assistant" && (said.toolCalls ?? []).every(({ name }, at) => name === shown[at]?.name);

/** What chooses tools for requests, and what it makes of one. */
export type ToolTurns = {
  begin(request: ChatRequest): ToolTurn;
  /** The turn is over; `isWhole`: the model answered to its end. */
  end(turn: ToolTurn, isWhole: boolean): void;
};

/**
 * {@link askModel} with chosen tools: questions for more of them are answered here and asked on, and a call of what VS Code did not
 * offer comes back to the model as an error. Text streams as it comes, and calls for VS Code at once.
 */
export const askWithTools =
  (turns: ToolTurns) =>
  async (options: AskOptions): Promise<AskOutcome> => {
    let turn: ToolTurn | undefined;
    let isWhole = false;
    try {
      while (true) {
        let text = "";
        const outcome = await askModel({
          ...options,
          compose(capabilities) {
            turn ??= turns.begin(options.compose(capabilities));
            return turn.request();
          },
          onText(piece) {
            text += piece;
            options.onText(piece);
          },
          onToolCall(call) {
            const shown = turn?.take(call);
            if (shown) options.onToolCall?.(shown);
          },
        });
        if (!turn || outcome === "cancelled") return outcome;
        if (turn.heard(text)) continue;
        isWhole = true;
        return outcome;
      }
    } finally {
      if (turn) turns.end(turn, isWhole);
    }
  };

import { beforeCursor } from "./completionText.ts";
import { createHoleAnswer } from "./holeAnswer.ts";
import type { ChatMessage, ChatRequest, CompletionRequest, StreamPart } from "./provider.ts";
import { createStopCutter } from "./stopCutter.ts";

/** For a fence and its language. Some models of OpenAI's refuse a chat of less than 16 tokens. */
const extraTokens = 16;

const instruction = (mark: string): string =>
  [
    "You complete code in an editor.",
    `The user sends a part of a file in which ${mark} marks the cursor.`,
    `Answer with the text that has to stand in the place of ${mark}, and with nothing else:`,
    "no explanation, no code fence, and nothing of the text before or after it.",
  ].join(" ");

/** A mark that does not stand in the text: this file, for one, holds the first. */
const markFor = (text: string): string => {
  for (let number = 1; ; number++) {
    const mark = number === 1 ? "<FILL_HERE>" : `<FILL_HERE_${number}>`;
    if (!text.includes(mark)) return mark;
  }
};

/** Asks a chat model to fill the hole, with one example of how to answer. */
export const holeRequest = (request: CompletionRequest): ChatRequest => {
  const { suffix, maxTokens, temperature } = request;
  const prefix = beforeCursor(request);
  const mark = markFor(prefix + suffix);
  const messages: readonly ChatMessage[] = [
    { role: "system", content: instruction(mark) },
    { role: "user", content: `const add = (a, b) => ${mark};\n` },
    { role: "assistant", content: "a + b" },
    { role: "user", content: prefix + mark + suffix },
  ];
  return { messages, maxTokens: maxTokens + extraTokens, ...(temperature === undefined ? {} : { temperature }) };
};

/**
 * Yields only what belongs at the hole: see {@link createHoleAnswer}. Stop texts are looked for in that, so that none is
 * found in a fence or in what was repeated.
 */
export async function* fillHole(
  request: CompletionRequest,
  chat: (request: ChatRequest) => AsyncIterable<StreamPart>,
): AsyncGenerator<StreamPart> {
  const answer = createHoleAnswer(beforeCursor(request));
  const asked = holeRequest(request);
  const cutter = createStopCutter([...(request.stop ?? []), markFor(beforeCursor(request) + request.suffix)]);
  for await (const part of chat(asked)) {
    if (part.type === "tool-call") continue;
    const isEnd = part.type === "end";
    const cleaned = isEnd ? answer.flush() : answer.push(part.text);
    const text = cutter.push(cleaned) + (isEnd || answer.isOver() ? cutter.flush() : "");
    if (text !== "") yield { type: "text", text };
    if (isEnd) yield cutter.isCut() ? { ...part, reason: "stop" } : part;
    else if (cutter.isCut() || answer.isOver()) {
      // Leaving closes the socket: the server has nothing more to say that is wanted.
      yield { type: "end", reason: "stop", usage: {} };
      return;
    }
  }
}

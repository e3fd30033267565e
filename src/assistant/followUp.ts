import type { CommandName } from "./commands.ts";
import { isFileNamedIn, type ContextPiece } from "./context.ts";
import { isShownIn, type Turn } from "./conversation.ts";

const codeOf = (answer: string): readonly string[] =>
  [...answer.matchAll(/^```[^\n]*\n(.*?)\n```/gms)].map(([, code = ""]) => code.trim()).filter((code) => code !== "");

/** Whether a file is there to work on that was not yet. One that changed is the same, and one may hold the answer. */
const isNewFile = (turns: readonly Turn[], file: ContextPiece): boolean => {
  const text = file.text.replaceAll("\r\n", "\n");
  return !turns.flat().some(({ role, content }) => {
    if (typeof content !== "string") return false;
    return role === "assistant" ? codeOf(content).some((code) => text.includes(code)) : isFileNamedIn(content, file);
  });
};

/**
 * Whether plain words that name a command are about the answer that the same command brought before, and no wish for
 * another one: "make the tests shorter" behind tests. They are, unless something that was chosen or has changed since
 * is there to work on. `last`: the conversation's last command; `chosen`: what was selected, attached or changed, or is
 * open.
 */
export const isAboutAnswer = (
  command: CommandName,
  last: CommandName | undefined,
  chosen: readonly ContextPiece[],
  earlier: readonly Turn[],
): boolean => {
  const isNew = (piece: ContextPiece) =>
    piece.kind === "file" ? isNewFile(earlier, piece) : !isShownIn(earlier, piece);
  return command === last && !chosen.some(isNew);
};

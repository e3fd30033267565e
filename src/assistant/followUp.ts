import type { CommandName } from "./commands.ts";
import type { ContextPiece } from "./context.ts";
import { isShownIn, type Turn } from "./conversation.ts";

/**
 * Whether plain words that name a command are about the answer that the same command brought before, and no wish for
 * another one: "make the tests shorter" behind tests. They are, unless something that was chosen or has changed since
 * is there to work on. `last`: the conversation's last command; `chosen`: what was selected, attached or changed.
 */
export const isAboutAnswer = (
  command: CommandName,
  last: CommandName | undefined,
  chosen: readonly ContextPiece[],
  earlier: readonly Turn[],
): boolean => command === last && chosen.every((piece) => isShownIn(earlier, piece));

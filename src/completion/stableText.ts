import { bracketBalance, openQuote } from "./brackets.ts";
import type { RunningStream } from "./runningStream.ts";
import type { Snapshot } from "./snapshot.ts";

// Where a semicolon ends a statement, and seldom anything follows it on the line.
const semicolonLanguages = new Set(
  "c cpp csharp css dart java javascript javascriptreact objective-c php rust scss typescript typescriptreact".split(
    " ",
  ),
);

// A statement on a longer line has ended when the line has.
const nearUnits = 2000;

/**
 * What of a text that still comes at `snapshot` will stay as it is: its whole lines, or a statement that its semicolon
 * has ended. Undefined while there is neither: half a line would jump.
 */
export const stablePart = (text: string, { prefix, languageId }: Snapshot): string | undefined => {
  if (/\S[^\n]*\n/.test(text)) return text.slice(0, text.lastIndexOf("\n"));
  if (!text.endsWith(";") || text.trim().length < 2 || !semicolonLanguages.has(languageId)) return undefined;
  const near = prefix.slice(-nearUnits);
  const line = (text.startsWith("\n") ? "" : near.slice(near.lastIndexOf("\n") + 1)) + text;
  const isOpen = bracketBalance(line, languageId).open.length > 0 || openQuote(line, languageId) !== undefined;
  return isOpen ? undefined : text;
};

/**
 * Waits until the text of `running` for `snapshot` has come to a stable place or to its end. Undefined: it has nothing
 * for this place, or `signal` fired.
 */
export const stableText = async (
  running: RunningStream,
  snapshot: Snapshot,
  signal: AbortSignal,
): Promise<string | undefined> => {
  const stopped = Promise.withResolvers<void>();
  const onAbort = () => stopped.resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    while (!signal.aborted && running.agreesWith(snapshot)) {
      const rest = running.rest(snapshot);
      if (running.isDone) return rest;
      const stable = rest === undefined ? undefined : stablePart(rest, snapshot);
      if (stable !== undefined) return stable;
      await Promise.race([running.progress(), stopped.promise]);
    }
    return undefined;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
};

import { bracketBalance, openQuote } from "./brackets.ts";
import type { FilteredCompletion } from "./filters.ts";
import { onlyClosers } from "./lines.ts";

/** Makes the last inserted line and what stands behind the cursor one line without doubling either. */
export const fitRestOfLine = (
  text: string,
  restOfLine: string,
  linePrefix: string,
  quote: string | undefined,
  languageId: string,
): FilteredCompletion | undefined => {
  const rest = restOfLine.trimEnd();
  if (rest === "") return { insertText: text, replaceAfter: 0 };
  if (rest.trimStart().startsWith(text.trim())) return undefined;
  const isSeparator = /^[,;]+$/.test(rest);
  if (text.startsWith(rest) && !isSeparator) return { insertText: text, replaceAfter: rest.length };
  const kept = withoutOverlap(text, rest, linePrefix, quote, languageId);
  if (kept !== undefined) return { insertText: kept, replaceAfter: 0 };

  const closedAt = closesBehind(text, quote, languageId);
  let replaceAfter = 0;
  for (const at of closedAt) if (rest[replaceAfter] === text[at]) replaceAfter++;
  if (replaceAfter === 0) return { insertText: text, replaceAfter: containedRest(text, rest, languageId) };
  const tail = rest.slice(replaceAfter);
  // The text ends a statement, and the line goes on: only what comes before the closer fits.
  if (/[;{]$/.test(text) && !onlyClosers.test(tail)) return { insertText: text.slice(0, closedAt[0]), replaceAfter: 0 };
  const isTailInText = text.endsWith(tail) || (text.endsWith("{") && tail === ";");
  return { insertText: text, replaceAfter: isTailInText ? rest.length : replaceAfter };
};

/** The text without its end that the rest of the line begins with; undefined when there is none. */
const withoutOverlap = (
  text: string,
  rest: string,
  linePrefix: string,
  quote: string | undefined,
  languageId: string,
): string | undefined => {
  const total = bracketBalance(text, languageId);
  for (let length = Math.min(text.length, rest.length, 300); length > 0; length--) {
    const overlap = rest.slice(0, length);
    // One letter in common is chance, one bracket is not.
    if (length < 2 && !onlyClosers.test(overlap)) break;
    if (!text.endsWith(overlap)) continue;
    const kept = text.slice(0, text.length - length);
    // What closes something that the text opened itself is no copy of what stands behind the cursor.
    const before = bracketBalance((quote ?? "") + kept, languageId);
    if (bracketBalance(kept, languageId).open.length > total.open.length || before.surplus.length > 0) continue;
    if (openQuote(linePrefix + kept, languageId) !== quote || opensAngle(kept, overlap)) continue;
    return kept;
  }
  return undefined;
};

/** Where the text closes the string and the brackets that the cursor is in. */
const closesBehind = (text: string, quote: string | undefined, languageId: string): readonly number[] => {
  const code = (quote ?? "") + text;
  if (openQuote(code, languageId) !== undefined) return [];
  const shift = code.length - text.length;
  const quoteEnd = quote === undefined ? -1 : text.indexOf(quote);
  return [...(quoteEnd < 0 ? [] : [quoteEnd]), ...bracketBalance(code, languageId).surplusAt.map((at) => at - shift)];
};

/** True when the overlap's `>` closes a `<` of the text's own. */
const opensAngle = (kept: string, overlap: string): boolean => overlap.startsWith(">") && /<[\w/][^<>]*$/.test(kept);

/** Length of the rest when the text says it too, with more behind: `a + b * 2` before ` + b`. */
const containedRest = (text: string, rest: string, languageId: string): number => {
  const said = rest.replace(/[;,]$/, "");
  const balance = bracketBalance(said, languageId);
  const isBalanced = balance.open.length + balance.surplus.length === 0;
  if (!/[A-Za-z]{2}/.test(said) || !isBalanced || !text.includes(said)) return 0;
  return text.endsWith(rest.slice(said.length)) ? rest.length : said.length;
};

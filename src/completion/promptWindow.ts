/** How much of the document a model gets to read, in UTF-16 units. */
export type PromptBudget = { readonly prefixUnits: number; readonly suffixUnits: number };

const fullBudget: PromptBudget = { prefixUnits: 9000, suffixUnits: 1200 };
// Code has three to four units a token, and CJK text about one: two leave room for both most of the time.
const unitsPerToken = 2;
// The window begins at a multiple of this: it stays put while text is typed, and so does the server's prompt cache.
const stepUnits = 3000;

/** What fits a context of `contextTokens` beside `maxTokens` of answer; unknown: the usual amount. */
export const promptBudget = (contextTokens: number | undefined, maxTokens: number): PromptBudget => {
  if (contextTokens === undefined) return fullBudget;
  const units = Math.max(200, (contextTokens - maxTokens) * unitsPerToken);
  const full = fullBudget.prefixUnits + fullBudget.suffixUnits;
  const share = Math.min(1, units / full);
  return {
    prefixUnits: Math.floor(fullBudget.prefixUnits * share),
    suffixUnits: Math.floor(fullBudget.suffixUnits * share),
  };
};

// About 1500 tokens: a second of reading on a laptop, once.
const maxRelatedUnits = 5400;

/**
 * How much of other files fits beside a full window, in UTF-16 units. An unknown context is taken for the shortest that
 * is common, 4096 tokens.
 */
export const relatedBudget = (contextTokens: number | undefined, maxTokens: number): number => {
  if (contextTokens === undefined) return maxRelatedUnits / 2;
  const leftUnits = (contextTokens - maxTokens) * unitsPerToken - fullBudget.prefixUnits - fullBudget.suffixUnits;
  return Math.max(0, Math.min(maxRelatedUnits, leftUnits));
};

/** The part of the document around the cursor that a model gets to read, whole lines where there are any. */
export const promptWindow = (
  prefix: string,
  suffix: string,
  { prefixUnits, suffixUnits }: PromptBudget = fullBudget,
): { prefix: string; suffix: string } => {
  const step = Math.min(stepUnits, prefixUnits / 3);
  const excess = prefix.length - prefixUnits;
  const from = excess <= 0 ? 0 : Math.floor(Math.ceil(excess / step) * step);
  const lineStart = from === 0 ? 0 : prefix.indexOf("\n", from) + 1;
  // A line longer than the window is cut in its middle.
  const start = lineStart === 0 || lineStart === prefix.length ? wholeCharacter(prefix, from) : lineStart;
  const end = suffix.length <= suffixUnits ? suffix.length : suffix.lastIndexOf("\n", suffixUnits);
  return { prefix: prefix.slice(start), suffix: suffix.slice(0, end > 0 ? end : wholeCharacter(suffix, suffixUnits)) };
};

/** `at`, or one less inside of a surrogate pair: half a character is no valid JSON for some servers. */
const wholeCharacter = (text: string, at: number): number => (/[\uDC00-\uDFFF]/.test(text.charAt(at)) ? at - 1 : at);

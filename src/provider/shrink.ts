import { completionUnits, withoutFiles } from "./completionText.ts";
import { imageTokens, messageUnits, toolUnits } from "./messageUnits.ts";
import type { ChatMessage, ChatRequest, CompletionRequest, ProviderError } from "./provider.ts";

/** What is known about a request that did not fit. */
export type Overflow = Pick<ProviderError, "contextTokens" | "promptTokens">;

/** Code and English text have three to four units a token; only used when the server does not count for us. */
const unitsPerToken = 3;
/** Servers count differently from one another, and a chat's template adds tokens of its own. */
const fillShare = 0.92;
/** Without any figures: cut enough to matter. */
const blindShare = 0.5;
/** The share of a completion's text that stands before the cursor: it says more about what comes next. */
const prefixShare = 0.8;

/** How many units may stay out of `totalUnits`, and how many tokens of answer fit beside them. */
const budgetFor = (
  totalUnits: number,
  maxTokens: number | undefined,
  { contextTokens, promptTokens }: Overflow,
): { readonly units: number; readonly maxTokens: number | undefined } => {
  if (contextTokens === undefined) return { units: totalUnits * blindShare, maxTokens };
  // Some servers count the answer in. It never gets more than half of the context.
  const answerTokens = maxTokens === undefined ? undefined : Math.min(maxTokens, Math.floor(contextTokens / 2));
  const roomTokens = (contextTokens - (answerTokens ?? Math.floor(contextTokens / 8))) * fillShare;
  const measured = promptTokens === undefined ? undefined : totalUnits / Math.max(1, promptTokens);
  const units = roomTokens * (measured ?? unitsPerToken);
  // It did not fit as it was, whatever the figures say.
  return { units: Math.min(units, totalUnits * 0.9), maxTokens: answerTokens };
};

/** Never between the two halves of a character. */
const isInsideCharacter = (text: string, at: number): boolean => /[\uDC00-\uDFFF]/.test(text.charAt(at));

/** The end of a text, whole lines if there are any. */
const endOf = (text: string, units: number): string => {
  if (text.length <= units) return text;
  const from = text.length - Math.max(0, Math.floor(units));
  const line = text.indexOf("\n", from) + 1;
  if (line > 0 && line < text.length) return text.slice(line);
  return text.slice(isInsideCharacter(text, from) ? from + 1 : from);
};

/** The beginning of a text, whole lines if there are any. */
const beginningOf = (text: string, units: number): string => {
  if (text.length <= units) return text;
  const to = Math.max(0, Math.floor(units));
  const line = text.lastIndexOf("\n", to);
  if (line > 0) return text.slice(0, line);
  return text.slice(0, isInsideCharacter(text, to) ? to - 1 : to);
};

/**
 * The same request with less text around the cursor and without other files, which matter less; undefined: there is
 * nothing to take away.
 */
export const shrinkCompletion = (request: CompletionRequest, overflow: Overflow): CompletionRequest | undefined => {
  // A part of somebody's own prompt asks for something else.
  if (request.isRaw) return undefined;
  const { prefix, suffix, typed = "" } = request;
  const budget = budgetFor(completionUnits(request), request.maxTokens, overflow);
  if (budget.units < 1) return undefined;
  // What one side does not need, the other gets.
  const beforeUnits = Math.max(budget.units * prefixShare, budget.units - suffix.length);
  const shorterTyped = endOf(typed, beforeUnits);
  const shorterPrefix = shorterTyped === typed ? endOf(prefix, beforeUnits - typed.length) : "";
  const shorterSuffix = beginningOf(suffix, budget.units - shorterTyped.length - shorterPrefix.length);
  return {
    ...withoutFiles(request),
    prefix: shorterPrefix,
    ...(request.typed === undefined ? {} : { typed: shorterTyped }),
    suffix: shorterSuffix,
    maxTokens: budget.maxTokens ?? request.maxTokens,
  };
};

/** A message, or a message with tool calls together with their results: neither may go without the other. */
type Unit = { readonly messages: readonly ChatMessage[]; readonly units: number };

const group = (messages: readonly ChatMessage[], unitsPerImage: number): readonly Unit[] => {
  const units: { messages: ChatMessage[]; units: number }[] = [];
  for (const message of messages) {
    const last = units.at(-1);
    if (message.role === "tool" && last) {
      last.messages.push(message);
      last.units += messageUnits(message, unitsPerImage);
    } else {
      units.push({ messages: [message], units: messageUnits(message, unitsPerImage) });
    }
  }
  return units;
};

const isFrom =
  (role: ChatMessage["role"]) =>
  (unit: Unit): boolean =>
    unit.messages[0]?.role === role;

/**
 * The same conversation without its oldest turns, a turn being what a user said and all that followed; then, if that is
 * not enough, without the oldest steps of the last turn. System messages, what the user said last and the last step
 * stay. Undefined: that alone is too long.
 */
export const shrinkChat = (request: ChatRequest, overflow: Overflow): ChatRequest | undefined => {
  const unitsPerImage = imageTokens * unitsPerToken;
  const all = group(request.messages, unitsPerImage);
  const totalUnits = all.reduce((sum, unit) => sum + unit.units, toolUnits(request.tools));
  const budget = budgetFor(totalUnits, request.maxTokens, overflow);

  const lastUser = all.findLastIndex(isFrom("user"));
  const isKept = (unit: Unit, index: number): boolean =>
    index === lastUser || index === all.length - 1 || isFrom("system")(unit);
  const dropped = new Set<Unit>();
  let leftUnits = totalUnits;
  for (const [index, unit] of all.entries()) {
    // Only whole turns go, so that the conversation still begins with the user: some templates refuse it otherwise.
    const isTurnStart = isFrom("user")(unit) || index > lastUser;
    if (leftUnits <= budget.units && (isTurnStart || isFrom("system")(unit))) break;
    if (isKept(unit, index)) continue;
    dropped.add(unit);
    leftUnits -= unit.units;
  }
  if (leftUnits > budget.units || dropped.size === 0) return undefined;
  return {
    ...request,
    messages: all.filter((unit) => !dropped.has(unit)).flatMap((unit) => unit.messages),
    ...(budget.maxTokens === undefined ? {} : { maxTokens: budget.maxTokens }),
  };
};

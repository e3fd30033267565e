import type { ChatMessage } from "../provider/provider.ts";
import { renderContext, renderPiece, type ContextPiece } from "./context.ts";
import { requestText, systemPrompt, type Task } from "./prompts.ts";

/** What one message of the person brought, as it was said to the model: tool calls and their results, too, if any. */
export type Turn = readonly ChatMessage[];

export type ConversationRequest = {
  /** The oldest first. */
  readonly earlier: readonly Turn[];
  readonly task: Task;
  /** What the person wrote, without the command's name. */
  readonly words: string;
  /** What matters most first. */
  readonly pieces: readonly ContextPiece[];
  /** What the server can read and write in one request; undefined: it does not say. */
  readonly contextTokens: number | undefined;
};

export type FittedConversation = {
  readonly messages: readonly ChatMessage[];
  /** What the person wrote, with the material: belongs into the turn that is kept of it. */
  readonly asked: ChatMessage;
  /** How many of the oldest turns found no room. */
  readonly droppedTurns: number;
  /** Titles of pieces that are not there as a whole. */
  readonly cut: readonly string[];
  readonly contextTokens: number;
};

/** Code and English text have three to four UTF-16 units a token; as in the provider's own emergency cut. */
const unitsPerToken = 3;
/** What servers allocate when nobody says: llama.cpp and Ollama start with this much or more (2026-11). */
const usualContextTokens = 4096;
/** Left for the answer: a quarter of the context, but no more than a long answer takes. */
const answerShare = 0.25;
const maxAnswerTokens = 4096;
/** A chat template's marks around one message. */
const messageOverheadUnits = 24;
/** New material gets what older turns leave, but at least this share of the room. */
const materialShare = 0.6;
/**
 * Old turns go several at a time, so that the next messages begin as this one does and find that in the server's cache.
 * The newest turn never goes for this reason alone.
 */
const dropStep = 3;

const unitsOf = (message: ChatMessage): number => {
  const { content } = message;
  const calls = message.role === "assistant" ? (message.toolCalls ?? []) : [];
  const callUnits = calls.reduce((sum, { name, argumentsJson }) => sum + name.length + argumentsJson.length, 0);
  const textUnits =
    typeof content === "string"
      ? content.length
      : content.reduce((sum, part) => sum + (part.type === "text" ? part.text.length : 0), 0);
  return textUnits + callUnits + messageOverheadUnits;
};

const turnUnits = (turn: Turn): number => turn.reduce((sum, message) => sum + unitsOf(message), 0);

/** How many of the oldest turns must go, in whole steps, so that the rest takes at most `maxUnits`. */
const turnsToDrop = (turns: readonly Turn[], maxUnits: number): number => {
  let leftUnits = turns.reduce((sum, turn) => sum + turnUnits(turn), 0);
  let dropped = 0;
  const isInStep = () => dropped % dropStep === 0 || dropped === turns.length - 1;
  while (dropped < turns.length && (leftUnits > maxUnits || !isInStep())) {
    leftUnits -= turnUnits(turns[dropped]!);
    dropped++;
  }
  return dropped;
};

/** Whether a turn holds all of it, a selection as such: within a file that was sent, nobody sees what is meant. */
export const isShownIn = (turns: readonly Turn[], piece: ContextPiece): boolean => {
  const shown = piece.kind === "selection" ? renderPiece(piece) : piece.text;
  return turns.some((turn) => turn.some(({ content }) => typeof content === "string" && content.includes(shown)));
};

const fit = (request: ConversationRequest, pieces: readonly ContextPiece[]): FittedConversation => {
  const contextTokens = request.contextTokens ?? usualContextTokens;
  const answerTokens = Math.min(maxAnswerTokens, contextTokens * answerShare);
  const said = requestText(request.task, request.words);
  const fixedUnits = systemPrompt.length + said.length + 2 * messageOverheadUnits;
  const roomUnits = Math.max(0, (contextTokens - answerTokens) * unitsPerToken - fixedUnits);
  const earlierUnits = request.earlier.reduce((sum, turn) => sum + turnUnits(turn), 0);
  const material = renderContext(pieces, Math.max(roomUnits * materialShare, roomUnits - earlierUnits));
  const droppedTurns = turnsToDrop(request.earlier, roomUnits - material.text.length);
  const asked: ChatMessage = { role: "user", content: material.text + said };
  const kept = request.earlier.slice(droppedTurns).flat();
  return {
    messages: [{ role: "system", content: systemPrompt }, ...kept, asked],
    asked,
    droppedTurns,
    cut: material.cut,
    contextTokens,
  };
};

/**
 * The messages for a model, within what it can read: material that an earlier turn holds is not sent twice, the rest is
 * cut to a share of the room, then the oldest turns are left out. What the person wrote is never cut; if that alone is
 * too long, the server's answer will say so.
 */
export const fitConversation = (request: ConversationRequest): FittedConversation => {
  const { pieces, earlier } = request;
  const fresh = pieces.filter((piece) => !isShownIn(earlier, piece));
  const fitted = fit(request, fresh);
  // The turn that held it may be one of those that go.
  return fitted.droppedTurns > 0 && fresh.length < pieces.length ? fit(request, pieces) : fitted;
};

const isMessage = (value: unknown): value is ChatMessage => {
  if (typeof value !== "object" || value === null || !("role" in value) || !("content" in value)) return false;
  return (value.role === "user" || value.role === "assistant") && typeof value.content === "string";
};

/** A turn as it was kept with an answer; undefined: there is none, or it is damaged. */
export const readTurn = (kept: unknown): Turn | undefined =>
  Array.isArray(kept) && kept.length > 0 && kept.every(isMessage) ? kept : undefined;

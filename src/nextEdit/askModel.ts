import { isAbortError } from "../base/abort.ts";
import { firstTokenSpan, type Ledger, type TokenUsage } from "../metrics/ledger.ts";
import type { Provider, StreamPart } from "../provider/provider.ts";
import { findEdit } from "./edit.ts";
import type { ModelFormat, ModelInput, ModelQuestion } from "./modelInput.ts";
import { inLine, type PlaceEdit } from "./rule.ts";
import type { Lines } from "./scope.ts";

export type ModelOptions = {
  readonly provider: Provider;
  /** Name for the ledger until the server tells its own. */
  readonly model: string;
  readonly format: ModelFormat;
  readonly ledger: Ledger;
  readonly signal: AbortSignal;
};

/** More than this was not asked for, whatever the model says. */
const maxAddedLines = 40;
const maxAddedUnits = 4000;
const unitsPerToken = 3;
/** The families read a few thousand tokens at most; only very long lines make more of it. */
const maxPromptUnits = 20_000;

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((text, index) => text === other[index]);

/**
 * What an answer changes, if it can be used: inside of the editable lines, of a limited size, no taking back of what was
 * changed just now, and more than text at the cursor, which is what ghost text is for.
 */
export const editOfAnswer = (
  input: ModelInput,
  editable: Lines,
  newLines: readonly string[] | undefined,
): PlaceEdit | undefined => {
  // Nothing but blanks is no answer: it would delete what stands there.
  if (!newLines || newLines.join("").trim() === "") return undefined;
  const { lines, cursor, edits } = input;
  const edit = findEdit(lines.slice(editable.from, editable.to), newLines);
  if (!edit) return undefined;
  const { removed, added } = edit;
  // A control character belongs into no line, nor does one that turns the direction: the text would not be what it seems.
  const isClean = added.every((text) => !/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(text.replaceAll("\t", "")));
  const isSmall = added.length <= maxAddedLines && added.join("\n").length <= maxAddedUnits;
  if (!isClean || !isSmall) return undefined;
  const line = editable.from + edit.line;
  const last = edits.at(-1);
  const isReverted = last && last.line === line && isSame(last.removed, added) && isSame(last.added, removed);
  if (isReverted) return undefined;
  const [before, after] = [removed[0], added[0]];
  if (removed.length === 1 && added.length === 1 && before !== undefined && after !== undefined) {
    const place = narrowed(line, before, after);
    const isAtCursor = place.column === place.endColumn && line === cursor.line && place.column === cursor.column;
    return isAtCursor ? undefined : place;
  }
  return wholeLines(lines, line, removed.length, added);
};

/** A change within one line, without what stays at both of its ends. */
const narrowed = (line: number, before: string, after: string): PlaceEdit => {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  // Half of a pair of surrogates is no character.
  if (head > 0 && /[\ud800-\udbff]/.test(before[head - 1]!)) head--;
  if (tail > 0 && /[\udc00-\udfff]/.test(before.at(-tail)!)) tail--;
  return inLine(line, head, before.length - tail, after.slice(head, after.length - tail));
};

const wholeLines = (lines: readonly string[], line: number, count: number, added: readonly string[]): PlaceEdit => {
  const text = added.map((one) => `${one}\n`).join("");
  if (line + count < lines.length) return { line, column: 0, endLine: line + count, endColumn: 0, text };
  // The last line has no line end behind it, so the one in front goes along.
  const end = { endLine: lines.length - 1, endColumn: lines.at(-1)!.length };
  if (line === 0) return { line: 0, column: 0, ...end, text: added.join("\n") };
  return { line: line - 1, column: lines[line - 1]!.length, ...end, text: added.map((one) => `\n${one}`).join("") };
};

const promptUnits = (question: ModelQuestion): number =>
  question.kind === "raw" ? question.prompt.length : question.system.length + question.user.length;

const send = (
  provider: Provider,
  question: ModelQuestion,
  maxTokens: number,
  call: { readonly signal: AbortSignal },
): AsyncIterable<StreamPart> =>
  question.kind === "raw"
    ? provider.streamCompletion(
        { prefix: question.prompt, suffix: "", isRaw: true, maxTokens, stop: question.stop, temperature: 0 },
        call,
      )
    : provider.streamChat(
        {
          messages: [
            { role: "system", content: question.system },
            { role: "user", content: question.user },
          ],
          maxTokens,
          temperature: 0,
        },
        { ...call, priority: "interactive" },
      );

/**
 * Asks a next-edit model for the change that comes next. Undefined: it has none that can be used.
 * @throws `ProviderError`, or `AbortError` when the signal fires; the socket is closed then.
 */
export const askModel = async (input: ModelInput, options: ModelOptions): Promise<PlaceEdit | undefined> => {
  const { provider, model, format, ledger, signal } = options;
  const question = format.ask(input);
  if (!question || promptUnits(question) > maxPromptUnits) return undefined;
  const { from, to } = question.editable;
  const editableUnits = input.lines.slice(from, to).join("\n").length;
  const maxUnits = editableUnits + maxAddedUnits;
  const request = ledger.startRequest({ feature: "completion", provider: provider.kind, model });
  const firstToken = request.span.child(firstTokenSpan);
  const call = { signal, span: request.span, onLateUsage: (usage: TokenUsage) => request.lateUsage(usage) };
  let answer = "";
  let isWhole = false;
  try {
    for await (const part of send(provider, question, Math.ceil(maxUnits / unitsPerToken), call)) {
      if (part.type === "end") {
        request.usage(part.usage);
        if (part.model) request.named(part.model);
        isWhole = part.reason === "stop";
      }
      if (part.type !== "text" || part.text === "") continue;
      if (answer === "") firstToken.end();
      answer += part.text;
      if (answer.length > maxUnits) break;
    }
    request.end("ok");
  } catch (error) {
    const isCancelled = signal.aborted || isAbortError(error);
    const kind = error instanceof Error && "kind" in error ? String(error.kind) : "unknown";
    request.end(isCancelled ? "cancelled" : "failed", isCancelled ? undefined : kind);
    throw error;
  }
  // What was cut off would delete the lines that are missing.
  return isWhole ? editOfAnswer(input, question.editable, format.read(answer)) : undefined;
};

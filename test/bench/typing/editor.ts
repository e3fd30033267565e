import type { Clock } from "../../../src/base/clock.ts";
import { editKind, type EditEvent, type EditKind } from "../../../src/completion/edits.ts";
import type { CompletionEngine, Suggestion } from "../../../src/completion/engine.ts";
import type { Snapshot } from "../../../src/completion/snapshot.ts";

// As measured in VS Code: from a document's change to the provider's call, from its answer to the screen, from a key to
// the redrawn text, and from the command that asks again to the call.
const callAfterMs = { from: 59, to: 68 };
const answerDrawnMs = { from: 12, to: 22 };
const keyDrawnMs = { from: 8, to: 16 };
const askedAgainMs = { from: 15, to: 25 };
const hostToldMs = 1.5;

/** As much of VS Code as ghost text needs: one document with one cursor, its debounce, typing through what is shown. */
export type Editor = {
  /** Types at the cursor, as one edit. */
  type(text: string): void;
  /** Makes VS Code ask again, if the cursor is still there. */
  showAgain(snapshot: Snapshot): void;
  /** Each ghost text that was drawn, with the time in ms. */
  readonly drawn: readonly (readonly [atMs: number, text: string])[];
};

export type EditorOptions = {
  readonly clock: Clock;
  readonly engine: CompletionEngine;
  readonly random: () => number;
  readonly documentId: string;
  readonly path: string;
  readonly languageId: string;
  readonly prefix: string;
  readonly suffix: string;
};

/** Opens a document with the cursor between `prefix` and `suffix`. */
export const createEditor = (options: EditorOptions): Editor => {
  const { clock, engine, random, suffix } = options;
  const drawn: [number, string][] = [];
  /** What the window and the extension host hold. */
  let typed = options.prefix;
  let told = options.prefix;
  let item: { readonly at: string; readonly suggestion: Suggestion } | undefined;
  let call: { readonly controller: AbortController } | undefined;
  let timer: { dispose(): void } | undefined;
  let last: (EditEvent & { readonly kind: EditKind }) | undefined;

  const between = ({ from, to }: { readonly from: number; readonly to: number }) => from + (to - from) * random();
  const snapshot = (): Snapshot => ({
    documentId: options.documentId,
    path: options.path,
    languageId: options.languageId,
    prefix: told,
    suffix,
    aheadUnits: 0,
  });
  const visible = (): string => {
    if (!item || !typed.startsWith(item.at)) return "";
    const since = typed.slice(item.at.length);
    return item.suggestion.insertText.startsWith(since) ? item.suggestion.insertText.slice(since.length) : "";
  };
  const draw = () => {
    const text = visible();
    if (text !== (drawn.at(-1)?.[1] ?? "")) drawn.push([clock.nowMs(), text]);
  };
  const ask = async () => {
    call?.controller.abort();
    const mine = { controller: new AbortController() };
    call = mine;
    const at = told;
    const suggestion =
      last?.kind === "indentation" ? undefined : await engine.suggest(snapshot(), mine.controller.signal);
    if (mine.controller.signal.aborted || told !== at || typed !== at) return;
    item = suggestion && { at, suggestion };
    clock.after(between(answerDrawnMs), draw);
  };

  return {
    drawn,
    type(text) {
      const offset = typed.length;
      typed += text;
      clock.after(between(keyDrawnMs), draw);
      clock.after(hostToldMs, () => {
        told += text;
        const lineStart = told.lastIndexOf("\n") + 1;
        const edit: EditEvent = {
          changes: [{ offset, removedUnits: 0, text }],
          cause: "edit",
          isLineBlank: told.slice(lineStart).trim() === "" && /^[^\S\n]*(?:\n|$)/.test(suffix),
          atMs: clock.nowMs(),
        };
        last = { ...edit, kind: editKind(edit, last) };
        call?.controller.abort();
        engine.documentChanged(
          options.documentId,
          () => [snapshot()],
          last.kind === "other" ? { insertedUnits: text.length } : undefined,
        );
      });
      timer?.dispose();
      timer = clock.after(between(callAfterMs), () => void ask());
    },
    showAgain(place) {
      if (place.prefix !== told) return;
      clock.after(between(askedAgainMs), () => {
        if (typed === told) void ask();
      });
    },
  };
};

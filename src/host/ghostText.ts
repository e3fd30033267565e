import * as vscode from "vscode";
import { isAbortError } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { createDisposableList } from "../base/disposable.ts";
import { pause } from "../base/wait.ts";
import type { Log } from "../base/log.ts";
import type { CacheBudget } from "../cache/cacheBudget.ts";
import type { Acceptance, ShownText } from "../completion/acceptance.ts";
import type { CompletionEngine, Suggestion } from "../completion/engine.ts";
import type { Snapshot } from "../completion/snapshot.ts";
import type { Ledger } from "../metrics/ledger.ts";
import { cursorsAfter, editBehind, isByHand, lastEditOf, type LastEdit } from "./documentEdits.ts";
import { createSnapshotReader } from "./documentSnapshot.ts";
import type { GhostText } from "./ghostTextStart.ts";
import { isTooLong, servedSchemes } from "./servedSchemes.ts";

export type GhostTextOptions = {
  /** Loads the engine on first use. */
  readonly engine: () => Promise<CompletionEngine>;
  readonly acceptance: Acceptance;
  readonly clock: Clock;
  readonly ledger: Ledger;
  /** What the settings say about a document, and whether ghost text is snoozed. */
  readonly isEnabled: (document: vscode.TextDocument) => boolean;
  /** How long typing has to pause before new ghost text appears. */
  readonly showDelayMs: () => number;
  /** Where the copy of the document that was read last is counted. */
  readonly budget?: Pick<CacheBudget, "register">;
  readonly log: Log;
};

/**
 * Run by VS Code as part of an accept. It makes it ask at once, without its 50 ms of delay; a command with arguments or of
 * ours would come by way of this process, and too late for that.
 */
const askCommand = "editor.action.inlineSuggest.trigger";
// A longer line is generated or minified, and nobody writes it by hand.
const maxLineUnits = 10_000;

/** What answers VS Code. */
export type GhostTextAnswers = GhostText & { readonly provider: vscode.InlineCompletionItemProvider };

/** Connects VS Code's inline completions with the completion engine: follows the documents and answers questions. */
export const registerGhostText = (options: GhostTextOptions): GhostTextAnswers => {
  const { engine, acceptance, clock, ledger, isEnabled, log } = options;
  const disposables = createDisposableList();
  const lastEdits = new WeakMap<vscode.TextDocument, LastEdit>();
  const snapshotAt = createSnapshotReader();
  let loaded: CompletionEngine | undefined;
  let askedAtMs = -Infinity;
  /** VS Code calls it invoked by hand when we make it ask. */
  let asksByUs = 0;

  /** Resolves when typing has paused for as long as the settings want. */
  const typingPause = async (document: vscode.TextDocument, signal: AbortSignal) => {
    const sinceMs = clock.nowMs() - (lastEdits.get(document)?.atMs ?? clock.nowMs());
    await pause(clock, options.showDelayMs() - sinceMs, signal);
  };

  /** True while the cursor that a suggestion was made for is still where it was, in the editor that has the focus. */
  const isCursorAt = ({ documentId, prefix, suffix, aheadUnits }: Snapshot): boolean => {
    const editor = vscode.window.activeTextEditor;
    if (!editor || editor.document.uri.toString() !== documentId || editor.selections.length > 1) return false;
    const { document, selection } = editor;
    if (!selection.isEmpty || aheadUnits > 0) return false;
    const now = snapshotAt(document, selection.active).snapshot;
    return now.prefix === prefix && now.suffix === suffix;
  };

  const provider: vscode.InlineCompletionItemProvider = {
    async provideInlineCompletionItems(document, position, context, token) {
      if (!isServed(document) || !isEnabled(document) || hasSeveralCursors(document)) return undefined;
      if (document.lineAt(position.line).text.length > maxLineUnits) return undefined;
      const isInvoked =
        context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke &&
        asksByUs === 0 &&
        !acceptance.invoked(document.uri.toString());
      const edit = editBehind(lastEdits.get(document), document, position);
      // Whoever indents wants the next Tab to indent, and an input method wants the screen for itself.
      if (!isInvoked && (edit === "indentation" || edit === "composition")) return undefined;
      try {
        loaded ??= await engine();
        askedAtMs = clock.nowMs();
        const { snapshot, range, typedAhead } = snapshotAt(document, position, context.selectedCompletionInfo);
        const { version } = document;
        const signal = abortSignalOf(token);
        const suggestion = await loaded.suggest(snapshot, signal, isInvoked);
        // VS Code drops an answer for an earlier version, and often cancels only after telling of the edit.
        if (!suggestion || signal.aborted || document.version !== version) return undefined;
        const shown = shownText(document, suggestion, range, typedAhead);
        const isNew = !isInvoked && !acceptance.isRest(shown);
        // What was undone was not wanted; a part that was taken too much leaves its text on the screen.
        if (isNew && edit === "undone") return undefined;
        const isBehindAccept = acceptance.lastEdit(snapshot.documentId) === "accept";
        if (isNew && !isBehindAccept && options.showDelayMs() > 0) await typingPause(document, signal);
        if (signal.aborted || document.version !== version) return undefined;
        if (isOnScreen(document, position) && acceptance.shown(shown)) ledger.shown(suggestion.origin);
        const indentation = document.lineAt(position.line).text.slice(0, range.start.character);
        return [itemOf(suggestion, position, range, typedAhead, indentation)];
      } catch (error) {
        if (!isAbortError(error)) log.error(`No ghost text: ${error instanceof Error ? error.message : String(error)}`);
        return undefined;
      }
    },
  };
  const copy = {
    name: "document text",
    sizeBytes: () => snapshotAt.sizeBytes(),
    lastUsedMs: () => askedAtMs,
    shrink: () => snapshotAt.forget(),
  };
  if (options.budget) disposables.add(options.budget.register(copy));
  disposables.add(
    vscode.workspace.onDidChangeTextDocument((event) => {
      const { document } = event;
      const last = event.contentChanges.at(-1);
      if (!loaded || !last || !isServed(document)) return;
      const documentId = document.uri.toString();
      const edit = lastEditOf(event, clock.nowMs(), lastEdits.get(document));
      lastEdits.set(document, edit);
      const read = () =>
        cursorsAfter(last.text).map(
          (units) => snapshotAt(document, document.positionAt(last.rangeOffset + units)).snapshot,
        );
      const isWork = edit.kind === "other" && isByHand(event) && isEnabled(document);
      loaded.documentChanged(documentId, read, isWork ? { insertedUnits: last.text.length } : undefined);
      acceptance.changed(documentId, edit.changes, edit.cause);
    }),
  );
  /** The version at which the cursor was seen last: in another one it was an edit that moved it. */
  const seenVersions = new WeakMap<vscode.TextDocument, number>();
  disposables.add(
    vscode.window.onDidChangeTextEditorSelection(({ kind, textEditor, selections }) => {
      const { document } = textEditor;
      acceptance.moved(document.uri.toString(), kind === vscode.TextEditorSelectionChangeKind.Keyboard);
      const { version } = document;
      const isJump = (seenVersions.get(document) ?? version) === version;
      seenVersions.set(document, version);
      const [selection] = selections;
      if (!loaded || !isJump || selections.length > 1 || !selection?.isEmpty) return;
      if (isServed(document) && isEnabled(document)) {
        loaded.cursorJumped(() =>
          document.version === version && isEnabled(document)
            ? snapshotAt(document, selection.active).snapshot
            : undefined,
        );
      }
    }),
  );
  disposables.add(vscode.workspace.onDidCloseTextDocument((document) => acceptance.closed(document.uri.toString())));
  const showAgain = async () => {
    asksByUs++;
    try {
      await vscode.commands.executeCommand(askCommand);
    } catch {
      // The window is closing.
    } finally {
      asksByUs--;
    }
  };
  return {
    provider,
    showAgain(snapshot) {
      if (isCursorAt(snapshot)) void showAgain();
    },
    dispose: () => disposables.dispose(),
  };
};

/** Whether what is answered for this place is what the user sees. VS Code tells nobody what it shows. */
const isOnScreen = (document: vscode.TextDocument, position: vscode.Position): boolean => {
  const editor = vscode.window.activeTextEditor;
  return editor?.document === document && editor.selection.active.isEqual(position);
};

/** The suggestion as it will stand in the document. */
const shownText = (
  document: vscode.TextDocument,
  suggestion: Suggestion,
  { start }: vscode.Range,
  typedAhead: string,
): ShownText => ({
  documentId: document.uri.toString(),
  offset: document.offsetAt(start),
  text:
    typedAhead +
    (document.eol === vscode.EndOfLine.CRLF ? suggestion.insertText.replaceAll("\n", "\r\n") : suggestion.insertText),
  aheadUnits: typedAhead.length,
  before: document.lineAt(start.line).text.slice(0, start.character),
  suggestion,
});

const isServed = (document: vscode.TextDocument): boolean =>
  servedSchemes.includes(document.uri.scheme) && !isTooLong(document);

const hasSeveralCursors = (document: vscode.TextDocument): boolean => {
  const editor = vscode.window.activeTextEditor;
  return editor?.document === document && editor.selections.length > 1;
};

const itemOf = (
  suggestion: Suggestion,
  position: vscode.Position,
  range: vscode.Range,
  typedAhead: string,
  indentation: string,
): vscode.InlineCompletionItem => {
  // From the line's beginning when only indentation stands there: VS Code sets that anew when a closing bracket is typed,
  // and an item that begins behind it would be gone for a moment.
  const isIndented = typedAhead === "" && indentation !== "" && indentation.trim() === "";
  const item = new vscode.InlineCompletionItem(
    (isIndented ? indentation : typedAhead) + suggestion.insertText,
    new vscode.Range(
      isIndented ? range.start.with(undefined, 0) : range.start,
      position.translate(0, suggestion.replaceAfter),
    ),
  );
  item.command = { command: askCommand, title: "" };
  return item;
};

const abortSignalOf = (token: vscode.CancellationToken): AbortSignal => {
  const controller = new AbortController();
  if (token.isCancellationRequested) controller.abort();
  token.onCancellationRequested(() => controller.abort());
  return controller.signal;
};

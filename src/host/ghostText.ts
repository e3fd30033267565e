import * as vscode from "vscode";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import type { Log } from "../base/log.ts";
import type { CompletionEngine, Suggestion } from "../completion/engine.ts";
import type { Snapshot } from "../completion/snapshot.ts";

export type GhostTextOptions = {
  /** Loads the engine on first use. */
  readonly engine: () => Promise<CompletionEngine>;
  readonly isEnabled: (document: vscode.TextDocument) => boolean;
  readonly log: Log;
};

const acceptedCommand = "hotpath.suggestionAccepted";
/** Schemes of the documents that get ghost text. */
export const servedSchemes: readonly string[] = ["file", "untitled", "vscode-notebook-cell"];
// Reading a document longer than this on every key would cost milliseconds of the host's thread.
const maxDocumentUnits = 4_000_000;

/** Connects VS Code's inline completions with the completion engine. */
export const registerGhostText = ({ engine, isEnabled, log }: GhostTextOptions): Disposable => {
  const disposables = createDisposableList();
  let loaded: CompletionEngine | undefined;

  const provider: vscode.InlineCompletionItemProvider = {
    async provideInlineCompletionItems(document, position, context, token) {
      if (!isServed(document) || !isEnabled(document) || hasSeveralCursors(document)) return undefined;
      try {
        loaded ??= await engine();
        const { snapshot, range, typedAhead } = snapshotAt(document, position, context.selectedCompletionInfo);
        const isInvoked = context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke;
        const suggestion = await loaded.suggest(snapshot, abortSignalOf(token), isInvoked);
        if (!suggestion || token.isCancellationRequested) return undefined;
        const indentation = document.lineAt(position.line).text.slice(0, range.start.character);
        return [itemOf(suggestion, position, range, typedAhead, indentation)];
      } catch (error) {
        log.error(`No ghost text: ${error instanceof Error ? error.message : String(error)}`);
        return undefined;
      }
    },
  };
  disposables.add(
    vscode.languages.registerInlineCompletionItemProvider(
      servedSchemes.map((scheme) => ({ scheme })),
      provider,
    ),
  );
  disposables.add(
    vscode.commands.registerCommand(acceptedCommand, (suggestion: Suggestion) => loaded?.accepted(suggestion)),
  );
  disposables.add(
    vscode.workspace.onDidChangeTextDocument((event) => {
      const { document } = event;
      const last = event.contentChanges.at(-1);
      if (!loaded || !last || !isServed(document)) return;
      const read = () =>
        cursorsAfter(last.text).map(
          (units) => snapshotAt(document, document.positionAt(last.rangeOffset + units), undefined).snapshot,
        );
      const edit = isByHand(event) && isEnabled(document) ? { insertedUnits: last.text.length } : undefined;
      loaded.documentChanged(document.uri.toString(), read, edit);
    }),
  );
  return disposables;
};

/** One change at the cursor of the editor that has the focus, and no undoing: somebody types, pastes or accepts. */
const isByHand = ({ document, contentChanges, reason }: vscode.TextDocumentChangeEvent): boolean => {
  const editor = vscode.window.activeTextEditor;
  const [change] = contentChanges;
  if (reason !== undefined || contentChanges.length !== 1 || !change) return false;
  if (editor?.document !== document || editor.selections.length > 1) return false;
  // The cursor is told of later than the edit, and may be one edit behind.
  return Math.abs(change.range.end.line - editor.selection.active.line) <= 1;
};

/**
 * Where the cursor may be after an edit that inserted `text`, in units from its beginning, the likeliest first: behind
 * it, or inside of what the editor closed by itself (`()`, `""`, a line between braces). VS Code tells of the edit
 * before it moves the cursor.
 */
const cursorsAfter = (text: string): number[] => {
  const beforeCloser = text.replace(/[)\]}>"'`]$/, "").length;
  const beforeLastLine = text.replace(/\r?\n[ \t]*$/, "").length;
  const isPair = /^(?:\(\)|\[\]|\{\}|<>|""|''|``)$/.test(text);
  const isBetweenBraces = /^\r?\n[ \t]*\r?\n[ \t]*$/.test(text);
  const likeliest = isPair ? beforeCloser : isBetweenBraces ? beforeLastLine : text.length;
  return [...new Set([likeliest, text.length, beforeCloser, beforeLastLine])];
};

/** True while the cursor that a suggestion was made for is still where it was, in the editor that has the focus. */
export const isCursorAt = ({ documentId, prefix, suffix, aheadUnits }: Snapshot): boolean => {
  const editor = vscode.window.activeTextEditor;
  if (!editor || editor.document.uri.toString() !== documentId || editor.selections.length > 1) return false;
  const { document, selection } = editor;
  if (!selection.isEmpty || aheadUnits > 0) return false;
  const now = snapshotAt(document, selection.active, undefined).snapshot;
  return now.prefix === prefix && now.suffix === suffix;
};

const isServed = (document: vscode.TextDocument): boolean =>
  servedSchemes.includes(document.uri.scheme) &&
  document.offsetAt(document.lineAt(document.lineCount - 1).range.end) <= maxDocumentUnits;

const hasSeveralCursors = (document: vscode.TextDocument): boolean => {
  const editor = vscode.window.activeTextEditor;
  return editor?.document === document && editor.selections.length > 1;
};

/**
 * The document around the cursor. While VS Code's suggest widget has an item selected, ghost text has to start with
 * that item: it then counts as typed, and the range covers what the widget would replace.
 */
const snapshotAt = (
  document: vscode.TextDocument,
  position: vscode.Position,
  selected: vscode.SelectedCompletionInfo | undefined,
): { snapshot: Snapshot; range: vscode.Range; typedAhead: string } => {
  const text = document.getText();
  const offset = document.offsetAt(position);
  const range = selected?.range ?? new vscode.Range(position, position);
  const typedAhead = selected?.text ?? "";
  const before = text.slice(0, selected ? document.offsetAt(range.start) : offset);
  // Models and the predictor write \n; VS Code turns it into the document's own line ends when text is accepted.
  const hasCrLf = document.eol === vscode.EndOfLine.CRLF;
  const withLf = (part: string) => (hasCrLf ? part.replaceAll("\r\n", "\n") : part);
  return {
    snapshot: {
      documentId: document.uri.toString(),
      path: predictorPath(document),
      languageId: document.languageId,
      prefix: withLf(before) + typedAhead,
      suffix: withLf(text.slice(offset)),
      aheadUnits: selected ? Math.max(0, typedAhead.length - (offset - document.offsetAt(range.start))) : 0,
    },
    range,
    typedAhead,
  };
};

/** The name under which the predictor knows a document. */
export const predictorPath = (document: vscode.TextDocument): string =>
  document.uri.scheme === "file" ? document.uri.fsPath : document.uri.toString();

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
  item.command = { command: acceptedCommand, title: "", arguments: [suggestion] };
  return item;
};

const abortSignalOf = (token: vscode.CancellationToken): AbortSignal => {
  const controller = new AbortController();
  if (token.isCancellationRequested) controller.abort();
  token.onCancellationRequested(() => controller.abort());
  return controller.signal;
};

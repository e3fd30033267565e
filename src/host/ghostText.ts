import * as vscode from "vscode";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import type { CompletionEngine, Suggestion } from "../completion/engine.ts";
import type { Snapshot } from "../completion/snapshot.ts";

export type GhostTextOptions = {
  /** Loads the engine on first use. */
  readonly engine: () => Promise<CompletionEngine>;
  readonly isEnabled: (document: vscode.TextDocument) => boolean;
  /** Called when a model's text was shown: whatever was wrong is over. */
  readonly onModelAnswer: () => void;
};

const acceptedCommand = "hotpath.suggestionAccepted";
const schemes = ["file", "untitled", "vscode-notebook-cell", "vscode-remote"];
// Reading a document this long on every key would cost milliseconds of the host's thread.
const maxDocumentLines = 50_000;

/** Connects VS Code's inline completions with the completion engine. */
export const registerGhostText = ({ engine, isEnabled, onModelAnswer }: GhostTextOptions): Disposable => {
  const disposables = createDisposableList();
  let loaded: CompletionEngine | undefined;

  const provider: vscode.InlineCompletionItemProvider = {
    async provideInlineCompletionItems(document, position, context, token) {
      if (!isServed(document) || !isEnabled(document) || hasSeveralCursors(document)) return undefined;
      loaded ??= await engine();
      const { snapshot, range, typedAhead } = snapshotAt(document, position, context.selectedCompletionInfo);
      const suggestion = await loaded.suggest(snapshot, abortSignalOf(token));
      if (!suggestion || token.isCancellationRequested) return undefined;
      if (suggestion.source === "network" || suggestion.source === "stream") onModelAnswer();
      return [itemOf(suggestion, position, range, typedAhead)];
    },
  };
  disposables.add(
    vscode.languages.registerInlineCompletionItemProvider(
      schemes.map((scheme) => ({ scheme })),
      provider,
    ),
  );
  disposables.add(
    vscode.commands.registerCommand(acceptedCommand, (suggestion: Suggestion) => loaded?.accepted(suggestion)),
  );
  disposables.add(
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      const last = contentChanges.at(-1);
      if (!loaded || !last || !isServed(document)) return;
      loaded.documentChanged(document.uri.toString(), () => {
        const cursor = document.positionAt(last.rangeOffset + last.text.length);
        return snapshotAt(document, cursor, undefined).snapshot;
      });
    }),
  );
  return disposables;
};

const isServed = (document: vscode.TextDocument): boolean =>
  schemes.includes(document.uri.scheme) && document.lineCount <= maxDocumentLines;

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
  return {
    snapshot: {
      documentId: document.uri.toString(),
      path: predictorPath(document),
      languageId: document.languageId,
      prefix: before + typedAhead,
      suffix: text.slice(offset),
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
): vscode.InlineCompletionItem => {
  const item = new vscode.InlineCompletionItem(
    typedAhead + suggestion.insertText,
    new vscode.Range(range.start, position.translate(0, suggestion.replaceAfter)),
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

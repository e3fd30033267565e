import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import type { BudgetedCache } from "../cache/cacheBudget.ts";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import type { ContextSource } from "../completion/prompt.ts";
import { createRelatedFiles } from "../completion/relatedFiles.ts";
import { readImports } from "./importedFiles.ts";
import { looksSecret, shownPath } from "./shownPath.ts";

export type RelatedFilesOptions = {
  readonly clock: Clock;
  /** Whether prompts are to tell of other files, as the settings and the workspace's trust are now. */
  readonly isWanted: () => boolean;
  /** Whether servers on the public internet are told, too, as the settings are now. */
  readonly mayLeave: () => boolean;
};

// An edit counts when the typist pauses; its lines and some around them are told of.
const editedAfterMs = 1000;
const linesAround = 12;
const maxViewedLines = 40;
// Reading all of a longer document to find its imports would hold the host's thread.
const maxDocumentUnits = 400_000;
const schemes = new Set(["file", "untitled"]);
// Data and prose say little about the code to come, and are long.
const untold = new Set([
  "plaintext",
  "log",
  "markdown",
  "json",
  "jsonc",
  "jsonl",
  "csv",
  "git-commit",
  "search-result",
]);

/**
 * Gathers what prompts may tell of other files: where somebody edited, what was looked at last in other editors, and
 * what the current file imports. Only files of workspace folders and open editors; nothing is read while not wanted.
 */
export const registerRelatedFiles = ({
  clock,
  isWanted,
  mayLeave,
}: RelatedFilesOptions): Disposable & { readonly source: ContextSource; readonly cache: BudgetedCache } => {
  const disposables = createDisposableList();
  const related = createRelatedFiles();
  const edited = new Map<vscode.TextDocument, { readonly line: number; readonly timer: Disposable }>();
  let reading = new AbortController();
  let viewed: vscode.TextEditor | undefined;
  let readAtMs = -Infinity;

  const mayTell = ({ uri }: vscode.TextDocument): boolean => isWanted() && schemes.has(uri.scheme) && !looksSecret(uri);

  const offerLines = (document: vscode.TextDocument, source: "edited" | "open", from: number, to: number) => {
    const last = Math.min(document.lineCount - 1, to);
    const range = new vscode.Range(Math.max(0, from), 0, last, document.lineAt(last).range.end.character);
    related.offer({ path: shownPath(document.uri), text: document.getText(range), source });
  };

  const offerEdit = (document: vscode.TextDocument) => {
    const edit = edited.get(document);
    edited.delete(document);
    if (!edit || document.isClosed || !mayTell(document)) return;
    offerLines(document, "edited", edit.line - linesAround, edit.line + linesAround);
  };

  const offerView = (editor: vscode.TextEditor) => {
    const { document, visibleRanges } = editor;
    const [first] = visibleRanges;
    if (!first || document.isClosed || untold.has(document.languageId) || !mayTell(document)) return;
    offerLines(document, "open", first.start.line, Math.min(first.end.line, first.start.line + maxViewedLines));
  };

  /** Reads beside everything else; what comes too late for a prompt is told in a later one. */
  const offerImports = async (document: vscode.TextDocument) => {
    reading.abort();
    reading = new AbortController();
    const { signal } = reading;
    const folder = vscode.workspace.getWorkspaceFolder(document.uri);
    const isLocal = document.uri.scheme === "file" && folder?.uri.scheme === "file";
    if (!folder || !isLocal || !mayTell(document)) return;
    const lastLine = document.lineAt(document.lineCount - 1);
    if (document.offsetAt(lastLine.range.end) > maxDocumentUnits) return;
    const importer = shownPath(document.uri);
    const found = await readImports({
      filePath: document.uri.fsPath,
      folder: folder.uri.fsPath,
      text: document.getText(),
      languageId: document.languageId,
      openText: (filePath) =>
        vscode.workspace.textDocuments.find(({ uri }) => uri.scheme === "file" && uri.fsPath === filePath)?.getText(),
      signal,
    });
    if (signal.aborted || !isWanted()) return;
    // What is offered last counts most: the imports nearest to the file usually stand last.
    for (const { filePath, text } of found) {
      related.offer({ path: shownPath(vscode.Uri.file(filePath)), text, source: "imported", importer });
    }
  };

  const view = (editor: vscode.TextEditor | undefined) => {
    if (viewed && viewed !== editor) offerView(viewed);
    viewed = editor ?? viewed;
    if (editor) void offerImports(editor.document);
  };

  for (const editor of vscode.window.visibleTextEditors) {
    if (editor !== vscode.window.activeTextEditor) offerView(editor);
  }
  view(vscode.window.activeTextEditor);
  disposables.add(vscode.window.onDidChangeActiveTextEditor(view));
  disposables.add(
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      const last = contentChanges.at(-1);
      // What a program changes in the background is nobody's edit.
      if (!last || document !== vscode.window.activeTextEditor?.document || !isWanted()) return;
      edited.get(document)?.timer.dispose();
      const timer = clock.after(editedAfterMs, () => offerEdit(document));
      edited.set(document, { line: last.range.start.line, timer });
    }),
  );
  disposables.add(
    vscode.workspace.onDidSaveTextDocument((document) => {
      if (document === vscode.window.activeTextEditor?.document) void offerImports(document);
    }),
  );
  disposables.add(
    vscode.workspace.onDidCloseTextDocument((document) => {
      edited.get(document)?.timer.dispose();
      edited.delete(document);
      // Outside of the workspace only what is open may be told of.
      const isOwn = vscode.workspace.getWorkspaceFolder(document.uri) !== undefined;
      related.forget(shownPath(document.uri), isOwn ? "open" : undefined);
    }),
  );
  disposables.add(
    vscode.workspace.onDidDeleteFiles(({ files }) => {
      for (const uri of files) related.forget(shownPath(uri));
    }),
  );
  disposables.add({
    dispose() {
      reading.abort();
      for (const { timer } of edited.values()) timer.dispose();
      edited.clear();
      related.clear();
    },
  });

  return {
    source: {
      isOn: isWanted,
      mayLeave,
      read(snapshot, options) {
        readAtMs = clock.nowMs();
        const uri = vscode.Uri.parse(snapshot.documentId);
        const folder = vscode.workspace.getWorkspaceFolder(uri);
        const current = shownPath(uri);
        return {
          path: current,
          ...(folder ? { repository: folder.name } : {}),
          files: related.list(current, options),
        };
      },
    },
    cache: {
      name: "other files",
      sizeBytes: () => related.sizeBytes(),
      lastUsedMs: () => readAtMs,
      shrink: (toBytes) => related.shrink(toBytes),
    },
    dispose: () => disposables.dispose(),
  };
};

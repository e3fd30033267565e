import * as vscode from "vscode";
import { editKind, type EditEvent, type EditKind } from "../completion/edits.ts";

/** A document's newest edit. */
export type LastEdit = EditEvent & { readonly version: number; readonly line: number; readonly kind: EditKind };

/** What the newest edit of a document was. */
export const lastEditOf = (
  { document, contentChanges, reason }: vscode.TextDocumentChangeEvent,
  atMs: number,
  previous: LastEdit | undefined,
): LastEdit => {
  const changes = contentChanges.map(({ rangeOffset, rangeLength, text }) => ({
    offset: rangeOffset,
    removedUnits: rangeLength,
    text,
  }));
  const last = changes.at(-1)!;
  const { line } = document.positionAt(last.offset + last.text.length);
  const edit: EditEvent = {
    changes,
    cause: reason === undefined ? "edit" : reason === vscode.TextDocumentChangeReason.Undo ? "undo" : "redo",
    isLineBlank: document.lineAt(line).isEmptyOrWhitespace,
    atMs,
  };
  return { ...edit, version: document.version, line, kind: editKind(edit, previous) };
};

/** What the edit was that VS Code asks behind; `other` when the cursor went elsewhere since. */
export const editBehind = (
  edit: LastEdit | undefined,
  { version }: vscode.TextDocument,
  { line }: vscode.Position,
): EditKind => (edit?.version === version && (edit.line === line || edit.kind === "undone") ? edit.kind : "other");

/** One change at the cursor of the editor that has the focus, and no undoing: somebody types, pastes or accepts. */
export const isByHand = ({ document, contentChanges, reason }: vscode.TextDocumentChangeEvent): boolean => {
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
export const cursorsAfter = (text: string): number[] => {
  const beforeCloser = text.replace(/[)\]}>"'`]$/, "").length;
  const beforeLastLine = text.replace(/\r?\n[ \t]*$/, "").length;
  const isPair = /^(?:\(\)|\[\]|\{\}|<>|""|''|``)$/.test(text);
  const isBetweenBraces = /^\r?\n[ \t]*\r?\n[ \t]*$/.test(text);
  const likeliest = isPair ? beforeCloser : isBetweenBraces ? beforeLastLine : text.length;
  return [...new Set([likeliest, text.length, beforeCloser, beforeLastLine])];
};

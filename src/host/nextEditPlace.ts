import * as vscode from "vscode";
import type { PlaceEdit } from "../nextEdit/rule.ts";

export const rangeOf = ({ line, column, endLine, endColumn }: PlaceEdit): vscode.Range =>
  new vscode.Range(line, column, endLine, endColumn);

/** Whether the cursor stands so near that the change is seen where one looks. */
export const isAtPlace = (editor: vscode.TextEditor, edit: PlaceEdit): boolean => {
  const { line } = editor.selection.active;
  return line >= edit.line && line <= Math.max(edit.line, edit.endLine - (edit.endColumn === 0 ? 1 : 0));
};

import type { TextDocument } from "vscode";

/** Schemes of the documents that get ghost text. The input of commit messages is switched off by a default setting. */
export const servedSchemes: readonly string[] = ["file", "untitled", "vscode-notebook-cell", "vscode-scm"];

// Reading a document longer than this on every key would cost milliseconds of the host's thread.
const maxDocumentUnits = 4_000_000;

/** Whether ghost text leaves a document alone because of its length. */
export const isTooLong = (document: TextDocument): boolean =>
  document.offsetAt(document.lineAt(document.lineCount - 1).range.end) > maxDocumentUnits;

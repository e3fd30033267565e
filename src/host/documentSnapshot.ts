import * as vscode from "vscode";
import type { Snapshot } from "../completion/snapshot.ts";
import { addressIn } from "../predictor/languageOf.ts";
import { looksSecret } from "./shownPath.ts";

/** A place in a document, with what the suggest widget has selected there. */
export type Place = {
  readonly snapshot: Snapshot;
  /** What ghost text is put in the place of. */
  readonly range: vscode.Range;
  readonly typedAhead: string;
};

/**
 * Reads documents around a cursor. While VS Code's suggest widget has an item `selected`, ghost text has to start with
 * that item: it then counts as typed, and the range covers what the widget would replace.
 */
export type SnapshotReader = (
  document: vscode.TextDocument,
  position: vscode.Position,
  selected?: vscode.SelectedCompletionInfo,
) => Place;

/** What a reader keeps, for the budget of all caches. */
export type KeptCopy = { sizeBytes(): number; forget(): void };

/** Makes a reader. It keeps a copy of the document that it read last, where that has other line ends than `\n`. */
export const createSnapshotReader = (): SnapshotReader & KeptCopy => {
  let copy: { readonly document: vscode.TextDocument; readonly version: number; readonly text: string } | undefined;

  /** Several places are read at each key, and making such a text takes milliseconds where the document is long. */
  const textOf = (document: vscode.TextDocument): string => {
    if (document.eol !== vscode.EndOfLine.CRLF) return document.getText();
    const { version } = document;
    if (copy?.document !== document || copy.version !== version) {
      copy = { document, version, text: document.getText().replaceAll("\r\n", "\n") };
    }
    return copy.text;
  };

  const read: SnapshotReader = (document, position, selected) => {
    // Models and the predictor write \n; VS Code turns it into the document's own line ends when text is accepted.
    const text = textOf(document);
    const isCrLf = document.eol === vscode.EndOfLine.CRLF;
    const offsetOf = (at: vscode.Position): number => document.offsetAt(at) - (isCrLf ? at.line : 0);
    const offset = offsetOf(position);
    const range = selected?.range ?? new vscode.Range(position, position);
    const start = selected ? offsetOf(range.start) : offset;
    const typedAhead = selected?.text ?? "";
    return {
      snapshot: {
        documentId: document.uri.toString(),
        path: predictorPath(document),
        languageId: document.languageId,
        prefix: text.slice(0, start) + typedAhead,
        suffix: text.slice(offset),
        aheadUnits: selected ? Math.max(0, typedAhead.length - (offset - start)) : 0,
        ...(looksSecret(document.uri) ? { isSecret: true } : {}),
      },
      range,
      typedAhead,
    };
  };
  return Object.assign(read, {
    sizeBytes: () => (copy ? 2 * copy.text.length : 0),
    forget: () => void (copy = undefined),
  });
};

/** The name under which the predictor knows a document. */
export const predictorPath = (document: vscode.TextDocument): string =>
  document.uri.scheme === "file" ? document.uri.fsPath : addressIn(document.languageId, document.uri.toString());

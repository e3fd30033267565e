import * as vscode from "vscode";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import type { PlaceEdit } from "../nextEdit/rule.ts";
import { isAtPlace, rangeOf } from "./nextEditPlace.ts";

/** Draws one offered edit into an editor: what goes is marked, what comes stands beside it, and a hint names the key. */
export type NextEditView = Disposable & {
  /** Takes the place of what was drawn before; `hasHint`: whether the key is named. */
  show(editor: vscode.TextEditor, edit: PlaceEdit, hasHint: boolean): void;
  hide(): void;
};

/** Longer text is shown by its beginning. */
const maxShownUnits = 80;

/** What an annotation can show: one line, in which blanks keep their width and nothing ends the style's text. */
const shown = (text: string): string => {
  const [first = "", ...more] = text.replace(/\n$/, "").split("\n");
  const isLong = first.length > maxShownUnits;
  const end = isLong || more.length > 0 ? "…" : "";
  return (
    (isLong ? first.slice(0, maxShownUnits) : first).replaceAll("\t", "    ").replaceAll(/[\p{Cc} ]/gu, "\u00a0") + end
  );
};

export const createNextEditView = (): NextEditView => {
  const disposables = createDisposableList();
  const type = (options: vscode.DecorationRenderOptions) =>
    disposables.add(
      vscode.window.createTextEditorDecorationType({
        rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
        ...options,
      }),
    );
  const removed = type({
    backgroundColor: new vscode.ThemeColor("diffEditor.removedTextBackground"),
    textDecoration: "line-through",
    overviewRulerColor: new vscode.ThemeColor("editorOverviewRuler.infoForeground"),
    overviewRulerLane: vscode.OverviewRulerLane.Center,
  });
  const added = type({});
  const hint = type({});
  let drawnIn: vscode.TextEditor | undefined;

  const hide = () => {
    for (const one of [removed, added, hint]) drawnIn?.setDecorations(one, []);
    drawnIn = undefined;
  };

  return {
    show(editor, edit, hasHint) {
      hide();
      drawnIn = editor;
      const range = rangeOf(edit);
      const isWholeLines = edit.column === 0 && edit.text.endsWith("\n");
      // A new line has no place of its own yet: it is shown at the end of the line above it.
      const at =
        isWholeLines && range.isEmpty && edit.line > 0 ? editor.document.lineAt(edit.line - 1).range.end : range.end;
      editor.setDecorations(removed, range.isEmpty ? [] : [range]);
      const text = isWholeLines && range.isEmpty ? `\u00a0↵\u00a0${shown(edit.text.trimStart())}` : shown(edit.text);
      editor.setDecorations(
        added,
        edit.text === ""
          ? []
          : [
              {
                range: new vscode.Range(at, at),
                renderOptions: {
                  after: {
                    contentText: text,
                    backgroundColor: new vscode.ThemeColor("diffEditor.insertedTextBackground"),
                    color: new vscode.ThemeColor("editor.foreground"),
                  },
                },
              },
            ],
      );
      if (!hasHint) return;
      const { active } = editor.selection;
      const sentence = isAtPlace(editor, edit)
        ? vscode.l10n.t("Tab to apply")
        : vscode.l10n.t("Tab to line {0}", edit.line + 1);
      const end = editor.document.lineAt(active.line).range.end;
      editor.setDecorations(hint, [
        {
          range: new vscode.Range(end, end),
          renderOptions: {
            after: {
              contentText: sentence.replaceAll(" ", "\u00a0"),
              margin: "0 0 0 3ch",
              color: new vscode.ThemeColor("editorCodeLens.foreground"),
              fontStyle: "italic",
            },
          },
        },
      ]);
    },
    hide,
    dispose() {
      hide();
      disposables.dispose();
    },
  };
};

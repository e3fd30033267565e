import * as vscode from "vscode";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import { lazy } from "../base/lazy.ts";
import type { Log } from "../base/log.ts";
import type { NextEditOffers } from "./nextEdit.ts";

/** Next edits before and after they are loaded. */
export type NextEdits = Disposable & {
  /** Takes away what is offered and stops what is being looked for; goes on with the next change. */
  clear(): void;
};

/**
 * Loads next edits at the first sign that somebody works in an editor; before that no document is read. What was typed
 * until they are there is not missed: the document is read after that.
 */
export const startNextEdit = (load: () => Promise<NextEditOffers>, log: Log): NextEdits => {
  const disposables = createDisposableList();
  const signs = disposables.add(createDisposableList());
  let offers: NextEditOffers | undefined;
  const begin = lazy(async () => {
    offers = disposables.add(await load());
    signs.dispose();
  });
  const onSign = (document: vscode.TextDocument | undefined) => {
    if (!document || document !== vscode.window.activeTextEditor?.document) return;
    begin().catch((error: unknown) =>
      log.error(`No next edits: ${error instanceof Error ? error.message : String(error)}`),
    );
  };
  signs.add(
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (contentChanges.length > 0) onSign(document);
    }),
  );
  signs.add(vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => onSign(textEditor.document)));
  signs.add(vscode.window.onDidChangeActiveTextEditor((editor) => onSign(editor?.document)));
  disposables.add(vscode.commands.registerCommand("hotpath.nextEdit", () => offers?.take()));
  disposables.add(vscode.commands.registerCommand("hotpath.dismissNextEdit", () => offers?.dismiss()));
  return {
    clear: () => offers?.clear(),
    dispose: () => disposables.dispose(),
  };
};

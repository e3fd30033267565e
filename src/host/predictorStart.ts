import * as vscode from "vscode";
import { createDisposableList } from "../base/disposable.ts";
import { lazy } from "../base/lazy.ts";
import type { Log } from "../base/log.ts";
import type { LoadedPredictorFeed, PredictorFeed } from "./predictorFeed.ts";

export type PredictorStartOptions = {
  /** Makes what tells the predictor; called once. */
  readonly load: () => Promise<LoadedPredictorFeed>;
  readonly log: Log;
  readonly isWanted: () => boolean;
};

/** Schemes of the documents that the predictor learns. */
export const learnedSchemes: ReadonlySet<string> = new Set(["file", "untitled", "vscode-notebook-cell"]);

/** Whether somebody edits here. Other extensions change documents too; only one that is on the screen is somebody's work. */
export const isEditing = ({ document, contentChanges }: vscode.TextDocumentChangeEvent): boolean =>
  contentChanges.length > 0 &&
  learnedSchemes.has(document.uri.scheme) &&
  vscode.window.visibleTextEditors.some((editor) => editor.document === document);

/** Whether somebody moved the cursor. A selection that a command made, such as a file's opening, is no sign of a person. */
export const isMovingByHand = ({ kind, textEditor }: vscode.TextEditorSelectionChangeEvent): boolean =>
  (kind === vscode.TextEditorSelectionChangeKind.Keyboard || kind === vscode.TextEditorSelectionChangeKind.Mouse) &&
  learnedSchemes.has(textEditor.document.uri.scheme);

/**
 * Loads what feeds the predictor at the first sign that somebody edits. Changes until it is there are not missed: it
 * learns documents that are not saved from their text as it is then.
 */
export const startPredictorFeed = ({ load, log, isWanted }: PredictorStartOptions): PredictorFeed => {
  const disposables = createDisposableList();
  const signs = disposables.add(createDisposableList());
  let loaded: LoadedPredictorFeed | undefined;
  let isEnded = false;
  const feed = lazy(async () => {
    loaded = disposables.add(await load());
    signs.dispose();
    return loaded;
  });
  const onSign = async () => {
    if (!isWanted()) return;
    try {
      const there = await feed();
      if (!isEnded) there.begin();
    } catch (error) {
      log.error(`The predictor could not be used: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  signs.add(
    vscode.workspace.onDidChangeTextDocument((change) => {
      if (isEditing(change)) void onSign();
    }),
  );
  signs.add(
    vscode.window.onDidChangeTextEditorSelection((change) => {
      if (isMovingByHand(change)) void onSign();
    }),
  );
  return {
    stats: async () => loaded?.stats(),
    relearn: () => loaded?.relearn(),
    rebuild: async () => (await feed()).rebuild(),
    clear: async () => (await feed()).clear(),
    stop: () => loaded?.stop(),
    dispose() {
      isEnded = true;
      disposables.dispose();
    },
  };
};

import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import { servedSchemes } from "./servedSchemes.ts";

// Start-up belongs to VS Code; whoever has just come to the window reads before typing.
const afterFocusMs = 1000;
// A shorter pause closes no connection: servers keep idle ones for 5 s and more.
const pauseMs = 4000;

/**
 * Calls `warmUp` when a connection is about to be wanted: once, a second after the window first has the focus, again
 * when the workspace has become trusted, and at the first key after a pause; it is told which. Costs one comparison for each edit.
 */
export const registerWarmUp = (clock: Clock, warmUp: (isFirstFocus: boolean) => void): Disposable => {
  const disposables = createDisposableList();
  let firstFocus: Disposable | undefined;
  let lastEditMs = -Infinity;
  const onFocus = (isFocused: boolean) => {
    if (!isFocused || firstFocus) return;
    firstFocus = clock.after(afterFocusMs, () => {
      // Whoever has only passed by wants nothing here; the next time counts as the first.
      if (vscode.window.state.focused) warmUp(true);
      else firstFocus = undefined;
    });
  };
  disposables.add({ dispose: () => firstFocus?.dispose() });
  onFocus(vscode.window.state.focused);
  disposables.add(vscode.window.onDidChangeWindowState(({ focused }) => onFocus(focused)));
  // Before that nothing could be warmed up.
  disposables.add(
    vscode.workspace.onDidGrantWorkspaceTrust(() => {
      firstFocus?.dispose();
      firstFocus = undefined;
      onFocus(vscode.window.state.focused);
    }),
  );
  disposables.add(
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      // What a program changes, in the background or in an output channel, is nobody's typing.
      const isTyped = vscode.window.state.focused && document === vscode.window.activeTextEditor?.document;
      if (contentChanges.length === 0 || !isTyped || !servedSchemes.includes(document.uri.scheme)) return;
      const nowMs = clock.nowMs();
      const isFirst = nowMs - lastEditMs > pauseMs;
      lastEditMs = nowMs;
      if (isFirst) warmUp(false);
    }),
  );
  return disposables;
};

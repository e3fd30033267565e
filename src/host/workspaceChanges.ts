import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import { createDisposableList, type Disposable } from "../base/disposable.ts";

// A checkout or a build changes files for seconds: they are looked at when it is over, or every now and then.
const quietAfterMs = 500;
const longestWaitMs = 5000;

/**
 * Tells of files in the workspace's folders that came, changed or went, whoever did it. VS Code watches the folders
 * anyway, so listening costs nothing until something happens; what `files.watcherExclude` names is not told.
 */
export const watchWorkspaceFiles = (clock: Clock, onChanged: (paths: readonly string[]) => void): Disposable => {
  const disposables = createDisposableList();
  let changed = new Set<string>();
  let sinceMs = 0;
  let timer: Disposable | undefined;
  const tell = () => {
    const paths = [...changed];
    changed = new Set();
    timer = undefined;
    onChanged(paths);
  };
  const note = (uri: vscode.Uri) => {
    if (uri.scheme !== "file") return;
    if (changed.size === 0) sinceMs = clock.nowMs();
    changed.add(uri.fsPath);
    timer?.dispose();
    timer = clock.after(Math.max(0, Math.min(quietAfterMs, sinceMs + longestWaitMs - clock.nowMs())), tell);
  };
  const watcher = disposables.add(vscode.workspace.createFileSystemWatcher("**/*"));
  disposables.add(watcher.onDidCreate(note));
  disposables.add(watcher.onDidChange(note));
  disposables.add(watcher.onDidDelete(note));
  disposables.add({ dispose: () => timer?.dispose() });
  return disposables;
};

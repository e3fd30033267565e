import * as vscode from "vscode";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import { onDidChangeNetworkSettings } from "./network.ts";

export type SettingsWatchOptions = {
  readonly secrets: vscode.SecretStorage;
  /**
   * Settings of Hotpath are others now, or the workspace has become trusted; called after `onNetwork` and `onKey`, too.
   */
  readonly onSettings: () => void;
  /** VS Code's settings for the network are others. */
  readonly onNetwork: () => void;
  /** A key was stored or removed, maybe by another window. */
  readonly onKey: () => void;
  /** The files that VS Code does not show are others. */
  readonly onExclusions: () => void;
};

/** Tells of everything that changes how the program is to behave. */
export const watchSettings = (options: SettingsWatchOptions): Disposable => {
  const { secrets, onSettings, onNetwork, onKey, onExclusions } = options;
  const disposables = createDisposableList();
  disposables.add(
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("hotpath")) onSettings();
      if (change.affectsConfiguration("files.exclude") || change.affectsConfiguration("search.exclude")) onExclusions();
    }),
  );
  disposables.add(vscode.workspace.onDidGrantWorkspaceTrust(onSettings));
  disposables.add(
    onDidChangeNetworkSettings(() => {
      onNetwork();
      onSettings();
    }),
  );
  disposables.add(
    secrets.onDidChange(() => {
      onKey();
      onSettings();
    }),
  );
  return disposables;
};

import * as vscode from "vscode";
import { parseSettings, type SettingProblem, type Settings } from "./settingsSchema.ts";

/** The settings as they are now. Endpoint settings are machine-scoped: VS Code itself ignores a folder's values. */
export const readSettings = (): { settings: Settings; problems: SettingProblem[] } => {
  const configuration = vscode.workspace.getConfiguration("hotpath", null);
  return parseSettings((name) => configuration.get(name));
};

/** Remembers per document whether ghost text is switched on there, until the settings change. */
export const createEnabledCheck = (): { isEnabled(document: vscode.TextDocument): boolean; reset(): void } => {
  let known = new WeakMap<vscode.TextDocument, boolean>();
  return {
    isEnabled(document) {
      let isEnabled = known.get(document);
      if (isEnabled === undefined) {
        isEnabled = vscode.workspace.getConfiguration("hotpath", document).get("completion.enabled") !== false;
        known.set(document, isEnabled);
      }
      return isEnabled;
    },
    reset() {
      known = new WeakMap();
    },
  };
};

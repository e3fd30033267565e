import * as vscode from "vscode";
import { parseSettings, type SettingProblem } from "./settingsReader.ts";
import { type Settings } from "./settingsSchema.ts";

/** The settings as they are now. Endpoint settings are machine-scoped: VS Code itself ignores a folder's values. */
export const readSettings = (): { settings: Settings; problems: SettingProblem[] } => {
  const configuration = vscode.workspace.getConfiguration("hotpath", null);
  return parseSettings((name) => configuration.get(name));
};

/** Remembers per document whether ghost text or next edits are switched on there, until the settings change. */
export const createEnabledCheck = (
  name: "completion.enabled" | "nextEdit.enabled",
): { isEnabled(document: vscode.TextDocument): boolean; reset(): void } => {
  let known = new WeakMap<vscode.TextDocument, { languageId: string; isEnabled: boolean }>();
  return {
    isEnabled(document) {
      const { languageId } = document;
      let answer = known.get(document);
      // A document stays the same object when its language changes.
      if (answer?.languageId !== languageId) {
        const configuration = vscode.workspace.getConfiguration("hotpath", document);
        answer = { languageId, isEnabled: configuration.get(name) !== false };
        known.set(document, answer);
      }
      return answer.isEnabled;
    },
    reset() {
      known = new WeakMap();
    },
  };
};

/**
 * Writes settings of Hotpath, without `hotpath.`, for the user; undefined takes one back. In a remote window VS Code
 * keeps these on the remote machine.
 */
export const writeSettings = async (changes: Readonly<Record<string, unknown>>): Promise<void> => {
  for (const [name, value] of Object.entries(changes)) {
    const configuration = vscode.workspace.getConfiguration("hotpath", null);
    if (value === undefined && configuration.inspect(name)?.globalValue === undefined) continue;
    await configuration.update(name, value, vscode.ConfigurationTarget.Global);
  }
};

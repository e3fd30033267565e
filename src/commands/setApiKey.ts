import * as vscode from "vscode";
import type { ApiKeys } from "../host/secrets.ts";
import type { Settings } from "../host/settingsSchema.ts";

/** "Hotpath: Set API key": asks for the key of a model server that is set up. */
export const setApiKey = async (settings: Settings, apiKeys: ApiKeys): Promise<void> => {
  const { l10n } = vscode;
  const origins = new Set(
    [settings.completion, settings.chat].flatMap((model) => (model ? [new URL(model.baseUrl).origin] : [])),
  );
  if (origins.size === 0) {
    const openSettings = l10n.t("Open settings");
    const choice = await vscode.window.showInformationMessage(
      l10n.t("No model server is set up yet. Set its address first; the key is then bound to it."),
      openSettings,
    );
    if (choice) await vscode.commands.executeCommand("workbench.action.openSettings", "hotpath.completion");
    return;
  }
  const origin =
    origins.size === 1
      ? [...origins][0]
      : await vscode.window.showQuickPick([...origins], { placeHolder: l10n.t("Which server is the key for?") });
  if (!origin) return;
  const apiKey = await vscode.window.showInputBox({
    title: l10n.t("API key for {0}", origin),
    prompt: l10n.t("Kept in the system's secret storage and sent to this address only. Leave empty to remove it."),
    password: true,
    ignoreFocusOut: true,
  });
  if (apiKey === undefined) return;
  await apiKeys.set(origin, apiKey.trim());
};

import * as vscode from "vscode";
import type { ApiKeys } from "../host/secrets.ts";
import { originsOf, type Settings } from "../host/settingsSchema.ts";

/**
 * "Hotpath: Set API key": asks for the key of a model server that is set up; `wanted` is the one that refused the last.
 */
export const setApiKey = async (settings: Settings, apiKeys: ApiKeys, wanted?: string): Promise<void> => {
  const { l10n } = vscode;
  const origins = originsOf(settings);
  if (origins.length === 0) {
    const setUp = l10n.t("Set up a provider");
    const choice = await vscode.window.showInformationMessage(
      l10n.t("No model server is set up yet. A key is bound to the address of one."),
      setUp,
    );
    if (choice) await vscode.commands.executeCommand("hotpath.setUpProvider");
    return;
  }
  // A key can only be bound to an address that the user's own settings name.
  const [first, ...others] = wanted !== undefined && origins.includes(wanted) ? [wanted] : origins;
  const origin =
    others.length === 0
      ? first
      : await vscode.window.showQuickPick(origins, { placeHolder: l10n.t("Which server is the key for?") });
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

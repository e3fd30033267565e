import { access, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import * as vscode from "vscode";
import type { Log } from "../base/log.ts";

export type UtilityOfferOptions = {
  /** Where it is kept that the offer was made; made when needed. */
  readonly folder: string;
  readonly log: Log;
};

const fileName = "utility-model-offered";
const settingName = "byokUtilityModelDefault";
/** VS Code's built-in chat, which asks for such a model. */
const chatExtensionId = "GitHub.copilot-chat";

const isThere = async (file: string): Promise<boolean> => {
  try {
    await access(file);
    return true;
  } catch {
    return false;
  }
};

/** Whether VS Code has the setting, and nobody has decided about it. */
const isOpen = (): boolean => {
  const found = vscode.workspace.getConfiguration("chat").inspect(settingName);
  if (found?.defaultValue === undefined || found.defaultValue === "mainAgent") return false;
  return found.globalValue === undefined && found.workspaceValue === undefined;
};

const offer = async (): Promise<void> => {
  const { l10n } = vscode;
  const use = l10n.t("Use it");
  const choice = await vscode.window.showInformationMessage(
    l10n.t(
      "VS Code's chat can also let your model write titles and progress messages. Without an account it has none for that. Each is one more short request to your model server, which costs something where requests do.",
    ),
    use,
    l10n.t("No"),
  );
  if (choice !== use) return;
  await vscode.workspace.getConfiguration("chat").update(settingName, "mainAgent", vscode.ConfigurationTarget.Global);
};

/**
 * Makes the function that is to be called after each answer in VS Code's own chat. Once for all windows and sessions it
 * offers to let the chosen model write titles and short summaries as well, which VS Code otherwise asks GitHub Copilot
 * for. Nothing is set without a click.
 */
export const createUtilityOffer = ({ folder, log }: UtilityOfferOptions): (() => Promise<void>) => {
  const file = path.join(folder, fileName);
  let isMade = false;
  return async () => {
    if (isMade || !vscode.extensions.getExtension(chatExtensionId) || !isOpen()) return;
    isMade = true;
    try {
      if (await isThere(file)) return;
      // Before it is shown: another window must not show it as well, and one that is closed must not come again.
      await mkdir(folder, { recursive: true });
      await writeFile(file, "");
      await offer();
    } catch (error) {
      log.warn(`The offer of a model for titles failed: ${String(error)}`);
    }
  };
};

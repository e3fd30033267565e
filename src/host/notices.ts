import * as vscode from "vscode";
import type { Log } from "../base/log.ts";

/** Tells the user about problems without saying the same thing twice. */
export type Notices = {
  /** Shows a sentence as a warning, unless it was shown since the last {@link reset}. */
  warnOnce(sentence: string): void;
  /** Says that no model server is set up for what was asked, and leads to the settings. */
  noServer(): Promise<void>;
  /** Says that a folder that is not trusted is not sent to a server, and leads to VS Code's trust page. */
  notTrusted(): Promise<void>;
  /** Lets every sentence be shown again, after the settings changed. */
  reset(): void;
};

export const createNotices = (log: Log & { show(): void }): Notices => {
  const shown = new Set<string>();
  const show = async (sentence: string) => {
    const openSettings = vscode.l10n.t("Open settings");
    const showLog = vscode.l10n.t("Show log");
    const choice = await vscode.window.showWarningMessage(sentence, openSettings, showLog);
    if (choice === openSettings) await vscode.commands.executeCommand("workbench.action.openSettings", "hotpath.");
    if (choice === showLog) log.show();
  };
  return {
    warnOnce(sentence) {
      if (shown.has(sentence)) return;
      shown.add(sentence);
      log.warn(sentence);
      void show(sentence);
    },
    async noServer() {
      const openSettings = vscode.l10n.t("Open settings");
      const choice = await vscode.window.showInformationMessage(
        vscode.l10n.t(
          "No model server is set up. Choose one in the settings under hotpath.chat or hotpath.completion.",
        ),
        openSettings,
      );
      if (choice) await vscode.commands.executeCommand("workbench.action.openSettings", "hotpath.");
    },
    async notTrusted() {
      const manageTrust = vscode.l10n.t("Manage workspace trust");
      const choice = await vscode.window.showInformationMessage(
        vscode.l10n.t("This folder is not trusted, so Hotpath does not send its text to a model server."),
        manageTrust,
      );
      if (choice) await vscode.commands.executeCommand("workbench.trust.manage");
    },
    reset: () => shown.clear(),
  };
};

import * as vscode from "vscode";
import type { Log } from "../base/log.ts";
import { withoutLinks } from "../base/notice.ts";
import { openSettings } from "./openSettings.ts";

/** What a notice offers to do. */
export type NoticeAction = { readonly label: string; readonly run: () => unknown };

/** Tells the user about problems without saying the same thing twice. */
export type Notices = {
  /**
   * Shows a sentence as a warning, unless one with the same `key` (default: the sentence) was shown since the last
   * {@link reset}. `isAsked`: somebody waits for this very answer, so it is shown again. `actions` come before "Open
   * settings" and "Show log".
   */
  warnOnce(
    sentence: string,
    options?: { readonly key?: string; readonly actions?: readonly NoticeAction[]; readonly isAsked?: boolean },
  ): void;
  /** Says that no model server is set up for what was asked, and leads to the set-up. */
  noServer(): Promise<void>;
  /** Says that a folder that is not trusted is not sent to a server, and leads to VS Code's trust page. */
  notTrusted(): Promise<void>;
  /** Lets every sentence be shown again, after the settings changed. */
  reset(): void;
};

export const createNotices = (log: Log & { show(): void }): Notices => {
  const { l10n } = vscode;
  const shown = new Set<string>();
  const show = async (sentence: string, actions: readonly NoticeAction[]) => {
    const settings: NoticeAction = {
      label: l10n.t("Open settings"),
      run: () => openSettings("hotpath."),
    };
    const showLog: NoticeAction = { label: l10n.t("Show log"), run: () => log.show() };
    const offered = [...actions, settings, showLog];
    // It may quote a folder's setting, or the names that servers give their models.
    const choice = await vscode.window.showWarningMessage(withoutLinks(sentence), ...offered.map(({ label }) => label));
    await offered.find(({ label }) => label === choice)?.run();
  };
  return {
    warnOnce(sentence, { key = sentence, actions = [], isAsked = false } = {}) {
      if (shown.has(key) && !isAsked) return;
      shown.add(key);
      log.warn(sentence);
      show(sentence, actions).catch((error: unknown) => log.error(`A notice's button failed: ${String(error)}`));
    },
    async noServer() {
      const setUp = l10n.t("Set up a provider");
      const choice = await vscode.window.showInformationMessage(l10n.t("No model server is set up yet."), setUp);
      if (choice) await vscode.commands.executeCommand("hotpath.setUpProvider");
    },
    async notTrusted() {
      const manageTrust = l10n.t("Manage workspace trust");
      const choice = await vscode.window.showInformationMessage(
        l10n.t("This folder is not trusted, so Hotpath does not send its text to a model server."),
        manageTrust,
      );
      if (choice) await vscode.commands.executeCommand("workbench.trust.manage");
    },
    reset: () => shown.clear(),
  };
};

import * as vscode from "vscode";
import { snoozeSentence, sourceSentence, type GhostTextSource } from "../host/ghostTextStatus.ts";
import { openSettings } from "../host/openSettings.ts";
import { looksSecret } from "../host/shownPath.ts";
import type { Snooze } from "../host/snooze.ts";
import { heading, pick, type Choice } from "./quickPick.ts";

const minuteMs = 60_000;

/** Something that can be done about ghost text. */
type Action = () => unknown;

/** Asks how long ghost text shall rest; what is on the screen goes at once. */
export const snoozeGhostText = async (snooze: Snooze): Promise<void> => {
  await choose(vscode.l10n.t("Hotpath: Snooze ghost text"), durations(snooze));
};

/** Lets ghost text come back, at the cursor too. */
export const resumeGhostText = async (snooze: Snooze): Promise<void> => {
  snooze.end();
  await focusEditor();
  await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
};

/**
 * What a click on the status bar's item offers: snooze or resume, this language's switch, a model server, the report, the
 * settings.
 */
export const showGhostTextMenu = async (
  snooze: Snooze,
  isEnabled: (document: vscode.TextDocument) => boolean,
  source: GhostTextSource,
): Promise<void> => {
  const { l10n } = vscode;
  const leftMs = snooze.leftMs();
  const document = vscode.window.activeTextEditor?.document;
  await choose(leftMs === undefined ? l10n.t("Hotpath ghost text") : snoozeSentence(leftMs), [
    ...(leftMs === undefined
      ? durations(snooze)
      : [{ label: `$(bell) ${l10n.t("Resume now")}`, value: () => resumeGhostText(snooze) }]),
    ...(document ? [heading(""), languageSwitch(document.languageId, isEnabled(document))] : []),
    heading(""),
    {
      label: `$(plug) ${l10n.t("Set up a provider")}`,
      description: sourceSentence(source, document !== undefined && looksSecret(document.uri)),
      value: () => vscode.commands.executeCommand("hotpath.setUpProvider"),
    },
    {
      label: `$(graph) ${l10n.t("Open performance report")}`,
      value: () => vscode.commands.executeCommand("hotpath.openReport"),
    },
    {
      label: `$(gear) ${l10n.t("Open settings")}`,
      value: () => openSettings("hotpath.completion"),
    },
  ]);
};

/** A click on the status bar has taken the focus, and whoever writes wants to go on. */
const focusEditor = async (): Promise<void> => {
  await vscode.commands.executeCommand("workbench.action.focusActiveEditorGroup");
};

const hideGhostText = async (): Promise<void> => {
  await focusEditor();
  await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
};

const choose = async (title: string, choices: readonly Choice<Action>[]): Promise<void> => {
  const action = await pick({ title, placeholder: vscode.l10n.t("What would you like to do?"), choices });
  if (typeof action === "function") await action();
};

const durations = (snooze: Snooze): Choice<Action>[] => {
  const { l10n } = vscode;
  const lengths: readonly (readonly [string, number])[] = [
    [l10n.t("Snooze for 5 minutes"), 5 * minuteMs],
    [l10n.t("Snooze for 15 minutes"), 15 * minuteMs],
    [l10n.t("Snooze for 1 hour"), 60 * minuteMs],
    [l10n.t("Snooze until VS Code restarts"), Infinity],
  ];
  return lengths.map(([label, durationMs]) => ({
    label: `$(bell-slash) ${label}`,
    async value() {
      snooze.start(durationMs);
      await hideGhostText();
    },
  }));
};

/** Writes the setting for one language, as the settings editor does. */
const languageSwitch = (languageId: string, isOn: boolean): Choice<Action> => ({
  label: isOn
    ? `$(circle-slash) ${vscode.l10n.t("Switch off for {0} files", languageId)}`
    : `$(sparkle) ${vscode.l10n.t("Switch on for {0} files", languageId)}`,
  async value() {
    const configuration = vscode.workspace.getConfiguration("hotpath", { languageId });
    await configuration.update("completion.enabled", !isOn, vscode.ConfigurationTarget.Global, true);
    if (isOn) await hideGhostText();
    else await focusEditor();
  },
});

import * as vscode from "vscode";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import type { Snooze } from "./snooze.ts";

export type GhostTextStatusOptions = {
  readonly snooze: Snooze;
  /** What the settings say about a document. */
  readonly isEnabled: (document: vscode.TextDocument) => boolean;
};

/** The ghost text indicator. */
export type GhostTextStatus = Disposable & {
  /** To be called when the settings changed. */
  refresh(): void;
};

const minuteMs = 60_000;

/** Shows whether there is ghost text here, and how long it is snoozed; a click opens the menu. */
export const createGhostTextStatus = ({ snooze, isEnabled }: GhostTextStatusOptions): GhostTextStatus => {
  const { l10n } = vscode;
  const disposables = createDisposableList();
  // Left of the memory indicator, which stays the first of Hotpath's items for a screen reader.
  const item = disposables.add(vscode.window.createStatusBarItem("ghostText", vscode.StatusBarAlignment.Right, 91));
  item.name = l10n.t("Hotpath ghost text");
  item.command = "hotpath.ghostTextMenu";
  let isSnoozed = false;

  const draw = () => {
    const leftMs = snooze.leftMs();
    const document = vscode.window.activeTextEditor?.document;
    const isOff = document !== undefined && !isEnabled(document);
    const { icon, text, sentence } =
      leftMs !== undefined
        ? { icon: "bell-slash", text: timeLeft(leftMs), sentence: snoozeSentence(leftMs) }
        : isOff
          ? { icon: "circle-slash", text: "", sentence: l10n.t("Ghost text is switched off for this kind of file") }
          : { icon: "sparkle", text: "", sentence: l10n.t("Ghost text is on") };
    item.text = text === "" ? `$(${icon})` : `$(${icon}) ${text}`;
    item.tooltip = `${sentence}\n${l10n.t("Click to snooze it or switch it off")}`;
    item.accessibilityInformation = { label: sentence };
    if (isSnoozed === (leftMs !== undefined)) return;
    isSnoozed = leftMs !== undefined;
    // For the palette, which offers to resume only then.
    void vscode.commands.executeCommand("setContext", "hotpath.isSnoozed", isSnoozed);
  };
  disposables.add(snooze.onDidChange(draw));
  disposables.add(vscode.window.onDidChangeActiveTextEditor(draw));
  disposables.add(vscode.workspace.onDidOpenTextDocument(draw));
  draw();
  item.show();
  return { refresh: draw, dispose: () => disposables.dispose() };
};

/** "14 min"; "snoozed" when there is no end to count to. */
const timeLeft = (leftMs: number): string =>
  leftMs === Infinity ? vscode.l10n.t("snoozed") : vscode.l10n.t("{0} min", Math.ceil(leftMs / minuteMs));

/** How long ghost text stays away. */
export const snoozeSentence = (leftMs: number): string =>
  leftMs === Infinity
    ? vscode.l10n.t("Ghost text is snoozed until VS Code restarts")
    : vscode.l10n.t("Ghost text is snoozed for another {0} min", Math.ceil(leftMs / minuteMs));

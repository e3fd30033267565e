import * as vscode from "vscode";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import { isTooLong, servedSchemes } from "./servedSchemes.ts";
import type { Settings } from "./settingsSchema.ts";
import { looksSecret } from "./shownPath.ts";
import type { Snooze } from "./snooze.ts";

/** The settings that say where ghost text comes from. */
export type GhostTextSource = Pick<Settings, "completion" | "predictorEnabled">;

export type GhostTextStatusOptions = {
  readonly snooze: Snooze;
  /** What the settings say about a document. */
  readonly isEnabled: (document: vscode.TextDocument) => boolean;
  readonly source: () => GhostTextSource;
};

/** The ghost text indicator. */
export type GhostTextStatus = Disposable & {
  /** To be called when the settings changed. */
  refresh(): void;
};

const minuteMs = 60_000;
/** VS Code's own switch: while it is off, nobody is asked for ghost text. */
const inlineSuggest = "editor.inlineSuggest.enabled";

/** Shows whether there is ghost text here, from where, and how long it is snoozed; a click opens the menu. */
export const createGhostTextStatus = ({ snooze, isEnabled, source }: GhostTextStatusOptions): GhostTextStatus => {
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
    const reason = document && whyNone(document, isEnabled);
    const { icon, text, sentence } =
      leftMs !== undefined
        ? { icon: "bell-slash", text: timeLeft(leftMs), sentence: snoozeSentence(leftMs) }
        : reason !== undefined
          ? { icon: "circle-slash", text: "", sentence: reason }
          : { icon: "sparkle", text: "", sentence: l10n.t("Ghost text is on") };
    item.text = text === "" ? `$(${icon})` : `$(${icon}) ${text}`;
    const from = sourceSentence(source(), document !== undefined && looksSecret(document.uri));
    item.tooltip = [`Hotpath: ${sentence}`, from, l10n.t("Click for what can be done")].join("\n");
    item.accessibilityInformation = { label: `Hotpath: ${sentence}` };
    if (isSnoozed === (leftMs !== undefined)) return;
    isSnoozed = leftMs !== undefined;
    // For the palette, which offers to resume only then.
    void vscode.commands.executeCommand("setContext", "hotpath.isSnoozed", isSnoozed);
  };
  disposables.add(snooze.onDidChange(draw));
  disposables.add(vscode.window.onDidChangeActiveTextEditor(draw));
  disposables.add(vscode.workspace.onDidOpenTextDocument(draw));
  disposables.add(
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration(inlineSuggest)) draw();
    }),
  );
  draw();
  item.show();
  return { refresh: draw, dispose: () => disposables.dispose() };
};

/** Why a document gets no ghost text at all; undefined: it may. */
const whyNone = (
  document: vscode.TextDocument,
  isEnabled: (document: vscode.TextDocument) => boolean,
): string | undefined => {
  const { l10n } = vscode;
  if (!isEnabled(document)) return l10n.t("Ghost text is switched off for this kind of file");
  if (!servedSchemes.includes(document.uri.scheme)) return l10n.t("There is no ghost text in this kind of editor");
  if (isTooLong(document)) return l10n.t("There is no ghost text in a file of this length");
  if (vscode.workspace.getConfiguration("", document).get(inlineSuggest) === false) {
    return l10n.t("VS Code shows no ghost text: the setting '{0}' is off", inlineSuggest);
  }
  return undefined;
};

/**
 * Where ghost text comes from, as the settings and the folder's trust have it. `isSecret`: it is about a file that looks
 * like keys or passwords, whose text no model sees.
 */
export const sourceSentence = ({ completion, predictorEnabled }: GhostTextSource, isSecret = false): string => {
  const { l10n } = vscode;
  if (completion && isSecret) {
    return predictorEnabled
      ? l10n.t("From the embedded predictor alone: no model is asked about a file that looks like keys or passwords")
      : l10n.t("There is no source: no model is asked about a file that looks like keys or passwords");
  }
  if (completion && vscode.workspace.isTrusted) {
    const { host } = new URL(completion.baseUrl);
    const model = completion.model === "" ? host : l10n.t("{0} at {1}", completion.model, host);
    return predictorEnabled
      ? l10n.t("From the embedded predictor and {0}", model)
      : l10n.t("From {0}; the embedded predictor is off", model);
  }
  if (!predictorEnabled)
    return l10n.t("There is no source: the embedded predictor is off, and no model server may be asked");
  return completion
    ? l10n.t("From the embedded predictor alone, until you trust this folder")
    : l10n.t("From the embedded predictor alone; no model server is set up");
};

/** "14 min"; "snoozed" when there is no end to count to. */
const timeLeft = (leftMs: number): string =>
  leftMs === Infinity ? vscode.l10n.t("snoozed") : vscode.l10n.t("{0} min", Math.ceil(leftMs / minuteMs));

/** How long ghost text stays away. */
export const snoozeSentence = (leftMs: number): string =>
  leftMs === Infinity
    ? vscode.l10n.t("Ghost text is snoozed until VS Code restarts")
    : vscode.l10n.t("Ghost text is snoozed for another {0} min", Math.ceil(leftMs / minuteMs));

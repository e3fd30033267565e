import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import type { PredictorService, PredictorStats } from "../predictor/predictorService.ts";
import { predictorPath } from "./ghostText.ts";

export type PredictorFeed = Disposable & {
  /** Undefined while the predictor has not been needed yet. */
  stats(): Promise<PredictorStats | undefined>;
};

// An edit is learned when the typist pauses: while a line is being typed, its halves would only mislead.
const learnAfterMs = 700;
const schemes = new Set(["file", "untitled", "vscode-notebook-cell"]);

/**
 * Tells the predictor what to learn: the workspace's folders at the first sign that somebody edits, then what changes.
 */
export const registerPredictorFeed = ({
  predictor,
  clock,
  isWanted,
}: {
  predictor: () => Promise<PredictorService>;
  clock: Clock;
  isWanted: () => boolean;
}): PredictorFeed => {
  const disposables = createDisposableList();
  const pending = new Map<vscode.TextDocument, Disposable>();
  let started: Promise<PredictorService> | undefined;

  const start = () => {
    if (started || !isWanted()) return;
    started = predictor();
    void learnFolders();
  };
  const learnFolders = async () => {
    const service = await started;
    const exclude = ["files.exclude", "search.exclude"].flatMap((name) =>
      Object.entries(vscode.workspace.getConfiguration(undefined, null).get<Record<string, unknown>>(name) ?? {})
        .filter(([, isExcluded]) => isExcluded === true)
        .map(([glob]) => glob),
    );
    const folders = (vscode.workspace.workspaceFolders ?? [])
      .filter(({ uri }) => uri.scheme === "file")
      .map(({ uri }) => uri.fsPath);
    const first = vscode.window.visibleTextEditors
      .filter(({ document }) => document.uri.scheme === "file")
      .map(({ document }) => document.uri.fsPath);
    service?.learnFolders(folders, { exclude, first });
    for (const document of vscode.workspace.textDocuments) if (document.isDirty) learnSoon(document);
  };
  const learnSoon = (document: vscode.TextDocument) => {
    pending.get(document)?.dispose();
    pending.set(
      document,
      clock.after(learnAfterMs, () => void learn(document)),
    );
  };
  const learn = async (document: vscode.TextDocument) => {
    pending.delete(document);
    const service = await started;
    if (!document.isClosed) service?.update(predictorPath(document), document.getText());
  };

  disposables.add(
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (contentChanges.length === 0 || !schemes.has(document.uri.scheme)) return;
      start();
      if (started) learnSoon(document);
    }),
  );
  disposables.add(
    vscode.window.onDidChangeTextEditorSelection(({ kind, textEditor }) => {
      if (kind !== undefined && schemes.has(textEditor.document.uri.scheme)) start();
    }),
  );
  disposables.add(vscode.workspace.onDidChangeWorkspaceFolders(() => started && void learnFolders()));
  disposables.add(
    vscode.workspace.onDidDeleteFiles(async ({ files }) => {
      const service = await started;
      for (const { fsPath } of files) service?.forget(fsPath);
    }),
  );
  disposables.add({
    dispose() {
      for (const timer of pending.values()) timer.dispose();
      pending.clear();
    },
  });
  return {
    async stats() {
      return started ? (await started).stats() : undefined;
    },
    dispose: () => disposables.dispose(),
  };
};

import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import type { Log } from "../base/log.ts";
import type { PredictorService, PredictorStats } from "../predictor/predictorService.ts";
import { predictorPath } from "./ghostText.ts";

export type PredictorFeed = Disposable & {
  /** Undefined while the predictor has not been needed yet. */
  stats(): Promise<PredictorStats | undefined>;
  /** Learns the folders anew, if learning has begun. */
  relearn(): void;
  /** Begins from scratch at the next sign of editing. */
  stop(): void;
};

export type PredictorFeedOptions = {
  readonly predictor: () => Promise<PredictorService>;
  readonly clock: Clock;
  readonly log: Log;
  readonly isWanted: () => boolean;
};

// An edit is learned when the typist pauses: while a line is being typed, its halves would only mislead.
const learnAfterMs = 700;
// Longer documents are not learned; handing them over would hold the host's thread for nothing.
const maxDocumentUnits = 200_000;
const schemes = new Set(["file", "untitled", "vscode-notebook-cell"]);

/**
 * Tells the predictor what to learn: the workspace's folders at the first sign that somebody edits, then what changes.
 */
export const registerPredictorFeed = ({ predictor, clock, log, isWanted }: PredictorFeedOptions): PredictorFeed => {
  const disposables = createDisposableList();
  const pending = new Map<vscode.TextDocument, Disposable>();
  let started: Promise<PredictorService> | undefined;

  /** Does something with the predictor once it is there; what fails is logged, and learning can begin anew. */
  const withService = async (run: (service: PredictorService) => void) => {
    const service = started;
    try {
      if (service) run(await service);
    } catch (error) {
      if (started === service) started = undefined;
      log.error(`The predictor could not be used: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const start = () => {
    if (started || !isWanted()) return;
    started = predictor();
    learnFolders();
  };
  const learnFolders = () =>
    void withService((service) => {
      const folders = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === "file");
      service.learnFolders(
        folders.map(({ uri }) => uri.fsPath),
        {
          exclude: [...new Set(folders.flatMap(({ uri }) => excludedGlobs(uri)))],
          first: vscode.window.visibleTextEditors
            .filter(({ document }) => document.uri.scheme === "file")
            .map(({ document }) => document.uri.fsPath),
        },
      );
      for (const document of vscode.workspace.textDocuments) {
        if (document.isDirty && schemes.has(document.uri.scheme)) learnSoon(document);
      }
    });
  const learnSoon = (document: vscode.TextDocument) => {
    pending.get(document)?.dispose();
    pending.set(
      document,
      clock.after(learnAfterMs, () => learn(document)),
    );
  };
  const learn = (document: vscode.TextDocument) => {
    pending.delete(document);
    void withService((service) => {
      if (document.isClosed) return;
      const isLong = document.offsetAt(document.lineAt(document.lineCount - 1).range.end) > maxDocumentUnits;
      if (isLong) service.forget(predictorPath(document));
      else service.update(predictorPath(document), document.getText());
    });
  };
  const forget = (path: string) => void withService((service) => service.forget(path));
  const clearPending = () => {
    for (const timer of pending.values()) timer.dispose();
    pending.clear();
  };

  disposables.add(
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (contentChanges.length === 0 || !schemes.has(document.uri.scheme)) return;
      // Other extensions change documents too; only one that is on the screen is somebody's work.
      if (vscode.window.visibleTextEditors.some((editor) => editor.document === document)) start();
      if (started) learnSoon(document);
    }),
  );
  disposables.add(
    vscode.window.onDidChangeTextEditorSelection(({ kind, textEditor }) => {
      // A selection that a command made, such as a file's opening, is no sign of a person.
      const isByHand =
        kind === vscode.TextEditorSelectionChangeKind.Keyboard || kind === vscode.TextEditorSelectionChangeKind.Mouse;
      if (isByHand && schemes.has(textEditor.document.uri.scheme)) start();
    }),
  );
  disposables.add(
    vscode.workspace.onDidCloseTextDocument((document) => {
      pending.get(document)?.dispose();
      pending.delete(document);
      // What was never saved is gone for the user, and so for the predictor.
      if (document.uri.scheme === "untitled" || document.isDirty) forget(predictorPath(document));
    }),
  );
  disposables.add(vscode.workspace.onDidChangeWorkspaceFolders(learnFolders));
  disposables.add(
    vscode.workspace.onDidDeleteFiles(({ files }) => {
      for (const { fsPath } of files) forget(fsPath);
    }),
  );
  disposables.add(
    vscode.workspace.onDidRenameFiles(({ files }) => {
      for (const { oldUri } of files) forget(oldUri.fsPath);
      learnFolders();
    }),
  );
  disposables.add({ dispose: clearPending });
  return {
    async stats() {
      return started ? (await started).stats() : undefined;
    },
    relearn: learnFolders,
    stop() {
      clearPending();
      started = undefined;
    },
    dispose: () => disposables.dispose(),
  };
};

/** What the user keeps out of the explorer and out of searches in this folder. */
const excludedGlobs = (folder: vscode.Uri): string[] =>
  ["files.exclude", "search.exclude"].flatMap((name) =>
    Object.entries(vscode.workspace.getConfiguration(undefined, folder).get<Record<string, unknown>>(name) ?? {})
      .filter(([, isExcluded]) => isExcluded === true)
      .map(([glob]) => glob),
  );

import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import type { Log } from "../base/log.ts";
import type { LearnedFolder, PredictorService, PredictorStats } from "../predictor/predictorService.ts";
import { predictorPath } from "./documentSnapshot.ts";
import { isEditing, isMovingByHand, learnedSchemes } from "./predictorStart.ts";
import { watchWorkspaceFiles } from "./workspaceChanges.ts";

export type PredictorFeed = Disposable & {
  /** Undefined while the predictor has not been needed yet. */
  stats(): Promise<PredictorStats | undefined>;
  /** Learns the folders anew, and what is open and not saved, if learning has begun. */
  relearn(): void;
  /** Forgets everything, on the disk too, and learns it anew. */
  rebuild(): Promise<void>;
  /** Forgets everything, on the disk too, and from then on learns only what changes, until `rebuild`. */
  clear(): Promise<void>;
  /** Begins from scratch at the next sign of editing. */
  stop(): void;
};

/** A feed that is there. */
export type LoadedPredictorFeed = PredictorFeed & {
  /** To be called at the first sign that somebody edits, if that came before this was made. */
  begin(): void;
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

/**
 * Tells the predictor what to learn: the workspace's folders at the first sign that somebody edits, then what changes.
 */
export const registerPredictorFeed = ({
  predictor,
  clock,
  log,
  isWanted,
}: PredictorFeedOptions): LoadedPredictorFeed => {
  const disposables = createDisposableList();
  const pending = new Map<vscode.TextDocument, Disposable>();
  /** Documents whose learned text the disk does not hold. When one is closed without saving, it is no longer dirty. */
  const unsaved = new Set<vscode.TextDocument>();
  let started: Promise<PredictorService> | undefined;
  let watcher: Disposable | undefined;
  let isCleared = false;

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
    watcher ??= watchWorkspaceFiles(clock, refresh);
    learnFolders();
  };
  const learnFolders = () =>
    void withService((service) => {
      const folders = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === "file");
      service.learnFolders(
        folders.map(({ uri }) => ({ root: uri.fsPath, exclude: excludedGlobs(uri) })),
        // What lies above a folder that is not trusted is none of its business. What is excluded stays so when cleared.
        { first: openFiles(), readsAbove: vscode.workspace.isTrusted, reads: !isCleared },
      );
      if (isCleared) return;
      for (const document of unsavedDocuments()) learnSoon(document);
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
      if (document.isDirty) unsaved.add(document);
      const isLong = document.offsetAt(document.lineAt(document.lineCount - 1).range.end) > maxDocumentUnits;
      if (isLong) service.forget(predictorPath(document));
      else service.update(predictorPath(document), document.getText(), document.uri.fsPath);
    });
  };
  const refresh = (paths: readonly string[]) =>
    void withService((service) => {
      const changed = new Set(paths);
      const open = vscode.workspace.textDocuments
        .filter(({ uri }) => uri.scheme === "file")
        .map(({ uri }) => uri.fsPath);
      service.refresh(
        paths,
        open.filter((file) => changed.has(file)),
      );
    });
  const forget = (path: string) => void withService((service) => service.forget(path));
  const clearPending = () => {
    for (const timer of pending.values()) timer.dispose();
    pending.clear();
  };
  const forgetAll = async () => {
    clearPending();
    started ??= predictor();
    watcher ??= watchWorkspaceFiles(clock, refresh);
    await (await started).clear();
  };

  disposables.add(
    vscode.workspace.onDidChangeTextDocument((change) => {
      const { document, contentChanges } = change;
      if (contentChanges.length === 0 || !learnedSchemes.has(document.uri.scheme)) return;
      if (isEditing(change)) start();
      if (started && isWork(document)) learnSoon(document);
    }),
  );
  disposables.add(
    vscode.window.onDidChangeTextEditorSelection((change) => {
      if (isMovingByHand(change)) start();
    }),
  );
  disposables.add(
    vscode.workspace.onDidCloseTextDocument((document) => {
      pending.get(document)?.dispose();
      pending.delete(document);
      const wasUnsaved = unsaved.delete(document);
      // What was never saved is gone for the user, and so for the predictor.
      if (["untitled", "vscode-notebook-cell"].includes(document.uri.scheme)) forget(predictorPath(document));
      else if (wasUnsaved && document.uri.scheme === "file") refresh([document.uri.fsPath]);
    }),
  );
  disposables.add(vscode.workspace.onDidSaveTextDocument((document) => void unsaved.delete(document)));
  disposables.add(
    vscode.workspace.onDidChangeWorkspaceFolders(({ removed }) => {
      // Documents that were edited there, too: nothing tells any more what becomes of them.
      for (const { uri } of removed) if (uri.scheme === "file") forget(uri.fsPath);
      learnFolders();
    }),
  );
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
  disposables.add(vscode.workspace.onDidGrantWorkspaceTrust(learnFolders));
  disposables.add({
    dispose() {
      clearPending();
      watcher?.dispose();
    },
  });
  return {
    begin: start,
    async stats() {
      return started ? (await started).stats() : undefined;
    },
    relearn: learnFolders,
    async rebuild() {
      await forgetAll();
      isCleared = false;
      learnFolders();
    },
    async clear() {
      isCleared = true;
      await forgetAll();
      learnFolders();
    },
    stop() {
      isCleared = false;
      clearPending();
      watcher?.dispose();
      watcher = undefined;
      started = undefined;
    },
    dispose: () => disposables.dispose(),
  };
};

/** Where what was read of this workspace is kept; undefined where nothing is opened, or not on this machine. */
export const predictorIndexFile = ({ storageUri }: vscode.ExtensionContext): string | undefined =>
  storageUri?.scheme === "file" ? vscode.Uri.joinPath(storageUri, "predictor.index").fsPath : undefined;

/** What nobody has opened, outside of the folders, is no work here: VS Code writes the user's settings like that. */
const isWork = ({ uri }: vscode.TextDocument): boolean =>
  uri.scheme !== "file" || vscode.workspace.getWorkspaceFolder(uri) !== undefined || openFiles().includes(uri.fsPath);

/** What is open with text that no file holds. A cell is never dirty by itself: its notebook is. */
const unsavedDocuments = (): vscode.TextDocument[] => {
  const cells = vscode.workspace.notebookDocuments
    .filter(({ isDirty }) => isDirty)
    .flatMap((notebook) => notebook.getCells().map(({ document }) => document));
  return [...vscode.workspace.textDocuments.filter(({ isDirty }) => isDirty), ...cells].filter(
    (document) => learnedSchemes.has(document.uri.scheme) && isWork(document),
  );
};

/** Files to learn first: those on the screen, then those in the other tabs. */
const openFiles = (): string[] => {
  const shown = vscode.window.visibleTextEditors.map(({ document }) => document.uri);
  const tabs = vscode.window.tabGroups.all
    .flatMap((group) => group.tabs)
    .flatMap(({ input }) =>
      input instanceof vscode.TabInputText || input instanceof vscode.TabInputNotebook ? [input.uri] : [],
    );
  return [...new Set([...shown, ...tabs].filter(({ scheme }) => scheme === "file").map(({ fsPath }) => fsPath))];
};

/** What the user keeps out of the explorer and out of searches in this folder. */
export const excludedGlobs = (folder: vscode.Uri): LearnedFolder["exclude"] =>
  ["files.exclude", "search.exclude"].flatMap((name) =>
    Object.entries(
      vscode.workspace.getConfiguration(undefined, folder).get<Record<string, unknown>>(name) ?? {},
    ).flatMap(([glob, value]) => {
      if (value === true) return [{ glob }];
      const isSibling = typeof value === "object" && value !== null && "when" in value;
      return isSibling && typeof value.when === "string" ? [{ glob, when: value.when }] : [];
    }),
  );

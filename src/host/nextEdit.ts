import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import { lazy } from "../base/lazy.ts";
import type { Log } from "../base/log.ts";
import type { CacheBudget } from "../cache/cacheBudget.ts";
import type { Ledger } from "../metrics/ledger.ts";
import type { NextEdit } from "../nextEdit/nextEdit.ts";
import type { PlaceEdit } from "../nextEdit/rule.ts";
import { isAtPlace, rangeOf } from "./nextEditPlace.ts";
import type { NextEditView } from "./nextEditView.ts";
import { servedSchemes } from "./servedSchemes.ts";

export type NextEditOptions = {
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: Ledger;
  /** Whether next edits are wanted in a document. */
  readonly isEnabled: (document: vscode.TextDocument) => boolean;
  /**
   * Asks a next-edit model when the rules have no answer; the signal fires as soon as something is typed. Resolves to
   * undefined without a model, or when it has nothing to offer.
   */
  readonly askModel: (
    editor: vscode.TextEditor,
    nextEdit: NextEdit,
    signal: AbortSignal,
  ) => Promise<PlaceEdit | undefined>;
  /** Where the text of the document that is followed is counted. */
  readonly budget?: Pick<CacheBudget, "register">;
};

// Shorter pauses lie between the letters of a word; an offer in the middle of one would be of half a change.
const pauseMs = 500;
// After another editor got the focus VS Code has more urgent work.
const readAfterMs = 400;
/** Reading a longer document takes milliseconds of the host's thread. */
const maxDocumentUnits = 1_000_000;
/** Lines of the text now, and before the last edit as far as they differ; most are cut out of one long text. */
const bytesPerUnit = 3;
/** More lines away than this from both the edit and the offered place, somebody does something else. */
const farLines = 10;
const contextKey = "hotpath.nextEditOffered";

const isServed = (document: vscode.TextDocument): boolean =>
  servedSchemes.includes(document.uri.scheme) &&
  document.offsetAt(document.lineAt(document.lineCount - 1).range.end) <= maxDocumentUnits;

const setOffered = async (isOffered: boolean): Promise<void> => {
  try {
    await vscode.commands.executeCommand("setContext", contextKey, isOffered);
  } catch {
    // The window is closing.
  }
};

/** Where only indentation stands before the cursor, Tab is wanted for more of it. */
const isInIndentation = ({ document, selection }: vscode.TextEditor): boolean =>
  document.lineAt(selection.active.line).text.slice(0, selection.active.character).trim() === "";

/** Behind the text that an applied edit has put in. */
const endOf = ({ line, column, text }: PlaceEdit): vscode.Position => {
  const lines = text.replace(/\n$/, "").split("\n");
  const last = lines.at(-1)!.length;
  return new vscode.Position(line + lines.length - 1, lines.length === 1 ? column + last : last);
};

/** The document's text with the line ends that the rules count in. */
const textOf = (document: vscode.TextDocument): string => {
  const text = document.getText();
  return document.eol === vscode.EndOfLine.CRLF ? text.replaceAll("\r\n", "\n") : text;
};

/** The offers of next edits. */
export type NextEditOffers = Disposable & {
  /** Goes to the offered place, or makes the change when the cursor is there. */
  take(): Promise<void>;
  /** Takes away what is offered. */
  dismiss(): void;
  /** Takes away what is offered and stops what is being looked for; goes on with the next change. */
  clear(): void;
};

/**
 * Offers the change that was just made by hand at the next place where it applies: the first press of the key goes
 * there, the second makes it. One offer at a time, gone with anything else that is typed. Begins with the active editor.
 */
export const registerNextEdit = ({
  clock,
  log,
  ledger,
  isEnabled,
  askModel,
  budget,
}: NextEditOptions): NextEditOffers => {
  const disposables = createDisposableList();
  const loadCore = lazy(() => import("../nextEdit/nextEdit.ts"));
  const loadView = lazy(async () => {
    const { createNextEditView } = await import("./nextEditView.ts");
    return disposables.add(createNextEditView());
  });
  let view: NextEditView | undefined;
  let followed:
    | { readonly document: vscode.TextDocument; readonly languageId: string; readonly nextEdit: NextEdit }
    | undefined;
  let offer: { readonly editor: vscode.TextEditor; readonly edit: PlaceEdit; readonly fromLine: number } | undefined;
  let timer: Disposable | undefined;
  let asking: AbortController | undefined;
  let isApplying = false;
  let readAtMs = -Infinity;

  const stop = () => {
    timer?.dispose();
    timer = undefined;
    asking?.abort();
    asking = undefined;
  };
  /** The key works before the hint that names it is seen. */
  const draw = async () => {
    view ??= await loadView();
    if (!offer) return;
    const mine = offer;
    const isKeyOurs = isAtPlace(mine.editor, mine.edit) || !isInIndentation(mine.editor);
    await setOffered(isKeyOurs);
    if (offer === mine) view.show(mine.editor, mine.edit, isKeyOurs);
    else if (!offer) await setOffered(false);
  };
  const hide = () => {
    if (!offer) return;
    offer = undefined;
    view?.hide();
    void setOffered(false);
  };
  /** Begins anew with the document of the active editor, or with none. */
  const follow = async () => {
    timer = undefined;
    const document = vscode.window.activeTextEditor?.document;
    followed = undefined;
    if (!document || !isServed(document) || !isEnabled(document)) return;
    const text = textOf(document);
    const { version, languageId } = document;
    try {
      const { createNextEdit } = await loadCore();
      if (document.version !== version || vscode.window.activeTextEditor?.document !== document) return;
      followed = { document, languageId, nextEdit: createNextEdit(text, languageId) };
      readAtMs = clock.nowMs();
    } catch (error) {
      log.error(`No next edits: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const followSoon = () => {
    stop();
    hide();
    followed = undefined;
    timer = clock.after(readAfterMs, () => void follow());
  };
  const show = (editor: vscode.TextEditor, edit: PlaceEdit) => {
    if (vscode.window.activeTextEditor !== editor || editor.selections.length > 1) return;
    offer = { editor, edit, fromLine: editor.selection.active.line };
    void draw();
  };
  /** Looks for the next place, now that the person pauses. */
  const settle = async () => {
    timer = undefined;
    const editor = vscode.window.activeTextEditor;
    if (!followed || editor?.document !== followed.document || editor.selections.length > 1) return;
    const { document, nextEdit, languageId } = followed;
    if (document.languageId !== languageId || !isServed(document)) return followSoon();
    const startedMs = clock.nowMs();
    const { version } = document;
    readAtMs = startedMs;
    const controller = new AbortController();
    asking = controller;
    try {
      nextEdit.update(textOf(document));
      const edit = nextEdit.next() ?? (await askModel(editor, nextEdit, controller.signal));
      if (edit && !controller.signal.aborted && document.version === version) {
        show(editor, edit);
        if (!offer) return;
        ledger.offered("nextEdit", clock.nowMs() - startedMs);
        ledger.shown("nextEdit");
      }
    } catch (error) {
      if (!controller.signal.aborted)
        log.warn(`No next edit: ${error instanceof Error ? error.message : String(error)}`);
    }
  };

  disposables.add(
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges, reason }) => {
      if (contentChanges.length === 0 || document !== vscode.window.activeTextEditor?.document) return;
      stop();
      hide();
      // Undone is not wanted, and where many places change at once nobody typed.
      if (reason !== undefined || contentChanges.length > 1) return followSoon();
      // What it was before this change is not known: the next one counts.
      if (!followed) return followSoon();
      if (!isEnabled(document)) followed = undefined;
      else if (!isApplying) timer = clock.after(pauseMs, () => void settle());
    }),
  );
  disposables.add(
    vscode.window.onDidChangeTextEditorSelection(({ textEditor, selections }) => {
      // The first sign of a person in this editor; before that, no document is read.
      if (!followed && !timer && textEditor === vscode.window.activeTextEditor) followSoon();
      if (offer?.editor !== textEditor) return;
      const line = selections[0]?.active.line ?? 0;
      const isFar = Math.min(Math.abs(line - offer.fromLine), Math.abs(line - offer.edit.line)) > farLines;
      if (selections.length > 1 || isFar) hide();
      else void draw();
    }),
  );
  disposables.add(vscode.window.onDidChangeActiveTextEditor(followSoon));
  const go = () => {
    if (!offer) return;
    const { editor, edit } = offer;
    const { start } = rangeOf(edit);
    // The first place from which the change is seen; the selection's event draws the hint anew.
    offer = { ...offer, fromLine: edit.line };
    editor.selection = new vscode.Selection(start, start);
    editor.revealRange(rangeOf(edit), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  };
  const apply = async () => {
    if (!offer) return;
    const { editor, edit } = offer;
    hide();
    isApplying = true;
    try {
      const isDone = await editor.edit((builder) => builder.replace(rangeOf(edit), edit.text), {
        undoStopBefore: true,
        undoStopAfter: true,
      });
      if (!isDone) return;
      ledger.accepted("nextEdit", edit.text.length);
      const end = endOf(edit);
      editor.selection = new vscode.Selection(end, end);
      void settle();
    } finally {
      isApplying = false;
    }
  };
  const clear = () => {
    stop();
    hide();
  };
  const followedText = {
    name: "next edits",
    sizeBytes() {
      if (!followed || followed.document.isClosed) return 0;
      const { document } = followed;
      return bytesPerUnit * document.offsetAt(document.lineAt(document.lineCount - 1).range.end);
    },
    lastUsedMs: () => readAtMs,
    shrink() {
      // What is on the screen stays, and what it is about with it.
      if (!offer && !asking) followed = undefined;
    },
  };
  if (budget) disposables.add(budget.register(followedText));
  followSoon();
  return {
    async take() {
      if (!offer) return;
      if (isAtPlace(offer.editor, offer.edit)) await apply();
      else go();
    },
    dismiss: hide,
    clear,
    dispose() {
      clear();
      disposables.dispose();
    },
  };
};

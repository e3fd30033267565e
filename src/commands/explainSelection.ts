import * as vscode from "vscode";
import { formatCount } from "../base/numbers.ts";
import { askModel } from "../assistant/ask.ts";
import { explainMessages, explanationPage, maxSelectionCharacters } from "../assistant/explain.ts";
import type { Clock } from "../base/clock.ts";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import type { Ledger } from "../metrics/ledger.ts";
import type { Provider } from "../provider/provider.ts";

export type ExplainOptions = {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly provider: Provider;
  readonly model: string;
  /** Where the answers are shown from; registered once. */
  readonly documents: AnswerDocuments;
};

/** Read-only documents that grow while an answer streams in. */
export type AnswerDocuments = vscode.Disposable & {
  create(title: string): { readonly uri: vscode.Uri; show(markdown: string): void };
  /** Draws all previews anew after a while; not when they are gone by then. To be disposed when it is not wanted any more. */
  refreshAfter(delayMs: number): Disposable;
};

const scheme = "hotpath-answer";
const keptAnswers = 10;
// The preview redraws from scratch: more often than this would only burn time.
const redrawMs = 150;
// How long the preview's own script may need, on a busy machine, before it hears of changes.
const previewStartMs = 10_000;
// Longer than the preview takes to draw a change (0.3 s), for it drops what it is asked for in between; and several times
// what it took to open, for its script listens only some time after that.
const quietMs = 1000;
const quietPerOpening = 4;

/** Registers the documents that answers are shown in; the newest ten are kept. */
export const createAnswerDocuments = (clock: Clock): AnswerDocuments => {
  const timers = createDisposableList();
  const texts = new Map<string, string>();
  const changed = new vscode.EventEmitter<vscode.Uri>();
  const registration = vscode.workspace.registerTextDocumentContentProvider(scheme, {
    onDidChange: changed.event,
    provideTextDocumentContent: (uri) => texts.get(uri.toString()) ?? "",
  });
  // A preview that VS Code brings back after a reload must not be taken for a new answer's.
  const session = crypto.randomUUID();
  let count = 0;
  return {
    create(title) {
      const uri = vscode.Uri.from({ scheme, path: `/${session}/${++count}/${title}.md` });
      const key = uri.toString();
      texts.set(key, "");
      const oldest = texts.keys().next().value;
      if (texts.size > keptAnswers && oldest !== undefined) texts.delete(oldest);
      return {
        uri,
        show(markdown) {
          if (!texts.has(key) || texts.get(key) === markdown) return;
          texts.set(key, markdown);
          changed.fire(uri);
        },
      };
    },
    refreshAfter(delayMs) {
      const refresh = async () => {
        timers.remove(timer);
        try {
          await vscode.commands.executeCommand("markdown.preview.refresh");
        } catch {
          // Whoever closed or switched off the preview misses nothing.
        }
      };
      const timer = timers.add(clock.after(delayMs, () => void refresh()));
      return {
        dispose() {
          timers.remove(timer);
          timer.dispose();
        },
      };
    },
    dispose() {
      timers.dispose();
      registration.dispose();
      changed.dispose();
    },
  };
};

/**
 * "Hotpath: Explain selection": streams an explanation into a Markdown preview beside the editor. False: nothing was
 * selected, or it was cancelled. Throws what the provider throws, but for a cancellation.
 */
export const explainSelection = async (options: ExplainOptions): Promise<boolean> => {
  const { l10n } = vscode;
  const { clock } = options;
  const editor = vscode.window.activeTextEditor;
  const code = editor?.document.getText(editor.selection) ?? "";
  if (!editor || code.trim() === "") {
    void vscode.window.showInformationMessage(l10n.t("Select the code to explain first."));
    return false;
  }
  const fileName = editor.document.uri.path.split("/").at(-1) ?? "";
  const messages = explainMessages({ code, languageId: editor.document.languageId, fileName });
  const title = l10n.t("Explanation of {0}", fileName);
  const answer = options.documents.create(title);
  const note =
    code.length > maxSelectionCharacters
      ? `*${l10n.t("Only the first {0} characters of the selection were sent.", formatCount(maxSelectionCharacters))}*\n\n`
      : "";
  const draw = (markdown: string) => answer.show(explanationPage(title, note + markdown));
  draw("…");
  const beganAtMs = clock.nowMs();
  // VS Code drops changes of a document that it does not know yet, and a fast answer is over by then.
  await vscode.workspace.openTextDocument(answer.uri);
  await vscode.commands.executeCommand("markdown.showPreviewToSide", answer.uri);
  const openedAtMs = clock.nowMs();
  const redrawAfterMs = Math.min(previewStartMs, Math.max(quietMs, quietPerOpening * (openedAtMs - beganAtMs)));
  let redraw: Disposable | undefined;
  /** What the preview is told before its own script listens is lost, so it is drawn anew once no more comes. */
  const show = (markdown: string) => {
    draw(markdown);
    redraw?.dispose();
    if (clock.nowMs() - openedAtMs > previewStartMs) return;
    redraw = options.documents.refreshAfter(redrawAfterMs);
  };
  return vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: l10n.t("Explaining the selection"),
      cancellable: true,
    },
    async (_progress, token) => {
      const controller = new AbortController();
      token.onCancellationRequested(() => controller.abort());
      let isEmpty = true;
      try {
        return await streamAnswer(options, messages, controller.signal, (markdown) => {
          isEmpty = false;
          show(markdown);
        });
      } finally {
        const reason = token.isCancellationRequested ? l10n.t("Cancelled.") : l10n.t("No answer came.");
        if (isEmpty) show(`*${reason}*`);
      }
    },
  );
};

const streamAnswer = async (
  { clock, ledger, provider, model }: ExplainOptions,
  messages: Parameters<Provider["streamChat"]>[0]["messages"],
  signal: AbortSignal,
  show: (markdown: string) => void,
): Promise<boolean> => {
  let text = "";
  let shownAtMs = -Infinity;
  const onText = (piece: string) => {
    text += piece;
    if (clock.nowMs() - shownAtMs <= redrawMs) return;
    shownAtMs = clock.nowMs();
    show(text);
  };
  try {
    const outcome = await askModel({ ledger, provider, model, signal, compose: () => ({ messages }), onText });
    return outcome !== "cancelled";
  } finally {
    if (text !== "") show(text);
  }
};

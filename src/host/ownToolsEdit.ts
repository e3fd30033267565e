import { extname } from "node:path";
import * as vscode from "vscode";
import { formatCount } from "../base/numbers.ts";
import { fenceFor } from "../assistant/fence.ts";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import { createConfirmations } from "../languageTools/confirmations.ts";
import { planEdit, type EditPlan } from "../languageTools/editPlan.ts";
import { sensitivityOf, type Sensitivity } from "../languageTools/sensitiveFiles.ts";
import { codeSpan, escapeMarkdown, isPlainName } from "../languageTools/markdownText.ts";
import { ToolError } from "../languageTools/toolError.ts";
import type { WorkspacePath } from "../languageTools/workspacePath.ts";
import { createOwnTool, type OwnTool } from "./ownTool.ts";
import { openDocument, readText, resolveHere, shownName } from "./ownToolsWorkspace.ts";

type EditInput = { readonly path: string; readonly oldText: string; readonly newText: string };

/** An edit as it would be made now. */
type Edit = {
  readonly place: WorkspacePath;
  readonly name: string;
  readonly plan: EditPlan;
  readonly isNew: boolean;
  /** Whether the editor saves the file by itself, as the person has set it. */
  readonly isAutoSaved: boolean;
  readonly sensitivity: Sensitivity | undefined;
  /** Everything that would happen, as one text: two that are equal do the same. */
  readonly effect: string;
};

const proposedScheme = "hotpath-proposed";
const showCommand = "hotpath.showProposedEdit";
const maxProposed = 20;
// A dialog shows no more without cutting, and these files deserve to be read whole.
const maxDialogLines = 30;

const savesByItself = (file: vscode.Uri): boolean =>
  vscode.workspace.getConfiguration("files", file).get("autoSave", "off") !== "off";

/** What would be done, from the text as it is now. */
const planNow = async ({ path, oldText, newText }: EditInput): Promise<Edit> => {
  const place = await resolveHere(path);
  if (place.relative === "") throw new ToolError("input", "This is the workspace folder, not a file.");
  if (extname(place.file).toLowerCase() === ".ipynb") {
    throw new ToolError("unavailable", "Notebooks are not edited as text.");
  }
  const isThere = place.exists || openDocument(place) !== undefined;
  const before = isThere ? await readText(place) : undefined;
  const plan = planEdit(before, oldText, newText);
  const sensitivity = sensitivityOf(place.relative) ?? sensitivityOf(place.realRelative);
  if (sensitivity === "editor" && plan.diff.split("\n").length > maxDialogLines) {
    throw new ToolError(
      "too-large",
      `Edits of this file may show at most ${maxDialogLines} lines. Make several smaller ones.`,
    );
  }
  // What was never saved has no file to be saved to.
  const isAutoSaved = place.exists && savesByItself(openDocument(place)?.uri ?? vscode.Uri.file(place.file));
  const effect = JSON.stringify([place.file, place.realFile, before ?? null, plan.result, isAutoSaved]);
  return { place, name: shownName(place), plan, isNew: !isThere, isAutoSaved, sensitivity, effect };
};

const warningFor = (sensitivity: Sensitivity): string => {
  switch (sensitivity) {
    case "editor":
      return vscode.l10n.t("VS Code obeys this file: what it says decides which programs VS Code starts and how.");
    case "tools":
      return vscode.l10n.t(
        "Other programs obey this file: what it says can run when you build, install, check or commit.",
      );
    case "instructions":
      return vscode.l10n.t("Models obey this file: what it says counts as your instructions from now on.");
  }
};

const titleOf = ({ name, isNew }: Edit): string =>
  isNew ? vscode.l10n.t("Create {0}?", name) : vscode.l10n.t("Change {0}?", name);

/** For where Markdown is drawn: a name that a model chose could otherwise fetch a picture. */
const plainTitle = (edit: Edit): string => {
  if (isPlainName(edit.name)) return titleOf(edit);
  return edit.isNew ? vscode.l10n.t("Create this file?") : vscode.l10n.t("Change this file?");
};

const sentences = ({ plan, isNew, isAutoSaved, sensitivity, place }: Edit): readonly string[] => [
  ...(sensitivity ? [warningFor(sensitivity)] : []),
  ...(place.relative === place.realRelative ? [] : [vscode.l10n.t("It is a link to {0}.", place.realRelative)]),
  ...(plan.hasHidden ? [vscode.l10n.t("The new text has invisible characters, spelled out below.")] : []),
  isNew
    ? plan.added === 1
      ? vscode.l10n.t("A new file with one line. It is begun in the editor, not saved.")
      : vscode.l10n.t("A new file with {0} lines. It is begun in the editor, not saved.", formatCount(plan.added))
    : isAutoSaved
      ? vscode.l10n.t(
          "Lines added: {0}, removed: {1}. The change is made in the editor, which saves it by itself.",
          formatCount(plan.added),
          formatCount(plan.removed),
        )
      : vscode.l10n.t(
          "Lines added: {0}, removed: {1}. The change is made in the editor, not saved.",
          formatCount(plan.added),
          formatCount(plan.removed),
        ),
];

/** Applies to the editor's text; a file that is not there yet becomes one that was never saved. */
const apply = async ({ place, plan, isNew }: Edit): Promise<boolean> => {
  const file = vscode.Uri.file(place.file);
  const document =
    openDocument(place) ?? (await vscode.workspace.openTextDocument(isNew ? file.with({ scheme: "untitled" }) : file));
  const { start, end } = plan;
  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, new vscode.Range(start.line, start.character, end.line, end.character), plan.newText);
  if (!(await vscode.workspace.applyEdit(edit))) return false;
  await vscode.window.showTextDocument(document, { preserveFocus: true, preview: false });
  return true;
};

/** Makes the tool that changes files; disposing it takes away its side-by-side views. */
export const createEditTool = (): OwnTool & Disposable => {
  const disposables = createDisposableList();
  const confirmations = createConfirmations();
  /** What was shown last, by the address of its document. */
  const proposed = new Map<string, Edit>();
  let number = 0;

  disposables.add(
    vscode.workspace.registerTextDocumentContentProvider(proposedScheme, {
      provideTextDocumentContent: (uri) => proposed.get(uri.toString())?.plan.result ?? "",
    }),
  );
  disposables.add(
    vscode.commands.registerCommand(showCommand, async (address: unknown) => {
      const edit = typeof address === "string" ? proposed.get(address) : undefined;
      if (!edit || typeof address !== "string") return;
      const empty = vscode.Uri.from({ scheme: proposedScheme, path: `/${edit.name}`, query: "empty" });
      const before = edit.isNew ? empty : (openDocument(edit.place)?.uri ?? vscode.Uri.file(edit.place.file));
      const title = vscode.l10n.t("{0} (proposed)", edit.name);
      await vscode.commands.executeCommand("vscode.diff", before, vscode.Uri.parse(address), title);
    }),
  );

  const propose = (edit: Edit): string => {
    const uri = vscode.Uri.from({ scheme: proposedScheme, path: `/${edit.name}`, query: String(++number) });
    proposed.set(uri.toString(), edit);
    for (const oldest of proposed.keys()) {
      if (proposed.size <= maxProposed) break;
      proposed.delete(oldest);
    }
    return uri.toString();
  };

  const message = (edit: Edit): vscode.MarkdownString => {
    const { diff } = edit.plan;
    const fence = fenceFor(diff);
    const text = new vscode.MarkdownString(`${codeSpan(edit.name)}\n\n`);
    for (const sentence of sentences(edit)) text.appendMarkdown(`${escapeMarkdown(sentence)}\n\n`);
    // Only this command can be run from the text, and it only shows something.
    text.isTrusted = { enabledCommands: [showCommand] };
    const query = encodeURIComponent(JSON.stringify([propose(edit)]));
    text.appendMarkdown(`[${vscode.l10n.t("Compare side by side")}](command:${showCommand}?${query})\n\n`);
    return text.appendMarkdown(`${fence}diff\n${diff}\n${fence}\n`);
  };

  /** A dialog of our own, for files that VS Code obeys: who allowed edits in general did not think of these. */
  const isAgreedTo = async (edit: Edit): Promise<boolean> => {
    if (edit.sensitivity !== "editor") return true;
    const agree = vscode.l10n.t("Apply");
    const detail = [...sentences(edit), "", edit.plan.diff].join("\n");
    try {
      return (await vscode.window.showWarningMessage(titleOf(edit), { modal: true, detail }, agree)) === agree;
    } catch {
      return false;
    }
  };

  const tool = createOwnTool("hotpath_applyEdit", {
    needsTrust: true,
    says: ({ path }) => vscode.l10n.t("Changing {0}", path),
    async confirm(input) {
      const edit = await planNow(input);
      confirmations.ask(input, edit.effect);
      return { title: plainTitle(edit), message: message(edit) };
    },
    async run(input, { signal }) {
      const edit = await planNow(input);
      if (!confirmations.take(input, edit.effect)) {
        throw new ToolError(
          "changed",
          "The file changed since the person was asked, so nothing was done. Read it and try again.",
        );
      }
      if (!(await isAgreedTo(edit))) throw new ToolError("refused", "The person did not agree to change this file.");
      // Asking took a while.
      const isSame = (await planNow(input)).effect === edit.effect;
      signal.throwIfAborted();
      if (!isSame || !(await apply(edit))) {
        throw new ToolError("changed", "The file changed meanwhile, so nothing was done. Read it and try again.");
      }
      const what = edit.isNew ? "was begun as a new file" : `was changed at line ${edit.plan.start.line + 1}`;
      const saved = edit.isAutoSaved
        ? ", which saves it by itself; the person can undo it."
        : ". It is not saved; the person can undo or save it.";
      return `${edit.name} ${what} in the editor${saved}`;
    },
  });
  return { ...tool, dispose: () => disposables.dispose() };
};

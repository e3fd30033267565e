import * as vscode from "vscode";
import type { ContextPiece } from "../assistant/context.ts";
import { withoutFiles } from "../assistant/diff.ts";
import type { Task } from "../assistant/prompts.ts";
import { isSecretLike } from "../base/secretFiles.ts";
import { readChanges, type Changes } from "./gitChanges.ts";
import { looksSecret } from "./shownPath.ts";

/** What a message is about, as far as the editor shows. */
export type ChatContext = {
  /** What matters most first. */
  readonly pieces: readonly ContextPiece[];
  /** Those of them that somebody has selected, attached or, where a command is about that, opened; and changes. */
  readonly chosen: readonly ContextPiece[];
  /** Where they come from, for the list above the answer. */
  readonly sources: readonly (vscode.Uri | vscode.Location)[];
  /** Files that are not sent, because by their names they hold keys or passwords. */
  readonly secrets: readonly string[];
  /** Those of them whose uncommitted changes are not sent; what was attached is not among them. */
  readonly secretChanges: readonly string[];
  /** What was attached and could not be read as text. */
  readonly unread: readonly string[];
  /** Whether there may be uncommitted changes, all or some of them, that could not be read. */
  readonly areChangesUnread: boolean;
  /** Whether Git knows of a repository here, if it was asked. */
  readonly hasRepository: boolean;
};

const maxFileBytes = 1_000_000;
const maxProblems = 20;
const maxOpenFiles = 30;
const maxEntries = 200;

/** Relative to the workspace; of a file outside of it only the name, and nothing about the machine. */
const titleOf = (uri: vscode.Uri): string =>
  vscode.workspace.getWorkspaceFolder(uri) ? vscode.workspace.asRelativePath(uri) : (uri.path.split("/").at(-1) ?? "");

const rangeTitle = (uri: vscode.Uri, range: vscode.Range): string =>
  `${titleOf(uri)}, lines ${range.start.line + 1}-${range.end.line + 1}`;

const isTextFile = (tab: vscode.Tab): tab is vscode.Tab & { readonly input: vscode.TabInputText } =>
  tab.input instanceof vscode.TabInputText;

/** Text that is open already, else read from disk; undefined: it is too long, or no text. */
const readText = async (uri: vscode.Uri): Promise<{ text: string; languageId: string } | undefined> => {
  const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (open) return { text: open.getText(), languageId: open.languageId };
  const { size } = await vscode.workspace.fs.stat(uri);
  if (size > maxFileBytes) return undefined;
  const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
  return text.includes("\0") ? undefined : { text, languageId: uri.path.split(".").at(-1) ?? "" };
};

const readFolder = async (uri: vscode.Uri): Promise<ContextPiece | undefined> => {
  const { type } = await vscode.workspace.fs.stat(uri);
  if (type !== vscode.FileType.Directory) return undefined;
  const entries = await vscode.workspace.fs.readDirectory(uri);
  const names = entries.map(([name, kind]) => (kind === vscode.FileType.Directory ? `${name}/` : name));
  return { kind: "note", title: `folder ${titleOf(uri)}`, languageId: "", text: names.slice(0, maxEntries).join("\n") };
};

const severityNames = ["error", "warning", "information", "hint"];

/** What the languages' own checks say, of a place or a whole file. */
const problemsOf = (uri: vscode.Uri, range: vscode.Range | undefined): ContextPiece | undefined => {
  const problems = vscode.languages
    .getDiagnostics(uri)
    .filter(({ severity }) => severity <= vscode.DiagnosticSeverity.Warning)
    .filter((problem) => !range || problem.range.intersection(range))
    .slice(0, maxProblems);
  if (problems.length === 0) return undefined;
  const lines = problems.map(
    ({ range: at, severity, message, source }) =>
      `line ${at.start.line + 1}: ${severityNames[severity]}${source ? ` (${source})` : ""}: ${message}`,
  );
  return { kind: "problems", title: titleOf(uri), languageId: "", text: lines.join("\n") };
};

/** Whether VS Code attached it by itself, because it is open. */
const isImplicit = ({ id }: vscode.ChatPromptReference): boolean => id.startsWith("vscode.implicit");

/** Gathers what a message may be about: what was attached, the selection or the open file, problems, and changes. */
export const collectContext = async (
  task: Task,
  references: readonly vscode.ChatPromptReference[],
): Promise<ChatContext> => {
  const pieces: ContextPiece[] = [];
  const sources: (vscode.Uri | vscode.Location)[] = [];
  const secrets = new Set<string>();
  const secretChanges: string[] = [];
  const unread: string[] = [];
  /** The places that pieces were taken from; undefined: the whole file. */
  const places = new Map<string, { readonly uri: vscode.Uri; readonly range: vscode.Range | undefined }>();

  const addPlace = async (uri: vscode.Uri, range?: vscode.Range, kind: "selection" | "visible" = "selection") => {
    const key = `${uri.toString()} ${range ? `${range.start.line}-${range.end.line}` : ""}`;
    if (places.has(key)) return;
    if (looksSecret(uri)) {
      secrets.add(titleOf(uri));
      return;
    }
    try {
      const folder = await readFolder(uri).catch(() => undefined);
      const file = folder ? undefined : await readText(uri);
      if (!folder && !file) {
        unread.push(titleOf(uri));
        return;
      }
      places.set(key, { uri, range });
      sources.push(range ? new vscode.Location(uri, range) : uri);
      if (folder) pieces.push(folder);
      if (!file) return;
      const { languageId } = file;
      const text = range ? textIn(file.text, range) : file.text;
      pieces.push({
        kind: range ? kind : "file",
        title: range ? rangeTitle(uri, range) : titleOf(uri),
        languageId,
        text,
      });
    } catch {
      unread.push(titleOf(uri));
    }
  };

  const editor = vscode.window.activeTextEditor;
  let changes: Changes | undefined;
  let areChangesUnread = false;
  try {
    if (task === "commit" || task === "review") changes = await readChanges(editor?.document.uri);
  } catch {
    areChangesUnread = true;
    unread.push(vscode.l10n.t("the uncommitted changes"));
  }
  const hasSelection = editor !== undefined && !editor.selection.isEmpty;
  const attached = references.filter((reference) => !isImplicit(reference));
  if (changes && (task === "commit" || (!hasSelection && attached.length === 0))) {
    const { staged, unstaged, folder } = changes;
    // What is staged is what a commit will hold.
    const whole = task === "commit" ? staged || unstaged : staged + unstaged;
    const { diff, leftOut, unread: partsUnread } = withoutFiles(whole, isSecretLike);
    for (const path of leftOut) {
      secrets.add(path);
      secretChanges.push(path);
    }
    areChangesUnread = partsUnread > 0;
    if (areChangesUnread) unread.push(vscode.l10n.t("some uncommitted changes"));
    if (diff !== "") pieces.push({ kind: "changes", title: folder, languageId: "diff", text: diff });
  }
  const isAboutChanges = pieces.length > 0 || task === "commit";

  for (const { value } of attached) {
    if (value instanceof vscode.Uri) await addPlace(value);
    else if (value instanceof vscode.Location) await addPlace(value.uri, value.range);
    else if (typeof value === "string") pieces.push({ kind: "note", title: "attached", languageId: "", text: value });
    else unread.push(vscode.l10n.t("an attachment"));
  }
  if (editor && !isAboutChanges) {
    const { document, selection, visibleRanges } = editor;
    const [onScreen] = visibleRanges;
    if (hasSelection) await addPlace(document.uri, selection);
    else if (task === "chat" && attached.length === 0 && onScreen) await addPlace(document.uri, onScreen, "visible");
    else if (task !== "chat" && attached.length === 0) await addPlace(document.uri);
  }
  // What follows comes by itself.
  const chosen = pieces.filter(({ kind }) => kind !== "visible");
  if (task === "fix" || task === "review" || task === "chat") {
    for (const { uri, range } of places.values()) {
      const problems = problemsOf(uri, range);
      if (problems) pieces.push(problems);
    }
  }
  if (task === "chat") {
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs).filter(isTextFile);
    const open = [...new Set(tabs.map((tab) => titleOf(tab.input.uri)))].slice(0, maxOpenFiles);
    if (open.length > 0) {
      pieces.push({ kind: "note", title: "files open in the editor", languageId: "", text: open.join("\n") });
    }
  }
  return {
    pieces,
    chosen,
    sources,
    secrets: [...secrets],
    secretChanges,
    unread,
    areChangesUnread,
    hasRepository: changes !== undefined || areChangesUnread,
  };
};

/** The text of a range, by lines and UTF-16 units as VS Code counts them. */
const textIn = (text: string, { start, end }: vscode.Range): string => {
  const lines = text.split(/\r\n|\r|\n/).slice(start.line, end.line + 1);
  const last = lines.length - 1;
  return lines
    .map((line, index) =>
      line.slice(
        index === 0 ? start.character : 0,
        index === last && last === end.line - start.line ? end.character : undefined,
      ),
    )
    .join("\n");
};

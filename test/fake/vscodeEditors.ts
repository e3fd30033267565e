// Stands in for the part of VS Code's API that tells of documents and editors, in unit tests of what watches them:
// import it first, then the module under test by `await import(…)`, whose "vscode" it then is.
import { registerHooks } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "vscode" ? { url: import.meta.url, shortCircuit: true } : next(specifier, context),
});

const createEvent = <T>() => {
  const listeners = new Set<(event: T) => void>();
  const event = (listener: (value: T) => void) => {
    listeners.add(listener);
    return { dispose: () => listeners.delete(listener) };
  };
  const fire = (value: T) => {
    for (const listener of listeners) listener(value);
  };
  return { event, fire, count: () => listeners.size };
};

type FakeUri = { readonly scheme: string; readonly path: string; readonly fsPath: string; toString(): string };

const uriOf = (text: string): FakeUri => {
  const url = new URL(text);
  const scheme = url.protocol.slice(0, -1);
  const plain = decodeURIComponent(url.pathname);
  return { scheme, path: plain, fsPath: plain, toString: () => text };
};

export const Uri = {
  parse: uriOf,
  file: (filePath: string) => uriOf(pathToFileURL(filePath).href),
};

export class Range {
  readonly start: { readonly line: number; readonly character: number };
  readonly end: { readonly line: number; readonly character: number };
  constructor(startLine: number, startCharacter: number, endLine: number, endCharacter: number) {
    this.start = { line: startLine, character: startCharacter };
    this.end = { line: endLine, character: endCharacter };
  }
}

export const EndOfLine = { LF: 1, CRLF: 2 } as const;

/** A document as far as lines are asked of it. */
export const createDocument = (uri: FakeUri, initial: string, languageId = "typescript") => {
  let text = initial;
  const lines = () => text.split("\n");
  return {
    uri,
    languageId,
    isClosed: false,
    isDirty: false,
    get lineCount() {
      return lines().length;
    },
    lineAt: (line: number) => ({ range: new Range(line, 0, line, lines()[line]!.length) }),
    offsetAt: () => text.length,
    getText: (range?: Range) =>
      range
        ? lines()
            .slice(range.start.line, range.end.line + 1)
            .join("\n")
        : text,
    setText(next: string) {
      text = next;
    },
  };
};

export type FakeDocument = ReturnType<typeof createDocument>;
type FakeNotebook = { isDirty: boolean; getCells(): readonly { readonly document: FakeDocument }[] };
type FakeEditor = { readonly document: FakeDocument; readonly visibleRanges: readonly Range[] };

const activeEditor = createEvent<FakeEditor | undefined>();
const change = createEvent<{ document: FakeDocument; contentChanges: readonly { range: Range }[] }>();
const save = createEvent<FakeDocument>();
const close = createEvent<FakeDocument>();
const selection = createEvent<{ textEditor: FakeEditor; kind: number | undefined }>();
const deletion = createEvent<{ files: readonly FakeUri[] }>();
/** What nobody here does. */
const never = createEvent<never>().event;

let folders: readonly { name: string; uri: FakeUri }[] = [];
let documents: FakeDocument[] = [];
let notebooks: FakeNotebook[] = [];
let active: FakeEditor | undefined;

const folderOf = (uri: FakeUri) =>
  uri.scheme === "file" ? folders.find((folder) => uri.path.startsWith(`${folder.uri.path}/`)) : undefined;

export const workspace = {
  get textDocuments() {
    return documents;
  },
  get notebookDocuments() {
    return notebooks;
  },
  getWorkspaceFolder: folderOf,
  asRelativePath(uri: FakeUri, withName = folders.length > 1) {
    const folder = folderOf(uri);
    const relative = path.posix.relative(folder?.uri.path ?? "/", uri.path);
    return folder && withName ? `${path.posix.basename(folder.uri.path)}/${relative}` : relative;
  },
  onDidChangeTextDocument: change.event,
  onDidSaveTextDocument: save.event,
  onDidCloseTextDocument: close.event,
  onDidDeleteFiles: deletion.event,
  get workspaceFolders() {
    return folders;
  },
  isTrusted: true,
  getConfiguration: () => new Map<string, unknown>(),
  createFileSystemWatcher: () => ({ onDidCreate: never, onDidChange: never, onDidDelete: never, dispose() {} }),
  onDidChangeWorkspaceFolders: never,
  onDidRenameFiles: never,
  onDidGrantWorkspaceTrust: never,
};

let provider: unknown;
const disposable = { dispose: () => {} };
export const languages = {
  registerInlineCompletionItemProvider(_selector: unknown, registered: unknown) {
    provider = registered;
    return disposable;
  },
};
const ran = new Map<string, () => unknown>();
export const commands = {
  registerCommand(id: string, run: () => unknown) {
    ran.set(id, run);
    return { dispose: () => ran.delete(id) };
  },
};
export const TextEditorSelectionChangeKind = { Keyboard: 1, Mouse: 2, Command: 3 } as const;
export const InlineCompletionTriggerKind = { Invoke: 0, Automatic: 1 } as const;

export const window = {
  get activeTextEditor() {
    return active;
  },
  get visibleTextEditors() {
    return active ? [active] : [];
  },
  onDidChangeActiveTextEditor: activeEditor.event,
  onDidChangeTextEditorSelection: selection.event,
  tabGroups: { all: [] },
};

/** Who sits in front of the editors. */
export const hands = {
  /** Nothing is open, and these folders are the workspace. */
  reset(...roots: readonly string[]): void {
    folders = roots.map((folder) => ({ name: path.basename(folder), uri: Uri.file(folder) }));
    documents = [];
    notebooks = [];
    active = undefined;
  },
  /** Opens a document, or goes to it, and shows it from its first line. */
  goTo(document: FakeDocument): void {
    if (!documents.includes(document)) documents.push(document);
    active = { document, visibleRanges: [new Range(0, 0, Math.min(60, document.lineCount - 1), 0)] };
    activeEditor.fire(active);
  },
  /** Opens a document that nobody looks at, as VS Code does for itself. */
  openUnseen(document: FakeDocument): void {
    documents.push(document);
  },
  /** Opens a notebook with this one cell, in which something is not saved. VS Code never calls the cell dirty. */
  openNotebook(cell: FakeDocument): void {
    documents.push(cell);
    notebooks.push({ isDirty: true, getCells: () => [{ document: cell }] });
  },
  edit(document: FakeDocument, line: number, text: string): void {
    const lines = document.getText().split("\n");
    lines[line] = text;
    document.setText(lines.join("\n"));
    document.isDirty = true;
    change.fire({ document, contentChanges: [{ range: new Range(line, 0, line, 0) }] });
  },
  /** What was registered last for ghost text. */
  inlineCompletions: () => provider,
  /** Moves the cursor in the active editor, by a key, the mouse or a command. */
  moveCursor(how: keyof typeof TextEditorSelectionChangeKind): void {
    if (active) selection.fire({ textEditor: active, kind: TextEditorSelectionChangeKind[how] });
  },
  /** Runs a command that was registered. */
  run: (id: string): unknown => ran.get(id)?.(),
  save(document: FakeDocument): void {
    document.isDirty = false;
    save.fire(document);
  },
  /** Saved or not: VS Code takes back what was not saved before it tells. */
  close(document: FakeDocument): void {
    documents = documents.filter((other) => other !== document);
    document.isClosed = true;
    document.isDirty = false;
    close.fire(document);
  },
  delete: (uri: FakeUri): void => deletion.fire({ files: [uri] }),
  listeners: () =>
    [activeEditor, change, save, close, deletion, selection].reduce((sum, event) => sum + event.count(), 0),
};

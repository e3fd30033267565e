// Stands in for VS Code's API in unit tests of our own tools: import it first, then the module under test by
// `await import(…)`, whose "vscode" it then is. Only what those modules use is here.
import { registerHooks } from "node:module";
import path from "node:path";
import { createGitExtension } from "./gitExtension.ts";

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "vscode" ? { url: import.meta.url, shortCircuit: true } : next(specifier, context),
});

type FakeUri = { readonly scheme: string; readonly path: string; readonly fsPath: string };

/** What the window is, and what other parts of VS Code answer; `reset` before each test. */
export const world = {
  folder: "",
  /** `files.autoSave`, by the file that it is asked for. */
  autoSave: (_file: string): string => "off",
  /** What a dialog is answered with. */
  onDialog: (): string | undefined => undefined,
  /** Texts of edits that were applied. */
  applied: [] as string[],
  /** Answers of `executeCommand`, by the command. */
  answers: {} as Record<string, unknown>,
  /** What Git's diff is. */
  diff: "",
  /** Whether Git's own extension knows of a repository. */
  hasRepository: true,
  /** What Git's own extension does until it has looked for repositories; undefined: it has. */
  onGitFound: undefined as ((found: () => void) => void) | undefined,
  reset(folder: string) {
    Object.assign(world, {
      folder,
      autoSave: () => "off",
      onDialog: () => undefined,
      applied: [],
      answers: {},
      diff: "",
      hasRepository: true,
      onGitFound: undefined,
    });
  },
};

export const Uri = {
  file: (file: string) => ({
    scheme: "file",
    path: file,
    fsPath: file,
    with: ({ scheme }: { scheme: string }): FakeUri => ({ scheme, path: file, fsPath: file }),
  }),
  from: ({ scheme, path: at }: { scheme: string; path: string }): FakeUri => ({ scheme, path: at, fsPath: at }),
};
export class Position {
  readonly line: number;
  readonly character: number;
  constructor(line: number, character: number) {
    this.line = line;
    this.character = character;
  }
}
export class Range {
  readonly start: Position;
  readonly end: Position;
  constructor(startLine: number, startCharacter: number, endLine: number, endCharacter: number) {
    this.start = new Position(startLine, startCharacter);
    this.end = new Position(endLine, endCharacter);
  }
}
export class WorkspaceEdit {
  readonly texts: string[] = [];
  replace(_uri: FakeUri, _range: Range, text: string) {
    this.texts.push(text);
  }
}
export class MarkdownString {
  value: string;
  constructor(value = "") {
    this.value = value;
  }
  appendMarkdown(text: string) {
    this.value += text;
    return this;
  }
}
export const SymbolKind: Readonly<Record<number, string>> = { 11: "Function" };
export const l10n = {
  t: (text: string, ...values: readonly (string | number)[]) =>
    text.replaceAll(/\{(\d)\}/g, (_, index: string) => String(values[Number(index)])),
};
export const languages = { getDiagnostics: () => [] };
export const commands = {
  registerCommand: () => ({ dispose() {} }),
  executeCommand: async (id: string) => world.answers[id],
};
export const window = {
  showWarningMessage: async () => world.onDialog(),
  async showTextDocument() {},
};
export const workspace = {
  isTrusted: true,
  textDocuments: [],
  get workspaceFolders() {
    return [{ name: path.basename(world.folder), uri: Uri.file(world.folder) }];
  },
  registerTextDocumentContentProvider: () => ({ dispose() {} }),
  openTextDocument: async (uri: FakeUri) => ({ uri }),
  async applyEdit({ texts }: WorkspaceEdit) {
    world.applied.push(...texts);
    return true;
  },
  getConfiguration: (_section: string, { fsPath }: FakeUri) => ({ get: () => world.autoSave(fsPath) }),
};
const git = createGitExtension(
  () => world.onGitFound,
  () => (world.hasRepository ? { rootUri: Uri.file(world.folder), diff: async () => world.diff } : undefined),
);
export const extensions = { getExtension: () => git };

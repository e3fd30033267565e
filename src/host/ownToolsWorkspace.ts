import path from "node:path";
import * as vscode from "vscode";
import { readTextFile } from "../languageTools/textFile.ts";
import { ToolError } from "../languageTools/toolError.ts";
import {
  readPath,
  resolvePath,
  type NamedPath,
  type OpenFolder,
  type WorkspacePath,
} from "../languageTools/workspacePath.ts";

/** The folders of the window that lie on the disk of this extension host. */
export const openFolders = (): readonly OpenFolder[] =>
  (vscode.workspace.workspaceFolders ?? [])
    .filter(({ uri }) => uri.scheme === "file")
    .map(({ name, uri }) => ({ name, root: uri.fsPath }));

/** @throws {ToolError} As `resolvePath`. */
export const resolveHere = (text: string): Promise<WorkspacePath> => resolvePath(text, openFolders());

/** A path as models are told it, and may give it back. */
export const shownName = ({ folder, relative }: Pick<NamedPath, "folder" | "relative">): string =>
  openFolders().length > 1 ? `${folder.name}/${relative}` : relative === "" ? "." : relative;

/** The name of a file in the workspace; undefined: it lies elsewhere, or is none of a model's business. */
export const shownUri = (uri: vscode.Uri): string | undefined => {
  if (uri.scheme !== "file") return undefined;
  try {
    return shownName(readPath(uri.fsPath, openFolders()));
  } catch (error) {
    if (error instanceof ToolError) return undefined;
    throw error;
  }
};

const isSame = (a: string, b: string): boolean => path.relative(a, b) === "";

/** The document of a file that is open, or of one that was begun and never saved. */
export const openDocument = ({ file, realFile }: WorkspacePath): vscode.TextDocument | undefined =>
  vscode.workspace.textDocuments.find(
    ({ uri, isClosed }) =>
      !isClosed &&
      (uri.scheme === "file" || uri.scheme === "untitled") &&
      (isSame(uri.fsPath, file) || isSame(uri.fsPath, realFile)),
  );

/**
 * The text as the editor has it, else as it is on the disk.
 * @throws {ToolError} As `readTextFile`.
 */
export const readText = async (place: WorkspacePath): Promise<string> =>
  openDocument(place)?.getText() ?? (await readTextFile(place.realFile));

import path from "node:path";
import * as vscode from "vscode";
import { isSecretLike } from "../base/secretFiles.ts";

/** A file's name as models see it: where people's folders lie on their disks is nobody's business. */
export const shownPath = (uri: vscode.Uri): string => {
  if (!vscode.workspace.getWorkspaceFolder(uri)) return path.posix.basename(uri.path);
  return vscode.workspace.asRelativePath(uri).replaceAll("\\", "/");
};

/**
 * Whether a file holds keys or passwords by its name. Where the workspace's folders lie, and what they are called, says
 * nothing about their files.
 */
export const looksSecret = (uri: vscode.Uri): boolean =>
  isSecretLike(vscode.workspace.getWorkspaceFolder(uri) ? vscode.workspace.asRelativePath(uri, false) : uri.path);

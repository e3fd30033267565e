import path from "node:path";
import * as vscode from "vscode";

/** A file's name as models see it: where people's folders lie on their disks is nobody's business. */
export const shownPath = (uri: vscode.Uri): string => {
  if (!vscode.workspace.getWorkspaceFolder(uri)) return path.posix.basename(uri.path);
  return vscode.workspace.asRelativePath(uri).replaceAll("\\", "/");
};

/** Schemes of the documents that get ghost text. The input of commit messages is switched off by a default setting. */
export const servedSchemes: readonly string[] = ["file", "untitled", "vscode-notebook-cell", "vscode-scm"];

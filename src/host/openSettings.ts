import * as vscode from "vscode";

/**
 * Opens VS Code's settings at those whose names hold `query`. In a remote window on the remote machine's page: which
 * server is asked is a machine's setting, and the person's own page does not show such settings there.
 */
export const openSettings = async (query: string): Promise<void> => {
  const page = vscode.env.remoteName === undefined ? "openSettings" : "openRemoteSettings";
  await vscode.commands.executeCommand(`workbench.action.${page}`, { query });
};

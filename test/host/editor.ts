import * as vscode from "vscode";
import { click, texts, waitFor, waitUntil } from "./ui.ts";

/** Opens a file of the workspace with the cursor on a new line below `afterLine` (from 1), the editor focused. */
export const openBelow = async (file: string, afterLine: number, indentation = ""): Promise<vscode.TextEditor> => {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  if (!folder) throw new Error("The tests need a workspace folder");
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder.uri, file));
  const editor = await vscode.window.showTextDocument(document, { preview: false });
  const end = document.lineAt(Math.min(afterLine, document.lineCount) - 1).range.end;
  await editor.edit((edit) => edit.insert(end, `\n${indentation}`));
  const cursor = new vscode.Position(end.line + 1, indentation.length);
  editor.selection = new vscode.Selection(cursor, cursor);
  await vscode.commands.executeCommand("workbench.action.focusActiveEditorGroup");
  await waitFor(".monaco-editor.focused");
  return editor;
};

export const openTabs = (): vscode.Tab[] => vscode.window.tabGroups.all.flatMap((group) => group.tabs);

/** Undoes what the test typed and closes every editor without a question. */
export const closeAll = async (): Promise<void> => {
  while (openTabs().length > 0) {
    const before = openTabs().length;
    await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
    await waitUntil("the editor to close", () => openTabs().length < before);
  }
};

const notificationList = ".notifications-center .notification-list-item";

/** Waits for a notification that matches and takes all of them away. VS Code shows no toasts while tests run. */
export const notification = async (pattern: RegExp): Promise<string> => {
  const text = await waitUntil(`a notification like ${pattern}`, async () => {
    await vscode.commands.executeCommand("notifications.showList");
    const shown = await texts(`${notificationList} .notification-list-item-message`);
    return shown.find((candidate) => pattern.test(candidate));
  });
  await vscode.commands.executeCommand("notifications.clearAll");
  return text;
};

/** Presses a button of the notification on the screen. */
export const pressNotificationButton = async (): Promise<void> => {
  await vscode.commands.executeCommand("notifications.showList");
  await waitFor(`${notificationList} .monaco-button`);
  await click(`${notificationList} .monaco-button`);
};

/** Sets settings of Hotpath for the user, as the settings editor would; undefined takes one back. */
export const configure = async (settings: Record<string, unknown>): Promise<void> => {
  const configuration = vscode.workspace.getConfiguration("hotpath");
  for (const [name, value] of Object.entries(settings)) {
    await configuration.update(name, value, vscode.ConfigurationTarget.Global);
  }
};

/** Lets this llama.cpp server alone answer for ghost text; undefined: takes that back. */
export const answerBy = (url: string | undefined): Promise<void> =>
  configure({
    "predictor.enabled": url === undefined ? undefined : false,
    "completion.provider": url === undefined ? undefined : "llamacpp",
    "completion.baseUrl": url,
  });

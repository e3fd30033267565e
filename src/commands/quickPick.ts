import * as vscode from "vscode";
import { withoutLinks } from "../base/notice.ts";

/** A row that stands for a value; a row without one is a heading. */
export type Choice<Value> = vscode.QuickPickItem & { readonly value?: Value };

export type PickOptions<Value> = {
  readonly title: string;
  readonly placeholder: string;
  /** Stands above the rows, in as many lines as it needs. */
  readonly prompt?: string;
  /** A promise keeps the list empty and busy: rows that move while somebody aims at one would be a trap. */
  readonly choices: readonly Choice<Value>[] | Promise<readonly Choice<Value>[]>;
  /** Shows a button that leads back; the answer is then "back". */
  readonly canGoBack?: boolean;
  /** Where the list begins; default: the first row. */
  readonly isCurrent?: (value: Value) => boolean;
};

/** A heading between rows. */
export const heading = (label: string): Choice<never> => ({ label, kind: vscode.QuickPickItemKind.Separator });

/** Lets the person choose one row. Undefined: the list was closed. */
export const pick = async <Value>(options: PickOptions<Value>): Promise<Value | "back" | undefined> => {
  const list = vscode.window.createQuickPick<Choice<Value>>();
  const closed = Promise.withResolvers<Value | "back" | undefined>();
  list.title = options.title;
  list.placeholder = options.placeholder;
  list.prompt = options.prompt;
  list.ignoreFocusOut = true;
  list.matchOnDescription = true;
  if (options.canGoBack) list.buttons = [vscode.QuickInputButtons.Back];
  list.onDidTriggerButton(() => closed.resolve("back"));
  list.onDidHide(() => closed.resolve(undefined));
  list.onDidAccept(() => {
    const value = list.selectedItems[0]?.value;
    if (value !== undefined) closed.resolve(value);
  });
  const fill = async () => {
    list.busy = true;
    const choices = await options.choices;
    list.items = choices;
    const current = choices.find(({ value }) => value !== undefined && options.isCurrent?.(value));
    if (current) list.activeItems = [current];
    list.busy = false;
    return closed.promise;
  };
  list.show();
  try {
    return await Promise.race([closed.promise, fill()]);
  } finally {
    list.dispose();
  }
};

/** Asks for a key, which is shown as dots. Undefined: the person closed the box. */
export const askForKey = async (title: string, prompt: string): Promise<string | undefined> =>
  (await vscode.window.showInputBox({ title, prompt, password: true, ignoreFocusOut: true }))?.trim();

/** Runs something that takes a moment under a notification that can be cancelled. */
export const withCancel = async <T>(title: string, run: (signal: AbortSignal) => Promise<T>): Promise<T> =>
  vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: withoutLinks(title), cancellable: true },
    async (_progress, token) => {
      const controller = new AbortController();
      token.onCancellationRequested(() => controller.abort());
      return run(controller.signal);
    },
  );

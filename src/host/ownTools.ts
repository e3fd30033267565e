import * as vscode from "vscode";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import { lazy } from "../base/lazy.ts";
import type { OwnToolServices } from "./ownToolsTable.ts";

type Manifest = { readonly contributes: { readonly languageModelTools: readonly { readonly name: string }[] } };

/** Offers the manifest's tools to every model in VS Code. What they do is loaded by the first call of one. */
export const registerOwnTools = (services: OwnToolServices, manifest: Manifest): Disposable => {
  const disposables = createDisposableList();
  const code = lazy(async () => {
    const { createOwnTools } = await import("./ownToolsTable.ts");
    return disposables.add(createOwnTools(services));
  });
  for (const { name } of manifest.contributes.languageModelTools) {
    disposables.add(
      vscode.lm.registerTool(name, {
        prepareInvocation: async ({ input }) => (await code()).prepare(name, input),
        invoke: async (call, token) => (await code()).invoke(name, call, token),
      }),
    );
  }
  return disposables;
};

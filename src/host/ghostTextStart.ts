import * as vscode from "vscode";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import { lazy } from "../base/lazy.ts";
import type { Log } from "../base/log.ts";
import type { Snapshot } from "../completion/snapshot.ts";
import type { GhostTextAnswers } from "./ghostText.ts";
import { servedSchemes } from "./servedSchemes.ts";

export type GhostTextStartOptions = {
  /** Makes what answers; called once, at VS Code's first question. */
  readonly load: () => Promise<GhostTextAnswers>;
  /** What the settings say about a document, and whether ghost text is snoozed. */
  readonly isEnabled: (document: vscode.TextDocument) => boolean;
  readonly log: Log;
};

/** The connection between VS Code's inline completions and the completion engine. */
export type GhostText = Disposable & {
  /** Makes VS Code ask again, if the cursor is still where `snapshot` was taken. */
  showAgain(snapshot: Snapshot): void;
};

/** Registers ghost text with VS Code; what answers is loaded by the first question. */
export const startGhostText = ({ load, isEnabled, log }: GhostTextStartOptions): GhostText => {
  const disposables = createDisposableList();
  let loaded: GhostTextAnswers | undefined;
  const answering = lazy(async () => (loaded = disposables.add(await load())));
  disposables.add(
    vscode.languages.registerInlineCompletionItemProvider(
      servedSchemes.map((scheme) => ({ scheme })),
      {
        async provideInlineCompletionItems(...question) {
          if (!isEnabled(question[0])) return undefined;
          try {
            return await (loaded ?? (await answering())).provider.provideInlineCompletionItems(...question);
          } catch (error) {
            log.error(`No ghost text: ${error instanceof Error ? error.message : String(error)}`);
            return undefined;
          }
        },
      },
    ),
  );
  return {
    showAgain: (snapshot) => loaded?.showAgain(snapshot),
    dispose: () => disposables.dispose(),
  };
};

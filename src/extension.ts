import type * as vscode from "vscode";
import { compose, type Program } from "./host/compose.ts";

/** What `activate` hands to whoever asks VS Code for this extension's exports: tests and benches. */
export type HotpathExports = {
  /** How long `activate` took, by our own clock. */
  readonly activationMs: number;
};

let program: Program | undefined;

/** Called once by VS Code, after start-up or when a command of ours is used first. */
export const activate = (context: vscode.ExtensionContext): HotpathExports => {
  const startedMs = performance.now();
  program = compose(context);
  const activationMs = performance.now() - startedMs;
  program.log.info(`Activated in ${activationMs.toFixed(1)} ms`);
  return { activationMs };
};

/** Everything that must end is in the context's subscriptions, but VS Code waits only for what is returned here. */
export const deactivate = async (): Promise<void> => program?.finish();

import type * as vscode from "vscode";
import { systemClock } from "./base/clock.ts";
import { betweenTurnsMs, pause } from "./base/wait.ts";
import { compose, type Program } from "./host/compose.ts";

/** What `activate` hands to whoever asks VS Code for this extension's exports: tests and benches. */
export type HotpathExports = {
  /** How long `activate` held the thread, by our own clock. */
  readonly activationMs: number;
};

let program: Program | undefined;

/**
 * Called once by VS Code, after start-up or when a command of ours is used first. Commands are there when it returns, the
 * rest when it resolves; turns of the event loop between, because everything at once would hold other extensions.
 */
export const activate = async (context: vscode.ExtensionContext): Promise<HotpathExports> => {
  const startedMs = performance.now();
  program = compose(context);
  let activationMs = performance.now() - startedMs;
  for (const register of program.rest) {
    await pause(systemClock, betweenTurnsMs);
    const resumedMs = performance.now();
    register();
    activationMs += performance.now() - resumedMs;
  }
  program.log.info(`Activated in ${activationMs.toFixed(1)} ms`);
  return { activationMs };
};

/** Everything that must end is in the context's subscriptions, but VS Code waits only for what is returned here. */
export const deactivate = async (): Promise<void> => program?.finish();

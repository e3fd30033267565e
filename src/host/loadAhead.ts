import * as vscode from "vscode";
import type { Log } from "../base/log.ts";
import type { Connections } from "./connections.ts";
import type { Memory } from "./memory.ts";
import type { ModelSetting } from "./settingsSchema.ts";

export type LoadAheadOptions = {
  readonly log: Log;
  readonly connections: Pick<Connections, "wasUsed">;
  readonly memory: () => Promise<Pick<Memory, "warmUp">>;
  /** Whether a document gets ghost text. */
  readonly isGhostTextWanted: (document: vscode.TextDocument) => boolean;
};

/**
 * Loads ghost text's model before it is asked: only one that was in use here before, and not where the editor in front
 * gets no ghost text, for then nobody may ever ask. Never throws.
 */
export const loadAhead = async (
  setting: ModelSetting,
  { log, connections, memory, isGhostTextWanted }: LoadAheadOptions,
): Promise<void> => {
  const document = vscode.window.activeTextEditor?.document;
  if (document && !isGhostTextWanted(document)) return;
  try {
    if (await connections.wasUsed(setting)) (await memory()).warmUp(setting);
  } catch (error) {
    log.warn(`The model was not loaded ahead of need: ${String(error)}`);
  }
};

import * as vscode from "vscode";
import { askWithTools, type ToolTurns } from "../assistant/toolTurn.ts";
import type { ModelSource } from "../completion/engine.ts";
import type { Ledger } from "../metrics/ledger.ts";
import type { ChatRequest } from "../provider/provider.ts";
import type { FaultReporter } from "./faults.ts";
import type { RoleSetting } from "./settingsSchema.ts";

/** What answering as a language model of VS Code needs of the rest of the program. */
export type ChatModelServices = {
  readonly ledger: Ledger;
  readonly faults: () => Promise<FaultReporter>;
  readonly source: (setting: RoleSetting) => Promise<ModelSource>;
  /** Chooses the tools that are sent. */
  readonly tools: () => Promise<ToolTurns>;
};

/**
 * Answers for VS Code's own chat and other extensions with the model that `services` give for a setting. Text and tool
 * calls stream to `progress`.
 * @throws {Error} With one sentence for the person, also where nothing is sent because the folder is not trusted.
 */
export const answerAsModel = async (
  services: ChatModelServices,
  setting: RoleSetting | undefined,
  request: ChatRequest,
  progress: vscode.Progress<vscode.LanguageModelResponsePart>,
  token: vscode.CancellationToken,
): Promise<void> => {
  const { l10n } = vscode;
  if (!vscode.workspace.isTrusted) {
    throw new Error(l10n.t("This folder is not trusted, so Hotpath does not send its text to a model server."));
  }
  if (!setting) throw new Error(l10n.t("No model server is set up yet. Use 'Hotpath: Set up a provider'."));
  const controller = new AbortController();
  const cancelling = token.onCancellationRequested(() => controller.abort());
  if (token.isCancellationRequested) controller.abort();
  try {
    const outcome = await askWithTools(await services.tools())({
      ...(await services.source(setting)),
      ledger: services.ledger,
      signal: controller.signal,
      compose: () => request,
      onText: (text) => progress.report(new vscode.LanguageModelTextPart(text)),
      onToolCall: ({ id, name, argumentsJson }) =>
        progress.report(new vscode.LanguageModelToolCallPart(id, name, JSON.parse(argumentsJson))),
    });
    if (outcome === "cancelled") throw new vscode.CancellationError();
  } catch (error) {
    if (error instanceof vscode.CancellationError) throw error;
    const fault = (await services.faults()).tell(error, setting);
    throw fault ? new Error(fault.sentence) : new vscode.CancellationError();
  } finally {
    cancelling.dispose();
  }
};

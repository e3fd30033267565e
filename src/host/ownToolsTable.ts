import * as vscode from "vscode";
import { isAbortError } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import { resultRoom } from "../languageTools/resultText.ts";
import { ToolError } from "../languageTools/toolError.ts";
import type { ToolName } from "../languageTools/toolInputs.ts";
import type { OwnTool } from "./ownTool.ts";
import { codeTools } from "./ownToolsCode.ts";
import { createEditTool } from "./ownToolsEdit.ts";
import { fileTools } from "./ownToolsFiles.ts";
import { gitTools } from "./ownToolsGit.ts";
import { statusTools, type StatusServices } from "./ownToolsStatus.ts";
import { taskTools } from "./ownToolsTasks.ts";

/** What the tools need of the rest of the program. */
export type OwnToolServices = StatusServices & {
  readonly clock: Clock;
  /** The address of a worker's built file. */
  readonly workerUrl: (name: string) => URL;
};

export type OwnTools = Disposable & {
  /** As VS Code's `prepareInvocation`. */
  prepare(name: string, input: unknown): Promise<vscode.PreparedToolInvocation>;
  /** As VS Code's `invoke`; an error's message is for the model. */
  invoke(
    name: string,
    call: vscode.LanguageModelToolInvocationOptions<unknown>,
    token: vscode.CancellationToken,
  ): Promise<vscode.LanguageModelToolResult>;
};

/** Makes the bodies of all tools of the manifest. */
export const createOwnTools = (services: OwnToolServices): OwnTools => {
  const disposables = createDisposableList();
  const table: Readonly<Record<ToolName, OwnTool>> = {
    ...fileTools({ workerUrl: services.workerUrl("scanWorker"), clock: services.clock }),
    ...codeTools,
    ...gitTools,
    hotpath_applyEdit: disposables.add(createEditTool()),
    ...taskTools(services.clock),
    ...statusTools(services),
  };
  const tools = new Map<string, OwnTool>(Object.entries(table));
  const find = (name: string): OwnTool => {
    const tool = tools.get(name);
    if (!tool) throw new Error(`No tool is called ${name}`);
    return tool;
  };
  return {
    prepare: async (name, input) => find(name).prepare(input),
    async invoke(name, { input, tokenizationOptions }, token) {
      const controller = new AbortController();
      const cancelling = token.onCancellationRequested(() => controller.abort());
      if (token.isCancellationRequested) controller.abort();
      try {
        const roomUnits = resultRoom(tokenizationOptions?.tokenBudget);
        const text = await find(name).run(input, { signal: controller.signal, roomUnits });
        return new vscode.LanguageModelToolResult([new vscode.LanguageModelTextPart(text)]);
      } catch (error) {
        if (isAbortError(error)) throw new vscode.CancellationError();
        // A foreign error's words may tell of files and folders of this machine.
        if (error instanceof ToolError || error instanceof vscode.CancellationError) throw error;
        throw new Error(`${name} failed for a reason of VS Code's or the system's own.`, { cause: error });
      } finally {
        cancelling.dispose();
      }
    },
    dispose: () => disposables.dispose(),
  };
};

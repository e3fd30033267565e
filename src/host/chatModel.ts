import * as vscode from "vscode";
import { askModel } from "../assistant/ask.ts";
import type { ModelSource } from "../completion/engine.ts";
import type { Ledger } from "../metrics/ledger.ts";
import type { ChatMessage, ChatRequest, ToolCall } from "../provider/provider.ts";
import type { FaultReporter } from "./faults.ts";
import type { RoleSetting } from "./settingsSchema.ts";

/** What answering as a language model of VS Code needs of the rest of the program. */
export type ChatModelServices = {
  readonly ledger: Ledger;
  readonly faults: () => Promise<FaultReporter>;
  readonly source: (setting: RoleSetting) => Promise<ModelSource>;
};

const textOf = (parts: readonly unknown[]): string =>
  parts.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : "")).join("");

/** VS Code's own agent sends its instructions in a role, 3, that the stable API has no name for. */
const isSystem = (role: number): boolean => role === 3;

const readMessage = (
  { role, content }: vscode.LanguageModelChatRequestMessage,
  toolNames: Map<string, string>,
): readonly ChatMessage[] => {
  const text = textOf(content);
  if (isSystem(role)) return [{ role: "system", content: text }];
  if (role === vscode.LanguageModelChatMessageRole.Assistant) {
    const toolCalls = content
      .filter((part) => part instanceof vscode.LanguageModelToolCallPart)
      .map(({ callId, name, input }): ToolCall => ({ id: callId, name, argumentsJson: JSON.stringify(input ?? {}) }));
    for (const { id, name } of toolCalls) toolNames.set(id, name);
    return [{ role: "assistant", content: text, ...(toolCalls.length === 0 ? {} : { toolCalls }) }];
  }
  const results = content
    .filter((part) => part instanceof vscode.LanguageModelToolResultPart)
    .map((part): ChatMessage => ({
      role: "tool",
      toolCallId: part.callId,
      toolName: toolNames.get(part.callId) ?? "",
      content: textOf(part.content),
    }));
  return text === "" && results.length > 0 ? results : [...results, { role: "user", content: text }];
};

/** VS Code's messages and tools as a request. Nothing of `modelOptions` is passed on: VS Code puts its own marks there. */
export const readRequest = (
  messages: readonly vscode.LanguageModelChatRequestMessage[],
  { tools = [], toolMode }: vscode.ProvideLanguageModelChatResponseOptions,
): ChatRequest => {
  const toolNames = new Map<string, string>();
  return {
    messages: messages.flatMap((message) => readMessage(message, toolNames)),
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, description, inputSchema }) => ({
            name,
            description,
            parameters: inputSchema ?? { type: "object", properties: {} },
          })),
          toolChoice: toolMode === vscode.LanguageModelChatToolMode.Required ? "required" : "auto",
        }),
  };
};

/**
 * Answers for VS Code's own chat and other extensions with the model that chat is set to. Text and tool calls stream to
 * `progress`.
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
    const outcome = await askModel({
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

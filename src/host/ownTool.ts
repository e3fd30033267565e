import * as vscode from "vscode";
import { escapeMarkdown } from "../languageTools/markdownText.ts";
import { ToolError } from "../languageTools/toolError.ts";
import { readInput, type ToolInput } from "../languageTools/toolInput.ts";
import { toolInputs, type ToolName } from "../languageTools/toolInputs.ts";

/** What a running call is given. */
export type ToolCall = {
  readonly signal: AbortSignal;
  /** How many characters the result may have. */
  readonly roomUnits: number;
};

/** A tool as VS Code calls it: the input is whatever a model gave. */
export type OwnTool = {
  /**
   * What the chat says meanwhile, and what a person is asked. Changes nothing.
   * @throws {ToolError} Where the call would fail: the model is told, and nobody is asked about nothing.
   */
  prepare(raw: unknown): Promise<vscode.PreparedToolInvocation>;
  /** @throws {ToolError} */
  run(raw: unknown, call: ToolCall): Promise<string>;
};

/** Some of the tools, by their names. */
export type OwnToolTable<Name extends ToolName> = Readonly<Record<Name, OwnTool>>;

type Body<Input> = {
  /** What the chat says while it runs. */
  readonly says: (input: Input) => string;
  /** What a person is asked before. VS Code draws the title as Markdown in the chat, and as it stands elsewhere. */
  readonly confirm?: (input: Input) => Promise<vscode.LanguageModelToolConfirmationMessages>;
  /** Whether it writes or runs something, or has another program do so: not in a folder that is not trusted. */
  readonly needsTrust?: boolean;
  readonly run: (input: Input, call: ToolCall) => Promise<string> | string;
};

/** Puts the checks that all tools share in front of a body. */
export const createOwnTool = <Name extends ToolName>(
  name: Name,
  { says, confirm, needsTrust = false, run }: Body<ToolInput<(typeof toolInputs)[Name]>>,
): OwnTool => {
  const read = (raw: unknown) => {
    if (needsTrust && !vscode.workspace.isTrusted) {
      throw new ToolError(
        "untrusted",
        "The folder is not trusted: tools only read there. A person has to trust it first.",
      );
    }
    return readInput(toolInputs[name], raw);
  };
  return {
    async prepare(raw) {
      const input = read(raw);
      const confirmationMessages = await confirm?.(input);
      return {
        invocationMessage: new vscode.MarkdownString(escapeMarkdown(says(input))),
        ...(confirmationMessages ? { confirmationMessages } : {}),
      };
    },
    run: async (raw, call) => run(read(raw), call),
  };
};

import * as vscode from "vscode";
import { askModel } from "../assistant/ask.ts";
import { commandNames, resolveCommand, type CommandName, type Meaning } from "../assistant/commands.ts";
import { oneLine } from "../assistant/context.ts";
import { fitConversation, readTurn, type FittedConversation, type Turn } from "../assistant/conversation.ts";
import { isAboutAnswer } from "../assistant/followUp.ts";
import { followUps, type Task } from "../assistant/prompts.ts";
import { createSafeMarkdownStream, safeMarkdown } from "../assistant/safeMarkdown.ts";
import { formatCount } from "../base/numbers.ts";
import type { ModelSource } from "../completion/engine.ts";
import type { Ledger } from "../metrics/ledger.ts";
import { collectContext, type ChatContext } from "./chatContext.ts";
import type { FaultReporter } from "./faults.ts";
import type { RoleSetting } from "./settingsSchema.ts";

/** What answering needs of the rest of the program. */
export type ChatServices = {
  readonly ledger: Ledger;
  readonly faults: () => Promise<FaultReporter>;
  /** Undefined: no server is set up. */
  readonly setting: () => RoleSetting | undefined;
  readonly source: (setting: RoleSetting) => Promise<ModelSource>;
  /** A server answered. */
  readonly onSuccess: () => void;
};

/** What VS Code keeps with an answer, as JSON, and hands back with the next message. */
type Kept = {
  readonly task?: Task;
  /** As it was said to the model: the next message then begins with what the server's cache holds. */
  readonly turn?: Turn;
  readonly between?: readonly CommandName[];
  readonly text?: string;
};

const isCommand = (name: string | undefined): name is CommandName => commandNames.some((known) => known === name);

const meaningOf = ({ command, prompt, references }: vscode.ChatRequest): Meaning => {
  if (isCommand(command)) return { kind: "command", command, text: prompt.trim() };
  const meaning = resolveCommand(prompt);
  const isEmpty = meaning.text === "" && meaning.kind === "chat" && references.length === 0;
  return isEmpty ? { kind: "unclear", between: commandNames, text: "" } : meaning;
};

const earlierTurns = (history: vscode.ChatContext["history"]): readonly Turn[] =>
  history.flatMap((part) => {
    const kept: unknown = part instanceof vscode.ChatResponseTurn ? part.result.metadata?.["turn"] : undefined;
    const turn = readTurn(kept);
    return turn ? [turn] : [];
  });

/** The last command that brought an answer. */
const lastCommand = (history: vscode.ChatContext["history"]): CommandName | undefined => {
  const tasks = history.map((part) => {
    const { task, turn }: Kept = (part instanceof vscode.ChatResponseTurn && part.result.metadata) || {};
    return readTurn(turn) && task;
  });
  return tasks.findLast((task) => isCommand(task));
};

/** Whether a command was understood from words alone. */
const isInWords = ({ command, prompt }: vscode.ChatRequest, { text }: Meaning): boolean =>
  !isCommand(command) && text !== "" && text === prompt.trim();

const listOf = (items: readonly string[]): string =>
  new Intl.ListFormat(vscode.env.language, { type: "disjunction" }).format(items);

/** Why there is nothing to write a commit message about. */
const whyNoChanges = ({ secretChanges, areChangesUnread, hasRepository }: ChatContext): string => {
  const { l10n } = vscode;
  if (!hasRepository)
    return l10n.t(
      "VS Code has no Git repository open here. Initialize one in the Source Control view, open a folder that has one, or turn on VS Code's Git extension and its setting `git.enabled` if they are off.",
    );
  if (areChangesUnread)
    return l10n.t("The uncommitted changes could not be read. Run `git diff` in a terminal to see what Git says.");
  if (secretChanges.length === 0) return l10n.t("Git tells of no uncommitted changes. Make or stage some first.");
  const names = [...new Set(secretChanges)].map(oneLine).join(", ");
  return l10n.t("The uncommitted changes look like keys or passwords and are not sent: {0}.", names);
};

/** Italic sentences above an answer: what of the conversation and the material the model does not see. */
const notesFor = (
  { secrets, unread }: ChatContext,
  { droppedTurns, cut, contextTokens }: FittedConversation,
): readonly string[] => {
  const { l10n } = vscode;
  return [
    droppedTurns === 0
      ? ""
      : droppedTurns === 1
        ? l10n.t(
            "The oldest message no longer fits into the model's {0} tokens and was left out.",
            formatCount(contextTokens),
          )
        : l10n.t(
            "The oldest {0} messages no longer fit into the model's {1} tokens and were left out.",
            droppedTurns,
            formatCount(contextTokens),
          ),
    cut.length === 0
      ? ""
      : l10n.t("Cut to fit the model's {0} tokens: {1}.", formatCount(contextTokens), cut.join(", ")),
    secrets.length === 0
      ? ""
      : l10n.t("Not sent, because it looks like keys or passwords: {0}.", secrets.map(oneLine).join(", ")),
    unread.length === 0 ? "" : l10n.t("Could not be read as text: {0}.", unread.map(oneLine).join(", ")),
  ].filter((note) => note !== "");
};

const askBack = ({ between, text }: Extract<Meaning, { kind: "unclear" }>, response: vscode.ChatResponseStream) => {
  const choices = listOf(between.map((name) => `\`/${name}\``));
  const question = vscode.l10n.t("What would you like: {0}?", choices);
  response.markdown(question);
  const kept: Kept = { between, text };
  return { metadata: kept };
};

/**
 * Answers one message to `@hotpath`: finds out what is wanted, gathers what it is about, streams the model's answer.
 * Nothing is sent from a folder that is not trusted. Faults become one sentence, and a button where one helps.
 */
export const answerChat = async (
  services: ChatServices,
  request: vscode.ChatRequest,
  context: vscode.ChatContext,
  response: vscode.ChatResponseStream,
  token: vscode.CancellationToken,
): Promise<vscode.ChatResult> => {
  const { l10n } = vscode;
  const meaning = meaningOf(request);
  if (meaning.kind === "unclear") return askBack(meaning, response);
  const wanted = meaning.kind === "command" ? meaning.command : "chat";
  if (wanted === "report") {
    await vscode.commands.executeCommand("hotpath.openReport");
    response.markdown(l10n.t("The performance report is open beside the chat."));
    return {};
  }
  if (!vscode.workspace.isTrusted) {
    response.markdown(l10n.t("This folder is not trusted, so Hotpath does not send its text to a model server."));
    response.button({ title: l10n.t("Manage workspace trust"), command: "workbench.trust.manage" });
    return {};
  }
  const setting = services.setting();
  if (!setting) {
    response.markdown(l10n.t("No model server is set up yet."));
    response.button({ title: l10n.t("Set up a provider"), command: "hotpath.setUpProvider" });
    return {};
  }
  const earlier = earlierTurns(context.history);
  let task: Task = wanted;
  const material = await collectContext(task, request.references);
  if (task === "commit" && material.pieces.length === 0) {
    response.markdown(safeMarkdown(whyNoChanges(material)));
    return {};
  }
  const last = lastCommand(context.history);
  if (task !== "chat" && isInWords(request, meaning) && isAboutAnswer(task, last, material.chosen, earlier)) {
    task = "chat";
  }
  for (const source of material.sources) response.reference(source);
  const controller = new AbortController();
  const cancelling = token.onCancellationRequested(() => controller.abort());
  if (token.isCancellationRequested) controller.abort();
  const shown = createSafeMarkdownStream();
  const show = (markdown: string) => {
    if (markdown !== "") response.markdown(markdown);
  };
  let fitted: FittedConversation | undefined;
  let answer = "";
  /** What came, even of an answer that broke off: the next message can refer to it. */
  const kept = (): Kept =>
    fitted && answer !== "" ? { task, turn: [fitted.asked, { role: "assistant", content: answer }] } : { task };
  try {
    const outcome = await askModel({
      ...(await services.source(setting)),
      ledger: services.ledger,
      signal: controller.signal,
      compose({ contextTokens }) {
        fitted = fitConversation({ earlier, task, words: meaning.text, pieces: material.pieces, contextTokens });
        const notes = notesFor(material, fitted).map((note) => `*${safeMarkdown(note)}*\n\n`);
        show(notes.join(""));
        return { messages: fitted.messages };
      },
      onText(text) {
        answer += text;
        show(shown.push(text));
      },
    });
    show(shown.end());
    if (outcome === "cancelled") return { metadata: kept() };
    services.onSuccess();
    if (outcome === "length")
      show(`\n\n*${l10n.t("The answer ends here because the model's room for it is used up.")}*`);
    if (answer.trim() === "") show(`*${l10n.t("The model answered nothing. Ask again, or choose another model.")}*`);
    return { metadata: kept() };
  } catch (error) {
    show(shown.end());
    const fault = (await services.faults()).tell(error, setting);
    if (!fault) return { metadata: kept() };
    response.button(fault.command ?? { title: l10n.t("Set up a provider"), command: "hotpath.setUpProvider" });
    return { errorDetails: { message: fault.sentence }, metadata: kept() };
  } finally {
    cancelling.dispose();
  }
};

/** What to offer below an answer: the commands that a question was between, or what usually comes next. */
export const followUpsFor = ({ metadata, errorDetails }: vscode.ChatResult): vscode.ChatFollowup[] => {
  if (errorDetails) return [];
  const { between, text = "", task }: Kept = metadata ?? {};
  const names = between ?? (task ? followUps[task] : []);
  return names.map((command) => ({
    command,
    prompt: text,
    label: text === "" ? `/${command}` : `/${command} ${text}`,
  }));
};

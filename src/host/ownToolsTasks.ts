import * as vscode from "vscode";
import { toAbortError } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { createDisposableList } from "../base/disposable.ts";
import { onceAborted } from "../base/wait.ts";
import { createConfirmations } from "../languageTools/confirmations.ts";
import { counted, listLines, shortLine } from "../languageTools/resultText.ts";
import {
  dependenciesOf,
  describeTasks,
  findTask,
  withDependencies,
  type ListedTask,
} from "../languageTools/taskText.ts";
import { codeSpan, escapeMarkdown, isPlainName } from "../languageTools/markdownText.ts";
import { ToolError } from "../languageTools/toolError.ts";
import { createOwnTool, type OwnToolTable } from "./ownTool.ts";

/** A task beside what is shown of it. */
type OpenTask = ListedTask & { readonly task: vscode.Task; readonly definition: vscode.TaskDefinition };

const longestRunMs = 10 * 60_000;

const wordOf = (word: string | vscode.ShellQuotedString): string => {
  const text = typeof word === "string" ? word : word.value;
  return /^[\w@%+=:,./-]+$/.test(text) ? text : JSON.stringify(text);
};

/** What a task runs, as far as VS Code tells before it resolves variables. */
const runOf = (execution: vscode.Task["execution"]): Pick<ListedTask, "command" | "cwd" | "shell" | "environment"> => {
  if (execution instanceof vscode.ProcessExecution) {
    const { process, args, options } = execution;
    return {
      command: [process, ...args].map(wordOf).join(" "),
      cwd: options?.cwd,
      shell: undefined,
      environment: options?.env ?? {},
    };
  }
  if (execution instanceof vscode.ShellExecution) {
    const { commandLine, command, args, options } = execution;
    const shell = options?.executable === undefined ? [] : [options.executable, ...(options.shellArgs ?? [])];
    const words =
      command === undefined || command === "" ? [] : [typeof command === "string" ? command : wordOf(command)];
    const whole = commandLine ?? [...words, ...(args ?? []).map(wordOf)].join(" ");
    return {
      command: whole === "" ? undefined : whole,
      cwd: options?.cwd,
      shell: shell.length === 0 ? undefined : shell.map(wordOf).join(" "),
      environment: options?.env ?? {},
    };
  }
  return { command: undefined, cwd: undefined, shell: undefined, environment: {} };
};

const labelOf = ({ name, source, scope }: vscode.Task): string => {
  const label = source === "" || source === "Workspace" ? name : `${source}: ${name}`;
  const isOneOfMany = (vscode.workspace.workspaceFolders?.length ?? 0) > 1 && typeof scope === "object";
  return isOneOfMany ? `${label} (${scope.name})` : label;
};

/** What `tasks.json` of the person, the workspace and its folders say: the only place that names dependencies. */
const taskEntries = (): readonly unknown[] =>
  [undefined, ...(vscode.workspace.workspaceFolders ?? [])].flatMap((folder) => {
    const settings = vscode.workspace.getConfiguration("tasks", folder?.uri ?? null).inspect<unknown>("tasks");
    return [settings?.globalValue, settings?.workspaceValue, settings?.workspaceFolderValue].flatMap((value) =>
      Array.isArray(value) ? (value as readonly unknown[]) : [],
    );
  });

const listTasks = async (): Promise<readonly OpenTask[]> => {
  const entries = taskEntries();
  const identified = (await vscode.tasks.fetchTasks()).map((task) => ({
    task,
    label: labelOf(task),
    name: task.name,
    definition: task.definition,
  }));
  return identified.map((one): OpenTask => {
    const { task, label, name, definition } = one;
    const dependsOn = dependenciesOf(one, identified, entries);
    const { command, cwd, shell, environment } = runOf(task.execution);
    return {
      task,
      label,
      name,
      definition,
      command,
      cwd,
      shell,
      environment,
      detail: task.detail,
      dependsOn,
      isCompound: task.execution === undefined && dependsOn !== undefined && dependsOn.length > 0,
    };
  });
};

/** Runs a task to its end; cancelling ends it. Undefined: it goes on, in the background or for too long. */
const runToEnd = async (
  task: vscode.Task,
  clock: Clock,
  signal: AbortSignal,
): Promise<{ readonly exitCode: number | undefined } | undefined> => {
  const disposables = createDisposableList();
  const ended = Promise.withResolvers<{ readonly exitCode: number | undefined } | undefined>();
  let execution: vscode.TaskExecution | undefined;
  let exitCode: number | undefined;
  const cancel = (reason: unknown) => {
    execution?.terminate();
    ended.reject(toAbortError(reason));
  };
  // Heard before the start: a short task may be over when the call returns.
  const over = new Set<vscode.TaskExecution>();
  disposables.add(
    vscode.tasks.onDidEndTaskProcess((event) => {
      if (execution === undefined || event.execution === execution) exitCode = event.exitCode;
    }),
  );
  disposables.add(
    vscode.tasks.onDidEndTask((event) => {
      over.add(event.execution);
      if (event.execution === execution) ended.resolve({ exitCode });
    }),
  );
  try {
    signal.throwIfAborted();
    execution = await vscode.tasks.executeTask(task);
    disposables.add({ dispose: onceAborted([signal], cancel) });
    if (over.has(execution)) ended.resolve({ exitCode });
    if (task.isBackground) ended.resolve(undefined);
    disposables.add(clock.after(longestRunMs, () => ended.resolve(undefined)));
    return await ended.promise;
  } finally {
    disposables.dispose();
  }
};

/** A task and all that would run with it, as it is shown. */
const planNow = async (
  wanted: string,
): Promise<{ readonly task: OpenTask; readonly shown: readonly (readonly string[])[] }> => {
  const tasks = await listTasks();
  const task = findTask(wanted, tasks);
  return { task, shown: describeTasks(withDependencies(task, tasks)) };
};

/** Tools for tasks: only those that VS Code lists are run, and never without showing what runs. */
export const taskTools = (clock: Clock): OwnToolTable<"hotpath_listTasks" | "hotpath_runTask"> => {
  const confirmations = createConfirmations();
  return {
    hotpath_listTasks: createOwnTool("hotpath_listTasks", {
      // Whoever detects tasks may run something to do so.
      needsTrust: true,
      says: () => vscode.l10n.t("Listing tasks"),
      async run(_input, { roomUnits }) {
        const lines = (await listTasks()).map(({ label, detail, command, task }) => {
          const about = detail ?? command ?? "";
          return `${label}${task.group?.id === vscode.TaskGroup.Test.id ? " (test)" : ""}: ${shortLine(about)}`;
        });
        return listLines(
          lines.length === 0 ? "VS Code lists no tasks." : `${counted(lines.length, "task")}:`,
          lines,
          roomUnits,
        );
      },
    }),

    hotpath_runTask: createOwnTool("hotpath_runTask", {
      needsTrust: true,
      says: ({ task }) => vscode.l10n.t("Running task {0}", task),
      async confirm(input) {
        const { task, shown } = await planNow(input.task);
        confirmations.ask(input, JSON.stringify(shown));
        const sentence = vscode.l10n.t("This runs on your machine, in a terminal:");
        const message = new vscode.MarkdownString(escapeMarkdown(sentence));
        // Not as a block of code: in the chat's narrow column that would show the beginnings of lines only.
        for (const lines of shown) message.appendMarkdown(`\n\n${lines.map(codeSpan).join("  \n")}`);
        const title = isPlainName(task.label)
          ? vscode.l10n.t("Run task {0}?", task.label)
          : vscode.l10n.t("Run this task?");
        return { title, message };
      },
      async run(input, { signal }) {
        const { task, shown } = await planNow(input.task);
        if (!confirmations.take(input, JSON.stringify(shown))) {
          throw new ToolError(
            "changed",
            "The task changed since the person was asked, so it was not started. Try again.",
          );
        }
        const startedMs = clock.nowMs();
        const end = await runToEnd(task.task, clock, signal);
        if (!end) return `${task.label} was started and is still running, in the terminal.`;
        const seconds = ((clock.nowMs() - startedMs) / 1000).toFixed(1);
        const code = end.exitCode === undefined ? "without an exit code" : `with exit code ${end.exitCode}`;
        return `${task.label} ended ${code} after ${seconds} s. Its output is in the terminal, and hotpath_diagnostics tells the problems that it reported.`;
      },
    }),
  };
};

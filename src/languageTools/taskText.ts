import { showHidden } from "./editPlan.ts";
import { ToolError } from "./toolError.ts";

/** A task as VS Code lists it, as far as what it runs goes. */
export type ListedTask = {
  /** As in VS Code's own list: `npm: test`, or the name alone for a task of `tasks.json`. */
  readonly label: string;
  readonly name: string;
  /** The whole command line; undefined: an extension runs code of its own, and nobody can tell what. */
  readonly command: string | undefined;
  readonly cwd: string | undefined;
  readonly shell: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  /** What the tool behind the task says of it, such as the text of an npm script. */
  readonly detail: string | undefined;
  /** Whether it only starts other tasks. */
  readonly isCompound: boolean;
  /** Labels of the tasks that VS Code runs before it; undefined: one of them cannot be told. */
  readonly dependsOn: readonly string[] | undefined;
};

const maxTasks = 20;
/**
 * In the place of these VS Code puts a setting, a command's result, an answer, the environment's text, what is selected or
 * the open file's name when it starts the task, with no quotes around it: a shell runs what that holds. A workspace
 * folder's name stays what it is.
 */
const untold = /\$\{(?:(?:command|config|input|env):|selectedText|file|relativeFile)/i;

/** Whether all that it runs stands there as it will be run. */
const isTold = ({ command, cwd, shell, environment, isCompound }: ListedTask): boolean =>
  (command !== undefined || isCompound) &&
  ![command, cwd, shell, ...Object.entries(environment).flat()].some((text) => untold.test(text ?? ""));

/**
 * Finds the task that a model named.
 * @throws {ToolError} `not-found` or `ambiguous`, with the names that there are.
 */
export const findTask = <T extends ListedTask>(wanted: string, tasks: readonly T[]): T => {
  const exact = tasks.filter(({ label }) => label === wanted);
  const found = exact.length > 0 ? exact : tasks.filter(({ name }) => name === wanted);
  const [task, ...others] = found;
  if (!task) {
    const names = tasks.map(({ label }) => label).join(", ");
    throw new ToolError(
      "not-found",
      `There is no such task. ${names === "" ? "VS Code lists none." : `There are: ${names}`}`,
    );
  }
  if (others.length > 0) {
    const names = found.map(({ label }) => label).join(", ");
    throw new ToolError("ambiguous", `Several tasks have this name: ${names}. Give the whole name.`);
  }
  return task;
};

/**
 * A task and all that VS Code runs with it, those that come first at the front.
 * @throws {ToolError} `refused` where a command cannot be told: nobody could agree to it.
 */
export const withDependencies = <T extends ListedTask>(task: T, tasks: readonly T[]): readonly T[] => {
  const all = new Set<T>();
  const open = new Set<T>();
  const visit = (next: T): void => {
    if (all.has(next) || open.has(next)) return;
    open.add(next);
    if (next.dependsOn === undefined || !isTold(next) || open.size > maxTasks) {
      throw new ToolError(
        "refused",
        `What "${next.label}" runs cannot be shown beforehand, so it is not started from here.`,
      );
    }
    for (const label of next.dependsOn) visit(findTask(label, tasks));
    all.add(next);
  };
  visit(task);
  return [...all];
};

/** Text of `tasks.json` in one line: a blank line would end the code that it is shown as, and what follows could hide the rest. */
const inOneLine = (text: string): string => showHidden(text).replaceAll("\n", String.raw`\u{a}`);

/** What would run, for the person who has to agree: the lines of each task, nothing left out. */
export const describeTasks = (tasks: readonly ListedTask[]): readonly (readonly string[])[] =>
  tasks.map(({ label, command, cwd, shell, environment, detail }) =>
    [
      `# ${label}`,
      ...(command === undefined ? [] : command.split("\n")),
      ...(detail === undefined || detail === command ? [] : [`# ${detail}`]),
      ...(cwd === undefined ? [] : [`# in ${cwd}`]),
      ...(shell === undefined ? [] : [`# by ${shell}`]),
      ...Object.entries(environment).map(([name, value]) => `# with ${name}=${value}`),
    ].map(inOneLine),
  );

type Configured = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Configured =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether an entry of `tasks.json` is about this task: by its label, or by type and all that the definition says. */
const isAbout = (entry: Configured, task: TaskIdentity): boolean => {
  const label = entry["label"] ?? entry["taskName"];
  if (label === task.label || label === task.name) return true;
  const { type, ...keys } = task.definition;
  return (
    label === undefined && entry["type"] === type && Object.entries(keys).every(([key, value]) => entry[key] === value)
  );
};

export type TaskIdentity = {
  readonly label: string;
  readonly name: string;
  readonly definition: Configured & { readonly type: string };
};

/** The tasks that an entry of `dependsOn` can mean: by label, else by name, or by what the definition says. */
const namedBy = (one: unknown, tasks: readonly TaskIdentity[]): readonly TaskIdentity[] => {
  if (typeof one !== "string") {
    return tasks.filter((candidate) => isRecord(one) && isAbout({ ...one, label: undefined }, candidate));
  }
  const byLabel = tasks.filter(({ label }) => label === one);
  return byLabel.length > 0 ? byLabel : tasks.filter(({ name }) => name === one);
};

/**
 * Labels of the tasks that `tasks.json` has run before this one; VS Code's API does not tell them. Undefined: there is
 * one that no listed task answers to, or more than one, as in a window with several folders.
 */
export const dependenciesOf = (
  task: TaskIdentity,
  tasks: readonly TaskIdentity[],
  entries: readonly unknown[],
): readonly string[] | undefined => {
  const labels: string[] = [];
  for (const entry of entries.filter(isRecord).filter((candidate) => isAbout(candidate, task))) {
    const wanted = entry["dependsOn"];
    if (wanted === undefined || wanted === null) continue;
    for (const one of Array.isArray(wanted) ? (wanted as readonly unknown[]) : [wanted]) {
      const [found, ...others] = namedBy(one, tasks);
      if (!found || others.length > 0) return undefined;
      labels.push(found.label);
    }
  }
  return labels;
};

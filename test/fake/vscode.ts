// Stands in for VS Code's API in unit tests of what talks to a person: import it first, then the module under test by
// `await import(…)`, whose "vscode" it then is. Only what those modules use is here.
import { registerHooks } from "node:module";

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "vscode" ? { url: import.meta.url, shortCircuit: true } : next(specifier, context),
});

/** What a person does at the next list or box. */
export type Step =
  /** Takes the first row that holds this. */
  | { readonly take: string }
  | { readonly type: string }
  /** Presses this button of the next notification or dialog. */
  | { readonly press: string }
  | "back"
  /** Closes it. */
  | "close";

/** What was shown, in order. */
export type Shown = {
  readonly kind: "information" | "warning" | "error" | "list" | "box" | "progress";
  /** The message, or the title. */
  readonly text: string;
  /** Labels of buttons, or rows with all that stands in them. */
  readonly choices: readonly string[];
};

type Row = { readonly label: string; readonly description?: string; readonly detail?: string; readonly kind?: number };

const createEvent = <T>() => {
  const listeners = new Set<(event: T) => void>();
  const event = (listener: (value: T) => void) => {
    listeners.add(listener);
    return { dispose: () => listeners.delete(listener) };
  };
  const fire = (value: T) => {
    for (const listener of listeners) listener(value);
  };
  return { event, fire };
};

const windowState = createEvent<{ focused: boolean }>();
const textChange = createEvent<unknown>();
const trustGrant = createEvent<void>();
const activeEditor = createEvent<unknown>();
const documentOpen = createEvent<unknown>();
const configurationChange = createEvent<{ affectsConfiguration(name: string): boolean }>();

/** The person in front of the window; `reset` before each test. */
export const person = {
  steps: [] as Step[],
  /** Titles of progress that the person cancels, once each. */
  cancels: [] as string[],
  shown: [] as Shown[],
  commands: [] as (readonly unknown[])[],
  /** What a progress has told. */
  progress: [] as string[],
  clipboard: "",
  reset(...steps: readonly Step[]): void {
    Object.assign(person, { steps: [...steps], cancels: [], shown: [], commands: [], progress: [], clipboard: "" });
    env.remoteName = undefined;
  },
  /** What was said in notifications. */
  said: (): string[] =>
    person.shown.filter(({ kind }) => ["information", "warning", "error"].includes(kind)).map(({ text }) => text),
  list: (title: string): Shown | undefined =>
    person.shown.findLast(({ kind, text }) => kind === "list" && text.includes(title)),
  fireWindowState: windowState.fire,
  fireTextChange: textChange.fire,
  fireTrustGrant: () => trustGrant.fire(),
  fireActiveEditor: (editor: unknown) => {
    window.activeTextEditor = editor;
    activeEditor.fire(editor);
  },
  /** Values of `workspace.getConfiguration`, by full name; the change is told of. */
  configuration: new Map<string, unknown>(),
  configure(name: string, value: unknown): void {
    person.configuration.set(name, value);
    configurationChange.fire({ affectsConfiguration: (asked) => name.startsWith(asked) });
  },
};

const next = (): Step => person.steps.shift() ?? "close";

const rowText = (row: Row): string => [row.label, row.description, row.detail].filter(Boolean).join(" | ");

const show = (kind: Shown["kind"], text: string, choices: readonly string[] = []): void => {
  person.shown.push({ kind, text, choices });
};

/** A notification that nobody closes stays open, and what waits for it waits for ever. */
const message =
  (kind: Shown["kind"]) =>
  (text: string, ...more: readonly unknown[]): Promise<string | undefined> => {
    const buttons = more.filter((button) => typeof button === "string");
    show(kind, text, buttons);
    const [step] = person.steps;
    if (typeof step === "object" && "press" in step && buttons.includes(step.press)) {
      person.steps.shift();
      return Promise.resolve(step.press);
    }
    return Promise.withResolvers<string | undefined>().promise;
  };

const createQuickPick = () => {
  const accept = createEvent<void>();
  const hide = createEvent<void>();
  const button = createEvent<void>();
  let items: readonly Row[] = [];
  const answer = () => {
    show("list", [list.title, list.prompt].filter(Boolean).join(": "), items.map(rowText));
    const step = next();
    if (step === "back") return button.fire();
    if (step === "close" || !("take" in step)) return hide.fire();
    const row = items.find((candidate) => rowText(candidate).includes(step.take));
    if (!row) throw new Error(`No row "${step.take}" in "${list.title}": ${items.map(rowText).join("; ")}`);
    list.selectedItems = [row];
    return accept.fire();
  };
  const list = {
    title: "",
    prompt: undefined as string | undefined,
    selectedItems: [] as Row[],
    get items() {
      return items;
    },
    set items(rows) {
      items = rows;
      queueMicrotask(answer);
    },
    onDidAccept: accept.event,
    onDidHide: hide.event,
    onDidTriggerButton: button.event,
    show() {},
    dispose() {},
  };
  return list;
};

const withProgress = async <T>(
  options: { readonly title: string },
  run: (progress: { report(part: { readonly message?: string }): void }, token: unknown) => Promise<T>,
): Promise<T> => {
  show("progress", options.title);
  const cancel = person.cancels.findIndex((text) => options.title.includes(text));
  if (cancel >= 0) person.cancels.splice(cancel, 1);
  const token = {
    isCancellationRequested: false,
    onCancellationRequested(listener: () => void) {
      if (cancel >= 0) queueMicrotask(listener);
    },
  };
  return run({ report: ({ message: text }) => person.progress.push(text ?? "") }, token);
};

const l10nText = (text: string, ...values: readonly (string | number)[]): string =>
  text.replaceAll(/\{(\d)\}/g, (_, index: string) => String(values[Number(index)]));

export const l10n = { t: l10nText };
/** The status bar's items, in the order in which they were made. */
export const statusBarItems: Record<string, unknown>[] = [];

export const window = {
  state: { focused: true },
  createStatusBarItem(id: string) {
    const item: Record<string, unknown> = {
      id,
      isShown: false,
      show: () => void (item["isShown"] = true),
      dispose() {},
    };
    statusBarItems.push(item);
    return item;
  },
  activeTextEditor: undefined as unknown,
  onDidChangeWindowState: windowState.event,
  onDidChangeActiveTextEditor: activeEditor.event,
  showInformationMessage: message("information"),
  showWarningMessage: message("warning"),
  showErrorMessage: message("error"),
  createQuickPick,
  async showQuickPick(items: readonly string[], options: { readonly placeHolder: string }) {
    show("list", options.placeHolder, items);
    const step = next();
    return typeof step === "object" && "take" in step ? step.take : undefined;
  },
  async showInputBox(options: { readonly title: string; readonly prompt: string }) {
    show("box", options.title, [options.prompt]);
    const step = next();
    return typeof step === "object" && "type" in step ? step.type : undefined;
  },
  withProgress,
};
export const workspace = {
  isTrusted: true,
  workspaceFolders: [{}] as unknown[] | undefined,
  getWorkspaceFolder: () => undefined,
  onDidChangeTextDocument: textChange.event,
  onDidGrantWorkspaceTrust: trustGrant.event,
  onDidOpenTextDocument: documentOpen.event,
  onDidChangeConfiguration: configurationChange.event,
  getConfiguration: (section: string) => ({
    get: (name: string) => person.configuration.get(section ? `${section}.${name}` : name),
  }),
  openTextDocument: (uri: unknown) => Promise.resolve({ uri }),
  registerTextDocumentContentProvider: () => ({ dispose() {} }),
};
export const env = {
  language: "en",
  remoteName: undefined as string | undefined,
  uiKind: 1,
  openExternal: () => Promise.resolve(true),
  clipboard: {
    async writeText(text: string) {
      person.clipboard = text;
    },
  },
};
export const commands = {
  async executeCommand(...call: readonly unknown[]) {
    person.commands.push(call);
  },
  getCommands: () => Promise.resolve<string[]>([]),
};
export const Uri = {
  parse: (text: string) => text,
  from: ({ scheme, path }: { readonly scheme: string; readonly path: string }) => `${scheme}:${path}`,
};
export class EventEmitter<T> {
  readonly #event = createEvent<T>();
  readonly event = this.#event.event;
  readonly fire = this.#event.fire;
  dispose(): void {}
}
export const StatusBarAlignment = { Left: 1, Right: 2 };
export class MarkdownString {
  readonly value: string;
  isTrusted: boolean | { readonly enabledCommands: readonly string[] } | undefined;
  constructor(value: string) {
    this.value = value;
  }
}
export class ThemeColor {
  readonly id: string;
  constructor(id: string) {
    this.id = id;
  }
}
export const ViewColumn = { Active: -1 };
export const UIKind = { Desktop: 1, Web: 2 };
export const ProgressLocation = { Notification: 15 };
export const QuickPickItemKind = { Separator: -1, Default: 0 };
export const QuickInputButtons = { Back: {} };

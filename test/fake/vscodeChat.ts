// Stands in for VS Code's API in unit tests of its chat and its language models: import it first, then the module under
// test by `await import(…)`, whose "vscode" it then is. Only what those modules use is here.
import { registerHooks } from "node:module";
import { createGitExtension } from "./gitExtension.ts";

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "vscode" ? { url: import.meta.url, shortCircuit: true } : next(specifier, context),
});

/** What the window is, and what a person does in it; `reset` before each test. */
export const world = {
  isTrusted: true,
  /** What was said, with the labels of its buttons. */
  said: [] as { readonly text: string; readonly buttons: readonly string[] }[],
  /** The button that is pressed next; undefined: the message is closed. */
  pressed: undefined as string | undefined,
  extensions: new Set<string>(),
  /** What Git's own extension answers to a question about changes; undefined: there is no repository. */
  diff: undefined as ((isStaged: boolean) => Promise<string>) | undefined,
  /** What Git's own extension does until it has looked for repositories; undefined: it has. */
  onGitFound: undefined as ((found: () => void) => void) | undefined,
  /** Settings as `inspect` finds them. */
  inspected: {} as Record<string, { defaultValue?: unknown; globalValue?: unknown; workspaceValue?: unknown }>,
  updates: [] as (readonly unknown[])[],
  /** What was registered for language models. */
  provider: undefined as unknown,
  participant: undefined as unknown,
  /** Asked by `selectChatModels`. */
  onSelect: async (): Promise<void> => {},
  reset() {
    Object.assign(world, {
      isTrusted: true,
      said: [],
      pressed: undefined,
      extensions: new Set(),
      diff: undefined,
      onGitFound: undefined,
      inspected: {},
      updates: [],
      provider: undefined,
      participant: undefined,
      onSelect: async () => {},
    });
  },
};

/** A token that can be cancelled. */
export const createToken = () => {
  const listeners = new Set<() => void>();
  const token = {
    isCancellationRequested: false,
    onCancellationRequested(listener: () => void) {
      listeners.add(listener);
      return { dispose: () => listeners.delete(listener) };
    },
    cancel() {
      token.isCancellationRequested = true;
      for (const listener of listeners) listener();
    },
    listeners,
  };
  return token;
};

export class EventEmitter<T> {
  readonly listeners = new Set<(value: T) => void>();
  readonly event = (listener: (value: T) => void) => {
    this.listeners.add(listener);
    return { dispose: () => this.listeners.delete(listener) };
  };
  fire(value: T) {
    for (const listener of this.listeners) listener(value);
  }
  dispose() {
    this.listeners.clear();
  }
}

export class LanguageModelTextPart {
  readonly value: string;
  constructor(value: string) {
    this.value = value;
  }
}
export class LanguageModelPromptTsxPart {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}
export class LanguageModelDataPart {
  readonly data: Uint8Array;
  readonly mimeType: string;
  constructor(data: Uint8Array, mimeType: string) {
    this.data = data;
    this.mimeType = mimeType;
  }
}
export class LanguageModelToolCallPart {
  readonly callId: string;
  readonly name: string;
  readonly input: object;
  constructor(callId: string, name: string, input: object) {
    this.callId = callId;
    this.name = name;
    this.input = input;
  }
}
export class LanguageModelToolResultPart {
  readonly callId: string;
  readonly content: readonly unknown[];
  constructor(callId: string, content: readonly unknown[]) {
    this.callId = callId;
    this.content = content;
  }
}
export class ChatResponseTurn {
  readonly result: object;
  constructor(result: object) {
    this.result = result;
  }
}
export class CancellationError extends Error {}

export const LanguageModelChatMessageRole = { User: 1, Assistant: 2 };
export const LanguageModelChatToolMode = { Auto: 1, Required: 2 };
export const ConfigurationTarget = { Global: 1 };
export const env = { language: "en" };
export const l10n = {
  t: (text: string, ...values: readonly (string | number)[]) =>
    text.replaceAll(/\{(\d)\}/g, (_, index: string) => String(values[Number(index)])),
};
export const window = {
  tabGroups: { all: [] },
  async showInformationMessage(text: string, ...buttons: readonly string[]) {
    world.said.push({ text, buttons });
    return world.pressed;
  },
};
export const workspace = {
  get isTrusted() {
    return world.isTrusted;
  },
  getWorkspaceFolder: () => undefined,
  getConfiguration: (section: string) => ({
    inspect: (name: string) => world.inspected[`${section}.${name}`],
    async update(...change: readonly unknown[]) {
      world.updates.push([section, ...change]);
    },
  }),
};
const git = createGitExtension(
  () => world.onGitFound,
  () => (world.diff ? { rootUri: { path: "/shop" }, diff: world.diff } : undefined),
);
export const extensions = {
  getExtension: (id: string) => (id === "vscode.git" ? git : world.extensions.has(id) ? {} : undefined),
};
export class Uri {
  readonly path: string;
  constructor(path: string) {
    this.path = path;
  }
  static readonly joinPath = (...parts: readonly unknown[]): string => parts.join("/");
}
export class Location {
  readonly uri: Uri;
  constructor(uri: Uri) {
    this.uri = uri;
  }
}
export const chat = {
  createChatParticipant(_id: string, handler: unknown) {
    world.participant = handler;
    return { dispose() {} };
  },
};
export const lm = {
  registerLanguageModelChatProvider(_vendor: string, provider: unknown) {
    world.provider = provider;
    return { dispose() {} };
  },
  selectChatModels: () => world.onSelect(),
};

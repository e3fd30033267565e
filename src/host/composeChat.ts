import type * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import type { DisposableList } from "../base/disposable.ts";
import { lazy } from "../base/lazy.ts";
import type { Log } from "../base/log.ts";
import type { CacheBudget } from "../cache/cacheBudget.ts";
import type { Ledger } from "../metrics/ledger.ts";
import type { Connections } from "./connections.ts";
import type { FaultReporter } from "./faults.ts";
import { registerChat, type ChatRegistration } from "./registerChat.ts";
import type { Settings } from "./settingsSchema.ts";
import type { ToolMemory } from "./toolMemory.ts";

export type ChatPartServices = {
  /** Gets what is made here. */
  readonly disposables: DisposableList;
  readonly context: vscode.ExtensionContext;
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: Ledger;
  readonly settings: () => Settings;
  readonly connections: Pick<Connections, "source" | "exact">;
  readonly faults: () => Promise<FaultReporter>;
  readonly cacheBudget: () => Promise<CacheBudget>;
  readonly onSuccess: () => void;
};

export type ComposedChat = Pick<ChatRegistration, "settingsChanged"> & {
  /** Writes down what was learned of tools. */
  finish(): Promise<void>;
};

/** VS Code's chat: the participant, the models behind it, and which of a chat's tools they are told of. */
export const composeChat = (services: ChatPartServices): ComposedChat => {
  const { disposables, context, clock, log, ledger, settings, connections, faults, cacheBudget, onSuccess } = services;
  let toolMemory: ToolMemory | undefined;
  const tools = lazy(async () => {
    const { openToolMemory } = await import("./toolMemory.ts");
    const storageFolder = context.storageUri?.fsPath;
    const made = disposables.add(
      await openToolMemory({ ledger, clock, log, storageFolder, count: () => settings().toolCount }),
    );
    disposables.add((await cacheBudget()).register({ name: "tools", ...made }));
    toolMemory = made;
    return made;
  });
  const chat = disposables.add(
    registerChat(
      {
        ledger,
        faults,
        clock,
        log,
        setting: () => settings().chat,
        settings,
        source: (setting) => connections.source("chat", setting),
        exact: (setting) => connections.exact(setting),
        storageFolder: context.globalStorageUri.fsPath,
        tools,
        onSuccess,
      },
      context.extensionUri,
    ),
  );
  return {
    settingsChanged: () => chat.settingsChanged(),
    finish: async () => toolMemory?.finish(),
  };
};

import * as vscode from "vscode";
import type { Disposable } from "../base/disposable.ts";
import type { Log } from "../base/log.ts";
import type { Redactor } from "../base/redact.ts";

/** The log that "Hotpath: Show log" opens. Every line is redacted. */
export const createLogChannel = (redactor: Redactor): Log & Disposable & { show(): void } => {
  const channel = vscode.window.createOutputChannel("Hotpath", { log: true });
  const log = redactor.wrap({
    debug: (message) => channel.debug(message),
    info: (message) => channel.info(message),
    warn: (message) => channel.warn(message),
    error: (message) => channel.error(message),
  });
  return { ...log, show: () => channel.show(true), dispose: () => channel.dispose() };
};

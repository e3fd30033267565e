import type * as vscode from "vscode";

/** Keys of model servers, each bound to the origin it was entered for: another address never gets it. */
export type ApiKeys = {
  get(origin: string): Promise<string | undefined>;
  /** Stores a key; empty text removes it. */
  set(origin: string, apiKey: string): Promise<void>;
  /** The origins that a key is stored for, whether the settings still name them or not. */
  origins(): Promise<readonly string[]>;
  /** A key was entered and may be stored later: it stays out of the log from now on. */
  entered(apiKey: string): void;
};

const prefix = "apiKey:";
const secretName = (origin: string): string => prefix + origin;

/** `onKey` is told of every key that passes through, so that the log can leave it out. */
export const createApiKeys = (secrets: vscode.SecretStorage, onKey: (apiKey: string) => void): ApiKeys => ({
  async get(origin) {
    const apiKey = await secrets.get(secretName(origin));
    if (apiKey !== undefined) onKey(apiKey);
    return apiKey;
  },
  async set(origin, apiKey) {
    if (apiKey === "") {
      await secrets.delete(secretName(origin));
      return;
    }
    onKey(apiKey);
    await secrets.store(secretName(origin), apiKey);
  },
  async origins() {
    const names = await secrets.keys();
    return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  },
  entered: onKey,
});

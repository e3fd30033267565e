import type * as vscode from "vscode";

/** Keys of model servers, each bound to the origin it was entered for: another address never gets it. */
export type ApiKeys = {
  get(origin: string): Promise<string | undefined>;
  /** Stores a key; empty text removes it. */
  set(origin: string, apiKey: string): Promise<void>;
};

const secretName = (origin: string): string => `apiKey:${origin}`;

export const createApiKeys = (secrets: vscode.SecretStorage): ApiKeys => ({
  get: async (origin) => secrets.get(secretName(origin)),
  async set(origin, apiKey) {
    if (apiKey === "") await secrets.delete(secretName(origin));
    else await secrets.store(secretName(origin), apiKey);
  },
});

import type { SecretStorage } from "vscode";

/** VS Code's secret storage, in memory. */
export const createSecrets = (stored: Readonly<Record<string, string>> = {}): SecretStorage => {
  const secrets = new Map(Object.entries(stored));
  return {
    get: (name) => Promise.resolve(secrets.get(name)),
    keys: () => Promise.resolve([...secrets.keys()]),
    async store(name, value) {
      secrets.set(name, value);
    },
    async delete(name) {
      secrets.delete(name);
    },
    onDidChange: () => ({ dispose() {} }),
  };
};

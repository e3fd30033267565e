import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import type { LoadAheadOptions } from "../../../src/host/loadAhead.ts";
import { window } from "../../fake/vscode.ts";

const { loadAhead } = await import("../../../src/host/loadAhead.ts");

const setting = { provider: "ollama", baseUrl: "http://127.0.0.1:11434", model: "coder" } as const;

const nowhere = () => false;
const fails = () => Promise.reject(new Error("no"));

/** What is loaded, and what is logged. */
const outcome = async (options: Partial<LoadAheadOptions>): Promise<readonly string[]> => {
  const told: string[] = [];
  await loadAhead(setting, {
    log: { ...silentLog, warn: (line) => void told.push(line) },
    connections: { wasUsed: () => Promise.resolve(true) },
    memory: () => Promise.resolve({ warmUp: ({ model }) => void told.push(model) }),
    isGhostTextWanted: () => true,
    ...options,
  });
  return told;
};

test("only a model that was in use here is loaded ahead, and a fault is only logged", async () => {
  window.activeTextEditor = undefined;
  assert.deepEqual(await outcome({}), ["coder"]);
  assert.deepEqual(await outcome({ connections: { wasUsed: () => Promise.resolve(false) } }), []);
  assert.deepEqual(await outcome({ memory: fails }), ["The model was not loaded ahead of need: Error: no"]);
});

test("where the editor in front gets no ghost text nothing is loaded; without an editor it may come", async () => {
  window.activeTextEditor = undefined;
  assert.deepEqual(await outcome({ isGhostTextWanted: nowhere }), ["coder"]);
  window.activeTextEditor = { document: {} };
  assert.deepEqual(await outcome({ isGhostTextWanted: nowhere }), []);
  assert.deepEqual(await outcome({}), ["coder"]);
});

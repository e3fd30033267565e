import assert from "node:assert/strict";
import { registerHooks } from "node:module";
import { test } from "node:test";
import * as vscode from "vscode";
import type { HotpathExports } from "../../../src/extension.ts";
import { closeAll } from "../editor.ts";
import { hasUi, texts, waitUntil } from "../ui.ts";

const extension = () => {
  const found = vscode.extensions.getExtension<HotpathExports>("hotpath.hotpath");
  assert.ok(found, "Hotpath is not in this VS Code");
  return found;
};

test("activates by itself after start-up, in a time that nobody notices", async () => {
  await waitUntil("activation", () => extension().isActive);
  const { activationMs } = extension().exports;
  // The bench asserts 10 ms on a quiet machine; this bound only catches work that does not belong there.
  assert.ok(activationMs < 100, `${activationMs} ms`);
});

test("registers the commands that the palette shows", async () => {
  const commands = await vscode.commands.getCommands(true);
  const contributed: { command: string }[] = extension().packageJSON.contributes.commands;
  for (const { command } of contributed) assert.ok(commands.includes(command), command);
});

test("a command loads its own chunks when it is run, and nothing else", { skip: !hasUi }, async () => {
  const loaded: string[] = [];
  const hooks = registerHooks({
    load(url, context, nextLoad) {
      if (url.includes("/dist/")) loaded.push(url.slice(url.lastIndexOf("/") + 1).replace(/-[A-Z0-9]{8}\.js$/, ""));
      return nextLoad(url, context);
    },
  });
  try {
    await vscode.commands.executeCommand("hotpath.openReport");
    await waitUntil("the report", async () => (await texts("h1", { webview: true })).includes("Performance report"));
  } finally {
    hooks.deregister();
  }
  assert.ok(loaded.includes("panel"), loaded.join());
  for (const foreign of [
    "client",
    "engine",
    "llamaCpp",
    "openAiCompatible",
    "ollama",
    "openRouter",
    "explainSelection",
    "predictorService",
  ]) {
    assert.ok(!loaded.includes(foreign), `${foreign} in ${loaded.join()}`);
  }
  await closeAll();
});

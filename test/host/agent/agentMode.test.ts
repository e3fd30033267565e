import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { after, before, suite, test } from "node:test";
import * as vscode from "vscode";
import { createModelServer, type ModelCall, type ModelServer } from "../../fake/modelServer.ts";
import { configure } from "../editor.ts";
import { click, hasUi, texts, waitUntil } from "../ui.ts";

type Sent = { readonly role: string; readonly content: string; readonly tool_calls?: readonly unknown[] };
type Tool = { readonly function: { readonly name: string } };

const folder = () => vscode.workspace.workspaceFolders![0]!.uri.fsPath;
const messagesOf = ({ json }: ModelCall) => (json["messages"] ?? []) as readonly Sent[];
const toolNamesOf = ({ json }: ModelCall) =>
  ((json["tools"] ?? []) as readonly Tool[]).map((tool) => tool.function.name);
const shown = async () => (await texts(".interactive-response")).join("\n");

const chat = () => vscode.workspace.getConfiguration("chat");

/** What the agent asked. VS Code may also ask for titles, without tools. */
const turns: ModelCall[] = [];
let server: ModelServer;

const answer = (call: ModelCall) => {
  if (toolNamesOf(call).length === 0) return "A title";
  turns.push(call);
  if (messagesOf(call).at(-1)?.role === "tool") return "The folder holds *three* things.";
  return { toolCalls: [{ name: "list_dir", arguments: JSON.stringify({ path: folder() }) }] };
};

// In a window of its own: VS Code's built-in chat changes much of what the window shows.
suite("agent mode", () => {
  before(async () => {
    if (!hasUi) return;
    const model = "/models/tiny-agent.gguf";
    server = await createModelServer({
      modelPath: model,
      modelId: model,
      contextTokens: 65_536,
      tools: true,
      chat: answer,
    });
    await configure({ "chat.provider": "llamacpp", "chat.baseUrl": server.url });
    // As a person does in the Extensions view: a fresh profile has the built-in chat switched off.
    await vscode.commands.executeCommand("workbench.extensions.action.enableAll");
    await waitUntil("the built-in chat", () => vscode.extensions.getExtension("GitHub.copilot-chat")?.isActive);
    await waitUntil("its tools", () => vscode.lm.tools.some(({ name }) => name === "copilot_listDirectory"));
  });
  after(async () => {
    if (!hasUi) return;
    await configure({ "chat.provider": undefined, "chat.baseUrl": undefined });
    await server.close();
  });

  test("VS Code's own agent works with a local model, without an account", { skip: !hasUi }, async () => {
    await waitUntil("the model in VS Code's list", async () => {
      const models = await vscode.lm.selectChatModels({ vendor: "hotpath" });
      return models.some(({ name }) => name === "@hotpath: tiny-agent");
    });
    const query = "What is in this folder?";
    await vscode.commands.executeCommand("workbench.action.chat.open", { query, mode: "agent" });
    await waitUntil("the answer", async () => (await shown()).includes("The folder holds three things."));
    assert.equal(turns.length, 2);
    assert.ok(toolNamesOf(turns[0]!).includes("list_dir"));
    const first = messagesOf(turns[0]!);
    const second = messagesOf(turns[1]!);
    const [call, result] = second.slice(-2);
    assert.equal(call!.role, "assistant");
    assert.equal(call!.tool_calls?.length, 1);
    assert.equal(result!.role, "tool");
    for (const name of await readdir(folder())) assert.ok(result!.content.includes(name), name);
    assert.deepEqual(second.slice(0, first.length), first, "the server finds what it has read");
    assert.deepEqual(
      first.map(({ role }) => role),
      ["system", "user"],
    );
    for (const { json } of turns) {
      const fields = ["messages", "stream", "stream_options", "tools"];
      assert.deepEqual(Object.keys(json).toSorted(), fields, "nothing of VS Code's own options");
    }
  });

  test("VS Code's titles are offered to the model too, and a click is what sets it", { skip: !hasUi }, async () => {
    const chosen = () => chat().inspect("byokUtilityModelDefault")?.globalValue;
    assert.equal(chosen(), undefined);
    await vscode.commands.executeCommand("notifications.showList");
    await waitUntil("the offer", async () => {
      const offers = await texts(".notifications-center .notification-list-item-message");
      return offers.some((text) => text.includes("titles and progress messages"));
    });
    assert.equal(chosen(), undefined);
    await click(".notifications-center .notification-list-item .monaco-button");
    await waitUntil("the setting", () => chosen() === "mainAgent");
    await chat().update("byokUtilityModelDefault", undefined, vscode.ConfigurationTarget.Global);
  });
});

import assert from "node:assert/strict";
import { after, afterEach, before, suite, test } from "node:test";
import * as vscode from "vscode";
import { createModelServer, type ModelServer } from "../../fake/modelServer.ts";
import { closeAll, configure, notification, openBelow, pressNotificationButton } from "../editor.ts";
import { hasUi, texts, waitUntil } from "../ui.ts";

let server: ModelServer;

const selectFirstFunction = async () => {
  const editor = await openBelow("src/products.ts", 16);
  editor.selection = new vscode.Selection(6, 0, 12, 1);
};

const preview = async () => (await texts("body", { webview: true })).join("\n");

// Hooks outside of a suite would be those of every file in this window.
suite("explain selection", () => {
  before(async () => {
    server = await createModelServer({
      chat: () => "It **finds** a product. ![pixel](https://evil.example/?q=1)",
      tokenDelayMs: 5,
    });
    await configure({ "chat.provider": "llamacpp", "chat.baseUrl": server.url });
  });
  after(async () => {
    await configure({ "chat.provider": undefined, "chat.baseUrl": undefined });
    await server.close();
  });
  afterEach(closeAll);

  test("an explanation streams into a preview, without images", { skip: !hasUi }, async () => {
    await selectFirstFunction();
    await vscode.commands.executeCommand("hotpath.explainSelection");
    await waitUntil("the explanation", async () => (await preview()).includes("finds a product"));
    const request = server.requests.find(({ path }) => path.startsWith("/v1/chat/completions"));
    assert.match(request?.body ?? "", /findProduct/);
    assert.ok((await preview()).includes("pixel"), "an image has no text, what became of it has");
  });

  test("cancelling closes the request and keeps what came", { skip: !hasUi }, async () => {
    server.script("/v1/chat/completions", {
      status: 200,
      headers: { "content-type": "text/event-stream" },
      body: ['data: {"choices":[{"index":0,"delta":{"content":"The beginning."},"finish_reason":null}]}\n\n'],
      finish: "hang",
    });
    await selectFirstFunction();
    const running = vscode.commands.executeCommand("hotpath.explainSelection");
    await waitUntil("the beginning", async () => (await preview()).includes("The beginning."));
    const request = server.requests.findLast(({ path }) => path.startsWith("/v1/chat/completions"))!;
    await pressNotificationButton();
    await request.closedByClient;
    await running;
    // The preview may be drawing itself anew.
    await waitUntil("what came", async () => (await preview()).includes("The beginning."));
  });

  test("without a selection it says what to do", { skip: !hasUi }, async () => {
    await openBelow("src/products.ts", 16);
    void vscode.commands.executeCommand("hotpath.explainSelection");
    await notification(/Select the code to explain first/);
  });
});

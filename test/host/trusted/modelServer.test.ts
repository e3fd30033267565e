import assert from "node:assert/strict";
import { after, afterEach, before, suite, test } from "node:test";
import * as vscode from "vscode";
import { createModelServer, jsonReply, sse, streamReply, type ModelServer } from "../../fake/modelServer.ts";
import { closeAll, configure, notification, openBelow } from "../editor.ts";
import { click, ghostText, hasUi, press, texts, type, waitFor, waitUntil } from "../ui.ts";

let server: ModelServer;
// Opening the list of notifications takes the focus from the editor, and VS Code then asks for no ghost text: what the
// status bar shows tells when a request has failed.
const problemMark = '[id="hotpath.hotpath.memory"] .codicon-warning';
const dispatchers = () =>
  ["undici.globalDispatcher.1", "undici.globalDispatcher.2"].map((name): unknown =>
    Reflect.get(globalThis, Symbol.for(name)),
  );

// Hooks outside of a suite would be those of every file in this window.
suite("a model server", () => {
  before(async () => {
    server = await createModelServer({ complete: () => "answerFromTheModel(42);", tokenDelayMs: 5 });
    await configure({ "predictor.enabled": false });
  });
  after(async () => {
    await configure({
      "completion.provider": undefined,
      "completion.baseUrl": undefined,
      "completion.model": undefined,
      "predictor.enabled": undefined,
    });
    await server.close();
  });
  afterEach(closeAll);

  test("three settings are enough: ghost text comes from a llama.cpp server", { skip: !hasUi }, async () => {
    const atStart = dispatchers();
    await configure({ "completion.provider": "llamacpp", "completion.baseUrl": server.url });
    const editor = await openBelow("src/products.ts", 16);
    await type("const theAnswer = ", { delayMs: 60 });
    await waitUntil("the model's text", async () => (await ghostText()).includes("answerFromTheModel(42);"));
    await press("Tab");
    await waitUntil("the accepted text", () =>
      editor.document.getText().includes("theAnswer = answerFromTheModel(42);"),
    );
    const completions = server.requests.filter(({ path }) => path.startsWith("/completion"));
    assert.ok(completions.some(({ body }) => body.includes("const theAnswer = ")));
    assert.deepEqual(dispatchers(), atStart, "the process-wide dispatcher was replaced");
  });

  test("ghost text comes from an OpenAI-compatible server", { skip: !hasUi }, async () => {
    await configure({
      "completion.provider": "openai-compatible",
      "completion.baseUrl": `${server.url}/v1`,
      "completion.model": "qwen2.5-coder",
    });
    await openBelow("src/products.ts", 16);
    await type("const theSecond = ", { delayMs: 60 });
    await waitUntil("the model's text", async () => (await ghostText()).includes("answerFromTheModel(42);"));
    assert.ok(server.requests.some(({ path }) => path.startsWith("/v1/completions")));
  });

  test("a request that was typed away from is closed at the server", { skip: !hasUi }, async () => {
    await configure({
      "completion.provider": "llamacpp",
      "completion.baseUrl": server.url,
      "completion.model": undefined,
    });
    await openBelow("src/products.ts", 16);
    const earlier = server.requests.length;
    server.script("/completion", streamReply([sse({ content: "somethingElse" })], "hang"));
    await type("l");
    const running = await waitUntil("the request", () =>
      server.requests.slice(earlier).find(({ path }) => path.startsWith("/completion")),
    );
    await type("et");
    await running.closedByClient;
  });

  test("a server that is not there is one plain sentence, and typing goes on", { skip: !hasUi }, async () => {
    await configure({
      "completion.provider": "llamacpp",
      "completion.baseUrl": "http://127.0.0.1:9",
      "completion.model": undefined,
    });
    const editor = await openBelow("src/products.ts", 16);
    await type("const undisturbed = 1;", { delayMs: 30 });
    await waitFor(problemMark);
    const text = await notification(/No model server answers/);
    assert.match(text, /127\.0\.0\.1:9/);
    assert.match(editor.document.getText(), /const undisturbed = 1;/);
  });

  test("a wrong key is one plain sentence that says what to do", { skip: !hasUi }, async () => {
    const locked = await createModelServer({ apiKey: "right" });
    try {
      await configure({ "completion.provider": "llamacpp", "completion.baseUrl": locked.url });
      await openBelow("src/products.ts", 16);
      await type("const locked = ", { delayMs: 30 });
      await waitFor(problemMark);
      await vscode.commands.executeCommand("notifications.showList");
      const shown = await texts(".notifications-center .notification-list-item-message");
      assert.equal(shown.filter((text) => text.includes("refused the API key")).length, 1, "asked more than once");
      await click('.notifications-center .monaco-button:has-text("Set API key")');
      await waitFor(`.quick-input-widget .quick-input-title:has-text("API key for ${locked.url}")`);
      await type("right");
      await press("Enter");
      await waitFor(problemMark, { state: "detached" });
      await vscode.commands.executeCommand("notifications.clearAll");
      await openBelow("src/products.ts", 16);
      await type("if (unlocked) ", { delayMs: 60 });
      await waitUntil("the model's text", async () => (await ghostText()) !== "");
    } finally {
      await locked.close();
    }
  });

  test(
    "no credit left: said once, without a button to OpenRouter's shop for another address",
    { skip: !hasUi },
    async () => {
      const priced = await createModelServer({ costUsd: 0.000_01, modelId: "qwen/qwen3-coder" });
      const broke = jsonReply(402, { error: { code: 402, message: "Insufficient credits" } });
      try {
        await configure({
          "completion.provider": "openrouter",
          "completion.baseUrl": `${priced.url}/v1`,
          "completion.model": "qwen/qwen3-coder",
        });
        // OpenRouter wants a key; the one that is asked for is entered like a person would.
        void vscode.commands.executeCommand("hotpath.setApiKey", priced.url);
        await waitFor(`.quick-input-widget .quick-input-title:has-text("API key for ${priced.url}")`);
        await type("sk-or-v1-test");
        await press("Enter");
        await waitFor(".quick-input-widget", { state: "hidden" });
        priced.script("/v1/completions", broke, broke, broke);
        await openBelow("src/products.ts", 16);
        await type("const broke = ", { delayMs: 60 });
        await waitFor(problemMark);
        const asked = priced.requests.filter(({ path }) => path.startsWith("/v1/completions")).length;
        await type("1 + ", { delayMs: 60 });
        assert.equal(priced.requests.filter(({ path }) => path.startsWith("/v1/completions")).length, asked);
        await vscode.commands.executeCommand("notifications.showList");
        const shown = await texts(".notifications-center .notification-list-item-message");
        assert.equal(shown.filter((text) => text.includes("no credit left")).length, 1);
        const buttons = await texts(".notifications-center .monaco-button");
        assert.ok(!buttons.some((text) => text.includes("Add credits")));
        await vscode.commands.executeCommand("notifications.clearAll");
      } finally {
        await priced.close();
      }
    },
  );

  test("an answer that is no stream is one plain sentence", { skip: !hasUi }, async () => {
    await configure({ "completion.provider": "llamacpp", "completion.baseUrl": server.url });
    server.script("/completion", {
      status: 200,
      headers: { "content-type": "text/html" },
      body: ["<html>hello</html>"],
    });
    await openBelow("src/products.ts", 16);
    await type("let a", { delayMs: 30 });
    await waitFor(problemMark);
    assert.match(await notification(/not a model server of this kind/), /Check the address/);
  });

  test("a value that is no provider is one plain sentence", { skip: !hasUi }, async () => {
    await configure({ "completion.provider": "gpt9" });
    assert.match(await notification(/gpt9/), /hotpath\.completion\.provider/);
  });
});

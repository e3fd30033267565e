import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { registerHooks } from "node:module";
import path from "node:path";
import { after, afterEach, before, suite, test } from "node:test";
import * as vscode from "vscode";
import { createModelServer, type ModelServer } from "../../fake/modelServer.ts";
import { closeAll, configure, notification, openBelow } from "../editor.ts";
import { nextEditHint, noNextEditHint } from "../nextEditHints.ts";
import { smokeLines } from "../smokeLines.ts";
import {
  click,
  evaluate,
  ghostText,
  hasUi,
  press,
  runFromPalette,
  shownText,
  texts,
  type,
  waitFor,
  waitUntil,
} from "../ui.ts";

let server: ModelServer;

const rowWith = (text: string) => `.quick-input-list .monaco-list-row:has-text("${text}")`;

// Hooks outside of a suite would be those of every file in this window.
suite("a folder that is not trusted", () => {
  before(async () => {
    server = await createModelServer();
  });
  after(async () => server.close());
  afterEach(closeAll);

  test("this folder is not trusted, and its own endpoint settings count for nothing", () => {
    assert.equal(vscode.workspace.isTrusted, false);
    const configuration = vscode.workspace.getConfiguration("hotpath");
    assert.equal(configuration.get("completion.provider"), "none");
    assert.equal(configuration.get("completion.baseUrl"), "");
  });

  test(
    "the predictor works, and nothing is sent to the server that the user has set up",
    { skip: !hasUi },
    async () => {
      const loaded: string[] = [];
      const hooks = registerHooks({
        load(url, context, nextLoad) {
          loaded.push(url);
          return nextLoad(url, context);
        },
      });
      await configure({ "completion.provider": "llamacpp", "completion.baseUrl": server.url });
      const [line] = smokeLines;
      assert.ok(line);
      await openBelow(line.file, line.afterLine);
      await type(line.text, { delayMs: 60 });
      await waitUntil("ghost text", ghostText);
      hooks.deregister();
      assert.equal(server.connections().opened, 0);
      // Connecting takes a moment; that its code was not even read proves that nothing is on its way.
      assert.ok(
        loaded.some((url) => /\/chunks\/(?:ghostTextEngine|engine)-/.test(url)),
        "the ladder was not loaded",
      );
      assert.deepEqual(
        loaded.filter((url) => /\/chunks\/(client|network|servers|registry)-/.test(url)),
        [],
      );
    },
  );

  test("next edits come from rules, and no model is asked", { skip: !hasUi }, async () => {
    await configure({ "nextEdit.provider": "llamacpp", "nextEdit.baseUrl": server.url, "nextEdit.model": "zeta-2" });
    try {
      const content = "let s = 0;\nprint(s);\nlet other = 1;\n";
      const document = await vscode.workspace.openTextDocument({ language: "javascript", content });
      const editor = await vscode.window.showTextDocument(document, { preview: false });
      editor.selection = new vscode.Selection(0, 5, 0, 5);
      await vscode.commands.executeCommand("workbench.action.focusActiveEditorGroup");
      await waitFor(".monaco-editor.focused");
      await evaluate("new Promise((done) => setTimeout(done, 1000))");
      await press("Backspace");
      await type("count", { delayMs: 40 });
      await nextEditHint(/Tab to line 2/);
      // Here no rule has an answer, and a model would be asked.
      await press("End");
      await type(" // x", { delayMs: 40 });
      await noNextEditHint();
      await evaluate("new Promise((done) => setTimeout(done, 1500))");
      assert.equal(server.connections().opened, 0);
    } finally {
      await configure({ "nextEdit.provider": undefined, "nextEdit.baseUrl": undefined, "nextEdit.model": undefined });
    }
  });

  test(
    "setting up asks only the server that was chosen, and sends nothing of the folder, then or later",
    { skip: !hasUi },
    async () => {
      const stranger = await createModelServer();
      const usualHost = process.env["OLLAMA_HOST"];
      process.env["OLLAMA_HOST"] = server.url;
      const own = path.join(vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "", ".vscode", "settings.json");
      const earlier = await readFile(own, "utf8");
      try {
        await configure({ "completion.provider": undefined, "completion.baseUrl": undefined });
        await writeFile(own, JSON.stringify({ "hotpath.completion.baseUrl": stranger.url, "editor.rulers": [77] }));
        const row = `.quick-input-list .monaco-list-row:has-text("127.0.0.1:${server.port}")`;
        await runFromPalette("Hotpath: Set up a provider");
        await waitFor(row);
        await click(row);
        const use = '.quick-input-list .monaco-list-row:has-text("Use these models")';
        await waitFor(use);
        await click(use);
        assert.match(await notification(/answered in/), /not trusted: nothing of it is sent/);
        assert.equal(
          vscode.workspace.getConfiguration("hotpath").inspect("completion.baseUrl")?.globalValue,
          server.url,
        );
        const asked = server.requests.length;
        // Another line than above, which nothing can have remembered.
        const [, line] = smokeLines;
        assert.ok(line);
        await openBelow(line.file, line.afterLine);
        await type(line.text, { delayMs: 60 });
        await waitUntil("ghost text", ghostText);
        assert.equal(server.requests.length, asked, "a request was sent for a folder that is not trusted");
        assert.equal(stranger.connections().opened, 0);
        for (const { body } of server.requests) assert.ok(!body.includes("products"), body);
      } finally {
        if (usualHost === undefined) delete process.env["OLLAMA_HOST"];
        else process.env["OLLAMA_HOST"] = usualHost;
        await writeFile(own, earlier);
        await configure({ "completion.provider": undefined, "completion.baseUrl": undefined });
        await stranger.close();
      }
    },
  );

  test("a value that the folder sets is no link in the notice about it", { skip: !hasUi }, async () => {
    const own = path.join(vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "", ".vscode", "settings.json");
    const earlier = await readFile(own, "utf8");
    const message = ".notifications-center .notification-list-item-message";
    const link = "[Look](command:workbench.action.files.newUntitledFile)";
    try {
      await writeFile(own, JSON.stringify({ "hotpath.predictor.confidence": link }));
      await waitUntil("the notice", async () => {
        await vscode.commands.executeCommand("notifications.showList");
        return (await texts(message)).some((text) => /hotpath\.predictor\.confidence can be/.test(text));
      });
      assert.deepEqual(await texts(`${message} a`), []);
    } finally {
      await vscode.commands.executeCommand("notifications.clearAll");
      await writeFile(own, earlier);
    }
  });

  test("explaining says that the folder is not trusted", { skip: !hasUi }, async () => {
    await configure({ "completion.provider": "llamacpp", "completion.baseUrl": server.url });
    const editor = await openBelow("src/products.ts", 16);
    editor.selection = new vscode.Selection(6, 0, 12, 1);
    void vscode.commands.executeCommand("hotpath.explainSelection");
    await notification(/not trusted/);
    assert.ok(server.requests.every(({ path: asked }) => !asked.includes("chat")));
  });

  test("the chat says so instead of asking the server", { skip: !hasUi }, async () => {
    await configure({ "chat.provider": "llamacpp", "chat.baseUrl": server.url });
    try {
      const already = server.requests.length;
      await openBelow("src/products.ts", 16);
      await vscode.commands.executeCommand("workbench.action.chat.open", { query: "@hotpath /explain" });
      await waitUntil("the answer", async () => {
        const answers = await texts(".interactive-response");
        return answers.some((answer) => answer.includes("This folder is not trusted"));
      });
      assert.equal(server.requests.length, already);
    } finally {
      await configure({ "chat.provider": undefined, "chat.baseUrl": undefined });
    }
  });

  test("advice is for reading: no server is asked, and nothing can be changed", { skip: !hasUi }, async () => {
    const usualHost = process.env["OLLAMA_HOST"];
    process.env["OLLAMA_HOST"] = server.url;
    const opened = server.connections().opened;
    try {
      await runFromPalette("Hotpath: Recommend a model for this machine");
      await waitFor(rowWith("Ghost text"));
      await click(rowWith("Ghost text"));
      await waitFor(rowWith("Qwen2.5-Coder-1.5B"));
      await shownText(".quick-input-widget", /not trusted: no server is asked/);
      await click(rowWith("Qwen2.5-Coder-1.5B"));
      await waitFor(rowWith("Copy llama-server command"));
      const rows = await waitUntil("what can be done", async () => {
        const shown = await texts(".quick-input-list .monaco-list-row");
        return shown.length > 0 ? shown : undefined;
      });
      assert.equal(rows.length, 1, rows.join());
      assert.equal(server.connections().opened, opened);
    } finally {
      await press("Escape");
      if (usualHost === undefined) delete process.env["OLLAMA_HOST"];
      else process.env["OLLAMA_HOST"] = usualHost;
    }
  });
});

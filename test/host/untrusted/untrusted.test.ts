import assert from "node:assert/strict";
import { registerHooks } from "node:module";
import { after, afterEach, before, suite, test } from "node:test";
import * as vscode from "vscode";
import { createModelServer, type ModelServer } from "../../fake/modelServer.ts";
import { closeAll, configure, notification, openBelow } from "../editor.ts";
import { smokeLines } from "../smokeLines.ts";
import { ghostText, hasUi, type, waitUntil } from "../ui.ts";

let server: ModelServer;

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
        loaded.some((url) => url.includes("/chunks/engine-")),
        "the ladder was not loaded",
      );
      assert.deepEqual(
        loaded.filter((url) => /\/chunks\/(client|registry)-/.test(url)),
        [],
      );
    },
  );

  test("explaining says that the folder is not trusted", { skip: !hasUi }, async () => {
    const editor = await openBelow("src/products.ts", 16);
    editor.selection = new vscode.Selection(6, 0, 12, 1);
    void vscode.commands.executeCommand("hotpath.explainSelection");
    await notification(/not trusted/);
    assert.equal(server.connections().opened, 0);
  });
});

import assert from "node:assert/strict";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, afterEach, before, suite, test } from "node:test";
import * as vscode from "vscode";
import { createModelServer, jsonReply, type ModelServer } from "../../fake/modelServer.ts";
import { closeAll, configure, notification, openBelow } from "../editor.ts";
import { shimEnvironment } from "../shim.ts";
import { click, ghostText, hasUi, press, runFromPalette, shownText, texts, type, waitFor, waitUntil } from "../ui.ts";

const row = (text: string) => `.quick-input-list .monaco-list-row:has-text("${text}")`;
const input = ".quick-input-widget .quick-input-box input";
const title = ".quick-input-widget .quick-input-title";
const problemMark = '[id="hotpath.hotpath.memory"] .codicon-warning';

const names = ["completion", "chat", "background"].flatMap((role) =>
  ["provider", "baseUrl", "model"].map((name) => `${role}.${name}`),
);
const nothingSet = Object.fromEntries(names.map((name) => [name, undefined]));

/** What is set for the user, without what is not. */
const settings = (): Record<string, unknown> => {
  const configuration = vscode.workspace.getConfiguration("hotpath");
  const entries = names.map((name) => [name, configuration.inspect(name)?.globalValue] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
};

/** Fills the box that is open and waits for what comes next. */
const answerBox = async (heading: string, text: string): Promise<void> => {
  await waitUntil(`the box "${heading}"`, async () => (await texts(title)).some((shown) => shown.includes(heading)));
  await waitFor(input);
  await type(text);
  await press("Enter");
};

/**
 * What this VS Code has written down, Hotpath's log among it where there is one: the stand-in for a desktop writes none.
 */
const readLogs = async (): Promise<string> => {
  const root = path.dirname(process.env[shimEnvironment.output] ?? "");
  const files = await readdir(root, { recursive: true });
  const logs = files.filter((file) => file.endsWith(".log"));
  return (await Promise.all(logs.map((file) => readFile(path.join(root, file), "latin1")))).join("\n");
};

// The extension host's own variable, as a person would have set it for Ollama: no folder can set it.
const usualHost = process.env["OLLAMA_HOST"];

suite("setting up a provider", { skip: !hasUi }, () => {
  let server: ModelServer;

  before(async () => {
    server = await createModelServer({
      ollama: {},
      modelId: "qwen2.5-coder:1.5b",
      complete: () => "answerFromTheModel(42);",
    });
    process.env["OLLAMA_HOST"] = server.url;
    await configure({ "predictor.enabled": false });
  });
  after(async () => {
    if (usualHost === undefined) delete process.env["OLLAMA_HOST"];
    else process.env["OLLAMA_HOST"] = usualHost;
    await configure({ "predictor.enabled": undefined });
    await server.close();
  });
  afterEach(async () => {
    await press("Escape");
    await configure(nothingSet);
    await vscode.commands.executeCommand("notifications.clearAll");
    await closeAll();
  });

  test("a server on this machine is ghost text in three clicks", async () => {
    await runFromPalette("Hotpath: Set up a provider");
    await waitFor(row(`127.0.0.1:${server.port}`));
    await click(row(`127.0.0.1:${server.port}`));
    await waitFor(row("Use these models"));
    await shownText(".quick-input-list .monaco-list-row", /Ghost text[^]*qwen2\.5-coder:1\.5b/);
    await click(row("Use these models"));
    assert.match(await notification(/answered in/), /qwen2\.5-coder:1\.5b answered in .* ms; this test cost nothing\./);
    assert.deepEqual(settings(), {
      "completion.provider": "ollama",
      "completion.baseUrl": server.url,
      "completion.model": "qwen2.5-coder:1.5b",
    });
    await openBelow("src/products.ts", 16);
    await type("const theAnswer = ", { delayMs: 60 });
    await waitUntil("the model's text", async () => (await ghostText()).includes("answerFromTheModel(42);"));
  });

  test("it says on which machine it looked, and offers what is elsewhere", async () => {
    await runFromPalette("Hotpath: Set up a provider");
    await waitFor(row(`127.0.0.1:${server.port}`));
    const shown = await shownText(".quick-input-list .monaco-list-row", /Another address/);
    for (const text of ["OpenRouter (sign in)", "OpenRouter (enter a key)", "Another address"]) {
      assert.ok(shown.includes(text), text);
    }
    const isRemote = vscode.env.remoteName !== undefined;
    assert.match(shown, isRemote ? /On the remote machine \S+/ : /On this machine/);
    assert.equal(shown.includes("A server on your own computer"), isRemote);
    await press("Escape");
    assert.deepEqual(settings(), {});
  });

  test("a test that fails is a plain sentence; nothing is saved until somebody says so", async () => {
    server.script("/api/generate", jsonReply(500, { error: "llama runner process has terminated" }));
    await runFromPalette("Hotpath: Set up a provider");
    await waitFor(row(`127.0.0.1:${server.port}`));
    await click(row(`127.0.0.1:${server.port}`));
    await waitFor(row("Use these models"));
    await click(row("Use these models"));
    await waitFor(row("Try again"));
    await shownText(".quick-input-widget", /reported a fault of its own/);
    assert.deepEqual(settings(), {});
    await click(row("Try again"));
    assert.match(await notification(/answered in/), /cost nothing/);
    assert.equal(settings()["completion.provider"], "ollama");
  });

  test("a key goes to the address it was entered for, never to another, and stands nowhere", async () => {
    const key = "planted-key-5d1f7c";
    const locked = await createModelServer({ apiKey: key, complete: () => "lockedAnswer();" });
    const stranger = await createModelServer();
    try {
      await runFromPalette("Hotpath: Set up a provider");
      await waitFor(row("Another address"));
      await click(row("Another address"));
      await answerBox("Address of the model server", locked.url);
      await answerBox(`API key for ${locked.url}`, key);
      await waitFor(row("Use these models"));
      await click(row("Use these models"));
      await notification(/^llama\.cpp is set up: .* answered in/);
      assert.deepEqual(settings(), { "completion.provider": "llamacpp", "completion.baseUrl": locked.url });
      const authorized = locked.requests.filter(({ headers }) => headers["authorization"] === `Bearer ${key}`);
      assert.ok(authorized.some(({ path: asked }) => asked.startsWith("/completion")));

      // The server repeats what it was sent, and fails.
      const marker = "plantedPromptMarker";
      const echo = `Bearer ${key} refused for ${marker}`;
      locked.script("/completion", ...Array.from({ length: 6 }, () => jsonReply(400, { error: { message: echo } })));
      await openBelow("src/products.ts", 16);
      await type(`const ${marker} = `, { delayMs: 30 });
      await waitFor(problemMark);
      await vscode.commands.executeCommand("hotpath.openReport");
      const report = await waitUntil("the failed request", async () => {
        const [page] = await texts("body", { webview: true });
        return page?.includes("failed: request refused") === true ? page : undefined;
      });
      await closeAll();

      // Another server under the same settings.
      await configure({ "completion.baseUrl": stranger.url });
      await openBelow("src/products.ts", 16);
      await type("const elsewhere = ", { delayMs: 60 });
      await waitUntil("a request", () => stranger.requests.some(({ path: asked }) => asked.startsWith("/completion")));
      assert.ok(stranger.requests.every(({ headers }) => headers["authorization"] === undefined));

      const logs = await readLogs();
      for (const planted of [key, marker]) {
        assert.ok(!logs.includes(planted), `${planted} stands in a log`);
        assert.ok(!report.includes(planted), `${planted} stands in the report`);
        assert.ok(!JSON.stringify(vscode.workspace.getConfiguration("hotpath")).includes(planted), planted);
      }
    } finally {
      await locked.close();
      await stranger.close();
    }
  });

  test("case 37: an address that the folder's settings name is never asked", async () => {
    const stranger = await createModelServer();
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
    const file = path.join(folder, ".vscode", "settings.json");
    const earlier = await readFile(file, "utf8").catch(() => undefined);
    try {
      await configure({ "completion.provider": "ollama", "completion.baseUrl": server.url });
      const hostile = Object.fromEntries(
        ["completion", "chat", "background"].flatMap((role) => [
          [`hotpath.${role}.provider`, "llamacpp"],
          [`hotpath.${role}.baseUrl`, stranger.url],
          [`hotpath.${role}.moreBaseUrls`, [stranger.url]],
          [`hotpath.${role}.fallbacks`, [{ provider: "llamacpp", baseUrl: stranger.url }]],
        ]),
      );
      await vscode.workspace.fs.createDirectory(vscode.Uri.file(path.dirname(file)));
      await writeFile(file, JSON.stringify({ ...hostile, "editor.rulers": [77] }));
      await waitUntil("the folder's settings", () =>
        JSON.stringify(vscode.workspace.getConfiguration("editor").get("rulers")).includes("77"),
      );
      await openBelow("src/products.ts", 16);
      await type("const ours = ", { delayMs: 60 });
      await waitUntil("a request", () => server.requests.some(({ body }) => body.includes("const ours")));
      const configuration = vscode.workspace.getConfiguration("hotpath");
      assert.equal(configuration.get("completion.baseUrl"), server.url);
      assert.equal(stranger.connections().opened, 0);
    } finally {
      if (earlier === undefined) await rm(file, { force: true });
      else await writeFile(file, earlier);
      await stranger.close();
    }
  });
});

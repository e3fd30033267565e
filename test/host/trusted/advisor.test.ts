import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, afterEach, before, suite, test } from "node:test";
import * as vscode from "vscode";
import { createModelServer, linesReply, ndjson, type ModelServer } from "../../fake/modelServer.ts";
import { smallCoder } from "../../fake/ollamaServer.ts";
import { closeAll, configure, notification, pressNotificationButton } from "../editor.ts";
import { click, hasUi, press, runFromPalette, shownText, texts, waitFor, waitUntil } from "../ui.ts";

const row = (text: string) => `.quick-input-list .monaco-list-row:has-text("${text}")`;
const gib = 1024 ** 3;

// The extension host's own variable, as a person would have set it for Ollama: no folder can set it.
const usualHost = process.env["OLLAMA_HOST"];
const usualPath = process.env["PATH"];

/** VS Code draws only the rows in sight, and this one is among them for both purposes. */
const openList = async (purpose: string) => {
  await runFromPalette("Hotpath: Recommend a model for this machine");
  await waitFor(row(purpose));
  await click(row(purpose));
  await waitFor(row("Qwen3-Coder-30B-A3B"));
};

suite("advice for this machine", { skip: !hasUi }, () => {
  let server: ModelServer;
  let folder = "";

  before(async () => {
    // Whatever this machine is, its vendor's tool tells of a card.
    folder = await mkdtemp(path.join(os.tmpdir(), "hotpath-card-"));
    const tool = path.join(folder, "nvidia-smi");
    await writeFile(tool, "#!/bin/sh\nsleep 0.6\necho '0, NVIDIA GeForce RTX 4090, 24564, 24000'\n");
    await chmod(tool, 0o755);
    process.env["PATH"] = `${folder}:${usualPath}`;
    server = await createModelServer({
      ollama: {
        modelInfo: smallCoder,
      },
      modelId: "qwen2.5-coder:1.5b",
    });
    process.env["OLLAMA_HOST"] = server.url;
    await configure({ "predictor.enabled": false });
  });
  after(async () => {
    if (usualHost === undefined) delete process.env["OLLAMA_HOST"];
    else process.env["OLLAMA_HOST"] = usualHost;
    process.env["PATH"] = usualPath;
    await rm(folder, { recursive: true, force: true });
    const names = ["provider", "baseUrl", "model"].flatMap((name) => [`completion.${name}`, `chat.${name}`]);
    await configure({ "predictor.enabled": undefined, ...Object.fromEntries(names.map((name) => [name, undefined])) });
    await server.close();
  });
  afterEach(async () => {
    await press("Escape");
    await press("Escape");
    await vscode.commands.executeCommand("notifications.clearAll");
    await closeAll();
  });

  test("it ranks models with their memory, speed and context, and takes one into use", async () => {
    await openList("Ghost text");
    await shownText(".quick-input-widget", /NVIDIA GeForce RTX 4090 of .* 24\.0 GB, of which models/);
    await shownText(
      ".quick-input-list .monaco-list-row",
      /Qwen3-Coder-30B-A3B Q4_K_M[^]*\d+\.\d GB of 22\.\d GB · \d+–\d+ tokens\/s · context 16,384, read in/,
      /qwen2\.5-coder:1\.5b[^]*on Ollama[^]*of .* GB · .* tokens\/s · context/,
    );
    await click(row("qwen2.5-coder:1.5b"));
    await waitFor(row("Use it for ghost text"));
    await click(row("Use it for ghost text"));
    assert.match(await notification(/answered in/), /qwen2\.5-coder:1\.5b answered in .* ms; this test cost nothing\./);
    const configuration = vscode.workspace.getConfiguration("hotpath");
    assert.equal(configuration.get("completion.provider"), "ollama");
    assert.equal(configuration.get("completion.model"), "qwen2.5-coder:1.5b");
  });

  test("a model is downloaded with a bar, can be stopped, and the next download goes on", async () => {
    const part = (completed: number) => ndjson({ status: "pulling abc", digest: "sha256:abc", total: gib, completed });
    server.script("/api/pull", linesReply([ndjson({ status: "pulling manifest" }), part(0.4 * gib)], "hang"));
    await openList("Ghost text");
    await click(row("Qwen2.5-Coder-3B"));
    await waitFor(row("Download through Ollama"));
    await click(row("Download through Ollama"));
    await waitFor(row("Download about"));
    assert.ok(!server.requests.some(({ path: asked }) => asked === "/api/pull"), "it asks first");
    await click(row("Download about"));
    const request = await server.nextRequest("/api/pull");
    assert.equal((JSON.parse(request.body) as { model: string }).model, "qwen2.5-coder:3b");
    await waitUntil("the progress", async () => {
      await vscode.commands.executeCommand("notifications.showList");
      const shown = (await texts(".notifications-center")).join();
      return /Downloading qwen2\.5-coder:3b.*410 MB of 1\.0 GB/s.test(shown);
    });
    await pressNotificationButton();
    await request.closedByClient;
    await notification(/Stopped\. Downloading qwen2\.5-coder:3b again goes on where it was/);
    await vscode.commands.executeCommand("notifications.clearAll");

    server.script("/api/pull", linesReply([part(0.4 * gib), part(gib), ndjson({ status: "success" })]));
    await openList("Ghost text");
    await click(row("Qwen2.5-Coder-3B"));
    await click(row("Download through Ollama"));
    await click(row("Download about"));
    await notification(/qwen2\.5-coder:3b is there/);
  });

  test("the exact llama-server command is shown and copied", async () => {
    await openList("Chat");
    await click(row("Qwen3-Coder-30B-A3B"));
    await waitFor(row("Copy llama-server command"));
    await click(row("Copy llama-server command"));
    const copied = await waitUntil("the command", async () => {
      const text = await vscode.env.clipboard.readText();
      return text.startsWith("llama-server") ? text : undefined;
    });
    assert.match(
      copied,
      /^llama-server -hf unsloth\/Qwen3-Coder-30B-A3B-Instruct-GGUF:Q4_K_M -c \d+ -np 1 -ngl 99 --host 127\.0\.0\.1 --port 8080$/,
    );
  });

  test("the report shows the two tables when somebody asks, and copies them as Markdown", async () => {
    await vscode.commands.executeCommand("hotpath.openReport");
    await waitUntil("the button", async () =>
      (await texts("button", { webview: true })).includes("Show what fits this machine"),
    );
    assert.deepEqual(await texts("th:has-text('Context max')", { webview: true }), []);
    await click("button", { webview: true });
    const page = await waitUntil("the tables", async () => {
      const [body] = await texts("body", { webview: true });
      return body?.includes("Context max") ? body : undefined;
    });
    for (const text of [
      "Recommended batch",
      "Throughput",
      "Safe",
      "Gemma 3 27B",
      "Ministral 14B",
      "qwen2.5-coder:1.5b",
    ]) {
      assert.ok(page.includes(text), text);
    }
    await click("button", { webview: true });
    const copied = await waitUntil("the Markdown", async () => {
      const text = await vscode.env.clipboard.readText();
      return text.includes("| Model |") ? text : undefined;
    });
    assert.match(copied, /^## .*GB\n\n\| Model \| Recommended batch \| Max \| Throughput \|\n\|---\|---\|---\|---\|\n/);
  });

  test("the tables have a command of their own, which scrolls to them", async () => {
    await runFromPalette("Hotpath: Show batch and context tables for this machine");
    await waitUntil(
      "the tables",
      async () => (await texts("th:has-text('Context max')", { webview: true })).length === 1,
    );
  });
});

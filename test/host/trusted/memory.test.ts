import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, afterEach, before, suite, test } from "node:test";
import * as vscode from "vscode";
import { createOllamaServer, type OllamaServer } from "../../fake/ollamaServer.ts";
import { closeAll, configure, notification } from "../editor.ts";
import { click, evaluate, hasUi, texts, waitFor, waitUntil } from "../ui.ts";

const statusItem = '[id="hotpath.hotpath.memory"]';
const rows = ".quick-input-list .monaco-list-row";
const gb = 2 ** 30;

let server: OllamaServer;
let folder = "";
const usualPath = process.env["PATH"];

/** How often the vendor's tool was started. */
const toolRuns = async () => (await readFile(path.join(folder, "runs"), "utf8").catch(() => "")).length;

const run = (command: string, argument?: unknown) => vscode.commands.executeCommand(`hotpath.${command}`, argument);
const rowTexts = async () => (await texts(rows)).map((text) => text.replaceAll(/\s+/g, " ").trim());
const openMenu = async () => {
  // The rows of the list before stay in the page, unseen.
  await waitFor(rows, { state: "hidden" });
  await click(`${statusItem} a`);
  await waitFor(rows);
  return rowTexts();
};
/** The indicator's tooltip, once it says so. */
const tooltipWith = (says: (text: string) => boolean) =>
  waitUntil("the tooltip", async () => {
    await evaluate(
      `document.querySelector('${statusItem.replaceAll('"', '\\"')} a').dispatchEvent(new MouseEvent("mouseover", { bubbles: true }))`,
    );
    return (await texts(".workbench-hover")).find(says);
  });
const closeList = async () => {
  await vscode.commands.executeCommand("workbench.action.closeQuickOpen");
  await waitFor(rows, { state: "hidden" });
};
const buttons = () => texts(".notifications-center .notification-list-item .monaco-button");
const attribute = (name: string) =>
  evaluate(`document.querySelector('${statusItem.replaceAll('"', '\\"')}')?.${name}`).then(String);
const label = () =>
  evaluate(`document.querySelector('${statusItem.replaceAll('"', '\\"')} a')?.getAttribute("aria-label")`).then(String);

// Hooks outside of a suite would be those of every file in this window.
suite("memory", () => {
  before(async () => {
    // Whatever this machine is, its vendor's tool tells of a card, after a while.
    folder = await mkdtemp(path.join(os.tmpdir(), "hotpath-card-"));
    const tool = path.join(folder, "nvidia-smi");
    const answer = "0, NVIDIA GeForce RTX 4090, 24564, 17396";
    await writeFile(tool, `#!/bin/sh\nprintf x >> '${path.join(folder, "runs")}'\nsleep 0.6\necho '${answer}'\n`);
    await chmod(tool, 0o755);
    process.env["PATH"] = `${folder}:${usualPath}`;
    server = await createOllamaServer({
      models: { "coder:7b": 5 * gb, "theirs:1b": gb },
      loadMs: 100,
      graphicsShare: 0.5,
    });
    await configure({
      // First: with room on the card, a model would be loaded as soon as one is set.
      "memory.warmUp": false,
      "completion.provider": "ollama",
      "completion.baseUrl": server.url,
      "completion.model": "coder:7b",
      // Whatever this machine has.
      "memory.modelShare": 1,
      "memory.modelLimitShare": 1,
      "memory.intervalSeconds": 1,
      "memory.alertPercent": 100,
    });
  });
  after(async () => {
    await configure({
      "completion.provider": undefined,
      "completion.baseUrl": undefined,
      "completion.model": undefined,
      "memory.modelShare": undefined,
      "memory.modelLimitShare": undefined,
      "memory.intervalSeconds": undefined,
      "memory.alertPercent": undefined,
      "memory.warmUp": undefined,
    });
    await run("muteMemoryAlerts", "unmute");
    await vscode.commands.executeCommand("notifications.clearAll");
    await server.close();
    process.env["PATH"] = usualPath;
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(closeAll);

  test("the indicator is calm, and a click offers what can be done", { skip: !hasUi }, async () => {
    await waitFor(statusItem);
    await waitUntil("no colour", async () => !(await attribute("className")).includes("warning-kind"));
    assert.equal(await toolRuns(), 0, "no program is started by itself");
    const found = await openMenu();
    for (const row of [
      "Open performance report",
      "Show top processes",
      "Mute memory alerts for today",
      "Warm up the model",
    ]) {
      assert.ok(
        found.some((text) => text.includes(row)),
        `${row} in ${found.join("; ")}`,
      );
    }
    assert.ok(!found.some((text) => text.includes("Unload")), "nothing is loaded");
    await closeList();
    // So that the next click finds no reading under way.
    await tooltipWith((text) => text.includes("in use at"));
  });

  test("a model is warmed up, shown in the tooltip and unloaded again", { skip: !hasUi }, async () => {
    server.put("theirs:1b");
    await run("warmUpModel");
    await notification(/coder:7b is loaded; it took \d[\d.]* m?s/);
    assert.ok(server.loaded.has("coder:7b"));
    const runsBefore = await toolRuns();
    const found = await openMenu();
    assert.ok(
      found.some((text) => /Unload a model.*2 loaded, 6\.0 GB/.test(text)),
      found.join("; "),
    );
    await closeList();
    // The list has asked the vendor's tool, whose answer comes when it comes.
    // It has the advice worked out, too, which takes a moment more.
    const tooltip = await tooltipWith((text) => /in use at[^]*tokens/.test(text) && /: (?:Best one|Up to)/.test(text));
    assert.equal(await toolRuns(), runsBefore + 1, "the card is read once for the tooltip and the advice");
    const links = `[...document.querySelectorAll(".workbench-hover a")].map((link) => link.textContent).join("; ")`;
    assert.match(String(await evaluate(links)), /Show batch and context tables/);
    const plain = tooltip.replaceAll(" ", " ");
    assert.match(plain, /Extension host: \d+(\.\d)? [MG]B/);
    assert.match(plain, /Machine.*: .* in use \(\d+ %\)/);
    assert.match(plain, /Graphics memory: 7\.0 GB of 24\.0 GB in use at .+, 3\.0 GB by models/);
    assert.match(plain, /coder:7b: 5\.0 GB, context of 8,192 tokens, unloaded at /);
    assert.match(plain, /theirs:1b: 1\.0 GB, .*loaded by another program/);
    assert.match(plain, /Tip: 2\.5 GB of the model \(50 %\) lies in main memory/);
    assert.match(plain, /coder:7b: (?:Best one request at a time|Up to \d+ requests at a time)/);
    await run("unloadModel", "leastRecentlyUsed");
    await notification(/coder:7b was unloaded \(5\.0 GB\)/);
    assert.deepEqual([...server.loaded.keys()], ["theirs:1b"]);
    server.take("theirs:1b");
  });

  test("when memory runs short one notification says so, with actions", { skip: !hasUi }, async () => {
    await run("muteMemoryAlerts", "unmute");
    await run("warmUpModel");
    await vscode.commands.executeCommand("notifications.clearAll");
    await configure({ "memory.alertPercent": 1 });
    await waitUntil("the alert", async () => {
      await vscode.commands.executeCommand("notifications.showList");
      return (await buttons()).includes("Mute for today");
    });
    assert.deepEqual(await buttons(), [
      "Unload least recently used model",
      "Lower context",
      "Show top processes",
      "Mute for today",
    ]);
    await waitUntil("the colour", async () => (await attribute("className")).includes("warning-kind"));
    assert.match(await label(), /Memory.*: extension host .*, machine \d+ % in use.*, warning/);
    await notification(/^\d+ % of the memory of .* is in use \(.* of .*\), 2\.5 GB of it by loaded models\.$/);
    await configure({ "memory.alertPercent": 100 });
    await waitUntil("calm again", async () => !(await attribute("className")).includes("warning-kind"));
    await run("unloadModel", "all");
  });

  test("the largest processes are listed by name and size", { skip: !hasUi }, async () => {
    const listing = run("showTopProcesses");
    const found = await waitUntil("the processes", async () => {
      const isOpen = (await texts(".quick-input-title")).join().includes("Top processes by memory");
      const shown = isOpen ? await rowTexts() : [];
      return shown.length >= 3 ? shown : undefined;
    });
    assert.ok(
      found.some((row) => /^Disk\d.* free of /.test(row)),
      found.join("; "),
    );
    assert.ok(
      found.some((row) => row.startsWith("Graphics memory7.0 GB of 24.0 GB in use")),
      found.join("; "),
    );
    for (const row of found.slice(0, 3)) assert.match(row, /^[^/\\]+\d+(\.\d)? ([KMGT]B|bytes)$/);
    await closeList();
    await listing;
  });
});

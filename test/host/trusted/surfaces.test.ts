import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import * as vscode from "vscode";
import { closeAll, openTabs } from "../editor.ts";
import { click, evaluate, hasUi, press, texts, waitFor, waitUntil } from "../ui.ts";

const statusItem = '[id="hotpath.hotpath.memory"]';

const ghostTextItem = '[id="hotpath.hotpath.ghostText"]';

const labelOf = async (selector: string): Promise<string> =>
  String(
    await evaluate(`document.querySelector(${JSON.stringify(`${selector} a`)})?.getAttribute("aria-label") ?? ""`),
  );

const reports = () => openTabs().filter(({ label }) => label === "Hotpath performance report").length;

afterEach(closeAll);

test(
  "the status bar shows memory, and a click leads to the report with this machine in it",
  { skip: !hasUi },
  async () => {
    await waitFor(statusItem);
    const [text] = await texts(statusItem);
    assert.match(text ?? "", /\d+(\.\d)? (MB|GB) · \d+ %/);
    await click(`${statusItem} a`);
    const rows = ".quick-input-list .monaco-list-row";
    await waitUntil("the menu", async () => (await texts(rows)).join().includes("Open performance report"));
    await press("Enter");
    const body = await waitUntil("the processor's name", async () => {
      const [page] = await texts("body", { webview: true });
      return page?.includes("physical cores") === true ? page : undefined;
    });
    for (const heading of ["Where ghost text came from", "Requests to model servers", "Extension host", "Machine"]) {
      assert.ok(body.includes(heading), heading);
    }
  },
);

test(
  "the ghost text indicator names where it comes from, and a click leads to the set-up",
  { skip: !hasUi },
  async () => {
    await waitFor(ghostTextItem);
    await waitUntil("its label", async () => (await labelOf(ghostTextItem)).includes("Hotpath: Ghost text is on"));
    await click(`${ghostTextItem} a`);
    const rows = ".quick-input-list .monaco-list-row";
    const row = await waitUntil("the set-up", async () =>
      (await texts(rows)).find((text) => text.includes("Set up a provider")),
    );
    assert.match(row, /From the embedded predictor alone; no model server is set up/);
    await press("Escape");
  },
);

test("opening the report twice keeps one", { skip: !hasUi }, async () => {
  await vscode.commands.executeCommand("hotpath.openReport");
  await vscode.commands.executeCommand("hotpath.openReport");
  await waitUntil("the report", () => reports() > 0);
  assert.equal(reports(), 1);
});

test("the log opens", { skip: !hasUi }, async () => {
  await vscode.commands.executeCommand("hotpath.showLog");
  await waitUntil("the log's name", async () =>
    (await texts(".panel .title-actions, .panel .composite.title")).join().includes("Hotpath"),
  );
  await vscode.commands.executeCommand("workbench.action.closePanel");
});

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import * as vscode from "vscode";
import { closeAll, configure, openBelow } from "../editor.ts";
import { evaluate, ghostText, hasUi, press, type, waitUntil } from "../ui.ts";
import { smokeLines } from "../smokeLines.ts";

afterEach(closeAll);

test("a line that stands nowhere yet is completed without any set-up, and Tab takes it", { skip: !hasUi }, async () => {
  const [line] = smokeLines;
  assert.ok(line);
  const editor = await openBelow(line.file, line.afterLine);
  await type(line.text, { delayMs: 60 });
  const shown = await waitUntil("ghost text", ghostText);
  const at = editor.selection.active.line;
  await press("Tab");
  await waitUntil("the text in the document", () => editor.document.lineAt(at).text.endsWith(shown.trimEnd()));
  assert.equal(editor.document.lineAt(at).text, line.text + shown);
});

/** A closer that the editor has set by itself is not drawn in grey: the text overwrites it. */
const withoutClosers = (text: string) => text.replaceAll(")", "");

test("typing along the ghost text keeps it, typing something else takes it away", { skip: !hasUi }, async () => {
  const [line] = smokeLines;
  assert.ok(line);
  await openBelow(line.file, line.afterLine);
  await type(line.text, { delayMs: 60 });
  const isLong = (text: string) => withoutClosers(text.slice(2)).trim() !== "";
  const shown = await waitUntil("ghost text", async () => {
    const text = await ghostText();
    return isLong(text) ? text : "";
  });
  await type(shown.slice(0, 2), { delayMs: 60 });
  const rest = withoutClosers(shown.slice(2));
  assert.equal(await waitUntil("the rest", async () => withoutClosers(await ghostText()) === rest && "kept"), "kept");
  await type("~~", { delayMs: 60 });
  await waitUntil("no ghost text", async () => (await ghostText()) === "" && "gone");
});

test("nothing is shown where the setting says no", { skip: !hasUi }, async () => {
  const [line] = smokeLines;
  assert.ok(line);
  await configure({ "completion.enabled": false });
  await openBelow(line.file, line.afterLine);
  await type(line.text, { delayMs: 60 });
  await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
  await evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))");
  assert.equal(await ghostText(), "");
  await configure({ "completion.enabled": undefined });
  // VS Code asks again after a change only.
  await press("Backspace");
  await type(line.text.slice(-1));
  await waitUntil("ghost text at the same place", ghostText);
});

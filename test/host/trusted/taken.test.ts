import assert from "node:assert/strict";
import { after, afterEach, before, suite, test } from "node:test";
import * as vscode from "vscode";
import { createModelServer, type ModelServer } from "../../fake/modelServer.ts";
import { answerBy, closeAll, openBelow } from "../editor.ts";
import { ghostText, hasUi, press, texts, type, waitFor, waitUntil } from "../ui.ts";

const answer = "alpha.beta(gamma, 42);\nconst following = delta;\n";

/** What the report says of all sources together. */
type Counts = { shown: number; accepted: number; inPart: number; characters: number; undone: number };

const readCounts = async (): Promise<Counts> => {
  await vscode.commands.executeCommand("hotpath.openReport");
  // The page is drawn anew twice a second.
  await new Promise((resolve) => {
    setTimeout(resolve, 1200);
  });
  const rows = await waitUntil("the report's table", async () => {
    const tables = await texts("table", { webview: true });
    const body = await texts("body", { webview: true });
    if (!body[0]?.includes("Where ghost text came from")) return undefined;
    return (tables.find((table) => table.includes("Kept after 30 s")) ?? "-").split("\n").slice(1);
  });
  await vscode.commands.executeCommand("workbench.action.closeActiveEditor");
  const cells = rows.map((row) => row.split("\t"));
  const sum = (column: number) => cells.reduce((total, row) => total + (Number(row[column]) || 0), 0);
  const undone = cells.reduce((total, row) => total + Number(/(\d+) undone/.exec(row[8] ?? "")?.[1] ?? 0), 0);
  return { shown: sum(4), accepted: sum(5), inPart: sum(6), characters: sum(7), undone };
};

const difference = (start: Counts, now: Counts) => ({
  accepted: now.accepted - start.accepted,
  inPart: now.inPart - start.inPart,
  characters: now.characters - start.characters,
  undone: now.undone - start.undone,
});

const typeUntilShown = async (typed: string): Promise<vscode.TextEditor> => {
  const editor = await openBelow("src/products.ts", 16);
  await type(typed, { delayMs: 60 });
  await waitUntil("the model's text", async () => (await ghostText()).startsWith("alpha.beta(gamma, 42);"));
  return editor;
};
const lineOf = (editor: vscode.TextEditor) => editor.document.lineAt(editor.selection.active.line).text;
const run = (command: string) => vscode.commands.executeCommand(`editor.action.inlineSuggest.${command}`);

suite("what is accepted", () => {
  let server: ModelServer;
  before(async () => {
    server = await createModelServer({ complete: () => answer, tokenDelayMs: 2 });
    await answerBy(server.url);
  });
  after(async () => {
    await answerBy(undefined);
    await server.close();
  });
  afterEach(closeAll);

  test(
    "as a whole, by Tab, is counted; Undo takes it back and nothing is shown behind it",
    { skip: !hasUi },
    async () => {
      const atStart = await readCounts();
      const editor = await typeUntilShown("const first = ");
      const typedOnly = editor.document.getText();
      const shown = await ghostText();
      await press("Tab");
      await waitUntil("the accepted text", () => editor.document.getText().includes(`const first = ${shown}`));
      assert.deepEqual(difference(atStart, await readCounts()), {
        accepted: 1,
        inPart: 0,
        characters: shown.length,
        undone: 0,
      });
      await vscode.window.showTextDocument(editor.document);
      await press("ControlOrMeta+Z");
      await waitUntil("the text as it was typed", () => editor.document.getText() === typedOnly);
      await new Promise((resolve) => {
        setTimeout(resolve, 500);
      });
      assert.equal(await ghostText(), "", "ghost text right behind Undo");
      const counts = difference(atStart, await readCounts());
      assert.deepEqual([counts.accepted, counts.undone], [1, 1]);
    },
  );

  test("by word and by line is counted once", { skip: !hasUi }, async () => {
    const atStart = await readCounts();
    const editor = await typeUntilShown("const second = ");
    const shown = await ghostText();
    await run("acceptNextWord");
    await waitUntil("a word", () => lineOf(editor).startsWith("const second = alpha"));
    await waitUntil(
      "the rest on the screen",
      async () => shown.endsWith(await ghostText()) && (await ghostText()) !== "",
    );
    await run("acceptNextWord");
    await waitUntil("another word", () => lineOf(editor).length > "const second = alpha".length);
    await run("acceptNextLine");
    await waitUntil("the line", () => editor.document.getText().includes("const second = alpha.beta(gamma, 42);"));
    // The line is all that was shown, or a part of it, as the answer came.
    const { accepted, inPart, characters } = difference(atStart, await readCounts());
    assert.deepEqual([accepted + inPart, characters], [1, "alpha.beta(gamma, 42);".length]);
  });

  test("a word too many is taken back, and the rest stays on the screen", { skip: !hasUi }, async () => {
    const editor = await typeUntilShown("const third = ");
    const shown = await ghostText();
    await run("acceptNextWord");
    await waitUntil("a word", () => lineOf(editor) !== "const third = ");
    await press("ControlOrMeta+Z");
    await waitUntil("the text as it was typed", () => lineOf(editor) === "const third = ");
    assert.equal(await waitUntil("the whole text again", async () => (await ghostText()) === shown && shown), shown);
  });

  test("typing along takes nothing", { skip: !hasUi }, async () => {
    const atStart = await readCounts();
    await typeUntilShown("const fourth = ");
    await type("alpha.b", { delayMs: 60 });
    await waitUntil("the rest", async () => (await ghostText()).startsWith("eta(gamma, 42);"));
    const counts = difference(atStart, await readCounts());
    assert.deepEqual(counts, { accepted: 0, inPart: 0, characters: 0, undone: 0 });
  });

  test("an item of the suggest widget is its own, and ghost text goes on behind it", { skip: !hasUi }, async () => {
    const atStart = await readCounts();
    const editor = await openBelow("src/products.ts", 16);
    await type("const listed = produc", { delayMs: 60 });
    await vscode.commands.executeCommand("editor.action.triggerSuggest");
    await waitFor(".suggest-widget.visible .monaco-list-row.focused");
    await waitUntil("ghost text behind the item", async () => (await ghostText()).includes("alpha.beta(gamma, 42);"));
    await press("Enter");
    await waitUntil("the item", () => lineOf(editor) === "const listed = products");
    await waitUntil("the rest", async () => (await ghostText()).startsWith("alpha.beta(gamma, 42);"));
    const counts = difference(atStart, await readCounts());
    assert.deepEqual(counts, { accepted: 0, inPart: 0, characters: 0, undone: 0 });
  });
});

import assert from "node:assert/strict";
import { after, afterEach, before, suite, test } from "node:test";
import * as vscode from "vscode";
import { createModelServer, type ModelServer } from "../../fake/modelServer.ts";
import { answerBy, closeAll, configure, openBelow } from "../editor.ts";
import {
  click,
  compose,
  evaluate,
  ghostText,
  hasUi,
  press,
  runFromPalette,
  texts,
  type,
  waitFor,
  waitUntil,
  shownText,
} from "../ui.ts";

const statusItem = '[id="hotpath.hotpath.ghostText"]';
const expected = "answerFromTheModel(42);";
const next = "anotherAnswer();";

const shows = () => waitUntil("ghost text", async () => (await ghostText()).includes(expected));
/** VS Code asks some 65 ms after a key, and the server answers at once: half a second later it would have been there. */
const showsNothing = async (what: string) => {
  await new Promise((resolve) => {
    setTimeout(resolve, 500);
  });
  assert.equal(await ghostText(), "", what);
};
/** At once behind a new line it could be the editor's own indentation. */
const pressTabLater = async () => {
  await new Promise((resolve) => setTimeout(resolve, 200));
  await press("Tab");
};
/** Types until ghost text could be there. */
const typeLine = () => type("const quiet = ", { delayMs: 60 });
const statusIcon = (name: string) => waitFor(`${statusItem} .codicon-${name}`);

suite("calm", () => {
  let server: ModelServer;
  const completions = () => server.requests.filter(({ path }) => path.startsWith("/completion")).length;

  before(async () => {
    server = await createModelServer({
      complete: ({ prefix }) => (prefix.endsWith("(42);") ? `\n${next}` : expected),
      tokenDelayMs: 1,
    });
    await answerBy(server.url);
  });
  after(async () => {
    await answerBy(undefined);
    await server.close();
  });
  afterEach(async () => {
    await closeAll();
    // So that a test that fails while it snoozes does not fail the others.
    await vscode.commands.executeCommand("hotpath.resumeGhostText");
  });

  test(
    "Tab on a blank line shows nothing and asks nobody, the editor's own indentation does",
    { skip: !hasUi },
    async () => {
      const editor = await openBelow("src/products.ts", 16);
      await typeLine();
      await shows();
      await press("Escape");
      await press("Enter");
      await shows();
      await press("Escape");
      await pressTabLater();
      await showsNothing("behind Tab");
      // What was asked ahead, while the text was on the screen, is asked by now.
      const asked = completions();
      assert.equal(editor.document.lineAt(editor.selection.active.line).text.trim(), "");
      await press("Tab");
      await type(" ");
      await showsNothing("behind blanks");
      assert.equal(completions(), asked, "asked for bare indentation");
      await type("if (quiet) {");
      await press("Enter");
      await shows();
      assert.match(editor.document.lineAt(editor.selection.active.line).text, /^ +$/);
    },
  );

  test("by hand, ghost text comes on bare indentation too", { skip: !hasUi }, async () => {
    await openBelow("src/products.ts", 16);
    await pressTabLater();
    await showsNothing("behind Tab");
    await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
    await shows();
  });

  test("snoozed from the status bar it stays away, and resumed it comes back", { skip: !hasUi }, async () => {
    const editor = await openBelow("src/products.ts", 16);
    await statusIcon("sparkle");
    await typeLine();
    await shows();
    await click(`${statusItem} a`);
    await waitFor('.quick-input-list .monaco-list-row:has-text("Snooze for 15 minutes")');
    await click('.quick-input-list .monaco-list-row:has-text("Snooze for 15 minutes")');
    await statusIcon("bell-slash");
    await shownText(statusItem, /15 min/);
    const [first] = await texts('.part.statusbar [id^="hotpath.hotpath"]');
    assert.match(first ?? "", /[MG]B/, "the memory indicator comes first");
    await waitUntil("no ghost text", async () => (await ghostText()) === "" && "gone");
    const asked = completions();
    await type("other + ", { delayMs: 60 });
    await showsNothing("while snoozed");
    assert.equal(editor.document.lineAt(editor.selection.active.line).text, "const quiet = other + ");
    assert.equal(completions(), asked, "asked while snoozed");
    await click(`${statusItem} a`);
    await waitFor('.quick-input-list .monaco-list-row:has-text("Resume now")');
    await press("Enter");
    await statusIcon("sparkle");
    await shows();
  });

  test("the palette snoozes too", { skip: !hasUi }, async () => {
    await openBelow("src/products.ts", 16);
    await runFromPalette("Hotpath: Snooze ghost text");
    await waitFor('.quick-input-list .monaco-list-row:has-text("until VS Code restarts")');
    await type("restarts");
    await press("Enter");
    await statusIcon("bell-slash");
    await shownText(statusItem, /snoozed/);
    await typeLine();
    await showsNothing("while snoozed");
    await runFromPalette("Hotpath: Resume ghost text");
    await statusIcon("sparkle");
  });

  test("a language is switched off and on from the menu", { skip: !hasUi }, async () => {
    await openBelow("src/products.ts", 16);
    await click(`${statusItem} a`);
    await waitFor('.quick-input-list .monaco-list-row:has-text("Switch off for typescript files")');
    await type("Switch off");
    await press("Enter");
    await statusIcon("circle-slash");
    await typeLine();
    await showsNothing("in a language that is switched off");
    const other = await vscode.workspace.openTextDocument({ language: "javascript", content: "" });
    await vscode.window.showTextDocument(other);
    await statusIcon("sparkle");
    await typeLine();
    await shows();
    await openBelow("src/products.ts", 16);
    await click(`${statusItem} a`);
    await waitFor('.quick-input-list .monaco-list-row:has-text("Switch on for typescript files")');
    await type("Switch on");
    await press("Enter");
    await statusIcon("sparkle");
    await typeLine();
    await shows();
    const configuration = vscode.workspace.getConfiguration("hotpath", { languageId: "typescript" });
    await configuration.update("completion.enabled", undefined, vscode.ConfigurationTarget.Global, true);
  });

  test("a commit message gets none unless wished", { skip: !hasUi }, async () => {
    const document = await vscode.workspace.openTextDocument({ language: "git-commit", content: "" });
    await vscode.window.showTextDocument(document);
    await statusIcon("circle-slash");
    await type("Say why ", { delayMs: 60 });
    await showsNothing("in a commit message");
  });

  test("with several cursors nothing is shown, and none is asked", { skip: !hasUi }, async () => {
    const editor = await openBelow("src/products.ts", 16);
    await press("Enter");
    await shows();
    await press("Escape");
    const { line } = editor.selection.active;
    editor.selections = [new vscode.Selection(line, 0, line, 0), new vscode.Selection(line - 1, 0, line - 1, 0)];
    await waitFor(".monaco-editor.focused .cursors-layer .cursor ~ .cursor");
    const asked = completions();
    await typeLine();
    await showsNothing("with two cursors");
    assert.equal(completions(), asked);
    assert.equal(editor.document.lineAt(line - 1).text, "const quiet = ");
  });

  test("of two editors on one document, only the one that is typed in shows ghost text", { skip: !hasUi }, async () => {
    const editor = await openBelow("src/products.ts", 16);
    await vscode.commands.executeCommand("workbench.action.splitEditor");
    await waitUntil("two editors", () => vscode.window.visibleTextEditors.length === 2);
    await waitFor(".monaco-editor.focused");
    await typeLine();
    await shows();
    const editors = await evaluate(
      `Array.from(document.querySelectorAll(".part.editor .monaco-editor")).map((editor) => [
        editor.classList.contains("focused"),
        editor.querySelector(".ghost-text-decoration") !== null,
      ])`,
    );
    assert.deepEqual(editors, [
      [false, false],
      [true, true],
    ]);
    await press("Tab");
    await waitUntil("the accepted text, once", () => editor.document.getText().split(expected).length === 2);
  });

  test("a snippet in progress keeps Tab to itself", { skip: !hasUi }, async () => {
    const editor = await openBelow("src/products.ts", 16);
    const { line } = editor.selection.active;
    await editor.insertSnippet(new vscode.SnippetString("const ${1:name} = $2\n$0"));
    await type("quiet", { delayMs: 60 });
    await press("Tab");
    await type("more + ", { delayMs: 60 });
    await showsNothing("in a snippet");
    await press("Tab");
    await waitUntil("the last place", () => editor.selection.active.line === line + 1);
    assert.equal(editor.document.lineAt(line).text, "const quiet = more + ");
    await typeLine();
    await shows();
  });

  test("a notebook's cell gets ghost text too", { skip: !hasUi }, async () => {
    const cell = new vscode.NotebookCellData(vscode.NotebookCellKind.Code, "", "javascript");
    const notebook = await vscode.workspace.openNotebookDocument("jupyter-notebook", new vscode.NotebookData([cell]));
    await vscode.window.showNotebookDocument(notebook);
    await vscode.commands.executeCommand("notebook.cell.edit");
    await waitFor(".notebookOverlay .monaco-editor.focused");
    await typeLine();
    await waitUntil("ghost text", async () =>
      (await texts(".notebookOverlay .ghost-text-decoration")).join("").includes("answerFromTheModel"),
    );
    await press("Tab");
    await waitUntil("the accepted text", () => notebook.cellAt(0).document.getText() === `const quiet = ${expected}`);
  });

  test("Undo brings no ghost text, the next key does", { skip: !hasUi }, async () => {
    const editor = await openBelow("src/products.ts", 16);
    const { line } = editor.selection.active;
    await press("Tab");
    await waitUntil("indentation", () => editor.document.lineAt(line).text !== "");
    await press("ControlOrMeta+Z");
    await waitUntil("the blank line", () => editor.document.lineAt(line).text === "");
    await showsNothing("behind Undo");
    await typeLine();
    await shows();
  });

  test("while an input method composes, nobody is asked", { skip: !hasUi }, async () => {
    const editor = await openBelow("src/products.ts", 16);
    await typeLine();
    await shows();
    await press("Escape");
    await type("'", { delayMs: 60 });
    await compose("n");
    // Its first letter may be a typed one.
    await new Promise((resolve) => {
      setTimeout(resolve, 500);
    });
    const asked = completions();
    for (const text of ["ni", "nih", "niha", "nihao"]) {
      await compose(text);
      await showsNothing("while composing");
    }
    await compose("你好", { isChosen: true });
    assert.equal(completions(), asked);
    await type("!");
    await shows();
    assert.match(editor.document.lineAt(editor.selection.active.line).text, /'你好!'/);
  });

  test("new ghost text waits for the pause that is wished, its rest does not", { skip: !hasUi }, async () => {
    await configure({ "completion.showDelayMs": 4000 });
    try {
      await openBelow("src/products.ts", 16);
      await typeLine();
      const atMs = performance.now();
      await showsNothing("before the pause is over");
      await shows();
      assert.ok(performance.now() - atMs > 3800, `after ${performance.now() - atMs} ms`);
      await type("answer", { delayMs: 60 });
      await waitUntil("the rest", async () => (await ghostText()) === expected.slice("answer".length) && "kept", {
        timeoutMs: 3000,
      });
      await press("Tab");
      await waitUntil("what follows the accepted text", async () => (await ghostText()).includes(next), {
        timeoutMs: 3000,
      });
    } finally {
      await configure({ "completion.showDelayMs": undefined });
    }
  });
});

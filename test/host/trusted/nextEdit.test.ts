import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import * as vscode from "vscode";
import { createModelServer } from "../../fake/modelServer.ts";
import { closeAll, configure } from "../editor.ts";
import { annotations, nextEditHint, noNextEditHint } from "../nextEditHints.ts";
import { evaluate, hasUi, press, runFromPalette, type, waitFor, waitUntil } from "../ui.ts";

afterEach(closeAll);

const before = `export function sum(values: number[]): number {
  let s = 0;
  for (const value of values) {
    s += value;
  }
  return s;
}
`;
// Its parameter is another `s`.
const other = "\nexport const twice = (s: number) => s * 2;\n";

/** A new document with `before` in it, the cursor behind the first `s`. */
const openSum = async (): Promise<vscode.TextEditor> => {
  const document = await vscode.workspace.openTextDocument({ language: "typescript", content: before + other });
  const editor = await vscode.window.showTextDocument(document, { preview: false });
  const cursor = new vscode.Position(1, 7);
  editor.selection = new vscode.Selection(cursor, cursor);
  await vscode.commands.executeCommand("workbench.action.focusActiveEditorGroup");
  await waitFor(".monaco-editor.focused");
  // A document is followed from a moment after it got the focus.
  await evaluate("new Promise((done) => setTimeout(done, 1000))");
  return editor;
};

test(
  "a rename by hand is offered at the next place, applied by Tab, and undone in one step",
  { skip: !hasUi },
  async () => {
    const editor = await openSum();
    await press("Backspace");
    await type("count", { delayMs: 40 });
    assert.match(await nextEditHint(/Tab to line 4/), /count/);
    await press("Tab");
    await waitUntil("the cursor at the place", () => editor.selection.active.line === 3 && "there");
    assert.equal(editor.document.lineAt(3).text, "    s += value;");
    await nextEditHint(/Tab to apply/);
    await press("Tab");
    await waitUntil("the change", () => editor.document.lineAt(3).text === "    count += value;");
    // The next place follows at once.
    await nextEditHint(/Tab to line 6/);
    await press("Tab");
    await nextEditHint(/Tab to apply/);
    await press("Tab");
    await waitUntil("the last change", () => editor.document.lineAt(5).text === "  return count;");
    await noNextEditHint();
    assert.equal(editor.document.getText(), before.replaceAll(/\bs\b/g, "count") + other);
    await press("ControlOrMeta+z");
    await waitUntil("one step back", () => editor.document.lineAt(5).text === "  return s;");
    assert.equal(editor.document.lineAt(3).text, "    count += value;");
  },
);

test("Escape and typing take the offer away, and Tab indents again", { skip: !hasUi }, async () => {
  const editor = await openSum();
  await press("Backspace");
  await type("count", { delayMs: 40 });
  await nextEditHint(/Tab to line 4/);
  await press("Escape");
  await noNextEditHint();
  await press("End");
  await press("Tab");
  await waitUntil("a tab", () => /;\s+$/.test(editor.document.lineAt(1).text) && "indented");
  assert.equal(editor.document.lineAt(3).text, "    s += value;");
  await press("Backspace");
  await nextEditHint(/Tab to line 4/);
  await type("x");
  await noNextEditHint();
});

test("a snooze takes the offer away, and none comes while it lasts", { skip: !hasUi }, async () => {
  const editor = await openSum();
  await press("Backspace");
  await type("count", { delayMs: 40 });
  await nextEditHint(/Tab to line 4/);
  await runFromPalette("Hotpath: Snooze ghost text");
  await waitFor('.quick-input-list .monaco-list-row:has-text("Snooze for 5 minutes")');
  await press("Enter");
  await noNextEditHint();
  await waitFor(".monaco-editor.focused");
  await type("s", { delayMs: 40 });
  await waitUntil("the edit", () => editor.document.lineAt(1).text === "  let counts = 0;");
  await evaluate("new Promise((done) => setTimeout(done, 1500))");
  assert.doesNotMatch(await annotations(), /Tab/);
  await runFromPalette("Hotpath: Resume ghost text");
});

test("nothing is offered where the setting says no", { skip: !hasUi }, async () => {
  await configure({ "nextEdit.enabled": false });
  try {
    const editor = await openSum();
    await press("Backspace");
    await type("count", { delayMs: 40 });
    await waitUntil("the edit", () => editor.document.lineAt(1).text === "  let count = 0;");
    // As long again as the pause after which an offer comes.
    await evaluate("new Promise((done) => setTimeout(done, 1500))");
    assert.doesNotMatch(await annotations(), /Tab/);
  } finally {
    await configure({ "nextEdit.enabled": undefined });
  }
});

test("a next-edit model is asked where no rule has an answer, in its own marks", { skip: !hasUi }, async () => {
  // Zeta 2 writes the lines around the cursor anew.
  const server = await createModelServer({
    complete: () =>
      (before + other).replace("let s = 0", "let s = 10").replace("s * 2", "s * 10") + ">>>>>>> UPDATED\n",
    tokenDelayMs: 0,
  });
  try {
    await configure({ "nextEdit.provider": "llamacpp", "nextEdit.baseUrl": server.url, "nextEdit.model": "zeta-2" });
    const editor = await openSum();
    for (let column = 0; column < 3; column++) await press("ArrowRight");
    await type("1", { delayMs: 40 });
    await waitUntil("the edit", () => editor.document.lineAt(1).text === "  let s = 10;");
    await nextEditHint(/Tab to line 9/);
    const asked = server.requests.filter(({ path }) => path.startsWith("/completion"));
    assert.equal(asked.length, 1);
    const { prompt } = JSON.parse(asked[0]!.body) as { prompt: string };
    assert.match(prompt, /^<\[fim-suffix\]>/);
    assert.match(prompt, /- {2}let s = 0;\n\+ {2}let s = 10;/);
    await press("Tab");
    await nextEditHint(/Tab to apply/);
    await press("Tab");
    await waitUntil("the model's change", () => editor.document.lineAt(8).text.endsWith("s * 10;"));
  } finally {
    await configure({ "nextEdit.provider": undefined, "nextEdit.baseUrl": undefined, "nextEdit.model": undefined });
    await server.close();
  }
});

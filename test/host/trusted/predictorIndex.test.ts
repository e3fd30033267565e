import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, suite, test } from "node:test";
import * as vscode from "vscode";
import { closeAll, configure, notification, openBelow } from "../editor.ts";
import { predictorStatistics, settledPredictor, wakePredictor } from "../predictorStatistics.ts";
import { ghostText, hasUi, texts, type, waitUntil } from "../ui.ts";

const folder = () => vscode.workspace.workspaceFolders![0]!.uri.fsPath;

const askedPlaces = (facts: ReadonlyMap<string, string>) => Number(facts.get("Places asked about"));

const ask = async (afterLine: number) => {
  await openBelow("src/products.ts", afterLine);
  await type("export const flamingoHarbour = bu", { delayMs: 30 });
};

/**
 * Waits until `least` of the rest of a line is shown, or more of it: how much depends on what the predictor has seen come
 * true so far. On a busy machine a prediction comes too late for the key that asked for it, and nobody asks again by
 * himself.
 */
const showsBeginningOf = async (rest: string, least: string) => {
  let shown = "";
  try {
    await waitUntil(`ghost text that begins "${rest}"`, async () => {
      await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
      shown = await ghostText();
      return shown.startsWith(least) && rest.startsWith(shown);
    });
  } catch (error) {
    const { document, selection } = vscode.window.activeTextEditor ?? {};
    const line = selection && document?.lineAt(selection.active.line).text;
    const now = JSON.stringify({ shown, line, predictor: [...(await predictorStatistics())] });
    throw new Error(`What is there instead: ${now}`, { cause: error });
  }
};

suite("the predictor's index", () => {
  afterEach(closeAll);

  test("a service that starts again takes the files from its index", { skip: !hasUi }, async () => {
    await wakePredictor();
    const before = await settledPredictor();
    assert.ok(Number(before.get("Files")) >= 8, JSON.stringify([...before]));
    // Other settings: the thread ends, saves, and another one begins.
    await configure({ "predictor.memoryMb": 128 });
    await wakePredictor();
    const after = await waitUntil("all files", async () => {
      const facts = await settledPredictor();
      return facts.get("Files") === before.get("Files") ? facts : undefined;
    });
    assert.ok(Number(after.get("Of them from the saved index")) >= 7, JSON.stringify([...after]));
    assert.match(after.get("Memory") ?? "", /of at most 128 MB/);
    await configure({ "predictor.memoryMb": undefined });
  });

  test("how sure it has to be changes without reading anything again", { skip: !hasUi }, async () => {
    await wakePredictor();
    await type("export ", { delayMs: 30 });
    // VS Code asks a moment after the last key, and not once the statistics are in front.
    const before = await waitUntil("a question", async () => {
      await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
      const facts = await settledPredictor();
      return askedPlaces(facts) > 0 ? facts : undefined;
    });
    await configure({ "predictor.confidence": "eager" });
    const after = await predictorStatistics();
    assert.equal(after.get("Files"), before.get("Files"));
    // A thread that had begun anew would not have been asked yet.
    assert.ok(askedPlaces(after) >= askedPlaces(before), `${askedPlaces(before)}, then ${askedPlaces(after)}`);
    await configure({ "predictor.confidence": undefined });
  });

  test("what others write is learned, and what they delete is not predicted any more", { skip: !hasUi }, async () => {
    await wakePredictor();
    const before = (await settledPredictor()).get("Files");
    const file = path.join(folder(), "src", "flamingo.ts");
    const line = "export const flamingoHarbour = buildFlamingoHarbour(flamingoOptions);\n";
    await writeFile(file, line.repeat(3));
    await closeAll();
    await waitUntil(
      "one file more",
      async () => (await settledPredictor()).get("Files") === String(Number(before) + 1),
    );
    await ask(3);
    await showsBeginningOf("ildFlamingoHarbour(flamingoOptions);", "ild");
    await closeAll();
    await rm(file);
    await waitUntil("one file less", async () => (await settledPredictor()).get("Files") === before);
    // Elsewhere than before: what was on the screen at a place is remembered there.
    await ask(6);
    await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
    for (let i = 0; i < 10; i++) assert.ok(!(await ghostText()).includes("FlamingoHarbour"));
  });

  test("clearing forgets, rebuilding learns again, and both say so", { skip: !hasUi }, async () => {
    await wakePredictor();
    await settledPredictor();
    void vscode.commands.executeCommand("hotpath.clearPredictorIndex");
    await notification(/has forgotten this workspace/);
    assert.equal((await predictorStatistics()).get("Files"), "0");
    void vscode.commands.executeCommand("hotpath.rebuildPredictorIndex");
    await notification(/reads this workspace again/);
    assert.ok(Number((await settledPredictor()).get("Files")) >= 8);
  });

  test("the statistics are a page that can be read", { skip: !hasUi }, async () => {
    await vscode.commands.executeCommand("hotpath.showPredictorStatistics");
    await waitUntil("the page", async () => {
      const [page] = await texts("body", { webview: true });
      return page?.includes("Shown as ghost text") === true && page.includes("expected to be right");
    });
  });

  test("comments and Markdown get lines, too", { skip: !hasUi }, async () => {
    await writeFile(
      path.join(folder(), "NOTES.md"),
      "- The pelican quarter closes on Thursday evening.\n- The pelican quarter closes on Thursday evening.\n\n",
    );
    await openBelow("NOTES.md", 2);
    await type("- The pelican qu", { delayMs: 60 });
    await showsBeginningOf("arter closes on Thursday evening.", "arter");
    await closeAll();
    await openBelow("src/products.ts", 3);
    await type("// The pelican quarter cl", { delayMs: 60 });
    await showsBeginningOf("oses on Thursday evening.", "oses");
    await closeAll();
    await rm(path.join(folder(), "NOTES.md"));
  });
});

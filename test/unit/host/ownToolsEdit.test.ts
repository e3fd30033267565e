import assert from "node:assert/strict";
import { test } from "node:test";
import type { MarkdownString } from "vscode";
import { world } from "../../fake/vscodeTools.ts";
import { createWorkspace } from "../languageTools/workspaceFixture.ts";

const { createEditTool } = await import("../../../src/host/ownToolsEdit.ts");

const signal = new AbortController().signal;
const roomUnits = 10_000;
const editOf = (path: string) => ({ path, oldText: "old", newText: "new" });

const questionOf = async (tool: ReturnType<typeof createEditTool>, input: object) => {
  const { confirmationMessages } = await tool.prepare(input);
  return (confirmationMessages!.message as MarkdownString).value;
};

test("an edit that was cancelled while the person was asked changes nothing", async (context) => {
  await using workspace = await createWorkspace();
  await workspace.write(".vscode/settings.json", "old");
  world.reset(workspace.root);
  const tool = createEditTool();
  context.after(() => tool.dispose());
  const input = editOf(".vscode/settings.json");
  const controller = new AbortController();
  world.onDialog = () => {
    controller.abort();
    return "Apply";
  };
  await tool.prepare(input);
  await assert.rejects(tool.run(input, { signal: controller.signal, roomUnits }), { name: "AbortError" });
  assert.deepEqual(world.applied, []);
  world.onDialog = () => "Apply";
  await tool.prepare(input);
  await tool.run(input, { signal, roomUnits });
  assert.deepEqual(world.applied, ["new"]);
});

test("whether a change is saved is told as the editor's setting for the file has it", async (context) => {
  await using workspace = await createWorkspace();
  const saved = await workspace.write("saved.ts", "old");
  await workspace.write("plain.ts", "old");
  world.reset(workspace.root);
  world.autoSave = (file) => (file === saved || file.endsWith("new.ts") ? "afterDelay" : "off");
  const tool = createEditTool();
  context.after(() => tool.dispose());
  const byItself = /in the editor, which saves it by itself/;
  const notSaved = /not saved/;
  for (const [path, said] of [
    ["saved.ts", byItself],
    ["plain.ts", notSaved],
    ["new.ts", notSaved],
  ] as const) {
    const input = path === "new.ts" ? { path, oldText: "", newText: "new" } : editOf(path);
    const other = said === byItself ? notSaved : byItself;
    const texts = [await questionOf(tool, input), await tool.run(input, { signal, roomUnits })];
    for (const text of texts) {
      assert.match(text.replaceAll("\\", ""), said);
      assert.doesNotMatch(text, other);
    }
  }
});

test("a setting for saving that changed since the question undoes the agreement", async (context) => {
  await using workspace = await createWorkspace();
  await workspace.write("a.ts", "old");
  world.reset(workspace.root);
  const tool = createEditTool();
  context.after(() => tool.dispose());
  await tool.prepare(editOf("a.ts"));
  world.autoSave = () => "afterDelay";
  await assert.rejects(tool.run(editOf("a.ts"), { signal, roomUnits }), /changed since the person was asked/);
  assert.deepEqual(world.applied, []);
});

test("a new file is told of with its number of lines", async (context) => {
  await using workspace = await createWorkspace();
  world.reset(workspace.root);
  const tool = createEditTool();
  context.after(() => tool.dispose());
  const said = async (newText: string) =>
    (await questionOf(tool, { path: "new.ts", oldText: "", newText })).replaceAll(/&nbsp;|\\/g, "");
  assert.match(await said("one"), /A new file with one line\./);
  assert.match(await said("one\ntwo"), /A new file with 2 lines\./);
});

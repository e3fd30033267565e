import assert from "node:assert/strict";
import { test } from "node:test";
import { world } from "../../fake/vscodeTools.ts";
import { createWorkspace } from "../languageTools/workspaceFixture.ts";

const { gitTools } = await import("../../../src/host/ownToolsGit.ts");

const call = { signal: new AbortController().signal, roomUnits: 10_000 };
const change = (path: string) => `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n+KEY=1\n`;

const diffOf = async (diff: string, path?: string) => {
  world.diff = diff;
  return gitTools.hotpath_gitDiff.run(path === undefined ? {} : { path }, call);
};

test("changes that cannot be shown are told of, without a word of theirs", async () => {
  await using workspace = await createWorkspace();
  await workspace.write("a.ts", "");
  world.reset(workspace.root);
  const hidden = "There are changes, but none that can be shown.";
  const none = "There are no unstaged changes of tracked files.";
  assert.equal(await diffOf(""), none);
  assert.equal(await diffOf(change(".env")), hidden);
  assert.equal(await diffOf("KEY=1, written by another program\n"), hidden);
  assert.equal(await diffOf(change("b.ts"), "a.ts"), none);
  const shown = await diffOf(change(".env") + change("a.ts"));
  assert.equal(shown, `The unstaged changes:\n${change("a.ts")}`);
});

test("a repository counts that is found only after the tool was called", async () => {
  await using workspace = await createWorkspace();
  await workspace.write("a.ts", "");
  world.reset(workspace.root);
  world.hasRepository = false;
  await assert.rejects(diffOf(change("a.ts")), { name: "ToolError", kind: "unavailable" });
  world.onGitFound = (found) => {
    world.hasRepository = true;
    queueMicrotask(found);
  };
  assert.equal(await diffOf(change("a.ts")), `The unstaged changes:\n${change("a.ts")}`);
});

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { readTextFile } from "../../../src/languageTools/textFile.ts";
import { ToolError, type ToolErrorKind } from "../../../src/languageTools/toolError.ts";
import { createWorkspace } from "./workspaceFixture.ts";

const fails = (file: string, kind: ToolErrorKind) =>
  assert.rejects(readTextFile(file), (error: unknown) => error instanceof ToolError && error.kind === kind);

test("reads text in UTF-8, and nothing else", async () => {
  await using workspace = await createWorkspace();
  assert.equal(await readTextFile(await workspace.write("a.txt", "grün 日本")), "grün 日本");
  assert.equal(await readTextFile(await workspace.write("bom.txt", "\ufeffx")), "x");
  await fails(await workspace.write("nul.bin", "a\0b"), "binary");
  await fails(await workspace.write("latin.txt", Buffer.from([0x67, 0x72, 0xfc, 0x6e])), "binary");
  await fails(await workspace.write("large.txt", "x".repeat(5_000_001)), "too-large");
  await fails(path.join(workspace.root, "missing"), "not-found");
  await fails(workspace.root, "not-found");
  await workspace.link("a.txt", "link.txt");
  await fails(path.join(workspace.root, "link.txt"), "not-found");
  await workspace.link(".", "here");
  await fails(path.join(workspace.root, "here", "a.txt"), "changed");
});

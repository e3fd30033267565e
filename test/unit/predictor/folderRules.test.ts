import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { createFolderRules } from "../../../src/predictor/folderRules.ts";

const rulesFor = async (context: TestContext, gitignore: string) => {
  const root = await mkdtemp(path.join(tmpdir(), "hotpath-rules-"));
  context.after(() => rm(root, { recursive: true }));
  await writeFile(path.join(root, ".gitignore"), gitignore);
  const rules = createFolderRules({ root, exclude: [] }, false);
  return (file: string) => rules.allows(path.join(root, file), false);
};

test(
  "no rule of a folder from elsewhere keeps the thread busy; the others count",
  { timeout: 20_000 },
  async (context) => {
    const allows = await rulesFor(context, `${"**/a/".repeat(8)}b\n*.log\n**/out/**\n`);
    assert.equal(await allows(`${"a/".repeat(50)}c/b/c.ts`), true);
    assert.equal(await allows("src/x.log"), false);
    assert.equal(await allows("src/out/x.ts"), false);
  },
);

test("what lies deeper than any project's files is passed over", async (context) => {
  const allows = await rulesFor(context, "");
  assert.equal(await allows(`${"a/".repeat(63)}c.ts`), true);
  assert.equal(await allows(`${"a/".repeat(64)}c.ts`), false);
});

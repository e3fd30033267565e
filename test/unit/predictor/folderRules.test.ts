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

test("stars in a name keep no thread busy either", { timeout: 20_000 }, async (context) => {
  const allows = await rulesFor(context, `${"*a".repeat(12)}b\n*-*-*.log\n`);
  assert.equal(await allows(`${"a".repeat(200)}c`), true);
  assert.equal(await allows("x-y-z.log"), false);
});

test(
  "of many rules that take long the first hundred count, and of others all",
  { timeout: 20_000 },
  async (context) => {
    const slow = Array.from({ length: 8000 }, (_, i) => `**/a/**/b${i}/**/c\n`).join("");
    const allows = await rulesFor(context, `${slow}${"**/x.ts\n".repeat(200)}*.log\n**/last.ts\n`);
    assert.equal(await allows("a/b99/c"), false);
    assert.equal(await allows("a/b100/c"), true);
    assert.equal(await allows(`${"a/".repeat(60)}last.ts`), false);
    assert.equal(await allows("y.log"), false);
  },
);

test("no glob of the editor's settings keeps the thread busy", { timeout: 20_000 }, async () => {
  const root = path.resolve("w");
  const rules = createFolderRules({ root, exclude: [{ glob: `${"*a".repeat(12)}b` }, { glob: "out" }] }, false);
  assert.equal(await rules.allows(path.join(root, "a".repeat(200)), false), true);
  assert.equal(await rules.allows(path.join(root, "out"), false), false);
});

test("what lies deeper than any project's files is passed over", async (context) => {
  const allows = await rulesFor(context, "");
  assert.equal(await allows(`${"a/".repeat(63)}c.ts`), true);
  assert.equal(await allows(`${"a/".repeat(64)}c.ts`), false);
});

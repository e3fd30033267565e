import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutFiles } from "../../../src/assistant/diff.ts";

const change = (path: string, text: string) =>
  `diff --git a/${path} b/${path}\nindex 1..2 100644\n--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-old\n+${text}\n`;
const rename = (from: string, to: string) => `diff --git ${from} ${to}\nsimilarity index 100%\n`;
const isEnv = (path: string) => path.endsWith(".env");

test("files are left out as a whole, and named", () => {
  const diff = change("src/a.ts", "new") + change("deploy/.env", "KEY=1") + change("src/b.ts", "new");
  assert.deepEqual(withoutFiles(diff, isEnv), {
    diff: change("src/a.ts", "new") + change("src/b.ts", "new"),
    leftOut: ["deploy/.env"],
    unread: 0,
  });
});

test("a file that was created, renamed or quoted is known by either name", () => {
  const created = "diff --git a/.env b/.env\nnew file mode 100644\n--- /dev/null\n+++ b/.env\n@@ -0,0 +1 @@\n+KEY=1\n";
  const renamed = "diff --git a/.env b/plain.txt\nsimilarity index 100%\nrename from .env\nrename to plain.txt\n";
  const quoted = 'diff --git "a/\\303\\244.env" "b/\\303\\244.env"\nBinary files differ\n';
  const renamedTo = "diff --git a/plain.txt b/.env\nsimilarity index 100%\nrename from plain.txt\nrename to .env\n";
  const spaced = "diff --git a/x b/y.env b/z\nsimilarity index 100%\nrename from x b/y.env\nrename to z\n";
  const binary = "diff --git a/x b/y.env b/x b/y.env\nBinary files differ\n";
  for (const diff of [created, renamed, renamedTo, quoted, spaced, binary])
    assert.equal(withoutFiles(diff, isEnv).diff, "");
});

test("a line of a file that looks like the beginning of another hides nothing", () => {
  const hostile = change("deploy/.env", "KEY=1").replace("+KEY=1", "+diff --git a/x b/x\n+KEY=1");
  assert.equal(withoutFiles(hostile, isEnv).diff, "");
});

test("a file whose text names others is kept", () => {
  const diff = change("notes.md", "++ b/.env");
  assert.equal(withoutFiles(diff, isEnv).diff, diff);
});

test("a merge's diff is read, and no diff is none", () => {
  assert.equal(withoutFiles("diff --cc deploy/.env\nindex 1,2..3\n--- a/deploy/.env\n", isEnv).diff, "");
  assert.deepEqual(withoutFiles("", isEnv), { diff: "", leftOut: [], unread: 0 });
});

test("what another program or colours made unreadable is left out", () => {
  const external = ".env changed:\nKEY=1\n";
  const coloured = "\u001b[1mdiff --git a/.env b/.env\u001b[m\n\u001b[1m--- a/.env\u001b[m\n+KEY=1\n";
  const nameless = "diff --git x.env y\nBinary files differ\n";
  for (const diff of [external, coloured, nameless]) {
    assert.deepEqual(withoutFiles(diff, isEnv), { diff: "", leftOut: [], unread: 1 });
  }
  const plain = change("src/a.ts", "new");
  assert.deepEqual(withoutFiles(external + plain, isEnv), { diff: plain, leftOut: [], unread: 1 });
});

test("sides may be named after what is compared, as diff.mnemonicPrefix does", () => {
  for (const [one, other] of ["iw", "ci", "cw", "ow"] as const) {
    const seen: string[] = [];
    const text = change("src/a.ts", "new").replaceAll("a/src", `${one}/src`).replaceAll("b/src", `${other}/src`);
    const moved = rename(`${one}/.env`, `"${other}/\\303\\244.txt"`);
    withoutFiles(text + moved, (path) => {
      seen.push(path);
      return false;
    });
    assert.deepEqual(seen, ["src/a.ts", "src/a.ts", "src/a.ts", "src/a.ts", ".env", String.raw`\303\244.txt`]);
  }
});

test("what another program wrote of the next file is no part of the file above", () => {
  const above = change("src/a.ts", "new");
  const bare = "--- /tmp/git-blob/.env\n+++ .env\n@@ -1 +1 @@\n-KEY=1\n+KEY=2\n";
  const below = change("src/b.ts", "new");
  for (const external of ["KEY=1 -> KEY=2\n", bare, " KEY=1\n", "+KEY=2\n"]) {
    const kept = withoutFiles(above + external + below, isEnv);
    assert.deepEqual(kept, { diff: above + below, leftOut: [], unread: 1 });
  }
  // Behind a file of which there is a header only, it looks like that file's; its own path tells.
  assert.equal(withoutFiles("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n" + bare, isEnv).diff, "");
});

test("hunks are read to their ends, and no further", () => {
  const unended = change("src/a.ts", "new").replace("+new\n", "+new\n\\ No newline at end of file\n");
  const blank = change("src/a.ts", "new").replace(
    "@@ -1 +1 @@\n",
    "@@ -1,3 +1,3 @@ class A {\n\n diff --git a/x b/x\n",
  );
  const merge =
    "diff --cc m\nindex 5742e7d,5a80a2d..0000000\n--- a/m\n+++ b/m\n@@@ -1,3 -1,3 +1,2 @@@\n  a\n++X\n- M\n -O\n--c\n";
  const two = `${change("src/a.ts", "new")}@@ -9 +9,2 @@\n-old\n+new\n+newer\n`;
  for (const diff of [unended, blank, merge, two]) {
    assert.deepEqual(withoutFiles(diff + change("src/b.ts", "new"), isEnv).diff, diff + change("src/b.ts", "new"));
    assert.deepEqual(withoutFiles(`${diff}+KEY=1\n`, isEnv), { diff, leftOut: [], unread: 1 });
  }
});

test("a file with very many changed lines is kept like any other", () => {
  const count = 200_000;
  const long = change("src/a.ts", "new").replace("+1 @@", `+1,${count} @@`) + "+x\n".repeat(count - 1);
  const below = change("src/b.ts", "new");
  assert.equal(withoutFiles(long + below, isEnv).diff, long + below);
});

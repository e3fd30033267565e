import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Snapshot } from "../../../src/completion/snapshot.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createDocument, hands, Uri, type FakeDocument } from "../../fake/vscodeEditors.ts";

const { registerRelatedFiles } = await import("../../../src/host/relatedFiles.ts");

const setUp = (t: TestContext, isWanted = () => true) => {
  const root = mkdtempSync(path.join(tmpdir(), "related-"));
  const folder = path.join(root, "shop");
  mkdirSync(folder);
  hands.reset(folder);
  const clock = createFakeClock();
  const related = registerRelatedFiles({ clock, isWanted, mayLeave: () => false });
  t.after(() => {
    related.dispose();
    rmSync(root, { recursive: true, force: true });
  });
  const open = (name: string, text: string, languageId?: string): FakeDocument => {
    const filePath = path.join(folder, name);
    mkdirSync(path.dirname(filePath), { recursive: true });
    writeFileSync(filePath, text);
    return createDocument(Uri.file(filePath), text, languageId);
  };
  const contextFor = (document: FakeDocument) => {
    const documentId = document.uri.toString();
    const snapshot: Snapshot = { documentId, path: "", languageId: "", prefix: "", suffix: "", aheadUnits: 0 };
    return related.source.read(snapshot, { windowText: "", maxUnits: 5400, isFresh: true });
  };
  return { clock, related, folder, root, open, contextFor };
};

const paths = (context: { files: readonly { path: string }[] }) => context.files.map((file) => file.path);

/** Files are read beside everything else. */
const until = async (isTrue: () => boolean): Promise<void> => {
  while (!isTrue()) await nextTurn();
};

test("a model sees names as the workspace has them, and the workspace's", (t) => {
  const { open, contextFor } = setUp(t);
  assert.deepEqual(contextFor(open("src/a.ts", "")), { path: "src/a.ts", repository: "shop", files: [] });
});

test("what was looked at last in another editor is told of, unless it is prose or data", (t) => {
  const { open, contextFor } = setUp(t);
  const current = open("a.ts", "");
  hands.goTo(open("b.ts", Array.from({ length: 100 }, (_, n) => `line ${n}`).join("\n")));
  hands.goTo(open("notes.md", "words", "markdown"));
  hands.goTo(current);
  const context = contextFor(current);
  assert.deepEqual(paths(context), ["b.ts"]);
  assert.ok(context.files[0]!.text.startsWith("line 0\n") && !context.files[0]!.text.includes("line 50"));
});

test("the lines around an edit are told of a second after the last key", (t) => {
  const { clock, open, contextFor } = setUp(t);
  const current = open("a.ts", "");
  const other = open("b.ts", Array.from({ length: 100 }, (_, n) => `line ${n}`).join("\n"));
  hands.goTo(other);
  hands.edit(other, 80, "edite");
  clock.advance(900);
  hands.edit(other, 80, "edited");
  clock.advance(900);
  assert.deepEqual(paths(contextFor(current)), []);
  clock.advance(100);
  const [piece] = contextFor(current).files;
  assert.ok(piece?.text.startsWith("line 68\n") && piece.text.includes("edited") && piece.text.endsWith("line 92"));
});

test("what the current file imports is read from the workspace, and anew when it is saved", async (t) => {
  const { open, contextFor } = setUp(t);
  const current = open("src/a.ts", 'import { b } from "./b.ts";\n');
  open("src/b.ts", "export const b = 1;");
  open("src/c.ts", "export const c = 1;");
  hands.goTo(current);
  await until(() => contextFor(current).files.length > 0);
  assert.deepEqual(
    contextFor(current).files.map(({ path: shown, text }) => [shown, text]),
    [["src/b.ts", "export const b = 1;"]],
  );
  hands.edit(current, 1, 'import { c } from "./c.ts";');
  hands.save(current);
  await until(() => contextFor(current).files.length > 1);
});

test("nothing is gathered while it is not wanted", async (t) => {
  let isWanted = false;
  const { clock, related, open, contextFor } = setUp(t, () => isWanted);
  const current = open("a.ts", 'import { b } from "./b.ts";\n');
  const other = open("b.ts", "export const b = 1;");
  hands.goTo(other);
  hands.edit(other, 0, "export const b = 2;");
  hands.goTo(current);
  assert.deepEqual(clock.pending(), []);
  assert.equal(related.source.isOn(), false);
  isWanted = true;
  assert.equal(related.source.isOn(), true);
  // A file that was being read all the same would be there by then.
  for (let turn = 0; turn < 100; turn++) await nextTurn();
  assert.deepEqual(paths(contextFor(current)), []);
});

test("keys and passwords are not told of, wherever they are open", (t) => {
  const { clock, root, open, contextFor } = setUp(t);
  const secrets = [
    open(".env", "KEY=1", "dotenv"),
    createDocument(Uri.file(path.join(root, ".ssh", "config")), "Host a", "ssh_config"),
  ];
  for (const document of secrets) {
    hands.goTo(document);
    hands.edit(document, 0, "KEY=2");
    clock.advance(1000);
  }
  const current = open("a.ts", "");
  hands.goTo(current);
  assert.deepEqual(paths(contextFor(current)), []);
});

test("of a file outside of the workspace its name alone is shown, and nothing once it is closed", (t) => {
  const { clock, root, open, contextFor } = setUp(t);
  const current = open("a.ts", "");
  const outside = createDocument(Uri.file(path.join(root, "elsewhere", "x.ts")), "export const x = 1;");
  hands.goTo(outside);
  hands.edit(outside, 0, "export const x = 2;");
  clock.advance(1000);
  hands.goTo(current);
  assert.deepEqual(paths(contextFor(current)), ["x.ts"]);
  hands.close(outside);
  assert.deepEqual(paths(contextFor(current)), []);
});

test("a deleted file is forgotten, and an edit in a closed one is not waited for", (t) => {
  const { clock, open, contextFor } = setUp(t);
  const current = open("a.ts", "");
  const other = open("b.ts", "export const b = 1;");
  hands.goTo(other);
  hands.edit(other, 0, "export const b = 2;");
  clock.advance(1000);
  hands.delete(other.uri);
  assert.deepEqual(paths(contextFor(current)), []);
  hands.edit(other, 0, "export const b = 3;");
  hands.close(other);
  assert.deepEqual(clock.pending(), []);
});

test("after the end nothing listens and no timer runs", (t) => {
  const { clock, related, open } = setUp(t);
  const document = open("a.ts", "");
  hands.goTo(document);
  hands.edit(document, 0, "x");
  related.dispose();
  assert.equal(hands.listeners(), 0);
  assert.deepEqual(clock.pending(), []);
});

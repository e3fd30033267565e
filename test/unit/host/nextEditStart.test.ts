import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { silentLog } from "../../../src/base/log.ts";
import { createDocument, hands, Uri } from "../../fake/vscodeEditors.ts";

const { startNextEdit } = await import("../../../src/host/nextEditStart.ts");

const setUp = (t: TestContext) => {
  hands.reset("/shop");
  const document = createDocument(Uri.file("/shop/a.ts"), "one\n");
  hands.goTo(document);
  const calls: string[] = [];
  const nextEdits = startNextEdit(async () => {
    calls.push("load");
    return {
      take: async () => void calls.push("take"),
      dismiss: () => void calls.push("dismiss"),
      clear: () => void calls.push("clear"),
      dispose: () => void calls.push("dispose"),
    };
  }, silentLog);
  t.after(() => nextEdits.dispose());
  return { nextEdits, document, calls };
};

test("next edits are loaded once, by the first sign of work in the active editor", async (t) => {
  const before = hands.listeners();
  const { nextEdits, document, calls } = setUp(t);
  nextEdits.clear();
  hands.edit(createDocument(Uri.file("/shop/generated.ts"), ""), 0, "by a program");
  await nextTurn();
  assert.deepEqual(calls, []);
  hands.edit(document, 0, "two");
  hands.moveCursor("Keyboard");
  await nextTurn();
  hands.edit(document, 0, "three");
  await nextTurn();
  assert.deepEqual(calls, ["load"]);
  assert.equal(hands.listeners(), before, "what is loaded listens by itself");
});

test("moving the cursor and going to another editor are signs, too", async (t) => {
  const moved = setUp(t);
  hands.moveCursor("Mouse");
  await nextTurn();
  assert.deepEqual(moved.calls, ["load"]);
  const gone = setUp(t);
  hands.goTo(createDocument(Uri.file("/shop/b.ts"), ""));
  await nextTurn();
  assert.deepEqual(gone.calls, ["load"]);
});

test("the keys do nothing before there are next edits, and reach them afterwards", async (t) => {
  const { nextEdits, calls } = setUp(t);
  hands.run("hotpath.nextEdit");
  hands.run("hotpath.dismissNextEdit");
  assert.deepEqual(calls, []);
  hands.moveCursor("Keyboard");
  await nextTurn();
  hands.run("hotpath.nextEdit");
  hands.run("hotpath.dismissNextEdit");
  nextEdits.clear();
  assert.deepEqual(calls, ["load", "take", "dismiss", "clear"]);
});

test("what is loaded after the end is ended at once, and nothing is listened to any more", async (t) => {
  const before = hands.listeners();
  const { nextEdits, calls } = setUp(t);
  hands.moveCursor("Keyboard");
  nextEdits.dispose();
  await nextTurn();
  assert.deepEqual(calls, ["load", "dispose"]);
  assert.equal(hands.listeners(), before);
});

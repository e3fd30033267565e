import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { silentLog } from "../../../src/base/log.ts";
import type { PredictorService } from "../../../src/predictor/predictorService.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createDocument, hands, Uri } from "../../fake/vscodeEditors.ts";

const { registerPredictorFeed } = await import("../../../src/host/predictorFeed.ts");

/** A service that notes what it is told of documents. */
const setUp = (t: TestContext) => {
  hands.reset("/shop");
  const told: string[] = [];
  const service: PredictorService = {
    learnFolders: (folders) => void told.push(`folders ${folders.map(({ root }) => root).join()}`),
    update: (path, text) => void told.push(`update ${path}: ${text}`),
    refresh: (paths, open) => void told.push(`refresh ${paths.join()}; open: ${open.join()}`),
    forget: (path) => void told.push(`forget ${path}`),
    setConfidence: () => assert.fail("not told here"),
    clear: async () => {},
    predict: async () => undefined,
    stats: () => Promise.reject(new Error("not asked for here")),
    dispose: async () => {},
  };
  const clock = createFakeClock();
  const feed = registerPredictorFeed({ predictor: async () => service, clock, log: silentLog, isWanted: () => true });
  t.after(() => feed.dispose());
  const document = createDocument(Uri.file("/shop/a.ts"), "");
  hands.goTo(document);
  const pauseTyping = async () => {
    clock.advance(1000);
    await nextTurn();
  };
  return { told, feed, document, pauseTyping };
};

test("a document that is closed without saving is looked up on the disk", async (t) => {
  const { told, document, pauseTyping } = setUp(t);
  hands.edit(document, 0, "thrown away");
  await pauseTyping();
  hands.close(document);
  await nextTurn();
  assert.deepEqual(told, ["folders /shop", "update /shop/a.ts: thrown away", "refresh /shop/a.ts; open: "]);
});

test("one that was saved is not", async (t) => {
  const { told, document, pauseTyping } = setUp(t);
  hands.edit(document, 0, "kept");
  await pauseTyping();
  hands.save(document);
  hands.close(document);
  await nextTurn();
  assert.deepEqual(told, ["folders /shop", "update /shop/a.ts: kept"]);
});

test("what changes unseen is learned in the folders only: VS Code writes the user's settings in the same way", async (t) => {
  const { told, document, pauseTyping } = setUp(t);
  const settings = createDocument(Uri.file("/home/user/settings.json"), "");
  const other = createDocument(Uri.file("/shop/b.ts"), "");
  hands.edit(document, 0, "begun");
  hands.edit(settings, 0, "written by VS Code");
  hands.edit(other, 0, "renamed");
  await pauseTyping();
  hands.goTo(settings);
  hands.edit(settings, 0, "typed");
  await pauseTyping();
  const others = told.filter((line) => line.startsWith("update") && !line.includes("/shop/a.ts"));
  assert.deepEqual(others, ["update /shop/b.ts: renamed", "update /home/user/settings.json: typed"]);
});

test("a notebook's cell that is closed is forgotten", async (t) => {
  const { told, pauseTyping } = setUp(t);
  const cell = createDocument(Uri.parse("vscode-notebook-cell:/shop/a.ipynb#W0s"), "");
  hands.goTo(cell);
  hands.edit(cell, 0, "a = 1");
  await pauseTyping();
  hands.close(cell);
  await nextTurn();
  assert.match(told.at(-1)!, /^forget .*a\.ipynb/);
});

test("a predictor that was started anew is told of the folders and of all that is not saved", async (t) => {
  const { told, feed, document, pauseTyping } = setUp(t);
  const other = createDocument(Uri.parse("untitled:Untitled-1"), "");
  const saved = createDocument(Uri.file("/shop/saved.ts"), "on the disk");
  const settings = createDocument(Uri.file("/home/user/settings.json"), "");
  const cell = createDocument(Uri.parse("vscode-notebook-cell:/shop/b.ipynb#W0s"), "b = 2");
  hands.goTo(saved);
  hands.goTo(other);
  hands.edit(other, 0, "draft");
  hands.goTo(document);
  hands.edit(document, 0, "typed");
  hands.openUnseen(settings);
  hands.edit(settings, 0, "written by VS Code");
  hands.openNotebook(cell);
  await pauseTyping();
  told.length = 0;
  feed.relearn();
  await nextTurn();
  await pauseTyping();
  const [folders, ...updates] = told;
  assert.equal(folders, "folders /shop");
  assert.deepEqual(new Set(updates.map((line) => line.split(": ").at(-1))), new Set(["draft", "typed", "b = 2"]));
});

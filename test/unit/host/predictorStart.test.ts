import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { silentLog } from "../../../src/base/log.ts";
import type { PredictorService } from "../../../src/predictor/predictorService.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createDocument, hands, Uri } from "../../fake/vscodeEditors.ts";

const { startPredictorFeed } = await import("../../../src/host/predictorStart.ts");
const { registerPredictorFeed } = await import("../../../src/host/predictorFeed.ts");

/** A feed whose loading waits, and a service that notes what it is told. */
const setUp = (t: TestContext, isWanted = () => true) => {
  hands.reset("/shop");
  const told: string[] = [];
  const service: PredictorService = {
    learnFolders: (_, { reads = true } = {}) => void told.push(reads ? "learn folders" : "heed folders"),
    update: (path, text) => void told.push(`update ${path}: ${text}`),
    refresh() {},
    forget: (path) => void told.push(`forget ${path}`),
    setConfidence: () => assert.fail("not told here"),
    clear: async () => void told.push("clear"),
    predict: async () => undefined,
    stats: () => Promise.reject(new Error("not asked for here")),
    dispose: async () => {},
  };
  const clock = createFakeClock();
  const chunk = Promise.withResolvers<void>();
  const feed = startPredictorFeed({
    log: silentLog,
    isWanted,
    async load() {
      told.push("load");
      await chunk.promise;
      return registerPredictorFeed({ predictor: async () => service, clock, log: silentLog, isWanted });
    },
  });
  t.after(() => feed.dispose());
  const document = createDocument(Uri.file("/shop/a.ts"), "");
  hands.goTo(document);
  const pauseTyping = async () => {
    await nextTurn();
    clock.advance(1000);
    await nextTurn();
  };
  return { feed, told, document, chunk, pauseTyping };
};

test("once the feed is there, it alone listens", async (t) => {
  const { document, chunk, pauseTyping } = setUp(t);
  const before = hands.listeners();
  const alone = registerPredictorFeed({
    predictor: () => Promise.reject(new Error("not asked for here")),
    clock: createFakeClock(),
    log: silentLog,
    isWanted: () => false,
  });
  const ofFeed = hands.listeners() - before;
  alone.dispose();
  chunk.resolve();
  hands.edit(document, 0, "key");
  await pauseTyping();
  assert.equal(hands.listeners(), ofFeed);
});

test("the first edit loads the feed, and what is typed while it comes is learned", async (t) => {
  const { told, document, chunk, pauseTyping } = setUp(t);
  hands.edit(document, 0, "first key");
  hands.edit(document, 0, "second key");
  chunk.resolve();
  await pauseTyping();
  assert.deepEqual(told, ["load", "learn folders", "update /shop/a.ts: second key"]);
  hands.edit(document, 0, "third key");
  await pauseTyping();
  assert.equal(told.at(-1), "update /shop/a.ts: third key");
  assert.equal(told.filter((what) => what === "learn folders").length, 1);
});

test("moving the cursor by hand is a sign, a command's selection is none, nor is a document off the screen", async (t) => {
  const { told, chunk } = setUp(t);
  chunk.resolve();
  hands.moveCursor("Command");
  hands.edit(createDocument(Uri.file("/shop/generated.ts"), ""), 0, "by a program");
  await nextTurn();
  assert.deepEqual(told, []);
  hands.moveCursor("Keyboard");
  await nextTurn();
  assert.deepEqual(told, ["load", "learn folders"]);
});

test("nothing is loaded while the predictor is not wanted", async (t) => {
  let isWanted = false;
  const { feed, told, document, chunk, pauseTyping } = setUp(t, () => isWanted);
  chunk.resolve();
  hands.edit(document, 0, "off");
  feed.relearn();
  feed.stop();
  assert.equal(await feed.stats(), undefined);
  await pauseTyping();
  assert.deepEqual(told, []);
  isWanted = true;
  hands.edit(document, 0, "on");
  await pauseTyping();
  assert.deepEqual(told, ["load", "learn folders", "update /shop/a.ts: on"]);
});

test("clearing and rebuilding load it, if nothing has", async (t) => {
  const { feed, told, chunk } = setUp(t);
  chunk.resolve();
  await feed.clear();
  await feed.rebuild();
  await nextTurn();
  assert.deepEqual(told, ["load", "clear", "heed folders", "clear", "learn folders"]);
});

test("rebuilding first of all leaves nothing of the saved index", async (t) => {
  const { feed, told, chunk } = setUp(t);
  chunk.resolve();
  await feed.rebuild();
  await nextTurn();
  assert.deepEqual(told, ["load", "clear", "learn folders"]);
});

test("what is loaded after the end is ended at once, and nothing is listened to any more", async (t) => {
  const before = hands.listeners();
  const { feed, told, document, chunk } = setUp(t);
  hands.edit(document, 0, "last key");
  feed.dispose();
  chunk.resolve();
  await nextTurn();
  assert.deepEqual(told, ["load"]);
  assert.equal(hands.listeners(), before);
});

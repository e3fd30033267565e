import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { ExtensionContext } from "vscode";
import { createDisposableList, type Disposable } from "../../../src/base/disposable.ts";
import { silentLog } from "../../../src/base/log.ts";
import { parseSettings } from "../../../src/host/settingsReader.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createDocument, hands, Uri } from "../../fake/vscodeEditors.ts";

const { composePredictor } = await import("../../../src/host/composePredictor.ts");

/**
 * Says that it has learned whenever it is told of folders, falls over when it is asked about "crash.ts", and else predicts
 * its limit, how sure it has to be, and how often it was told of folders.
 */
const code = `import { parentPort, workerData } from "node:worker_threads";
  let { maxBytes, confidence } = workerData;
  let told = 0;
  parentPort.on("message", (request) => {
    if (request.kind === "confidence") confidence = request.confidence;
    if (request.kind === "predict") {
      if (request.path.endsWith("crash.ts")) process.exit(3);
      const prediction = { text: [maxBytes, confidence, told].join(), confidence: 1 };
      parentPort.postMessage({ kind: "prediction", id: request.id, prediction });
    }
    if (request.kind === "clear") parentPort.postMessage({ kind: "cleared", id: request.id });
    if (request.kind === "close") process.exit();
    if (request.kind !== "learn-folders") return;
    told++;
    parentPort.postMessage({ kind: "learned" });
  });`;

const setUp = (t: TestContext) => {
  hands.reset("/shop");
  const list = createDisposableList();
  const held = new Set<Disposable>();
  let isLearned = Promise.withResolvers<void>();
  let settings = parseSettings(() => undefined).settings;
  const predictor = composePredictor({
    disposables: {
      add(item) {
        held.add(item);
        return list.add(item);
      },
      remove(item) {
        held.delete(item);
        list.remove(item);
      },
      dispose: () => list.dispose(),
    },
    context: {} as ExtensionContext,
    clock: createFakeClock(),
    log: silentLog,
    settings: () => settings,
    statusBar: { setLearning: (share) => share === undefined && isLearned.resolve() },
    workerUrl: () => new URL(`data:text/javascript,${encodeURIComponent(code)}`),
  });
  t.after(async () => {
    await predictor.stop();
    list.dispose();
  });
  return {
    predictor,
    held,
    /** What the one that runs predicts. */
    predicted: async (path = "/shop/a.ts") =>
      (await (await predictor.source())?.predict({ path, prefix: "a", suffix: "" }))?.text,
    set: (changes: Partial<typeof settings>) => {
      settings = { ...settings, ...changes };
      return predictor.settingsChanged();
    },
    /** Resolves the next time that folders were learned. */
    learned: () => {
      isLearned = Promise.withResolvers();
      return isLearned.promise;
    },
  };
};

/** Does what starts learning, and waits for it. */
const work = async (learned: () => Promise<void>) => {
  const done = learned();
  hands.goTo(createDocument(Uri.file("/shop/a.ts"), ""));
  hands.moveCursor("Keyboard");
  await done;
};

test("a predictor that fell over is told of the folders again", async (t) => {
  const { learned, predicted } = setUp(t);
  await work(learned);
  const again = learned();
  assert.equal(await predicted("/shop/crash.ts"), undefined);
  await again;
});

test("where one stays off, another one can take its place, and ghost text asks from then on", async (t) => {
  const { predictor, learned, predicted } = setUp(t);
  await work(learned);
  const source = await predictor.source();
  for (let times = 0; times < 2; times++) await predicted("/shop/crash.ts");
  assert.notEqual((await predictor.feed.stats())?.problem, undefined);
  const again = learned();
  await predictor.stop();
  await predictor.feed.rebuild();
  await again;
  const answer = await source?.predict({ path: "/shop/a.ts", prefix: "a", suffix: "" });
  assert.match(answer?.text ?? "", /balanced,1$/);
});

test("how sure it has to be changes at once and costs nothing that was learned", async (t) => {
  const { learned, predicted, set } = setUp(t);
  await work(learned);
  await set({ predictorMaxBytes: 100, predictorConfidence: "quiet" });
  assert.equal(await predicted(), "100,quiet,0");
  await work(learned);
  await set({ predictorConfidence: "eager" });
  assert.equal(await predicted(), "100,eager,1");
});

test("while one that was stopped ends, the next one is asked already", async (t) => {
  const { predictor, learned, set } = setUp(t);
  await work(learned);
  const source = await predictor.source();
  const stopped = set({ predictorMaxBytes: 100 });
  await work(learned);
  const answer = await source?.predict({ path: "/shop/a.ts", prefix: "a", suffix: "" });
  assert.equal(answer?.text, "100,balanced,1");
  await stopped;
});

test("what was stopped is held no longer", async (t) => {
  const { predictor, held } = setUp(t);
  const before = held.size;
  for (let times = 0; times < 3; times++) {
    assert.ok(await predictor.source());
    assert.equal(held.size, before + 1);
    await predictor.stop();
    assert.equal(held.size, before);
  }
});

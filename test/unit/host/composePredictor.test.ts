import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { ExtensionContext } from "vscode";
import { createDisposableList, type Disposable } from "../../../src/base/disposable.ts";
import { silentLog } from "../../../src/base/log.ts";
import { parseSettings } from "../../../src/host/settingsReader.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createDocument, hands, Uri } from "../../fake/vscodeEditors.ts";

const { composePredictor } = await import("../../../src/host/composePredictor.ts");

/** Says that it has learned whenever it is told of folders, and falls over when it is asked. */
const code = `import { parentPort } from "node:worker_threads";
  parentPort.on("message", ({ kind }) => {
    if (kind === "predict") process.exit(3);
    if (kind === "close") process.exit();
    if (kind === "learn-folders") parentPort.postMessage({ kind: "learned" });
  });`;

const setUp = (t: TestContext) => {
  hands.reset("/shop");
  const list = createDisposableList();
  const held = new Set<Disposable>();
  let isLearned = Promise.withResolvers<void>();
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
    settings: () => parseSettings(() => undefined).settings,
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
    /** Resolves the next time that folders were learned. */
    learned: () => {
      isLearned = Promise.withResolvers();
      return isLearned.promise;
    },
  };
};

test("a predictor that fell over is told of the folders again", async (t) => {
  const { predictor, learned } = setUp(t);
  hands.goTo(createDocument(Uri.file("/shop/a.ts"), ""));
  const first = learned();
  hands.moveCursor("Keyboard");
  await first;
  const again = learned();
  const source = await predictor.source();
  assert.equal(await source?.predict({ path: "/shop/a.ts", prefix: "a", suffix: "" }), undefined);
  await again;
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

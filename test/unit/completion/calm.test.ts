import assert from "node:assert/strict";
import { test } from "node:test";
import { createCalm } from "../../../src/completion/calm.ts";
import type { Live } from "../../../src/completion/live.ts";
import type { Snapshot } from "../../../src/completion/snapshot.ts";
import { createFakeClock } from "../../fake/clock.ts";

const at = (prefix: string): Snapshot => ({
  documentId: "a",
  path: "a.ts",
  languageId: "typescript",
  prefix,
  suffix: "",
  aheadUnits: 0,
});
const liveAt = (prefix: string, text: string): Live => ({
  snapshot: at(prefix),
  text,
  drawn: { insertText: text, replaceAfter: 0 },
  origin: "predictor",
  confidence: 0.6,
  isNew: false,
});
const settled = () => new Promise<void>((resolve) => void setImmediate(resolve));

const start = () => {
  const clock = createFakeClock();
  const calm = createCalm(clock);
  return {
    clock,
    calm,
    /** Whether a text is shown at once, and after how long it is at last. */
    shownAfter: async (prefix: string, text: string, isGuess = false): Promise<number> => {
      let isShown = false;
      const show = async () => {
        isShown = await calm.wait(at(prefix), { text, confidence: 0.6, isGuess }, new AbortController().signal);
      };
      void show();
      for (let waitedMs = 0; ; waitedMs += 50) {
        await settled();
        if (isShown || waitedMs > 3000) return waitedMs;
        clock.advance(50);
      }
    },
  };
};

test("what is sure is shown at once, a guess to somebody who has stopped typing", async () => {
  const { shownAfter } = start();
  assert.equal(await shownAfter("const a = ", "b;"), 0);
  assert.equal(await shownAfter("const a = ", "b;", true), 150);
});

test("where a line begins nothing is shown before it is clear that the line stays", async () => {
  const { shownAfter } = start();
  assert.equal(await shownAfter("a();\n  ", "b();"), 150);
});

test("a text that other blanks drove away is not back at once", async () => {
  const { calm, shownAfter, clock } = start();
  calm.left(liveAt("a =", " bc"), at("a =  "));
  clock.advance(100);
  assert.equal(await shownAfter("a =  ", "other"), 0);
  assert.equal(await shownAfter("a =  b", "c"), 900);
  assert.equal(await shownAfter("a =  ", "bc"), 0);
});

test("what was typed to its end, or against it, holds nothing back", async () => {
  const typedOut = start();
  typedOut.calm.left(liveAt("a =", " b"), at("a = b"));
  assert.equal(await typedOut.shownAfter("a = b", "c"), 0);
  const withoutBlanks = start();
  withoutBlanks.calm.left(liveAt("a =", " b + c;"), at("a =b+c;"));
  assert.equal(await withoutBlanks.shownAfter("a =b+c;", " d"), 0);
  const against = start();
  against.calm.left(liveAt("a =", " b"), at("a = x"));
  assert.equal(await against.shownAfter("a = x", "b"), 0);
});

test("waiting ends when the answer is no longer wanted", async () => {
  const { calm } = start();
  const controller = new AbortController();
  const waiting = calm.wait(at("a = "), { text: "b", confidence: 0.3, isGuess: true }, controller.signal);
  controller.abort();
  assert.equal(await waiting, false);
});

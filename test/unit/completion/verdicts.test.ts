import assert from "node:assert/strict";
import { test } from "node:test";
import type { Snapshot } from "../../../src/completion/snapshot.ts";
import { createVerdicts } from "../../../src/completion/verdicts.ts";
import { createFakeClock } from "../../fake/clock.ts";

const at = (prefix: string, documentId = "a.ts"): Snapshot => ({
  documentId,
  path: documentId,
  languageId: "typescript",
  prefix,
  suffix: "\n",
  aheadUnits: 0,
});

const setUp = () => {
  const clock = createFakeClock();
  const seen: [number | undefined, boolean][] = [];
  const verdicts = createVerdicts(clock, ({ confidence }, isRight) => seen.push([confidence, isRight]));
  return { clock, seen, verdicts };
};

test("a text that was typed to its end was right, once", () => {
  const { seen, verdicts } = setUp();
  verdicts.claim(at("let "), "name", 0.6);
  verdicts.cursorAt(at("let na"));
  assert.deepEqual(seen, []);
  verdicts.cursorAt(at("let name = 1"));
  verdicts.cursorAt(at("let name = 12"));
  assert.deepEqual(seen, [[0.6, true]]);
});

test("a text that was typed away from was wrong", () => {
  const { seen, verdicts } = setUp();
  verdicts.claim(at("let "), "name", 0.6);
  verdicts.cursorAt(at("let no"));
  assert.deepEqual(seen, [[0.6, false]]);
});

test("going back or elsewhere proves nothing", () => {
  const { seen, verdicts } = setUp();
  verdicts.claim(at("let "), "name", 0.6);
  verdicts.cursorAt(at("other", "b.ts"));
  verdicts.cursorAt(at("le"));
  verdicts.cursorAt(at("let name"));
  assert.deepEqual(seen, []);
});

test("of a model's text the first line counts, and moves its rate", () => {
  const { seen, verdicts } = setUp();
  const before = verdicts.modelRate;
  verdicts.claim(at("a"), "\n  b();\nc();", undefined);
  verdicts.cursorAt(at("a\n  b();\nx"));
  assert.ok(verdicts.modelRate > before);
  const risen = verdicts.modelRate;
  verdicts.claim(at("a"), "one();", undefined);
  verdicts.cursorAt(at("atwo"));
  assert.ok(verdicts.modelRate < risen);
  assert.deepEqual(seen, []);
});

test("an undo soon after takes the verdict back, in its document only", () => {
  const { clock, seen, verdicts } = setUp();
  verdicts.claim(at("let "), "name", 0.6);
  verdicts.cursorAt(at("let name"));
  verdicts.undone("b.ts");
  assert.deepEqual(seen, [[0.6, true]]);
  verdicts.claim(at("let "), "name", 0.6);
  verdicts.cursorAt(at("let name"));
  verdicts.undone("a.ts");
  assert.deepEqual(seen.at(-1), [0.6, false]);
  verdicts.claim(at("let "), "name", 0.7);
  verdicts.cursorAt(at("let name"));
  clock.advance(60_000);
  verdicts.undone("a.ts");
  assert.deepEqual(seen.at(-1), [0.7, true]);
});

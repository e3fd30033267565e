import assert from "node:assert/strict";
import { test } from "node:test";
import { createConfirmations } from "../../../src/languageTools/confirmations.ts";

const input = { path: "a.ts", oldText: "a", newText: "b" };

test("what was shown may be done, once", () => {
  const confirmations = createConfirmations();
  assert.equal(confirmations.take(input, "effect"), false, "nobody was asked");
  confirmations.ask(input, "effect");
  assert.equal(confirmations.take({ ...input, newText: "c" }, "effect"), false, "another input");
  assert.equal(confirmations.take(input, "effect"), true);
  assert.equal(confirmations.take(input, "effect"), false, "a second time");
});

test("what would do something else than was shown is not done, and has to be asked anew", () => {
  const confirmations = createConfirmations();
  confirmations.ask(input, "effect");
  assert.equal(confirmations.take(input, "another"), false);
  assert.equal(confirmations.take(input, "effect"), false);
});

test("the same question twice is two permissions; two different ones are none", () => {
  const confirmations = createConfirmations();
  confirmations.ask(input, "effect");
  confirmations.ask(input, "effect");
  assert.equal(confirmations.take(input, "effect"), true);
  assert.equal(confirmations.take(input, "effect"), true);
  assert.equal(confirmations.take(input, "effect"), false);
  confirmations.ask(input, "effect");
  confirmations.ask(input, "changed meanwhile");
  assert.equal(confirmations.take(input, "effect"), false);
  assert.equal(confirmations.take(input, "changed meanwhile"), false);
});

test("questions that nobody answers are forgotten in the end", () => {
  const confirmations = createConfirmations();
  for (let index = 0; index < 60; index++) confirmations.ask({ index }, "effect");
  assert.equal(confirmations.take({ index: 0 }, "effect"), false);
  assert.equal(confirmations.take({ index: 59 }, "effect"), true);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "../../fake/clock.ts";
import { at, setUp, never, ask } from "./engineHarness.ts";

test("typing along the text on screen asks nobody, and backspace brings it back", async () => {
  const setup = setUp();
  await ask(setup, "let a = ‸\n", (call) => (call.say("one + two;"), call.end()));
  const typed = await setup.engine.suggest(at("let a = one‸\n"), never);
  assert.deepEqual([typed?.insertText, typed?.source, typed?.origin], [" + two;", "live", "network"]);
  const back = await setup.engine.suggest(at("let a = on‸\n"), never);
  assert.equal(back?.insertText, "e + two;");
  assert.equal(setup.calls.length, 1);
});

test("a bracket that the editor closed is consumed by the text on screen", async () => {
  const setup = setUp();
  await ask(setup, "run‸\n", (call) => (call.say("(value) + 1;"), call.end()));
  const inside = await setup.engine.suggest(at("run(‸)\n"), never);
  assert.deepEqual([inside?.insertText, inside?.replaceAfter], ["value) + 1;", 1]);
});

test("the text on screen belongs to its document and to what follows the cursor", async () => {
  const setup = setUp({ text: "guess;", confidence: 0.8 });
  setup.engine.use({ predictor: { predict: () => Promise.resolve({ text: "guess;", confidence: 0.8 }) } });
  await setup.engine.suggest(at("let a = ‸\n"), never);
  assert.equal((await setup.engine.suggest(at("let a = ‸\n"), never))?.source, "live");
  assert.equal((await setup.engine.suggest(at("let a = ‸\n", "b.ts"), never))?.source, "predictor");
  assert.equal((await setup.engine.suggest(at("let a = ‸\nother();\n", "b.ts"), never))?.source, "predictor");
});

test("what is left of a text tells where it came from", async () => {
  const setup = setUp();
  await ask(setup, "let a = ‸\n", (call) => (call.say("one + two;"), call.end()));
  const typed = await setup.engine.suggest(at("let a = one‸\n"), never);
  assert.deepEqual([typed!.source, typed!.origin, typed!.insertText], ["live", "network", " + two;"]);
  const { suggestions, requestTotals } = setup.ledger.snapshot();
  const network = suggestions.find(({ source }) => source === "network")!;
  assert.equal(network.offered, 1);
  assert.deepEqual([requestTotals.promptTokens, requestTotals.generatedTokens], [10, 3]);
  assert.deepEqual(setup.failures, []);
});

test("text cut down to less than two characters is not shown", async () => {
  const setup = setUp();
  assert.equal(await ask(setup, "run(‸)\n", (call) => (call.say(";)"), call.end())), undefined);
});

test("the last character of a text on screen stays there, and asks nobody", async () => {
  const setup = setUp(undefined, createFakeClock());
  await ask(setup, "let a = ‸\n", (call) => (call.say("f()"), call.end()));
  const last = await setup.engine.suggest(at("let a = f(‸\n"), never);
  assert.deepEqual([last?.insertText, last?.source], [")", "live"]);
  assert.equal(setup.calls.length, 1);
});

test("what is left of a text on screen stays although nothing like it would be proposed there", async () => {
  const setup = setUp(undefined, createFakeClock());
  // The closer fits no bracket here until the rest is typed.
  const below = "\n    } else {\n    }\n  }\n}\n";
  await ask(setup, `function a() {\n  let x = ‸${below}`, (call) => (call.say("{};"), call.end()));
  const rest = await setup.engine.suggest(at(`function a() {\n  let x = {‸${below}`), never);
  assert.deepEqual([rest?.insertText, rest?.source], ["};", "live"]);
});

test("a text on screen keeps its end while it is typed along", async () => {
  const setup = setUp(undefined, createFakeClock());
  const before = "class X {\n  f() {\n    const a =";
  // One closing bracket more than the text before it opens, as while a block is being rewritten.
  const below = "\n    }\n  }\n}\n";
  const text = " { b: { c: 1 } }";
  await ask(setup, `${before}‸${below}`, (call) => (call.say(text), call.end()));
  for (let units = 1; units < text.length; units++) {
    const rest = await setup.engine.suggest(at(`${before}${text.slice(0, units)}‸${below}`), never);
    assert.equal(rest?.insertText, text.slice(units));
  }
});

test("what was not drawn of a text comes when the rest is typed out", async () => {
  const setup = setUp(undefined, createFakeClock());
  const lines = Array.from({ length: 13 }, (_, index) => `\n  f(${index});`);
  const first = await ask(setup, "a {‸\n", (call) => (call.say(lines.join("")), call.end()));
  assert.equal(first?.insertText, lines.slice(0, 11).join(""));
  const inside = await setup.engine.suggest(at(`a {${lines.slice(0, 10).join("")}‸\n`), never);
  assert.equal(inside?.insertText, lines[10]);
  const after = await setup.engine.suggest(at(`a {${lines.slice(0, 11).join("")}‸\n`), never);
  assert.deepEqual([after?.insertText, after?.source], [lines[11], "live"]);
});

test("a text on screen is fitted anew when the text behind the cursor is another", async () => {
  const setup = setUp(undefined, createFakeClock());
  await ask(setup, "x = ‸\n", (call) => (call.say("f(a);"), call.end()));
  // The editor closes the bracket.
  const rest = await setup.engine.suggest(at("x = f(‸)\n"), never);
  assert.deepEqual([rest?.insertText, rest?.replaceAfter, rest?.source], ["a);", 1, "live"]);
});

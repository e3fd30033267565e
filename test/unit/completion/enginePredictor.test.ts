import assert from "node:assert/strict";
import { test } from "node:test";
import { ProviderError } from "../../../src/provider/provider.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { at, scriptedProvider, setUp, never, settle, ask } from "./engineHarness.ts";

test("the predictor answers at once when it is sure, and the model betters it while untouched", async () => {
  const setup = setUp({ text: "guess;", confidence: 0.8 });
  const first = await setup.engine.suggest(at("let a = ‸\n"), never);
  assert.deepEqual([first?.insertText, first?.source], ["guess;", "predictor"]);
  setup.calls[0]!.say("right();");
  setup.calls[0]!.end();
  await settle();
  assert.equal(setup.better(), 1);
  assert.equal((await setup.engine.suggest(at("let a = ‸\n"), never))?.insertText, "right();");
});

test("the model does not take the place of a text that the user has begun to take", async () => {
  const setup = setUp({ text: "guess;", confidence: 0.8 });
  await setup.engine.suggest(at("let a = ‸\n"), never);
  await setup.engine.suggest(at("let a = gu‸\n"), never);
  setup.calls[0]!.say("guessOther();");
  setup.calls[0]!.end();
  await settle();
  assert.equal(setup.better(), 0);
  assert.equal((await setup.engine.suggest(at("let a = gu‸\n"), never))?.insertText, "ess;");
});

test("what the predictor showed grows while it is typed along, and keeps its beginning", async () => {
  const answers = [
    { text: "throw new", confidence: 0.8 },
    { text: "row new ValidationError", confidence: 0.95 },
    { text: "something else", confidence: 0.8 },
  ];
  const setup = setUp();
  setup.engine.use({ predictor: { predict: () => Promise.resolve(answers.shift()) } });
  await setup.engine.suggest(at("‸\n"), never);
  const typed = await setup.engine.suggest(at("th‸\n"), never);
  assert.deepEqual([typed?.insertText, typed?.source], ["row new ValidationError", "live"]);
  const further = await setup.engine.suggest(at("throw‸\n"), never);
  assert.deepEqual([further?.insertText, further?.source], [" new ValidationError", "live"]);
});

test("what the predictor showed does not grow by a sign, nor by what is not sure", async () => {
  for (const longer of [
    { text: "row new (", confidence: 0.99 },
    { text: "row new ValidationError", confidence: 0.94 },
  ]) {
    const answers = [{ text: "throw new", confidence: 0.8 }, longer];
    const setup = setUp();
    setup.engine.use({ predictor: { predict: () => Promise.resolve(answers.shift()) } });
    await setup.engine.suggest(at("‸\n"), never);
    assert.equal((await setup.engine.suggest(at("th‸\n"), never))?.insertText, "row new", longer.text);
  }
});

test("the model is asked from the cursor when its answer disagrees behind a text of the predictor's", async () => {
  const setup = setUp({ text: "guess;", confidence: 0.8 });
  await setup.engine.suggest(at("let a = ‸\n"), never);
  await setup.engine.suggest(at("let a = gu‸\n"), never);
  setup.calls[0]!.say("right();");
  await settle();
  assert.equal(setup.calls[0]!.aborted, true);
  assert.equal(setup.calls[1]!.request.prefix, "let a = gu");
});

test("nothing takes the place of a text that the user had time to look at", async () => {
  const clock = createFakeClock();
  const setup = setUp({ text: "guess;", confidence: 0.8 }, clock);
  await setup.engine.suggest(at("let a = ‸\n"), never);
  clock.advance(5000);
  setup.calls[0]!.say("right();");
  setup.calls[0]!.end();
  await settle();
  assert.equal(setup.better(), 0);
});

test("a predictor that does not answer holds nobody up", async () => {
  const clock = createFakeClock();
  const setup = setUp(undefined, clock);
  const { provider, calls } = scriptedProvider();
  setup.engine.use({ predictor: { predict: () => new Promise(() => {}) }, model: { provider, model: "m" } });
  const pending = setup.engine.suggest(at("let a = ‸\n"), never);
  await settle();
  calls[0]!.say("one;");
  calls[0]!.end();
  clock.advance(30);
  assert.equal((await pending)?.insertText, "one;");
});

test("a text that took the predictor's place counts for the model", async () => {
  const setup = setUp({ text: "guess;", confidence: 0.8 });
  await setup.engine.suggest(at("let a = ‸\n"), never);
  setup.calls[0]!.say("right();");
  setup.calls[0]!.end();
  await settle();
  const better = await setup.engine.suggest(at("let a = ‸\n"), never);
  assert.deepEqual([better?.insertText, better?.source, better?.origin], ["right();", "network", "network"]);
  assert.equal(setup.successes(), 1);
});

test("a predictor's text is shown, however sure it is: the source itself says nothing where it is not", async () => {
  const setup = setUp({ text: "guess;", confidence: 0.1 });
  assert.equal((await setup.engine.suggest(at("let a = ‸\n"), never))?.source, "predictor");
});

test("a guess of the predictor's waits until typing pauses, and is not shown where a model is asked", async () => {
  const clock = createFakeClock();
  const guess = { text: "guess;", confidence: 0.3, isGuess: true, isUnsure: true };
  const alone = setUp(undefined, clock);
  alone.engine.use({ predictor: { predict: () => Promise.resolve(guess) } });
  let shown: string | undefined;
  void alone.engine.suggest(at("let a = ‸\n"), never).then((suggestion) => (shown = suggestion?.insertText));
  await clock.timer(150);
  await settle();
  assert.equal(shown, undefined);
  clock.advance(150);
  await settle();
  assert.equal(shown, "guess;");

  const setup = setUp(guess, clock);
  const suggestion = await ask(setup, "let a = ‸\n", (call) => (call.say("one;"), call.end()));
  assert.deepEqual([suggestion?.insertText, suggestion?.source], ["one;", "network"]);
});

test("a lone sign is shown to somebody who has stopped typing, as a guess, but not behind a blank", async () => {
  const clock = createFakeClock();
  for (const [isGuess, before, text, sign] of [
    [true, "if (a) {\n  b();\n", "}", "}"],
    [false, "if (a) {\n  b();\n", "}", undefined],
    [true, "if (a) ", "}", undefined],
    [true, "if (a) {\n  ", "//", "//"],
    [true, "if (a) {", "\n  //", "\n  //"],
    [true, "if (a) {\n  ", "b();\n  //", "b();"],
    [false, "if (a) {\n  ", "//", undefined],
  ] as const) {
    const { engine } = setUp(undefined, clock);
    engine.use({ predictor: { predict: () => Promise.resolve({ text, confidence: 0.9, isGuess }) } });
    let shown: string | undefined;
    void engine.suggest(at(`${before}‸\n`), never).then((suggestion) => (shown = suggestion?.insertText));
    await clock.timer(150);
    clock.advance(150);
    await settle();
    assert.equal(shown, sign, JSON.stringify([isGuess, before, text]));
    engine.dispose();
  }
});

test("where no model may be told of the document, a guess is shown as without one", async () => {
  const clock = createFakeClock();
  const { engine, calls } = setUp({ text: "guess;", confidence: 0.3, isGuess: true }, clock);
  let shown: string | undefined;
  const secret = { ...at("API‸", ".env"), isSecret: true };
  void engine.suggest(secret, never).then((suggestion) => (shown = suggestion?.insertText));
  await settle();
  assert.equal(shown, undefined);
  clock.advance(300);
  await settle();
  assert.equal(shown, "guess;");
  assert.equal(calls.length, 0);
  engine.dispose();
});

test("a pause ends by itself, and one that only the user can end ends with new sources", async () => {
  const clock = createFakeClock();
  const setup = setUp(undefined, clock);
  await ask(setup, "let a = ‸\n", (call) => call.fail(new ProviderError("unreachable", "refused")));
  clock.advance(5000);
  await ask(setup, "let b = ‸\n", (call) => call.fail(new ProviderError("unauthorized", "wrong key")));
  assert.equal(setup.calls.length, 2);
  clock.advance(3_600_000);
  assert.equal(await setup.engine.suggest(at("let c = ‸\n"), never), undefined);
  assert.equal(setup.calls.length, 2);
  const { provider, calls } = scriptedProvider();
  setup.engine.use({ model: { provider, model: "m" } });
  void setup.engine.suggest(at("let d = ‸\n"), never);
  await settle();
  assert.equal(calls.length, 1);
});

test("a prediction that comes too late makes VS Code ask again, once for each place", async () => {
  const clock = createFakeClock();
  const setup = setUp(undefined, clock);
  let answer = Promise.withResolvers<{ text: string; confidence: number }>();
  setup.engine.use({ predictor: { predict: () => answer.promise } });
  for (const times of [1, 1]) {
    const asked = setup.engine.suggest(at("const a =‸\n"), never);
    await settle();
    clock.advance(30);
    assert.equal(await asked, undefined);
    answer.resolve({ text: " late;", confidence: 0.9 });
    await settle();
    assert.equal(setup.better(), times);
    answer = Promise.withResolvers();
  }
  const failing = setup.engine.suggest(at("const b =‸\n"), never);
  await settle();
  clock.advance(30);
  assert.equal(await failing, undefined);
  answer.reject(new Error("gone"));
  await settle();
  assert.equal(setup.better(), 1);
});

/** Asks a model that says nothing yet, and a predictor that says something after 40 ms. */
const askLate = async (prediction: { text: string; confidence: number; isUnsure?: boolean }) => {
  const clock = createFakeClock();
  const setup = setUp(undefined, clock);
  const late = Promise.withResolvers<typeof prediction>();
  const { provider, calls } = scriptedProvider();
  setup.engine.use({ model: { provider, model: "m" }, predictor: { predict: () => late.promise } });
  const asked = setup.engine.suggest(at("const a =‸\n"), never);
  await settle();
  clock.advance(40);
  await settle();
  late.resolve(prediction);
  await settle();
  return { ...setup, calls, asked };
};

test("while the model is waited for, a sure prediction is shown late, and the model's text replaces it", async () => {
  const { engine, calls, asked, better } = await askLate({ text: " late;", confidence: 0.8 });
  const shown = await asked;
  assert.deepEqual([shown?.insertText, shown?.source], [" late;", "predictor"]);
  calls[0]!.say(" model;");
  calls[0]!.end();
  await settle();
  assert.equal(better(), 1);
  assert.equal((await engine.suggest(at("const a =‸\n"), never))?.insertText, " model;");
  assert.equal(calls.length, 1);
});

test("a guess that comes late is not shown in the model's place", async () => {
  const { calls, asked, better } = await askLate({ text: " late;", confidence: 0.6, isUnsure: true });
  calls[0]!.say(" model;");
  calls[0]!.end();
  assert.equal((await asked)?.insertText, " model;");
  assert.equal(better(), 0);
});

test("who asks by hand does not wait for the pause that a guess waits for", async () => {
  const clock = createFakeClock();
  const { engine } = setUp(undefined, clock);
  engine.use({ predictor: { predict: async () => ({ text: "const a = 1;", confidence: 0.3, isGuess: true }) } });
  const byTyping = engine.suggest(at("‸\n"), never);
  await settle();
  assert.equal((await engine.suggest(at("‸\n"), never, true))?.insertText, "const a = 1;");
  clock.advance(150);
  assert.equal((await byTyping)?.insertText, "const a = 1;");
});

test("a text that was held back on purpose does not count as slow", async () => {
  const clock = createFakeClock();
  const setup = setUp(undefined, clock);
  setup.engine.use({ predictor: { predict: () => Promise.resolve({ text: "guess;", confidence: 0.9 }) } });
  const pending = setup.engine.suggest(at("‸\n"), never);
  await settle();
  clock.advance(1000);
  assert.equal((await pending)?.insertText, "guess;");
  const predictor = setup.ledger.snapshot().suggestions.find(({ source }) => source === "predictor");
  assert.ok(predictor!.p95Ms! < 1, String(predictor!.p95Ms));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { ProviderError } from "../../../src/provider/provider.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { at, scriptedProvider, setUp, never, settle, ask, type } from "./engineHarness.ts";

test("shows the model's text and counts it as network", async () => {
  const setup = setUp();
  const suggestion = await ask(setup, "let a = ‸\n", (call) => (call.say("one;"), call.end()));
  assert.deepEqual(suggestion, { insertText: "one;", replaceAfter: 0, source: "network", origin: "network" });
  assert.equal(setup.ledger.snapshot().requestTotals.ok, 1);
  assert.equal(setup.ledger.snapshot().requests[0]!.model, "served");
});

test("shows the first whole line while the rest still streams", async () => {
  const setup = setUp();
  const suggestion = await ask(setup, "a();‸\n", (call) => call.say("\nfirst();\nsec"));
  assert.equal(suggestion?.insertText, "\nfirst();");
});

test("does not show half a line", async () => {
  const setup = setUp();
  const pending = setup.engine.suggest(at("let a = ‸\n"), never);
  await settle();
  setup.calls[0]!.say("on");
  await settle();
  assert.equal(await Promise.race([pending, Promise.resolve("waiting")]), "waiting");
  setup.calls[0]!.say("e;\n");
  assert.equal((await pending)?.insertText, "one;");
});

test("typing what the model is about to say joins the running request", async () => {
  const setup = setUp();
  const first = new AbortController();
  const superseded = setup.engine.suggest(at("let a = ‸\n"), first.signal);
  await settle();
  setup.calls[0]!.say("one");
  first.abort();
  assert.equal(await superseded, undefined);
  setup.engine.documentChanged("a.ts", () => [at("let a = o‸\n")]);
  const joined = setup.engine.suggest(at("let a = o‸\n"), never);
  setup.calls[0]!.say(" + two;");
  setup.calls[0]!.end();
  const suggestion = await joined;
  assert.deepEqual([suggestion?.insertText, suggestion?.source], ["ne + two;", "stream"]);
  assert.equal(setup.calls.length, 1);
});

test("typing something else closes the request at once and asks anew", async () => {
  const setup = setUp();
  const first = new AbortController();
  void setup.engine.suggest(at("let a = ‸\n"), first.signal);
  await settle();
  setup.calls[0]!.say("one");
  await settle();
  first.abort();
  setup.engine.documentChanged("a.ts", () => [at("let a = x‸\n")]);
  assert.equal(setup.calls[0]!.aborted, true);
  const suggestion = await ask(setup, "let a = x‸\n", (call) => (call.say(".size;"), call.end()));
  assert.equal(suggestion?.insertText, ".size;");
  assert.equal(setup.ledger.snapshot().requestTotals.cancelled, 1);
});

test("coming back to a place that was answered asks nobody", async () => {
  const setup = setUp();
  await ask(setup, "let a = ‸\n", (call) => (call.say("one;"), call.end()));
  await ask(setup, "let b = ‸\n", (call) => (call.say("two;"), call.end()));
  const again = await setup.engine.suggest(at("let a = ‸\n"), never);
  assert.deepEqual([again?.insertText, again?.source], ["one;", "cache"]);
  assert.equal(setup.calls.length, 2);
});

test("an empty answer is not asked for again at the same place", async () => {
  const setup = setUp();
  assert.equal(await ask(setup, "let a = 1;‸\n", (call) => call.end()), undefined);
  assert.equal(await setup.engine.suggest(at("let a = 1;‸\n"), never), undefined);
  assert.equal(setup.calls.length, 1);
});

test("a dead server is reported once and left alone for a while", async () => {
  const setup = setUp();
  const dead = new ProviderError("unreachable", "connection refused");
  assert.equal(await ask(setup, "let a = ‸\n", (call) => call.fail(dead)), undefined);
  assert.deepEqual(setup.failures, [dead]);
  assert.equal(await setup.engine.suggest(at("let b = ‸\n"), never), undefined);
  assert.equal(setup.calls.length, 1);
  assert.equal(setup.ledger.snapshot().requests[0]?.errorKind, "unreachable");
});

test("a server that asks for a pause gets it", async () => {
  const setup = setUp();
  const limited = new ProviderError("rate-limited", "slow down", { retryAfterMs: 0 });
  await ask(setup, "let a = ‸\n", (call) => call.fail(limited));
  const suggestion = await ask(setup, "let b = ‸\n", (call) => (call.say("two;"), call.end()));
  assert.equal(suggestion?.insertText, "two;");
});

test("an answer that goes another way than the typing did meanwhile is asked for again from there", async () => {
  const setup = setUp();
  const first = new AbortController();
  void setup.engine.suggest(at("let c‸\n"), first.signal);
  await settle();
  first.abort();
  const pending = setup.engine.suggest(at("let cou‸\n"), never);
  await settle();
  assert.equal(setup.calls.length, 1);
  setup.calls[0]!.say("lient = 1;");
  await settle();
  assert.equal(setup.calls[0]!.aborted, true);
  setup.calls[1]!.say("nt = 0;");
  setup.calls[1]!.end();
  assert.equal((await pending)?.insertText, "nt = 0;");
});

test("another server's answers are not shown for this one", async () => {
  const setup = setUp();
  await ask(setup, "let a = ‸\n", (call) => (call.say("old;"), call.end()));
  const { provider, calls } = scriptedProvider();
  setup.engine.use({ model: { provider, model: "m" } });
  const pending = setup.engine.suggest(at("let a = ‸\n"), never);
  await settle();
  calls[0]!.say("new;");
  calls[0]!.end();
  assert.equal((await pending)?.insertText, "new;");
});

test("answers are still remembered when the same server is set again", async () => {
  const setup = setUp();
  const { provider, calls } = scriptedProvider();
  setup.engine.use({ model: { provider, model: "m" } });
  await ask({ ...setup, calls }, "let a = ‸\n", (call) => (call.say("one;"), call.end()));
  setup.engine.use({});
  assert.equal(await setup.engine.suggest(at("let a = ‸\n"), never), undefined);
  setup.engine.use({ model: { provider, model: "m" } });
  assert.equal((await setup.engine.suggest(at("let a = ‸\n"), never))?.source, "cache");
  assert.equal(calls.length, 1);
});

test("whoever asked while the model was being reached is told when it is there", async () => {
  const setup = setUp();
  setup.engine.use({});
  assert.equal(await setup.engine.suggest(at("let a = ‸\n"), never), undefined);
  setup.engine.use({ model: { provider: scriptedProvider().provider, model: "m" } });
  assert.equal(setup.better(), 1);
});

test("another document's edit leaves the request alone", async () => {
  const setup = setUp();
  void setup.engine.suggest(at("let a = ‸\n"), never);
  await settle();
  setup.engine.documentChanged("b.ts", () => [at("nothing alike‸\n", "b.ts")]);
  assert.equal(setup.calls[0]!.aborted, false);
});

test("a whole block is asked for at a line's end, also with code below", async () => {
  const setup = setUp();
  await ask(setup, "a();‸\nnext();\n", (call) => (call.say("\nb();"), call.end()));
  assert.deepEqual([setup.calls[0]!.request.stop, setup.calls[0]!.request.maxTokens], [undefined, 160]);
});

test("a cancelled wait ends at once and leaves nothing behind", async () => {
  const setup = setUp();
  const waiting = new AbortController();
  const pending = setup.engine.suggest(at("let a = ‸\n"), waiting.signal);
  await settle();
  waiting.abort();
  assert.equal(await pending, undefined);
  setup.engine.dispose();
  assert.equal(setup.calls[0]!.aborted, true);
});

test("asks for one line only when text follows the cursor", async () => {
  const setup = setUp();
  await ask(setup, "run(‸, 1)\n", (call) => (call.say("value"), call.end()));
  assert.deepEqual(setup.calls[0]!.request.stop, ["\n"]);
});

test("what stops being code is no answer: the model is asked once more when the cursor is there", async () => {
  const setup = setUp(undefined, createFakeClock());
  const first = await ask(setup, "let a‸\n", (call) => (call.say(" = b, const d = 1;"), call.end()));
  assert.equal(first?.insertText, " = b,");
  type(setup, "let a = b,‸\n", { insertedUnits: 5 });
  await settle();
  assert.equal(setup.calls.length, 2);
  const second = setup.engine.suggest(at("let a = b,‸\n"), never);
  setup.calls[1]!.say(" const d = 1;");
  setup.calls[1]!.end();
  assert.equal(await second, undefined);
  assert.equal(await setup.engine.suggest(at("let a = b,‸\n"), never), undefined);
  assert.equal(setup.calls.length, 2);
});

test("a line that is no code ends the answer: nothing behind it is waited for", async () => {
  const setup = setUp(undefined, createFakeClock());
  const first = await ask(setup, "let a‸\n", (call) => call.say(" = b, const d = 1;\nlet e"));
  assert.equal(first?.insertText, " = b,");
  assert.equal(setup.ledger.snapshot().requestTotals.ok, 1);
});

test("no model is asked about a document that holds keys by its name; the predictor still is", async () => {
  const { engine, calls } = setUp({ text: "_KEY=", confidence: 0.95 });
  const secret = { ...at("API‸", ".env"), isSecret: true };
  engine.documentChanged(".env", () => [secret], { insertedUnits: 1 });
  const suggestion = await engine.suggest(secret, never, true);
  assert.equal(suggestion?.insertText, "_KEY=");
  assert.equal(calls.length, 0);
  engine.dispose();
});

test("a server that sends on and on in one line is not read for ever", async () => {
  const { engine, calls } = setUp();
  const suggested = engine.suggest(at("const a = ‸"), never, true);
  while (calls.length === 0) await new Promise(setImmediate);
  for (let piece = 0; piece < 10; piece++) calls[0]!.say("word ".repeat(200));
  const suggestion = await suggested;
  assert.ok((suggestion?.insertText.length ?? 0) <= 8000);
  engine.dispose();
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "../../fake/clock.ts";
import {
  at,
  scriptedProvider,
  setUp,
  never,
  selected,
  settle,
  ask,
  typed,
  deleted,
  type,
  setUpTyping,
} from "./engineHarness.ts";

test("an item selected in the suggest widget is asked for once while its name is typed", async () => {
  const setup = setUp();
  const waiting = new AbortController();
  void setup.engine.suggest(selected("cu"), waiting.signal);
  await settle();
  waiting.abort();
  setup.engine.documentChanged("a.ts", () => [at("log(cus‸\n")]);
  assert.equal(setup.calls[0]!.aborted, false);
  const pending = setup.engine.suggest(selected("cus"), never);
  await settle();
  setup.calls[0]!.say(".length)");
  setup.calls[0]!.end();
  assert.equal((await pending)?.insertText, ".length)");
  assert.equal(setup.calls.length, 1);
});

test("an edit keeps the request when one of the places where the cursor may be agrees", async () => {
  const setup = setUp();
  void setup.engine.suggest(at("run‸\n"), never);
  await settle();
  setup.calls[0]!.say("(a");
  await settle();
  setup.engine.documentChanged("a.ts", () => [at("run()‸\n"), at("run(‸)\n")]);
  assert.equal(setup.calls[0]!.aborted, false);
  setup.engine.documentChanged("a.ts", () => [at("run[]‸\n"), at("run[‸]\n")]);
  assert.equal(setup.calls[0]!.aborted, true);
});

test("without a model no edit makes anybody read the document", () => {
  const { engine } = setUp();
  engine.use({});
  engine.documentChanged("a.ts", () => assert.fail("read"), { insertedUnits: 1 });
});

test("a request is sent when the key is typed, and VS Code's later call joins it", async () => {
  const setup = setUp(undefined, createFakeClock());
  type(setup, "let a = ‸\n");
  await settle();
  assert.equal(setup.calls.length, 1);
  const pending = setup.engine.suggest(at("let a = ‸\n"), never);
  await settle();
  setup.calls[0]!.say("one;");
  setup.calls[0]!.end();
  assert.equal((await pending)?.insertText, "one;");
  assert.equal(setup.calls.length, 1);
});

test("an Enter and its indentation in two edits are one request", async () => {
  const setup = setUp(undefined, createFakeClock());
  type(setup, "if (a) {\n‸\n");
  type(setup, "if (a) {\n  ‸\n", { insertedUnits: 2 });
  const pending = setup.engine.suggest(at("if (a) {\n  ‸\n"), never);
  await settle();
  setup.calls[0]!.say("  run();");
  setup.calls[0]!.end();
  assert.equal((await pending)?.insertText, "run();");
  assert.equal(setup.calls.length, 1);
});

test("with a fast server a further key is waited for, and VS Code's call waits with it", async () => {
  const { clock, setup } = await setUpTyping("x‸\n", 40);
  type(setup, "xy‸\n");
  const pending = setup.engine.suggest(at("xy‸\n"), never);
  await settle();
  assert.equal(setup.calls.length, 0);
  type(setup, "xyz‸\n");
  clock.advance(70);
  await settle();
  assert.equal(setup.calls.length, 0);
  clock.advance(50);
  await settle();
  assert.deepEqual(
    setup.calls.map(({ request }) => request.prefix),
    ["xyz"],
  );
  setup.engine.dispose();
  await pending;
});

for (const [name, before, document, edit] of [
  ["an opening bracket", "ru", "run(‸\n", typed],
  ["a dot", "a", "a.‸\n", typed],
  ["a newline", "a;", "a;\n  ‸\n", typed],
  ["an accept", "a", "a = call(1);‸\n", { insertedUnits: 11 }],
] as const) {
  test(`nothing is waited for behind ${name}`, async () => {
    const { setup } = await setUpTyping(`${before}‸\n`, 40);
    type(setup, document, edit);
    await settle();
    assert.equal(setup.calls.at(-1)!.request.prefix, document.split("‸")[0]);
  });
}

test("a deletion asks nobody, neither early nor when VS Code asks by itself", async () => {
  const clock = createFakeClock();
  const setup = setUp(undefined, clock);
  type(setup, "let ab‸\n", deleted);
  clock.advance(1000);
  assert.equal(await setup.engine.suggest(at("let ab‸\n"), never), undefined);
  assert.equal(setup.calls.length, 0);
  void setup.engine.suggest(at("let ab‸\n"), never, true);
  await settle();
  assert.equal(setup.calls.length, 1);
});

test("an edit in another document makes nobody forget that text was taken away here", async () => {
  const setup = setUp(undefined, createFakeClock());
  type(setup, "let ab‸\n", deleted);
  setup.engine.documentChanged("b.ts", () => []);
  assert.equal(await setup.engine.suggest(at("let ab‸\n"), never), undefined);
  assert.equal(setup.calls.length, 0);
});

test("a deletion ends the wait for a request, and the next key begins one", async () => {
  const { clock, setup } = await setUpTyping("x‸\n", 40);
  type(setup, "xy‸\n");
  type(setup, "x‸\n", deleted);
  clock.advance(1000);
  await settle();
  assert.equal(setup.calls.length, 0);
  type(setup, "xz‸\n");
  void setup.engine.suggest(at("xz‸\n"), never);
  await settle();
  assert.equal(setup.calls.length, 1);
});

test("an edit that nobody typed here begins no request", async () => {
  const setup = setUp(undefined, createFakeClock());
  setup.engine.documentChanged("a.ts", () => assert.fail("nothing to read for"));
  await settle();
  assert.equal(setup.calls.length, 0);
});

test("typing along the text on screen begins no request while much of it is left", async () => {
  const setup = setUp(undefined, createFakeClock());
  await ask(setup, "let a = ‸\n", (call) => (call.say("one + two + three;"), call.end()));
  type(setup, "let a = o‸\n");
  await settle();
  assert.equal(setup.calls.length, 1);
});

test("what comes behind the text on screen is asked for shortly before its end, once", async () => {
  const setup = setUp(undefined, createFakeClock());
  await ask(setup, "let a = ‸\n", (call) => (call.say("one;"), call.end()));
  type(setup, "let a = on‸\n");
  await settle();
  assert.equal(setup.calls[1]!.request.prefix, "let a = one;");
  setup.calls[1]!.say("\nlet b = 2;");
  setup.calls[1]!.end();
  await settle();
  type(setup, "let a = one‸\n");
  assert.equal((await setup.engine.suggest(at("let a = one‸\n"), never))?.insertText, ";");
  type(setup, "let a = one;‸\n");
  const next = await setup.engine.suggest(at("let a = one;‸\n"), never);
  assert.equal(next?.insertText, "\nlet b = 2;");
  assert.equal(setup.calls.length, 2);
});

test("a server that charges is asked ahead of nothing, and only so often a minute", async () => {
  const clock = createFakeClock();
  const setup = setUp(undefined, clock);
  const { provider, calls } = scriptedProvider(true);
  setup.engine.use({ model: { provider, model: "m" } });
  await ask({ ...setup, calls }, "let a = ‸\n", (call) => (call.say("one;"), call.end()));
  type(setup, "let a = one‸\n");
  await settle();
  assert.equal(calls.length, 1);
  for (let request = 0; request < 30; request++) {
    clock.advance(1000);
    type(setup, `call${request}(‸\n`);
    void setup.engine.suggest(at(`call${request}(‸\n`), never);
    await settle();
  }
  // The first was sent before the server was known to charge.
  assert.equal(calls.length, 21);
  clock.advance(60_000);
  type(setup, "later(‸\n");
  await settle();
  assert.equal(calls.length, 22);
});

test("a deletion closes the running request and begins none", async () => {
  const setup = setUp(undefined, createFakeClock());
  type(setup, "let ab‸\n");
  await settle();
  type(setup, "let a‸\n", deleted);
  await settle();
  assert.deepEqual(
    setup.calls.map(({ aborted }) => aborted),
    [true],
  );
});

test("nothing more is asked early when VS Code does not ask for ghost text", async () => {
  const setup = setUp(undefined, createFakeClock());
  for (let key = 0; key < 9; key++) {
    type(setup, `call${key}(‸\n`);
    await settle();
  }
  assert.equal(setup.calls.length, 3);
  void setup.engine.suggest(at("call(‸\n"), never);
  type(setup, "other(‸\n");
  await settle();
  assert.equal(setup.calls.at(-1)!.request.prefix, "other(");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock, type Clock } from "../../../src/base/clock.ts";
import { createCompletionEngine, type CompletionEngine } from "../../../src/completion/engine.ts";
import type { Snapshot } from "../../../src/completion/snapshot.ts";
import { createLedger, type Ledger } from "../../../src/metrics/ledger.ts";
import {
  ProviderError,
  type CompletionRequest,
  type Provider,
  type StreamPart,
} from "../../../src/provider/provider.ts";
import { createFakeClock } from "../../fake/clock.ts";

const at = (document: string, documentId = "a.ts"): Snapshot => {
  const [prefix, suffix] = document.split("‸") as [string, string];
  return { documentId, path: documentId, languageId: "typescript", prefix, suffix, aheadUnits: 0 };
};

/** A stream that the test feeds by hand. */
type Call = {
  request: CompletionRequest;
  aborted: boolean;
  say(text: string): void;
  end(): void;
  fail(error: Error): void;
};

const unused = () => assert.fail("not used by the engine");

const scriptedProvider = (isMetered = false): { provider: Provider; calls: Call[] } => {
  const calls: Call[] = [];
  const provider: Provider = {
    kind: "llamacpp",
    origin: "http://127.0.0.1:1",
    models: unused,
    capabilities: () =>
      Promise.resolve({ model: "served", fillInMiddle: "raw-template", slots: 1, contextTokens: 4096, isMetered }),
    health: unused,
    streamChat: unused,
    validateConnection: unused,
    async *streamCompletion(request, { signal } = {}) {
      const queue: (StreamPart | Error)[] = [];
      let wake = Promise.withResolvers<void>();
      const push = (item: StreamPart | Error) => {
        queue.push(item);
        wake.resolve();
      };
      const call: Call = {
        // What stands before the cursor, in whichever part of the prompt it is sent.
        request: { ...request, prefix: request.prefix + (request.typed ?? "") },
        aborted: false,
        say: (text) => push({ type: "text", text }),
        end: () => push({ type: "end", reason: "stop", usage: { promptTokens: 10, generatedTokens: 3 } }),
        fail: push,
      };
      calls.push(call);
      signal?.addEventListener("abort", () => {
        call.aborted = true;
        push(new DOMException("cancelled", "AbortError"));
      });
      for (;;) {
        const item = queue.shift();
        if (item === undefined) {
          await wake.promise;
          wake = Promise.withResolvers();
        } else if (item instanceof Error) throw item;
        else {
          yield item;
          if (item.type === "end") return;
        }
      }
    },
  };
  return { provider, calls };
};

type Setup = {
  engine: CompletionEngine;
  calls: Call[];
  ledger: Ledger;
  failures: unknown[];
  better: () => number;
  successes: () => number;
};

const setUp = (
  prediction?: { text: string; confidence: number; isGuess?: boolean },
  clock: Clock = systemClock,
): Setup => {
  const { provider, calls } = scriptedProvider();
  const ledger = createLedger({ clock });
  const failures: unknown[] = [];
  let better = 0;
  let successes = 0;
  const engine = createCompletionEngine({
    clock,
    ledger,
    onBetter: () => void better++,
    onSuccess: () => void successes++,
    onFailure: (error) => failures.push(error),
  });
  engine.use({
    model: { provider, model: "m" },
    predictor: prediction && { predict: () => Promise.resolve(prediction) },
  });
  return { engine, calls, ledger, failures, better: () => better, successes: () => successes };
};

const never = new AbortController().signal;

/** The item "customers" is selected in the suggest widget while this much of it is typed. */
const selected = (typed: string): Snapshot => ({
  ...at("log(customers‸\n"),
  aheadUnits: "customers".length - typed.length,
});

/** Lets every promise that is ready run. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

const ask = async ({ engine, calls }: Setup, document: string, answer: (call: Call) => void) => {
  const pending = engine.suggest(at(document), never);
  await settle();
  answer(calls.at(-1)!);
  return pending;
};

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

test("the model is asked from the cursor when its answer disagrees behind a text of the predictor's", async () => {
  const setup = setUp({ text: "guess;", confidence: 0.8 });
  await setup.engine.suggest(at("let a = ‸\n"), never);
  await setup.engine.suggest(at("let a = gu‸\n"), never);
  setup.calls[0]!.say("right();");
  await settle();
  assert.equal(setup.calls[0]!.aborted, true);
  assert.equal(setup.calls[1]!.request.prefix, "let a = gu");
});

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
  const guess = { text: "guess;", confidence: 0.3, isGuess: true };
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

test("the text on screen belongs to its document and to what follows the cursor", async () => {
  const setup = setUp({ text: "guess;", confidence: 0.8 });
  setup.engine.use({ predictor: { predict: () => Promise.resolve({ text: "guess;", confidence: 0.8 }) } });
  await setup.engine.suggest(at("let a = ‸\n"), never);
  assert.equal((await setup.engine.suggest(at("let a = ‸\n"), never))?.source, "live");
  assert.equal((await setup.engine.suggest(at("let a = ‸\n", "b.ts"), never))?.source, "predictor");
  assert.equal((await setup.engine.suggest(at("let a = ‸\nother();\n", "b.ts"), never))?.source, "predictor");
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

test("text cut down to less than two characters is not shown", async () => {
  const setup = setUp();
  assert.equal(await ask(setup, "run(‸)\n", (call) => (call.say(";)"), call.end())), undefined);
});

test("asks for one line only when text follows the cursor", async () => {
  const setup = setUp();
  await ask(setup, "run(‸, 1)\n", (call) => (call.say("value"), call.end()));
  assert.deepEqual(setup.calls[0]!.request.stop, ["\n"]);
});

const typed = { insertedUnits: 1 };
const deleted = { insertedUnits: 0 };
const type = ({ engine }: Setup, document: string, edit = typed) =>
  engine.documentChanged("a.ts", () => [at(document)], edit);

test("without a model no edit makes anybody read the document", () => {
  const { engine } = setUp();
  engine.use({});
  engine.documentChanged("a.ts", () => assert.fail("read"), { insertedUnits: 1 });
});

/** `document` was typed 100 ms ago, and the server answered, with something else than what comes, after this long. */
const setUpTyping = async (document: string, firstTextMs: number) => {
  const clock = createFakeClock();
  const setup = setUp(undefined, clock);
  type(setup, document);
  await settle();
  clock.advance(firstTextMs);
  setup.calls[0]!.say("???");
  setup.calls[0]!.end();
  await settle();
  clock.advance(100 - firstTextMs);
  setup.calls.length = 0;
  return { clock, setup };
};

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

test("the last character of a text on screen stays there, and asks nobody", async () => {
  const setup = setUp(undefined, createFakeClock());
  await ask(setup, "let a = ‸\n", (call) => (call.say("f()"), call.end()));
  const last = await setup.engine.suggest(at("let a = f(‸\n"), never);
  assert.deepEqual([last?.insertText, last?.source], [")", "live"]);
  assert.equal(setup.calls.length, 1);
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
const askLate = async (prediction: { text: string; confidence: number; isGuess?: boolean }) => {
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
  const { calls, asked, better } = await askLate({ text: " late;", confidence: 0.3, isGuess: true });
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

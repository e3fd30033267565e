import assert from "node:assert/strict";
import { test } from "node:test";
import { createCompletionEngine } from "../../../src/completion/engine.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import type { CallOptions, CompletionRequest, Provider, StreamPart } from "../../../src/provider/provider.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { at, never, settle } from "./engineHarness.ts";

const unused = () => assert.fail("not used by the engine");

type Call = { readonly request: CompletionRequest; readonly options: CallOptions | undefined };

/** Answers `answers` one after the other; "hang" only ends by being cancelled, "make room" does it by itself half-way. */
const setUp = (
  answers: string[],
  { isMetered = false, cachedTokens = 990, speculateOnMetered = false, speculates = true } = {},
) => {
  const clock = createFakeClock();
  const calls: Call[] = [];
  const provider: Provider = {
    kind: "llamacpp",
    origin: "http://127.0.0.1:1",
    models: unused,
    capabilities: () =>
      Promise.resolve({ model: "m", fillInMiddle: "raw-template", slots: 1, contextTokens: 4096, isMetered }),
    health: unused,
    streamChat: unused,
    validateConnection: unused,
    async *streamCompletion(request, options): AsyncIterable<StreamPart> {
      calls.push({ request, options });
      const text = answers.shift() ?? "";
      if (text === "make room") {
        yield { type: "text", text: "sec" };
        throw new DOMException("cancelled", "AbortError");
      }
      if (text === "hang") {
        await new Promise((_, reject) => {
          options?.signal?.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
        });
      }
      yield { type: "text", text };
      yield { type: "end", reason: "stop", usage: { promptTokens: 1000, cachedTokens, generatedTokens: 3 } };
    },
  };
  const ledger = createLedger({ clock });
  const engine = createCompletionEngine({
    clock,
    ledger,
    speculateOnMetered: () => speculateOnMetered,
    speculates: () => speculates,
    onBetter: () => {},
    onSuccess: () => {},
    onFailure: (error) => assert.fail(String(error)),
  });
  engine.use({ model: { provider, model: "m" } });
  /** Looks at the text until what comes behind it would be asked for. */
  const pause = async () => {
    clock.advance(500);
    await settle();
  };
  const type = (document: string, insertedUnits = 1) =>
    engine.documentChanged("a.ts", () => [at(document)], { insertedUnits });
  return { clock, calls, engine, ledger, pause, type };
};

test("what comes behind the text on screen is asked for in a pause, last in every queue, and is there after the accept", async () => {
  const { calls, engine, pause, type } = setUp(["first();", "\nsecond();"]);
  const shown = await engine.suggest(at("‸\n"), never);
  assert.equal(calls.length, 1);
  await pause();
  const { prefix, typed = "" } = calls[1]!.request;
  assert.equal(prefix + typed, "first();");
  assert.equal(calls[1]!.options?.priority, "speculation");
  assert.equal(calls[0]!.options?.priority, undefined);
  assert.ok(calls[1]!.request.maxTokens < calls[0]!.request.maxTokens);
  type("first();‸\n", shown!.insertText.length);
  const next = await engine.suggest(at("first();‸\n"), never);
  assert.deepEqual([next?.insertText, next?.source], ["\nsecond();", "speculation"]);
  assert.equal(calls.length, 2);
});

test("the same place is never asked for twice, even if the answer was not waited for", async () => {
  const { calls, engine, pause, type } = setUp(["first();", "hang", "other();"]);
  await engine.suggest(at("‸\n"), never);
  await pause();
  type("x‸\n");
  await settle();
  assert.equal(calls.length, 3);
  assert.equal((await engine.suggest(at("‸\n"), never))?.insertText, "first();");
  await pause();
  assert.equal(calls.length, 3);
});

test("nothing is asked ahead while somebody types, or while the answer still comes", async () => {
  const { calls, engine, clock, type } = setUp(["first().second().third();", "hang"]);
  await engine.suggest(at("‸\n"), never);
  clock.advance(200);
  type("f‸\n");
  clock.advance(1000);
  await settle();
  assert.equal(calls.length, 1);
});

test("a real request closes the one for what comes behind at once", async () => {
  const { calls, engine, pause, type } = setUp(["first();", "hang", "other();"]);
  await engine.suggest(at("‸\n"), never);
  await pause();
  assert.equal(calls.length, 2);
  type("x‸\n");
  assert.equal(calls[1]!.options?.signal?.aborted, true);
  assert.equal((await engine.suggest(at("x‸\n"), never))?.insertText, "other();");
});

test("what has to make room for others half-way is no answer: whoever gets there asks", async () => {
  const { calls, engine, pause } = setUp(["first();", "make room", "second();"]);
  await engine.suggest(at("‸\n"), never);
  await pause();
  assert.equal(calls.length, 2);
  assert.equal((await engine.suggest(at("first();‸\n"), never))?.insertText, "second();");
  assert.equal(calls.length, 3);
});

test("typing along the text on screen leaves the request for what comes behind alone", async () => {
  const { calls, engine, pause, type } = setUp(["first();", "hang"]);
  await engine.suggest(at("‸\n"), never);
  await pause();
  type("f‸\n");
  assert.equal(calls[1]!.options?.signal?.aborted, false);
  engine.dispose();
  assert.equal(calls[1]!.options?.signal?.aborted, true);
});

test("a server that charges is asked ahead only where that is wanted", async () => {
  for (const speculateOnMetered of [false, true]) {
    const { calls, engine, pause } = setUp(["first();", ""], { isMetered: true, speculateOnMetered });
    await engine.suggest(at("‸\n"), never);
    await pause();
    assert.equal(calls.length, speculateOnMetered ? 2 : 1);
  }
});

test("nothing is asked ahead while that is switched off", async () => {
  const { calls, engine, pause, type } = setUp(["first();", ""], { speculates: false });
  type("a‸\n");
  await engine.suggest(at("a‸\n"), never);
  const before = calls.length;
  await pause();
  engine.cursorJumped(() => at("a\nelsewhere‸\n"));
  await pause();
  assert.equal(calls.length, before);
});

test("a server that would read the prompt anew is not asked ahead", async () => {
  const { calls, engine, pause } = setUp(["first();"], { cachedTokens: 0 });
  await engine.suggest(at("‸\n"), never);
  await pause();
  assert.equal(calls.length, 1);
});

test("nothing is asked behind a text that comes after the document has changed, or the engine ended", async () => {
  for (const end of ["edit", "dispose"]) {
    const { clock, engine, type } = setUp(["first();"]);
    const late = Promise.withResolvers<undefined>();
    engine.use({ predictor: { predict: () => late.promise.then(() => ({ text: "guess();", confidence: 0.8 })) } });
    const pending = engine.suggest(at("let a = ‸\n"), never);
    if (end === "edit") type("let a = x‸\n");
    else engine.dispose();
    late.resolve(undefined);
    await pending;
    assert.deepEqual(clock.pending(), []);
  }
});

test("no timer is left when the engine ends", async () => {
  const { clock, engine } = setUp(["first();"]);
  await engine.suggest(at("‸\n"), never);
  assert.equal(clock.pending().length, 1);
  engine.dispose();
  assert.deepEqual(clock.pending(), []);
});

test("what was accepted and undone is not offered there again, and the predictor hears of both", async () => {
  const { engine, type } = setUp([]);
  const heard: boolean[] = [];
  engine.use({
    predictor: {
      predict: ({ prefix }) =>
        Promise.resolve(prefix === "let a = " ? { text: "guess();", confidence: 0.8 } : undefined),
      feedback: ({ isRight, confidence }) => {
        assert.equal(confidence, 0.8);
        heard.push(isRight);
      },
    },
  });
  const shown = await engine.suggest(at("let a = ‸\n"), never);
  type("let a = guess();‸\n", 8);
  await engine.suggest(at("let a = guess();‸\n"), never);
  engine.accepted(shown!);
  assert.deepEqual(heard, [true]);
  engine.documentChanged("a.ts", () => [at("let a = ‸\n")]);
  engine.undone("a.ts");
  assert.deepEqual(heard, [true, false]);
  assert.equal(await engine.suggest(at("let a = ‸\n"), never), undefined);
});

test("an undo of something else refuses nothing", async () => {
  const { engine, type } = setUp(["first();"]);
  const shown = await engine.suggest(at("‸\n"), never);
  type("first();‸\n", 8);
  engine.accepted(shown!);
  type("first();x‸\n");
  engine.documentChanged("a.ts", () => [at("first();‸\n")]);
  engine.undone("a.ts");
  engine.documentChanged("a.ts", () => [at("‸\n")]);
  assert.equal((await engine.suggest(at("‸\n"), never))?.insertText, "first();");
});

test("a statement is shown as soon as its semicolon ends it", async () => {
  const { stablePart } = await import("../../../src/completion/stableText.ts");
  assert.equal(stablePart("b();", at("a.‸\n")), "b();");
  assert.equal(stablePart("let i = 0;", at("for (‸\n")), undefined);
  assert.equal(stablePart("one;", at('x = "‸\n')), undefined);
  assert.equal(stablePart("b()", at("a.‸\n")), undefined);
  assert.equal(stablePart("b()\nc", at("a.‸\n")), "b()");
  assert.equal(stablePart("b;", { ...at("a.‸\n"), languageId: "python" }), undefined);
});

test("where the cursor jumps to is read ahead in a pause, last in every queue, and its text is there for the first key", async () => {
  const { calls, engine, pause, type } = setUp(["first();", "second();"]);
  type("x‸\n");
  await settle();
  engine.cursorJumped(() => at("x\n\n‸\n"));
  assert.equal(calls.length, 1);
  await pause();
  const { prefix, typed = "" } = calls[1]!.request;
  assert.equal(prefix + typed, "x\n\n");
  assert.equal(calls[1]!.options?.priority, "speculation");
  type("x\n\ns‸\n");
  const shown = await engine.suggest(at("x\n\ns‸\n"), never);
  assert.deepEqual([shown?.insertText, shown?.source], ["econd();", "cache"]);
  assert.equal(calls.length, 2);
});

test("a jump asks nobody while somebody only reads, after the document changed, or where it costs", async () => {
  const reads = setUp(["first();"]);
  reads.engine.cursorJumped(() => at("x\n‸\n"));
  await reads.pause();
  reads.type("x‸\n");
  await settle();
  reads.clock.advance(60_000);
  reads.engine.cursorJumped(() => at("x\n‸\n"));
  await reads.pause();
  assert.equal(reads.calls.length, 1);

  const changed = setUp(["first();"]);
  changed.type("x‸\n");
  await settle();
  changed.engine.cursorJumped(() => undefined);
  await changed.pause();
  assert.equal(changed.calls.length, 1);

  const metered = setUp(["first();"], { isMetered: true });
  metered.type("x‸\n");
  await settle();
  metered.engine.cursorJumped(() => at("x\n‸\n"));
  await metered.pause();
  assert.equal(metered.calls.length, 1);
});

import assert from "node:assert/strict";
import { systemClock, type Clock } from "../../../src/base/clock.ts";
import { createCompletionEngine, type CompletionEngine } from "../../../src/completion/engine.ts";
import type { Snapshot } from "../../../src/completion/snapshot.ts";
import { createLedger, type Ledger } from "../../../src/metrics/ledger.ts";
import type { CompletionRequest, Provider, StreamPart } from "../../../src/provider/provider.ts";
import { createFakeClock } from "../../fake/clock.ts";

/** The cursor is `‸`. */
export const at = (document: string, documentId = "a.ts"): Snapshot => {
  const [prefix, suffix] = document.split("‸") as [string, string];
  return { documentId, path: documentId, languageId: "typescript", prefix, suffix, aheadUnits: 0 };
};

/** A stream that the test feeds by hand. */
export type Call = {
  request: CompletionRequest;
  aborted: boolean;
  say(text: string): void;
  end(): void;
  fail(error: Error): void;
};

const unused = () => assert.fail("not used by the engine");

/** A model server that says what the test says, and all calls of it, the oldest first. */
export const scriptedProvider = (isMetered = false): { provider: Provider; calls: Call[] } => {
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

export type Setup = {
  engine: CompletionEngine;
  calls: Call[];
  ledger: Ledger;
  failures: unknown[];
  better: () => number;
  successes: () => number;
};

/** An engine with such a server, and with a predictor if there is a `prediction`, which it always says. */
export const setUp = (
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

/** Ends no waiting. */
export const never = new AbortController().signal;

/** The item "customers" is selected in the suggest widget while this much of it is typed. */
export const selected = (typed: string): Snapshot => ({
  ...at("log(customers‸\n"),
  aheadUnits: "customers".length - typed.length,
});

/** Lets every promise that is ready run. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Has VS Code ask, and `answer` feed the newest request. */
export const ask = async ({ engine, calls }: Setup, document: string, answer: (call: Call) => void) => {
  const pending = engine.suggest(at(document), never);
  await settle();
  answer(calls.at(-1)!);
  return pending;
};

export const typed = { insertedUnits: 1 };
export const deleted = { insertedUnits: 0 };
/** Tells the engine of an edit in `a.ts`, after which the document is this. */
export const type = ({ engine }: Setup, document: string, edit = typed) =>
  engine.documentChanged("a.ts", () => [at(document)], edit);

/** `document` was typed 100 ms ago, and the server answered, with something else than what comes, after this long. */
export const setUpTyping = async (document: string, firstTextMs: number) => {
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

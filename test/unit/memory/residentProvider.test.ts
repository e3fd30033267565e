import assert from "node:assert/strict";
import { test } from "node:test";
import { ResidencyError } from "../../../src/memory/modelServer.ts";
import { createResidency } from "../../../src/memory/residency.ts";
import { keepResident } from "../../../src/memory/residentProvider.ts";
import type { CallOptions, Provider, StreamPart } from "../../../src/provider/provider.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createModelMemory, runClock } from "../../fake/modelMemory.ts";

const gb = 2 ** 30;
const request = { prefix: "a", suffix: "", maxTokens: 5 };

const setUp = (refusal: (error: unknown) => Error | undefined = (error) => error as Error) => {
  const clock = createFakeClock();
  const server = createModelMemory({ clock, loadMs: 1000 });
  server.sizes.set("a", 6 * gb);
  server.sizes.set("b", 6 * gb);
  server.sizes.set("huge", 18 * gb);
  const residency = createResidency({ clock, servers: [server], usableBytes: () => 12 * gb });
  let sent = 0;
  const goOn = Promise.withResolvers<void>();
  const provider = {
    async *streamCompletion(): AsyncGenerator<StreamPart> {
      sent++;
      yield { type: "text", text: "x" };
      await goOn.promise;
      yield { type: "end", reason: "stop", usage: {} };
    },
  } as unknown as Provider;
  const open = (model: string) =>
    keepResident(
      provider,
      () => ({
        residency,
        need: { server, model, sizeBytes: () => server.sizes.get(model)! },
      }),
      refusal,
    );
  const first = (model: string, call: CallOptions = {}) => {
    const parts = open(model).streamCompletion(request, call)[Symbol.asyncIterator]();
    return { parts, part: parts.next() };
  };
  return { clock, server, residency, open, first, goOn, sent: () => sent };
};

test("a model is loaded before the request and kept while it runs", async () => {
  const { clock, server, residency, first, goOn, sent } = setUp();
  const { parts, part } = first("a");
  assert.equal(sent(), 0);
  assert.deepEqual(await runClock(clock, part), { done: false, value: { type: "text", text: "x" } });
  assert.deepEqual(
    server.calls.filter((call) => call !== "list"),
    ["load a"],
  );
  await assert.rejects(
    runClock(clock, first("b").part),
    (error: unknown) => error instanceof ResidencyError && error.kind === "in-use",
  );
  goOn.resolve();
  await parts.next();
  await parts.next();
  assert.equal((await residency.list())[0]?.isInUse, false);
});

test("a request for a model that has just answered is sent without a question and without a wait", async () => {
  const { clock, server, first, goOn, sent } = setUp();
  goOn.resolve();
  const { parts, part } = first("a");
  await runClock(clock, part);
  await parts.return?.();
  const asked = server.calls.length;
  clock.advance(3 * 60_000);
  const next = first("a");
  // Two turns of the microtask queue, no timer, no socket.
  await Promise.resolve();
  await Promise.resolve();
  assert.equal(sent(), 2);
  await next.part;
  assert.equal(server.calls.length, asked);
});

test("leaving early gives the model back", async () => {
  const { clock, residency, first } = setUp();
  const { parts, part } = first("a");
  await runClock(clock, part);
  await parts.return?.();
  assert.equal((await residency.list())[0]?.isInUse, false);
});

test("a refusal is what the caller makes of it, and where it makes nothing the request is sent", async () => {
  const { clock, first, sent } = setUp(() => new Error("told"));
  await assert.rejects(runClock(clock, first("huge").part), /told/);
  assert.equal(sent(), 0);
  const other = setUp(() => undefined);
  assert.equal((await runClock(other.clock, other.first("huge").part)).done, false);
  assert.equal(other.sent(), 1);
});

test("a request that is cancelled while its model loads is never sent", async () => {
  const { clock, first, sent } = setUp();
  const stop = new AbortController();
  const { part } = first("a", { signal: stop.signal });
  clock.after(500, () => stop.abort());
  await assert.rejects(runClock(clock, part), { name: "AbortError" });
  assert.equal(sent(), 0);
});

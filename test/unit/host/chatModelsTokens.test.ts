import assert from "node:assert/strict";
import { test } from "node:test";
import { createTokenCounts } from "../../../src/host/chatModelsTokens.ts";
import type { CallOptions, ChatRequest, Provider, StreamPart, Usage } from "../../../src/provider/provider.ts";
import { estimateRequest, estimateTokens } from "../../../src/provider/tokenEstimate.ts";
import { createFakeClock } from "../../fake/clock.ts";

const long = "one two three ".repeat(100);

const createHarness = (countTokens?: (text: string, call?: CallOptions) => Promise<number>) => {
  const clock = createFakeClock();
  const asked: string[] = [];
  const model = {
    id: "m",
    open: async () =>
      countTokens
        ? {
            countTokens: (text: string, call?: CallOptions) => {
              asked.push(text);
              return countTokens(text, call);
            },
          }
        : {},
  };
  return { clock, asked, model, counts: createTokenCounts(clock) };
};

const hang = (_: string, call?: CallOptions) =>
  new Promise<never>((_resolve, reject) => {
    call?.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
  });

/** A provider of which only the chat is used. */
const talking = (usage: Usage): Provider =>
  ({
    async *streamChat(): AsyncGenerator<StreamPart> {
      yield { type: "text", text: "a" };
      yield { type: "end", reason: "stop", usage };
    },
  }) as unknown as Provider;

const drain = async (stream: AsyncIterable<StreamPart>) => {
  const parts: string[] = [];
  for await (const part of stream) parts.push(part.type);
  return parts;
};

test("a longer text is counted by the server, once, and shorter ones are estimated as it counts", async () => {
  const { counts, model, asked } = createHarness(async (text) => Math.round(estimateTokens(text) * 1.5));
  const expected = Math.round(estimateTokens(long) * 1.5);
  assert.equal(await counts.count(model, "Hello there"), estimateTokens("Hello there"));
  assert.equal(await counts.count(model, long), expected);
  assert.equal(await counts.count(model, long), expected);
  assert.equal(asked.length, 1);
  const short = "How many tokens does this have?";
  assert.equal(await counts.count(model, short), Math.round(estimateTokens(short) * 1.5));
  assert.equal(await counts.count({ id: "other" }, short), estimateTokens(short));
  assert.equal(asked.length, 1);
});

test("a server that does not count in time is left alone for 20 s", async () => {
  const { clock, counts, model, asked } = createHarness(hang);
  const counting = counts.count(model, long);
  await clock.timer(200);
  clock.advance(200);
  assert.equal(await counting, estimateTokens(long));
  assert.equal(await counts.count(model, `${long}x`), estimateTokens(`${long}x`));
  assert.equal(asked.length, 1);
  clock.advance(20_000);
  const again = counts.count(model, long);
  await clock.timer(200);
  clock.advance(200);
  await again;
  assert.equal(asked.length, 2);
  assert.deepEqual(clock.pending(), []);
});

test("a server without a tokenizer, or that refuses, leads to an estimate", async () => {
  const without = createHarness();
  assert.equal(await without.counts.count(without.model, long), estimateTokens(long));
  const refusing = createHarness(async () => Promise.reject(new Error("no")));
  assert.equal(await refusing.counts.count(refusing.model, long), estimateTokens(long));
  assert.deepEqual(refusing.clock.pending(), []);
});

test("many at once do not flood the server", async () => {
  const answer = Promise.withResolvers<number>();
  const { counts, model, asked } = createHarness(() => answer.promise);
  const counting = Array.from({ length: 20 }, async (_, index) => counts.count(model, `${long}${index}`));
  for (let count = 0; count < 10; count++) await Promise.resolve();
  assert.equal(asked.length, 4);
  answer.resolve(7);
  assert.equal((await Promise.all(counting)).filter((tokens) => tokens === 7).length, 4);
});

test("cancelling rejects, and the server hears of it", async () => {
  const { counts, model, clock } = createHarness(hang);
  const controller = new AbortController();
  const counting = counts.count(model, long, controller.signal);
  await clock.timer(200);
  controller.abort();
  await assert.rejects(counting, { name: "AbortError" });
  await assert.rejects(counts.count(model, "short", controller.signal), { name: "AbortError" });
  assert.deepEqual(clock.pending(), []);
});

test("what answers say they cost is learned, but not of images", async () => {
  const { counts } = createHarness();
  const request: ChatRequest = { messages: [{ role: "user", content: long }] };
  const promptTokens = Math.round(estimateRequest(request) * 1.4);
  const seen = counts.watch({ id: "m" }, talking({ promptTokens }));
  const image = { type: "image", mediaType: "image/png", base64: "AA==" } as const;
  const pictured: ChatRequest = { messages: [{ role: "user", content: [{ type: "text", text: long }, image] }] };
  const misleading = counts.watch({ id: "m" }, talking({ promptTokens: Math.round(estimateRequest(pictured) * 1.4) }));
  assert.deepEqual(await drain(misleading.streamChat(pictured)), ["text", "end"]);
  assert.equal(await counts.count({ id: "m" }, "word ".repeat(50)), estimateTokens("word ".repeat(50)));
  await drain(seen.streamChat(request));
  const learned = await counts.count({ id: "m" }, "word ".repeat(50));
  assert.ok(Math.abs(learned / estimateTokens("word ".repeat(50)) - 1.4) < 0.05, String(learned));
  assert.ok(counts.estimate({ id: "m" }, { role: "user", content: long }) > 1.3 * estimateTokens(long));
  await drain(counts.watch({ id: "silent" }, talking({})).streamChat(request));
});

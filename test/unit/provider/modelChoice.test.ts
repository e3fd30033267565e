import assert from "node:assert/strict";
import { test } from "node:test";
import type { OfferedModel } from "../../../src/provider/discover.ts";
import { chooseModels, fillsInMiddle, fitOf, isPaid, writesText } from "../../../src/provider/modelChoice.ts";

const gigabyte = 1024 ** 3;
const memory = { totalBytes: 16 * gigabyte, availableBytes: 11 * gigabyte };
const model = (id: string, sizeGigabytes?: number, more: Partial<OfferedModel> = {}): OfferedModel => ({
  id,
  ...(sizeGigabytes === undefined ? {} : { sizeBytes: sizeGigabytes * gigabyte }),
  ...more,
});

const price = (usd: number) => ({ promptUsdPerToken: usd, completionUsdPerToken: usd });

test("a usual collection: the small coder for ghost text, the larger instructed one for chat", () => {
  const models = [
    model("nomic-embed-text:latest", 0.3),
    model("qwen2.5-coder:0.5b", 0.4),
    model("qwen2.5-coder:1.5b-base", 1),
    model("qwen2.5-coder:7b", 4.7),
    model("llama3.1:8b", 4.9),
    model("llama3.3:70b", 40),
  ];
  assert.deepEqual(chooseModels(models, { memory }), {
    completion: "qwen2.5-coder:1.5b-base",
    chat: "llama3.1:8b",
    background: "llama3.1:8b",
  });
});

test("what is in memory already answers ghost text first", () => {
  const models = [model("qwen2.5-coder:1.5b", 1), model("qwen2.5-coder:7b", 4.7, { isLoaded: true })];
  assert.equal(chooseModels(models, { memory }).completion, "qwen2.5-coder:7b");
});

test("of two that are as large the base model fills in", () => {
  const models = [model("qwen2.5-coder:1.5b", 1), model("qwen2.5-coder:1.5b-base", 1)];
  assert.equal(chooseModels(models, { memory }).completion, "qwen2.5-coder:1.5b-base");
});

test("chat gets what ghost text leaves of the memory", () => {
  const models = [model("qwen2.5-coder:3b", 2), model("llama3.1:8b", 4.9), model("gemma3:4b", 3.3)];
  const tight = { totalBytes: 16 * gigabyte, availableBytes: 9.5 * gigabyte };
  assert.deepEqual(chooseModels(models, { memory: tight }), {
    completion: "qwen2.5-coder:3b",
    chat: "gemma3:4b",
    background: "gemma3:4b",
  });
});

test("one model serves everything; one that cannot fill in leaves ghost text to the predictor", () => {
  assert.deepEqual(chooseModels([model("qwen2.5-coder-7b")]), {
    completion: "qwen2.5-coder-7b",
    chat: "qwen2.5-coder-7b",
    background: "qwen2.5-coder-7b",
  });
  assert.deepEqual(chooseModels([model("llama3.1:8b")]), {
    completion: undefined,
    chat: "llama3.1:8b",
    background: "llama3.1:8b",
  });
  const told = { alsoFillsIn: new Set(["my-own-coder"]) };
  assert.equal(chooseModels([model("my-own-coder")], told).completion, "my-own-coder");
  assert.deepEqual(chooseModels([]), { completion: undefined, chat: undefined, background: undefined });
});

test("nothing that costs money and nothing on another machine is chosen unasked", () => {
  const models = [
    model("mistralai/codestral-2508", undefined, price(0.000_000_3)),
    model("qwen/qwen3-coder", undefined, price(0.000_000_2)),
    model("qwen/qwen3-coder:free", undefined, price(0)),
    model("openrouter/auto"),
  ];
  assert.deepEqual(chooseModels(models, { mayCharge: true }), {
    completion: "qwen/qwen3-coder:free",
    chat: "qwen/qwen3-coder:free",
    background: "qwen/qwen3-coder:free",
  });
  const paid = chooseModels([...models.slice(0, 2), model("openrouter/auto")], { mayCharge: true });
  assert.deepEqual(paid, { completion: undefined, chat: undefined, background: undefined });
  const cloud = [model("qwen3-coder:480b-cloud", undefined, { isElsewhere: true })];
  assert.deepEqual(chooseModels(cloud, { memory }).completion, undefined);
});

test("a model that does not fit is not chosen, and says by how much", () => {
  const large = model("qwen2.5-coder:14b", 9);
  assert.equal(chooseModels([large], { memory }).completion, undefined);
  assert.deepEqual(fitOf(model("m", 10), memory), { needsBytes: 12.5 * gigabyte, verdict: "tight" });
  assert.deepEqual(fitOf(model("m", 5), memory), { needsBytes: 6.5 * gigabyte, verdict: "fits" });
  assert.equal(fitOf(model("m", 20), memory)?.verdict, "too-large");
  assert.equal(fitOf(model("m", 20, { isLoaded: true }), memory)?.verdict, "loaded");
  assert.equal(fitOf(model("m"), memory), undefined);
});

test("names tell what a model is for when the server does not", () => {
  assert.ok(fillsInMiddle(model("qwen/qwen3-coder:free")));
  assert.ok(!fillsInMiddle(model("llama3.1:8b")));
  for (const id of ["nomic-embed-text", "bge-m3:latest", "BAAI/bge-large", "all-minilm-l6", "whisper-1"]) {
    assert.ok(!writesText(model(id)), id);
  }
  assert.ok(writesText(model("embed-writer", 1, { writesText: true })));
  assert.ok(writesText(model("llama3.1:8b")));
  assert.ok(isPaid(model("m", 1, { promptUsdPerToken: 0.1 })));
  assert.ok(!isPaid(model("m", 1, { promptUsdPerToken: 0, completionUsdPerToken: 0 })));
});

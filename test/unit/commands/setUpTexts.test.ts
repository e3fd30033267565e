import assert from "node:assert/strict";
import { test } from "node:test";
import { fitText, modelName, priceText, testSentence } from "../../../src/commands/setUpTexts.ts";

const t = (message: string, ...values: (string | number)[]) =>
  message.replaceAll(/\{(\d)\}/g, (_, n: string) => String(values[Number(n)]));
const gigabyte = 1024 ** 3;
const memory = { totalBytes: 16 * gigabyte, availableBytes: 12 * gigabyte };

test("what was measured is one sentence with what it cost", () => {
  const one = [{ model: "/models/qwen2.5-coder.gguf", firstTokenMs: 180, costUsd: undefined }];
  assert.equal(testSentence(one, false, t), "qwen2.5-coder answered in 180 ms; this test cost nothing.");
  const two = [
    { model: "coder", firstTokenMs: 180, costUsd: 0.000_015 },
    { model: "chat", firstTokenMs: 2300, costUsd: 0.000_005 },
  ];
  assert.equal(
    testSentence(two, true, t),
    "coder answered in 180 ms, chat answered in 2.3 s; this test cost $0.00002.",
  );
  const free = [{ model: "coder:free", firstTokenMs: 180, costUsd: 0 }];
  assert.equal(testSentence(free, true, t), "coder:free answered in 180 ms; this test cost nothing.");
  assert.match(testSentence([...two, ...one], true, t), /what this test cost is not known/);
});

test("a model's row says whether it fits and what it costs", () => {
  assert.equal(fitText({ id: "m", sizeBytes: 4 * gigabyte }, memory, t), "needs about 5.3 GB, 12.0 GB free");
  assert.equal(fitText({ id: "m", sizeBytes: 4 * gigabyte, isLoaded: true }, memory, t), "in memory, about 5.3 GB");
  assert.match(fitText({ id: "m", sizeBytes: 11 * gigabyte }, memory, t), /^tight: needs about 13\.7 GB/);
  assert.match(fitText({ id: "m", sizeBytes: 40 * gigabyte }, memory, t), /too large.*this machine has 16\.0 GB/);
  assert.equal(fitText({ id: "m", sizeBytes: 4 * gigabyte }, undefined, t), "4.0 GB");
  assert.equal(fitText({ id: "m" }, memory, t), "");
  assert.equal(fitText({ id: "m", isElsewhere: true }, memory, t), "answered by another machine");
  assert.equal(priceText({ id: "m" }, t), "");
  assert.equal(priceText({ id: "m", promptUsdPerToken: 0, completionUsdPerToken: 0 }, t), "free");
  assert.equal(
    priceText({ id: "m", promptUsdPerToken: 2e-7, completionUsdPerToken: 8e-7 }, t),
    "$0.20 read, $0.80 written per million tokens",
  );
});

test("a model file is named without its folders, a model's name is left whole", () => {
  assert.equal(modelName("/models/qwen.gguf"), "qwen");
  assert.equal(modelName("Qwen/Qwen2.5-Coder-7B"), "Qwen/Qwen2.5-Coder-7B");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { inNotice } from "../../../src/base/notice.ts";
import {
  fitText,
  inList,
  noModelSentence,
  priceText,
  setUpSentence,
  testSentence,
} from "../../../src/commands/setUpTexts.ts";
import { faultSentence } from "../../../src/host/sentences.ts";

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

test("a model's name is no link in a notice and no icon in a list", () => {
  const hostile = "[free](command:workbench.action.closeWindow)\u202Ex\n$(check)";
  assert.equal(inNotice(hostile), " free (command:workbench.action.closeWindow) x $(check)");
  assert.equal(inNotice("x".repeat(200)).length, 100);
  const sentence = testSentence([{ model: hostile, firstTokenMs: 1, costUsd: 0 }], true, t);
  assert.doesNotMatch(sentence, /[[\]]/);
  assert.equal(inList("$(check) m$(x)"), "\\$(check) m\\$(x)");
  for (const name of ["Qwen/Qwen2.5-Coder-7B", "qwen2.5-coder:1.5b"]) {
    assert.deepEqual([inNotice(name), inList(name)], [name, name]);
  }
});

test("while setting up, no sentence promises to try again or sends to a command elsewhere", () => {
  for (const kind of ["loading", "offline", "rate-limited", "unauthorized"] as const) {
    const sentence = setUpSentence(kind, "gpu-box:8000", t);
    assert.match(sentence, /gpu-box:8000/);
    assert.doesNotMatch(sentence, /Hotpath/);
  }
  assert.equal(setUpSentence("timeout", "host", t), faultSentence("timeout", "host", t));
});

test("a server without a model says how to get one", () => {
  const server = { baseUrl: "http://127.0.0.1:1", models: [], wantsKey: false, isLoading: false } as const;
  assert.match(noModelSentence({ ...server, name: "Ollama", kind: "ollama" }, t), /ollama pull/);
  const studio = noModelSentence({ ...server, name: "LM Studio", kind: "openai-compatible" }, t);
  assert.match(studio, /^LM Studio has no model/);
});

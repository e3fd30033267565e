import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { advise, memoryBudget, type Advice } from "../../../src/hardware/advice.ts";
import { bestQuantisation } from "../../../src/hardware/adviceTables.ts";
import { findDevice, processorDevice } from "../../../src/hardware/devices.ts";
import { memoryNeed } from "../../../src/hardware/memoryNeed.ts";
import type { ModelFacts } from "../../../src/hardware/modelFacts.ts";
import { factsFromRow, findModel, type Quantisation } from "../../../src/hardware/models.ts";
import type { DeviceFacts } from "../../../src/hardware/speed.ts";

const gib = 1024 ** 3;
const mib = 1024 ** 2;
const card = (name: string, memoryGib?: number): DeviceFacts => {
  const found = findDevice(name, memoryGib === undefined ? undefined : memoryGib * gib);
  assert.ok(found, name);
  return found;
};
const model = (name: string, quantisation: Quantisation = "Q4_K_M"): ModelFacts => {
  const row = findModel(name);
  assert.ok(row, name);
  return factsFromRow(row, quantisation);
};
const fitting = (advice: Advice) => {
  assert.ok(advice.fits, "does not fit");
  return advice;
};

test("budgets: a card's driver, Apple's limit, a fifth of shared memory", () => {
  assert.equal(memoryBudget(card("NVIDIA GeForce RTX 3080", 10)), 9 * gib);
  assert.equal(memoryBudget(card("NVIDIA GeForce RTX 3090")), Math.floor(24 * gib * 0.92));
  assert.equal(memoryBudget(card("Apple M4 Pro", 24)), Math.floor(24 * gib * 0.667) - 512 * mib);
  assert.equal(memoryBudget(card("Apple M4 Pro", 48)), 48 * gib * 0.75 - 512 * mib);
  assert.equal(memoryBudget(processorDevice("Processor", 32 * gib)), Math.floor(32 * gib * 0.8));
  assert.equal(memoryBudget(card("NVIDIA GeForce RTX 3080", 0.5)), 0);
});

suite("context", () => {
  const rtx3090 = card("NVIDIA GeForce RTX 3090");

  test("the largest context really fits, and 256 tokens more would not", () => {
    const coder = model("qwen3-coder:30b");
    const { context, budgetBytes } = fitting(advise(coder, rtx3090));
    const need = (contextTokens: number) => memoryNeed(coder, { contextTokens, slots: 1 }).totalBytes + 300 * mib;
    assert.ok(need(context.maxTokens) <= budgetBytes);
    assert.ok(need(context.maxTokens + 256) > budgetBytes);
    assert.equal(context.maxTokens % 256, 0);
    assert.ok(context.safeTokens < context.recommendedTokens && context.recommendedTokens < context.maxTokens);
    // A quarter of what is left beside the weights stays free.
    const room = budgetBytes - coder.weightsBytes;
    assert.ok(need(context.safeTokens) - coder.weightsBytes <= 0.75 * room);
    assert.ok(need(context.safeTokens + 256) - coder.weightsBytes > 0.75 * room);
  });

  test("never more than the model was trained for, nor than is of use", () => {
    assert.equal(fitting(advise(model("phi4"), rtx3090)).context.maxTokens, 16_384);
    const small = model("llama3.2:3b");
    assert.equal(fitting(advise(small, rtx3090)).context.maxTokens, 131_072);
    assert.equal(fitting(advise(small, rtx3090)).context.recommendedTokens, 65_536);
    assert.equal(fitting(advise(small, rtx3090, { purpose: "completion" })).context.recommendedTokens, 16_384);
  });

  test("an eight-bit cache where it makes the difference, only there", () => {
    const tight = fitting(advise(model("phi4:14b", "IQ4_XS"), card("NVIDIA GeForce RTX 3080", 10)));
    assert.equal(tight.keyValueType, "q8_0");
    assert.ok(tight.context.recommendedTokens >= 4096);
    assert.equal(fitting(advise(model("mistral:7b"), card("NVIDIA GeForce RTX 3080", 10))).keyValueType, "f16");
  });

  test("what else uses the memory is left out", () => {
    const less = fitting(advise(model("mistral:7b"), rtx3090, { freeBytes: 8 * gib }));
    assert.equal(less.budgetBytes, 8 * gib);
    assert.ok(less.context.maxTokens < fitting(advise(model("mistral:7b"), rtx3090)).context.maxTokens);
  });
});

suite("what does not fit", () => {
  test("says whether it is the weights or the context, and what was needed", () => {
    const tooLarge = advise(model("llama3.3:70b"), card("NVIDIA GeForce RTX 4090"));
    assert.ok(!tooLarge.fits);
    assert.equal(tooLarge.because, "weights");
    assert.ok(tooLarge.needBytes > 39 * gib);
    const crowded = advise(model("llama3.1:8b"), card("NVIDIA GeForce RTX 3080", 10), { freeBytes: 5 * gib });
    assert.ok(!crowded.fits);
    assert.equal(crowded.because, "context");
  });

  test("the line is a gibibyte more than the file; near it nothing else may use the card", () => {
    for (const [name, memoryGib] of [
      ["NVIDIA GeForce RTX 3080", 10],
      ["NVIDIA GeForce RTX 3090", 24],
      ["NVIDIA RTX A6000", 48],
    ] as const) {
      for (const large of ["llama3.1:8b", "gemma3:27b", "qwen2.5-coder:32b", "llama3.3:70b"]) {
        const at = (fileGib: number) => advise({ ...model(large), weightsBytes: fileGib * gib }, card(name, memoryGib));
        assert.equal(at(memoryGib - 0.99).fits, false, `${large} on ${name}`);
        const near = fitting(at(memoryGib - 1.01));
        assert.ok(near.tight && near.context.maxTokens >= 1024, `${large} on ${name}`);
        assert.equal(near.batch.recommended, 1);
      }
    }
    assert.equal(fitting(advise(model("mistral:7b"), card("NVIDIA GeForce RTX 3080", 10))).tight, false);
  });

  test("the best quantisation that fits, from eight bits down", () => {
    const row = findModel("Ministral-3-14B");
    const coder = findModel("qwen3-coder:30b");
    assert.ok(row && coder);
    const of = (name: string, memoryGib?: number) => bestQuantisation(row, card(name, memoryGib));
    assert.equal(of("NVIDIA A100-PCIE-40GB", 40), "Q8_0");
    assert.equal(of("NVIDIA GeForce RTX 3090"), "Q8_0");
    assert.equal(of("NVIDIA GeForce RTX 4070", 12), "Q5_K_M");
    assert.equal(of("NVIDIA GeForce RTX 3080", 10), "IQ4_XS");
    assert.equal(bestQuantisation(coder, card("NVIDIA GeForce RTX 3080", 10)), undefined);
  });
});

suite("batch", () => {
  test("all requests together are faster than one, each slower, and all fit", () => {
    const coder = model("qwen3-coder:30b");
    const advice = fitting(advise(coder, card("NVIDIA GeForce RTX 3090")));
    const { batch, speed, budgetBytes } = advice;
    assert.ok(batch.recommended >= 2 && batch.recommended <= batch.max);
    assert.ok(batch.tokensPerSecond > speed.tokensPerSecond);
    assert.ok(batch.tokensPerSecond / batch.recommended < speed.tokensPerSecond);
    assert.ok(batch.tokensPerSecond / batch.recommended > 0.4 * speed.tokensPerSecond);
    assert.ok(batch.low < batch.tokensPerSecond && batch.tokensPerSecond < batch.high);
    const need = (slots: number) => memoryNeed(coder, { contextTokens: 4096 * slots, slots }).totalBytes + 300 * mib;
    assert.ok(need(batch.max) <= budgetBytes && need(batch.max + 1) > budgetBytes);
  });

  test("a mixture of experts gains less from a batch than a dense model of the same active size", () => {
    const rtx4090 = card("NVIDIA GeForce RTX 4090");
    const coder = model("qwen3-coder:30b");
    const gain = (facts: ModelFacts) => {
      const { batch, speed } = fitting(advise(facts, rtx4090));
      return batch.tokensPerSecond / batch.recommended / speed.tokensPerSecond;
    };
    const dense = { ...coder, parametersTotal: 3.3e9, weightsBytes: coder.activeWeightsBytes };
    assert.ok(
      fitting(advise(coder, rtx4090)).batch.recommended < fitting(advise(dense, rtx4090)).batch.recommended ||
        gain(coder) < gain(dense),
    );
  });

  test("a processor is busy with few", () => {
    const { batch, promptSeconds } = fitting(advise(model("phi4"), processorDevice("Processor", 32 * gib)));
    assert.ok(batch.recommended <= 4, String(batch.recommended));
    assert.ok(promptSeconds > 60);
  });

  test("no context is recommended that takes minutes to be read, but for the least that is comfortable", () => {
    const processor = processorDevice("Processor", 64 * gib);
    const slow = fitting(advise(model("llama3.3:70b", "Q2_K"), processor));
    assert.deepEqual([slow.context.recommendedTokens, slow.context.safeTokens], [8192, 8192]);
    assert.ok(slow.context.maxTokens > 65_536);
    const small = fitting(advise(model("llama3.2:3b"), processor));
    assert.ok(small.context.recommendedTokens < 65_536 && small.promptSeconds <= 300 && small.promptSeconds > 280);
  });

  test("a device of unknown speed still gets its context", () => {
    const advice = fitting(advise(model("phi4"), { ...card("NVIDIA GeForce RTX 3090"), bandwidthBytesPerSecond: 0 }));
    assert.equal(advice.context.maxTokens, 16_384);
    assert.deepEqual([advice.speed.tokensPerSecond, advice.promptSeconds], [0, 0]);
    assert.ok(Object.values(advice.batch).every(Number.isFinite));
  });
});

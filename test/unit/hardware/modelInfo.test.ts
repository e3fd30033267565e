import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryNeed } from "../../../src/hardware/memoryNeed.ts";
import { factsFromModelInfo } from "../../../src/hardware/modelInfo.ts";

const gib = 1024 ** 3;
const listed = { name: "qwen3-coder:30b", weightsBytes: 17 * gib };
const info = {
  "general.architecture": "qwen3moe",
  "general.basename": "Qwen3-Coder",
  "general.parameter_count": 30_532_122_624,
  "qwen3moe.attention.head_count": 32,
  "qwen3moe.attention.head_count_kv": 4,
  "qwen3moe.attention.key_length": 128,
  "qwen3moe.attention.value_length": 128,
  "qwen3moe.block_count": 48,
  "qwen3moe.context_length": 262_144,
  "qwen3moe.embedding_length": 2048,
  "qwen3moe.expert_count": 128,
  "qwen3moe.expert_feed_forward_length": 768,
  "qwen3moe.expert_used_count": 8,
  "qwen3moe.feed_forward_length": 5472,
  "tokenizer.ggml.tokens": null,
  "tokenizer.ggml.token_type": [],
};

test("facts from what a server tells of a model", () => {
  const facts = factsFromModelInfo(info, listed);
  assert.ok(facts);
  assert.equal(facts.name, "qwen3-coder:30b");
  // Published as 3.3B active parameters.
  assert.ok(Math.abs(facts.parametersActive / 3.3e9 - 1) < 0.03, String(facts.parametersActive));
  assert.equal(facts.weightsBytes, 17 * gib);
  assert.ok(
    Math.abs(facts.activeWeightsBytes / facts.weightsBytes - facts.parametersActive / facts.parametersTotal) < 1e-9,
  );
  assert.equal(memoryNeed(facts, { contextTokens: 8192, slots: 1 }).kvBytes / 8192, 96 * 1024);
});

test("a dense model uses all of its parameters", () => {
  const dense = { "general.architecture": "llama", "general.parameter_count": 8e9, "llama.block_count": 32 };
  assert.equal(factsFromModelInfo(dense, listed)?.parametersActive, 8e9);
  assert.equal(factsFromModelInfo(dense, listed)?.activeWeightsBytes, listed.weightsBytes);
});

test("layers by a list, which only a verbose answer has", () => {
  const lists = {
    ...info,
    "qwen3moe.attention.head_count_kv": Array.from({ length: 48 }, (_, layer) => (layer < 24 ? 4 : 2)),
  };
  const facts = factsFromModelInfo(lists, listed);
  assert.ok(facts);
  assert.equal(memoryNeed(facts, { contextTokens: 8192, slots: 1 }).kvBytes / 8192, 72 * 1024);
});

test("which layers slide or are recurrent is told by yes and no", () => {
  const told = {
    "general.architecture": "gemma4",
    "gemma4.block_count": 6,
    "gemma4.embedding_length": 512,
    "gemma4.attention.head_count": 8,
    "gemma4.attention.sliding_window": 512,
  };
  const layers = [true, true, false, true, true, false];
  const sliding = factsFromModelInfo({ ...told, "gemma4.attention.sliding_window_pattern": layers }, listed);
  assert.equal(sliding?.fullAttentionLayers, 2);
  assert.equal(sliding.slidingWindowTokens, 512);
  const recurrent = factsFromModelInfo({ ...told, "gemma4.attention.recurrent_layers": layers }, listed);
  assert.equal(recurrent?.fullAttentionLayers, 2);
  const odd = factsFromModelInfo({ ...told, "gemma4.attention.sliding_window_pattern": [true, "no"] }, listed);
  assert.equal(odd?.fullAttentionLayers, 6);
});

test("a list that was left out counts as not told", () => {
  const told = { "general.architecture": "gemma3", "gemma3.block_count": 12, "gemma3.attention.sliding_window": 512 };
  const heads = {
    "gemma3.attention.head_count": 4,
    "gemma3.attention.key_length": 64,
    "gemma3.attention.value_length": 64,
  };
  const facts = factsFromModelInfo({ ...told, ...heads, "gemma3.attention.sliding_window_pattern": [] }, listed);
  assert.equal(facts?.fullAttentionLayers, 2);
});

test("an answer without layers, or one that is no answer, is undefined", () => {
  for (const odd of [
    {},
    { "general.architecture": 7 },
    { "general.architecture": "llama", "llama.block_count": "many" },
  ]) {
    assert.equal(factsFromModelInfo(odd, listed), undefined);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryNeed } from "../../../src/hardware/memoryNeed.ts";
import { factsFromRow, findModel, findModelFacts } from "../../../src/hardware/models.ts";
import { modelRows } from "../../../src/hardware/modelTable.ts";

test("models by the names that servers and files give them", () => {
  const names = {
    "qwen2.5-coder:7b": "Qwen2.5-Coder-7B",
    "qwen2.5-coder:1.5b-base-q8_0": "Qwen2.5-Coder-1.5B",
    "qwen3-coder:30b": "Qwen3-Coder-30B-A3B",
    "hf.co/unsloth/Qwen3-Coder-30B-A3B-Instruct-GGUF:Q4_K_M": "Qwen3-Coder-30B-A3B",
    "qwen3:8b": "Qwen3-8B",
    "gemma3:27b": "Gemma-3-27B",
    "gemma4:31b": "Gemma-4-31B",
    "phi4:14b": "Phi-4 14B",
    "phi4-mini": "Phi-4-mini",
    "dolphin3:8b": "Llama-3.1-8B / Dolphin-3.0-8B",
    "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf": "Llama-3.1-8B / Dolphin-3.0-8B",
    "mistral:7b": "Mistral-7B-v0.3",
    "ministral-3:14b": "Ministral-3-14B",
    "mistral-small:24b": "Devstral Small 1.1 / Mistral Small 3.x 24B",
    "devstral:24b": "Devstral Small 1.1 / Mistral Small 3.x 24B",
    "deepseek-coder-v2:16b": "DeepSeek-Coder-V2-Lite",
    "gpt-oss:20b": "gpt-oss-20b",
  };
  for (const [name, expected] of Object.entries(names)) assert.equal(findModel(name)?.name, expected, name);
});

test("another model of a similar name is none of them", () => {
  for (const name of [
    "",
    "gemma2:27b",
    "qwen3-vl:8b",
    "llama2:7b",
    "codellama:7b",
    "qwen3-embedding:8b",
    "mistral-nemo:12b",
    "my-model",
  ]) {
    assert.equal(findModel(name), undefined, name);
  }
});

test("every model of the table is found by its own name", () => {
  for (const row of modelRows) {
    for (const alias of row.name
      .split(" / ")
      .filter((part) => !part.includes("/") && /[a-z].*\d+(?:\.\d+)?b/i.test(part))) {
      assert.equal(findModel(alias)?.name, row.name, alias);
    }
  }
});

test("catalogue values of keys and values per token, in KiB", () => {
  const perToken = {
    "Qwen3.5-9B": 32,
    "gpt-oss-20b": 24,
    "Qwen2.5-Coder-7B": 56,
    "Qwen3-8B": 144,
    "Gemma-3-12B": 64,
    "GLM-4.7-Flash": 52.875,
    "Qwen3-Coder-30B-A3B": 96,
    "Qwen3.6-35B-A3B": 20,
  };
  for (const [name, kib] of Object.entries(perToken)) {
    const facts = findModelFacts(name);
    assert.ok(facts, name);
    const kv = (contextTokens: number) => memoryNeed(facts, { contextTokens, slots: 1 }).kvBytes;
    // Twice as much context than where windows are full: what sliding layers keep cancels out.
    assert.equal((kv(65_536) - kv(32_768)) / 32_768 / 1024, kib, name);
  }
});

test("recurrent layers keep a state for each slot, as logged for Qwen3.5-9B", () => {
  const facts = findModelFacts("Qwen3.5-9B");
  assert.ok(facts);
  const stateMib = memoryNeed(facts, { contextTokens: 8192, slots: 4 }).stateBytes / 1024 ** 2;
  assert.ok(Math.abs(stateMib / 201 - 1) < 0.01, String(stateMib));
});

test("sizes: as published where known, else by bits per weight", () => {
  const gib = 1024 ** 3;
  assert.equal(findModelFacts("dolphin3:8b")?.weightsBytes, 4.58 * gib);
  assert.equal(findModelFacts("dolphin3:8b-q8_0")?.weightsBytes, 7.95 * gib);
  assert.equal(findModelFacts("gpt-oss:20b")?.weightsBytes, 11.27 * gib);
  const row = findModel("Qwen3-32B");
  assert.ok(row);
  assert.equal(factsFromRow(row, "Q4_K_M").weightsBytes, (32.76e9 * 4.82) / 8);
  const coder = findModelFacts("qwen3-coder:30b");
  assert.ok(coder);
  assert.ok(Math.abs(coder.activeWeightsBytes / coder.weightsBytes - 3.3 / 30.5) < 1e-9);
});

test("every row is told apart by its name, and every published size found its row", () => {
  assert.equal(new Set(modelRows.map(({ name }) => name)).size, modelRows.length);
  assert.equal(modelRows.filter(({ fileGib }) => fileGib).length, 22);
  const row = findModel("gpt-oss:20b");
  assert.deepEqual(
    [row?.layers, row?.fullLayers, row?.sliding, row?.fileGib],
    [24, 12, { layers: 12, window: 128, width: 512 }, { MXFP4: 11.27 }],
  );
});

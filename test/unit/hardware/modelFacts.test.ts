import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { GgufValue } from "../../../src/hardware/gguf.ts";
import { memoryNeed, type MemorySettings } from "../../../src/hardware/memoryNeed.ts";
import { factsFromHeader } from "../../../src/hardware/modelFacts.ts";

const mib = 1024 ** 2;
const kib = 1024;

type Shape = Readonly<Record<string, GgufValue>>;

const factsOf = (architecture: string, shape: Shape) => {
  const values = Object.entries(shape).map(([key, value]) => [`${architecture}.${key}`, value] as const);
  const header = new Map<string, GgufValue>([["general.architecture", architecture], ...values]);
  return factsFromHeader({ values: header, tensors: [], fileBytes: 0 }, "m");
};

/** What one slot with 16-bit keys and values takes, unless told otherwise. */
const needOf = (architecture: string, shape: Shape, contextTokens: number, more: Partial<MemorySettings> = {}) =>
  memoryNeed(factsOf(architecture, shape), { contextTokens, slots: 1, ...more });

const heads = (kvHeads: GgufValue, width: number, count = 32): Shape => ({
  "attention.head_count": count,
  "attention.head_count_kv": kvHeads,
  "attention.key_length": width,
  "attention.value_length": width,
});

/** Bytes of keys and values of one layer for each token: heads x (key + value) x two bytes. */
const row = (kvHeads: number, width: number): number => kvHeads * 2 * width * 2;

const ssm = (inner: number, state: number, groups?: number): Shape => ({
  "ssm.conv_kernel": 4,
  "ssm.inner_size": inner,
  "ssm.state_size": state,
  ...(groups === undefined ? {} : { "ssm.group_count": groups }),
});

const gemma3 = (layers: number, kvHeads: number, width: number): Shape => ({
  block_count: layers,
  embedding_length: 2560,
  ...heads(kvHeads, width, 16),
  "attention.sliding_window": 1024,
});

/** Multi-head latent attention, as DeepSeek V2 and V3 and their kin have it. */
const latent = (layers: number): Shape => ({
  block_count: layers,
  embedding_length: 7168,
  ...heads(1, 576, 128),
  "attention.value_length": 512,
  "attention.key_length_mla": 192,
  "attention.value_length_mla": 128,
  "attention.kv_lora_rank": 512,
  leading_dense_block_count: 3,
});

// Shapes as their publishers give them; what each takes is worked out by hand.
suite("keys, values and states of published models", () => {
  test("Gemma 3: every sixth layer is full, the others keep a window and a batch", () => {
    // 4B: 5 of 34 layers are full; 1,024 + 512 cells slide.
    const small = needOf("gemma3", gemma3(34, 4, 256), 8192);
    assert.equal(small.kvBytes, row(4, 256) * (5 * 8192 + 29 * 1536));
    assert.equal(small.kvBytes / mib, 160 + 174);
    const large = needOf("gemma3", gemma3(62, 16, 128), 32_768);
    assert.equal(large.kvBytes / mib, 2560 + 624);
    // Eight bits: 34 bytes for 32 values.
    const eight = needOf("gemma3", gemma3(62, 16, 128), 32_768, { keyType: "q8_0", valueType: "q8_0" });
    assert.equal(eight.kvBytes / mib, ((2560 + 624) * 17) / 32);
  });

  test("Gemma 3n: only the first twenty layers keep anything, every fifth of them all of it", () => {
    const shape = {
      block_count: 35,
      embedding_length: 2048,
      ...heads(2, 256, 8),
      "attention.sliding_window": 512,
      "attention.shared_kv_layers": 15,
      "attention.sliding_window_pattern": Array.from({ length: 35 }, (_, layer) => (layer % 5 === 4 ? 0 : 1)),
    };
    assert.equal(needOf("gemma3n", shape, 32_768).kvBytes / mib, 256 + 32);
  });

  test("Gemma 4 E4B: heads by kind of layer, the last layers use what others keep", () => {
    const pattern = Array.from({ length: 42 }, (_, layer) => (layer % 6 === 5 ? 0 : 1));
    const shape = {
      block_count: 42,
      embedding_length: 2560,
      ...heads(2, 512, 8),
      "attention.key_length_swa": 256,
      "attention.value_length_swa": 256,
      "attention.sliding_window": 512,
      "attention.sliding_window_pattern": pattern,
      "attention.shared_kv_layers": 18,
    };
    // Of the 24 layers that keep something 4 are full.
    const expected = 4 * row(2, 512) * 16_384 + 20 * row(2, 256) * 1024;
    assert.equal(needOf("gemma4", shape, 16_384).kvBytes, expected);
  });

  test("DeepSeek V3 and GLM-4.7-Flash: one latent key of 512 + 64 numbers a layer", () => {
    assert.equal(needOf("deepseek2", latent(61), 4096).kvBytes / mib, 274.5);
    assert.equal(needOf("deepseek2", latent(61), 4096, { keyType: "q8_0" }).kvBytes, 61 * 18 * 34 * 4096);
    // Without flash attention there is no value to lie transposed, either.
    assert.equal(needOf("deepseek2", latent(61), 4096, { flashAttention: false }).kvBytes / mib, 274.5);
    assert.equal(Math.round(needOf("deepseek2", latent(47), 4096).kvBytes / 4096 / kib), 53);
  });

  test("Qwen3-Next: every fourth layer attends, the others keep a state for each slot", () => {
    const shape = {
      block_count: 48,
      embedding_length: 2048,
      ...heads(2, 256, 16),
      ...ssm(4096, 128, 16),
      expert_count: 512,
      expert_used_count: 10,
    };
    const need = needOf("qwen3next", shape, 8192);
    assert.equal(need.kvBytes / 8192 / kib, 24);
    // 36 layers x 4 bytes x (3 x (4,096 + 2 x 16 x 128) + 128 x 4,096).
    assert.equal(need.stateBytes / mib, 75.375);
    assert.equal(needOf("qwen3next", shape, 8192, { slots: 4 }).stateBytes / mib, 4 * 75.375);
    // A list in the header goes before the interval.
    const listed = Array.from({ length: 48 }, (_, layer) => (layer < 40 ? 1 : 0));
    const other = needOf("qwen3next", { ...shape, "attention.recurrent_layers": listed }, 8192);
    assert.equal(other.kvBytes / 8192 / kib, 16);
    assert.equal(other.stateBytes / mib, (75.375 * 40) / 36);
  });

  test("Granite 4.0 H small: four of forty layers attend", () => {
    const kvHeads = Array.from({ length: 40 }, (_, layer) => (layer % 10 === 5 ? 8 : 0));
    const shape = { block_count: 40, embedding_length: 4096, ...heads(kvHeads, 128), ...ssm(8192, 128, 1) };
    const need = needOf("granitehybrid", shape, 16_384);
    assert.equal(need.kvBytes / 16_384 / kib, 16);
    assert.equal(need.stateBytes, 36 * 4 * (3 * (8192 + 256) + 128 * 8192));
  });

  test("Jamba: Mamba of the first kind has no groups", () => {
    const kvHeads = Array.from({ length: 32 }, (_, layer) => (layer % 8 === 4 ? 8 : 0));
    const need = needOf(
      "jamba",
      { block_count: 32, embedding_length: 4096, ...heads(kvHeads, 128), ...ssm(8192, 16) },
      8192,
    );
    assert.equal(need.kvBytes / mib, 128);
    assert.equal(need.stateBytes / mib, 16.625);
  });

  test("Mamba: a state and nothing else, whatever the context", () => {
    const shape = { block_count: 64, embedding_length: 2560, "attention.head_count": 0, ...ssm(5120, 16) };
    for (const contextTokens of [512, 131_072]) {
      const need = needOf("mamba", shape, contextTokens);
      assert.deepEqual([need.kvBytes, need.stateBytes / mib], [0, 23.75]);
    }
    const facts = factsOf("mamba", shape);
    assert.deepEqual([facts.fullAttentionLayers, facts.kvHeads, facts.headDim], [0, 0, 0]);
  });

  test("mixtures of experts keep as much as dense models of their shape", () => {
    const qwen = { block_count: 48, embedding_length: 2048, ...heads(4, 128), expert_count: 128, expert_used_count: 8 };
    assert.equal(needOf("qwen3moe", qwen, 8192).kvBytes / 8192 / kib, 96);
    // GLM-4.5-Air: the last of its 47 layers only guesses ahead.
    const glm = { block_count: 47, embedding_length: 4096, ...heads(8, 128, 96), nextn_predict_layers: 1 };
    assert.equal(needOf("glm4moe", glm, 16_384).kvBytes / 16_384 / kib, 184);
  });

  test("Llama 4 Scout: three layers of four keep a chunk, whose length no header changes", () => {
    const scout = { block_count: 48, embedding_length: 5120, ...heads(8, 128, 40) };
    const expected = 12 * row(8, 128) * 65_536 + 36 * row(8, 128) * 8704;
    assert.equal(needOf("llama4", scout, 65_536).kvBytes, expected);
    assert.equal(needOf("llama4", { ...scout, "attention.sliding_window": 4096 }, 65_536).kvBytes, expected);
    assert.equal(needOf("llama4", { ...scout, "attention.sliding_window": 0 }, 65_536).kvBytes / mib, 12_288);
    // A context within one chunk is kept whole.
    assert.equal(needOf("llama4", scout, 8192).kvBytes / mib, 1536);
  });

  test("gpt-oss: every second layer slides, under Ollama's name for it, too", () => {
    const shape = { block_count: 24, embedding_length: 2880, ...heads(8, 64, 64), "attention.sliding_window": 128 };
    for (const architecture of ["gpt-oss", "gptoss"]) {
      const need = needOf(architecture, shape, 131_072);
      // 12 layers of 24 KiB a token together; 128 + 512 cells are padded to 768.
      assert.equal(need.kvBytes / mib, 3072 + 18, architecture);
    }
  });
});

suite("odd headers", () => {
  const plain = { block_count: 8, embedding_length: 4096, context_length: 8192 };

  test("heads without a width are as wide in every layer", () => {
    const counts = [0, 32, 16, 32, 8, 32, 32, 32];
    const kvHeads = [0, 8, 4, 8, 2, 8, 8, 8];
    const shape = { ...plain, "attention.head_count": counts, "attention.head_count_kv": kvHeads };
    assert.equal(needOf("deci", shape, 8192).kvBytes, 8192 * row(46, 128));
  });

  test("a pattern that is written once stands for all layers", () => {
    const shape = { ...plain, ...heads(8, 128), "attention.sliding_window": 512 };
    const whole = { ...shape, "attention.sliding_window_pattern": [1, 1, 1, 0, 1, 1, 1, 0] };
    const once = { ...shape, "attention.sliding_window_pattern": [1, 1, 1, 0] };
    const expected = row(8, 128) * (2 * 8192 + 6 * 1024);
    assert.equal(needOf("mimo2", whole, 8192).kvBytes, expected);
    assert.equal(needOf("mimo2", once, 8192).kvBytes, expected);
    assert.equal(needOf("mimo2", { ...shape, "attention.sliding_window_pattern": [] }, 8192).kvBytes / mib, 256);
  });

  test("an architecture that nobody has heard of counts every layer in full", () => {
    const shape = { ...plain, ...heads(8, 128), "attention.sliding_window": 512 };
    assert.equal(needOf("notyet", shape, 8192).kvBytes / mib, 256);
  });

  test("an embedding model keeps nothing of what it has read", () => {
    const need = needOf("nomic-bert", { ...plain, "attention.head_count": 12 }, 8192);
    assert.deepEqual([need.kvBytes, need.stateBytes], [0, 0]);
  });

  test("a vocabulary that is only known by its length, and keys of other kinds, change nothing", () => {
    const shape = { ...plain, ...heads(8, 128) };
    const values = new Map<string, GgufValue>([
      ["general.architecture", "llama"],
      ["tokenizer.ggml.tokens", { length: 262_144 }],
      ["llama.attention.causal", true],
      ["llama.rope.scaling.type", "yarn"],
      ...Object.entries(shape).map(([key, value]) => [`llama.${key}`, value] as const),
    ]);
    const facts = factsFromHeader({ values, tensors: [], fileBytes: 0 }, "m");
    assert.equal(memoryNeed(facts, { contextTokens: 8192, slots: 1 }).kvBytes / mib, 256);
  });

  test("a mixture with layers without experts computes as wide as the wider of both", () => {
    const maverick = {
      ...plain,
      ...heads(8, 128, 40),
      feed_forward_length: 16_384,
      expert_count: 128,
      expert_used_count: 1,
      expert_feed_forward_length: 8192,
    };
    const width = (more: Shape) => factsOf("llama4", { ...maverick, ...more }).compute?.feedForward;
    assert.equal(width({}), 5 * 4096 + 3 * 8192 + 4096);
    assert.equal(width({ interleave_moe_layer_step: 2 }), 4 * 4096 + 3 * 16_384);
    assert.equal(width({ leading_dense_block_count: 3 }), 4 * 4096 + 3 * 16_384);
  });
});

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  factsFromGguf,
  GgufError,
  memoryNeed,
  type CacheType,
  type MemorySettings,
} from "../../../src/hardware/memoryNeed.ts";
import { factsFromRow, findModel } from "../../../src/hardware/models.ts";
import { ggufHeader, type HeaderTensor, type HeaderValue } from "../../fake/ggufHeader.ts";

const mib = 1024 ** 2;

type TruthRow = {
  readonly id: string;
  readonly arch: string;
  readonly file?: string;
  readonly header: Readonly<Record<string, number>> & { readonly vocab: number; readonly tensorBytes: number };
  readonly args: {
    readonly ctx: number;
    readonly parallel: number;
    readonly unified: boolean;
    readonly ctk: CacheType;
    readonly ctv: CacheType;
    readonly ubatch: number;
    readonly fa: boolean;
    readonly swaFull: boolean;
    readonly autoParallel?: boolean;
  };
  readonly logged: Readonly<Record<"kvFullMiB" | "kvSwaMiB" | "rsMiB" | "computeMiB" | "modelMiB", number>>;
};

const fixtures = fileURLToPath(new URL("../../fixtures/gguf/", import.meta.url));
const { rows } = JSON.parse(await readFile(join(fixtures, "memoryTruth.json"), "utf8")) as { rows: TruthRow[] };

let folder = "";
before(async () => void (folder = await mkdtemp(join(tmpdir(), "hotpath-need-"))));
after(() => rm(folder, { recursive: true }));

/** Facts of a model whose header holds `keys` of its architecture. */
const factsOf = async (
  architecture: string,
  keys: Readonly<Record<string, HeaderValue>>,
  tensors: readonly HeaderTensor[] = [],
) => {
  const named = Object.entries(keys).map(([key, value]) => [`${architecture}.${key}`, value] as const);
  const path = join(folder, "model.gguf");
  await writeFile(path, ggufHeader({ "general.architecture": architecture, ...Object.fromEntries(named) }, tensors));
  return factsFromGguf(path);
};

const near = (actual: number, expected: number, share: number, what: string) =>
  assert.ok(Math.abs(actual - expected) <= share * expected + 0.011, `${what}: ${actual} instead of ${expected}`);

suite("what a real server logged", () => {
  assert.ok(rows.length >= 50);
  for (const { id, arch, file, header, args, logged } of rows) {
    test(id, async () => {
      const { vocab: _, tensorBytes, ...keys } = header;
      // One tensor of eight-bit numbers stands for all.
      const weights = [{ name: "blk.0.weight", shape: [tensorBytes], type: 24 }];
      const facts = file ? await factsFromGguf(join(fixtures, file)) : await factsOf(arch, keys, weights);
      const settings: MemorySettings = {
        contextTokens: args.ctx,
        ...(args.autoParallel ? {} : { slots: args.parallel, unifiedCache: args.unified }),
        keyType: args.ctk,
        valueType: args.ctv,
        microBatchTokens: args.ubatch,
        flashAttention: args.fa,
        fullSlidingWindow: args.swaFull,
      };
      const need = memoryNeed(facts, settings);
      const kvMiB = logged.kvFullMiB + logged.kvSwaMiB;
      near(need.kvBytes / mib, kvMiB, 0.001, "keys and values");
      near(need.stateBytes / mib, logged.rsMiB, 0.001, "states");
      near(need.weightsBytes / mib, logged.modelMiB, 0.001, "weights");
      near(need.totalBytes / mib, kvMiB + logged.rsMiB + logged.computeMiB + logged.modelMiB, 0.05, "total");
      // Dense models of usual shape, with 16-bit caches.
      if (/^(?:qwen2\.5|qwen2-7b|llama3).*@c\d+(?:-ub\d+)?$/.test(id)) {
        near(need.computeBytes / mib, logged.computeMiB, 0.001, "compute");
      }
      assert.equal(need.totalBytes, need.weightsBytes + need.kvBytes + need.stateBytes + need.computeBytes);
    });
  }
});

/** 16-bit keys and values in MiB for 8,192 tokens in one slot. */
const kvMiB = async (
  architecture: string,
  keys: Readonly<Record<string, HeaderValue>>,
  more: Partial<MemorySettings> = {},
) => {
  const facts = await factsOf(architecture, keys);
  const need = memoryNeed(facts, { contextTokens: 8192, slots: 1, ...more });
  return { kv: need.kvBytes / mib, state: need.stateBytes / mib, facts };
};
const plain = {
  block_count: 8,
  embedding_length: 1024,
  feed_forward_length: 4096,
  "attention.head_count": 8,
  "attention.head_count_kv": 2,
  "attention.key_length": 128,
  "attention.value_length": 128,
  context_length: 32_768,
};
/** One such layer for 8,192 tokens: 2 heads x (128 + 128) x 2 bytes. */
const layerMiB = 8;

suite("other architectures", () => {
  test("Gemma 4 31B at 131,072 tokens with eight bits: 6,077 MiB, as a public log says", async () => {
    const pattern = Array.from({ length: 60 }, (_, layer) => (layer % 6 === 5 ? 0 : 1));
    const facts = await factsOf("gemma4", {
      block_count: 60,
      embedding_length: 5376,
      "attention.head_count": 32,
      "attention.head_count_kv": pattern.map((slides) => (slides ? 16 : 4)),
      "attention.key_length": 512,
      "attention.value_length": 512,
      "attention.key_length_swa": 256,
      "attention.value_length_swa": 256,
      "attention.sliding_window": 1024,
      "attention.sliding_window_pattern": pattern,
    });
    const eight = { contextTokens: 131_072, slots: 1, keyType: "q8_0", valueType: "q8_0" } as const;
    assert.equal(memoryNeed(facts, eight).kvBytes / mib, 6077.5);
    assert.equal(facts.fullAttentionLayers, 10);
    assert.equal(facts.kvHeads, 4);
    assert.equal(facts.headDim, 512);
    const row = findModel("Gemma-4-31B");
    assert.ok(row);
    assert.equal(memoryNeed(factsFromRow(row, "Q4_K_M"), eight).kvBytes / mib, 6077.5);
  });

  test("a window that the program does not use counts as none", async () => {
    for (const architecture of ["phi3", "llama", "qwen2", "starcoder2"]) {
      const { kv, facts } = await kvMiB(architecture, { ...plain, "attention.sliding_window": 512 });
      assert.equal(kv, 8 * layerMiB, architecture);
      assert.equal(facts.slidingWindowTokens, undefined);
    }
  });

  test("periods that only the program knows", async () => {
    // A sliding layer keeps a window of 512 and a batch of 512 tokens: an eighth of the context.
    const slides = (full: number) => full * layerMiB + (8 - full) * (layerMiB / 8);
    const window = { ...plain, "attention.sliding_window": 512 };
    for (const [architecture, full] of [
      ["gemma2", 4],
      ["gpt-oss", 4],
      ["gemma3", 1],
      ["cohere2", 2],
      ["olmo2", 2],
      ["smallthinker", 2],
      ["gemma3n", 1],
    ] as const) {
      assert.equal((await kvMiB(architecture, window)).kv, slides(full), architecture);
    }
    // Of nine layers the first, fifth and last are full, or only the fourth and eighth.
    const nine = { ...window, block_count: 9 };
    assert.equal((await kvMiB("smallthinker", nine)).kv, 3 * layerMiB + 6 * (layerMiB / 8));
    assert.equal((await kvMiB("cohere2", nine)).kv, 2 * layerMiB + 7 * (layerMiB / 8));
    assert.equal((await kvMiB("gemma2", window, { fullSlidingWindow: true })).kv, 8 * layerMiB);
    assert.equal((await kvMiB("gemma3", { ...window, "attention.sliding_window_pattern": 2 })).kv, slides(4));
    // Llama 4 attends in chunks of 8,192, unless the header says none.
    assert.equal((await kvMiB("llama4", plain, { contextTokens: 32_768 })).kv, 2 * 4 * layerMiB + 6 * 8.5);
    assert.equal((await kvMiB("llama4", { ...plain, "attention.sliding_window": 0 })).kv, 8 * layerMiB);
    // EXAONE 4 slides in its 64-layer model only.
    assert.equal((await kvMiB("exaone4", window)).kv, 8 * layerMiB);
    assert.equal((await kvMiB("exaone4", { ...window, block_count: 64 })).kv, 16 * layerMiB + 48 * (layerMiB / 8));
  });

  test("latent attention keeps one compressed key and no value", async () => {
    const deepseek = {
      block_count: 27,
      embedding_length: 2048,
      "attention.head_count": 16,
      "attention.head_count_kv": 1,
      "attention.key_length": 576,
      "attention.value_length": 512,
      "attention.kv_lora_rank": 512,
    };
    const { kv, facts } = await kvMiB("deepseek2", {
      ...deepseek,
      "attention.key_length_mla": 192,
      "attention.value_length_mla": 128,
    });
    assert.equal(kv, (27 * 576 * 2 * 8192) / mib);
    assert.equal(facts.headDim, 576);
    // Files from before that keep whole heads: 270 KiB a token.
    const old = {
      ...deepseek,
      "attention.head_count_kv": 16,
      "attention.key_length": 192,
      "attention.value_length": 128,
    };
    assert.equal((await kvMiB("deepseek2", old)).kv, (270 * 8192) / 1024);
  });

  test("hybrids: a state of fixed size for recurrent layers, for each slot", async () => {
    // Qwen3.5-9B: 201 MiB for four slots and 256 MiB at 8,192 tokens, as its log says.
    const qwen = {
      block_count: 32,
      embedding_length: 4096,
      feed_forward_length: 12_288,
      "attention.head_count": 16,
      "attention.head_count_kv": 4,
      "attention.key_length": 256,
      "attention.value_length": 256,
      "ssm.conv_kernel": 4,
      "ssm.inner_size": 4096,
      "ssm.state_size": 128,
      "ssm.group_count": 16,
      full_attention_interval: 4,
    };
    assert.equal((await kvMiB("qwen35", qwen)).kv, 256);
    assert.equal((await kvMiB("qwen35", qwen, { slots: 4 })).state, 201);
    const { full_attention_interval: _, ...unsaid } = qwen;
    assert.equal((await kvMiB("qwen3next", unsaid)).kv, 256);
    // One more layer that guesses ahead keeps nothing.
    assert.equal((await kvMiB("qwen35", { ...qwen, block_count: 33, nextn_predict_layers: 1 })).kv, 256);

    const heads = [0, 0, 2, 0, 0, 0, 2, 0];
    const ssm = {
      ...plain,
      "attention.head_count_kv": heads,
      "ssm.conv_kernel": 4,
      "ssm.inner_size": 2048,
      "ssm.state_size": 128,
      "ssm.group_count": 1,
    };
    const stateMiB = (4 * (3 * (2048 + 2 * 128) + 128 * 2048)) / mib;
    for (const architecture of ["granitehybrid", "jamba"]) {
      const { kv, state, facts } = await kvMiB(architecture, ssm, { slots: 2, unifiedCache: true });
      assert.equal(kv, 2 * layerMiB, architecture);
      assert.equal(state, 2 * 6 * stateMiB, architecture);
      assert.equal(facts.fullAttentionLayers, 2);
      assert.equal(facts.kvHeads, 2);
    }
    // Nemotron-H has layers that neither attend nor keep a state.
    const nemotron = { ...ssm, feed_forward_length: [4096, 0, 0, 0, 4096, 0, 0, 0] };
    assert.equal((await kvMiB("nemotron_h", nemotron)).state, 4 * stateMiB);
    // Falcon-H1 does both in every layer, Mamba only the one.
    const both = await kvMiB("falcon-h1", { ...ssm, "attention.head_count_kv": 2 });
    assert.deepEqual([both.kv, both.state], [8 * layerMiB, 8 * stateMiB]);
    // Falcon-H1-1.5B at 32,768 tokens, as a public log has it: 768 MiB, and 0.98 + 72.00 MiB of states.
    const falcon = {
      block_count: 24,
      embedding_length: 2048,
      "attention.head_count": 8,
      "attention.head_count_kv": 2,
      "attention.key_length": 128,
      "attention.value_length": 128,
      "ssm.conv_kernel": 4,
      "ssm.inner_size": 3072,
      "ssm.state_size": 256,
      "ssm.group_count": 1,
    };
    const logged = await kvMiB("falcon-h1", falcon, { contextTokens: 32_768 });
    assert.equal(logged.kv, 768);
    assert.equal(logged.state.toFixed(2), "72.98");
    const mamba = await kvMiB("mamba2", { ...ssm, "attention.head_count": 0, "attention.head_count_kv": 0 });
    assert.deepEqual([mamba.kv, mamba.state], [0, 8 * stateMiB]);
    const lfm = await kvMiB("lfm2", { ...plain, "attention.head_count_kv": heads, "shortconv.l_cache": 3 });
    assert.deepEqual([lfm.kv, lfm.state], [2 * layerMiB, (6 * 4 * 1024 * 2) / mib]);
  });

  test("heads that differ by layer, and layers that use what others keep", async () => {
    const heads = [1, 1, 2, 2, 4, 4, 0, 0];
    assert.equal((await kvMiB("openelm", { ...plain, "attention.head_count_kv": heads })).kv, 7 * layerMiB);
    assert.equal((await kvMiB("gemma4", { ...plain, "attention.shared_kv_layers": 3 })).kv, 5 * layerMiB);
    assert.equal((await kvMiB("gemma3n", { ...plain, block_count: 30 })).kv, 20 * layerMiB);
    assert.equal((await kvMiB("glm4moe", { ...plain, nextn_predict_layers: 1 })).kv, 7 * layerMiB);
    // Without flash attention values get the widest layer's rows.
    const off = await kvMiB(
      "openelm",
      { ...plain, "attention.head_count_kv": heads.slice(0, 6), block_count: 6 },
      { flashAttention: false },
    );
    assert.equal(off.kv, 7 * (layerMiB / 2) + 6 * layerMiB);
  });

  test("head sizes that the header leaves out, and heads that are not grouped", async () => {
    const {
      "attention.key_length": _key,
      "attention.value_length": _value,
      "attention.head_count_kv": _heads,
      ...bare
    } = plain;
    assert.equal((await kvMiB("llama", bare)).kv, 8 * 4 * layerMiB);
  });
});

suite("settings", () => {
  test("contexts are padded to 256 cells, split among slots or shared", async () => {
    const facts = await factsOf("llama", plain);
    const kv = (settings: MemorySettings) => (memoryNeed(facts, settings).kvBytes / (mib * layerMiB * 8)) * 8192;
    assert.equal(kv({ contextTokens: 1, slots: 1 }), 256);
    assert.equal(kv({ contextTokens: 5000, slots: 3 }), 3 * 1792);
    assert.equal(kv({ contextTokens: 5000, slots: 3, unifiedCache: true }), 5120);
    assert.equal(kv({ contextTokens: 5000 }), 5120);
    assert.equal(kv({ contextTokens: 0, slots: 1 }), 32_768);
  });

  test("cache types by their blocks", async () => {
    const facts = await factsOf("llama", plain);
    const bits = (keyType: CacheType, valueType: CacheType) =>
      memoryNeed(facts, { contextTokens: 8192, slots: 1, keyType, valueType }).kvBytes / mib / (8 * layerMiB);
    assert.equal(bits("f32", "f32"), 2);
    assert.equal(bits("bf16", "f16"), 1);
    assert.equal(bits("q8_0", "q8_0"), 17 / 32);
    assert.equal(bits("q8_0", "q4_0"), (17 + 9) / 64);
    assert.equal(bits("q5_1", "iq4_nl"), (12 + 9) / 64);
  });

  test("facts that a table knows are enough for a rough answer", () => {
    const row = findModel("qwen2.5-coder:7b");
    assert.ok(row);
    const { caches: _caches, ...rough } = factsFromRow(row, "Q4_K_M");
    const need = memoryNeed(rough, { contextTokens: 8192, slots: 1 });
    assert.equal(need.kvBytes / mib, 448);
    // Logged for this shape: 147 MiB.
    near(need.computeBytes / mib, 147, 0.3, "compute");
  });
});

test("active weights leave out idle experts and what is only looked up", async () => {
  const facts = await factsOf(
    "qwen3moe",
    { ...plain, expert_count: 8, expert_used_count: 2, expert_feed_forward_length: 512 },
    [
      { name: "token_embd.weight", shape: [1024, 100] },
      { name: "output.weight", shape: [1024, 100] },
      { name: "blk.0.attn_q.weight", shape: [1024, 10] },
      { name: "blk.0.ffn_up_exps.weight", shape: [1024, 512, 8] },
    ],
  );
  const [table, attention, experts] = [1024 * 100, 1024 * 10, 1024 * 512 * 8];
  assert.equal(facts.parametersTotal, 2 * table + attention + experts);
  assert.equal(facts.parametersActive, 2 * table + attention + experts / 4);
  assert.equal(facts.weightsBytes, 4 * facts.parametersTotal);
  assert.equal(facts.activeWeightsBytes, 4 * (table + attention + experts / 4));
});

test("a model in several files is as large as all of them", async () => {
  const [one, two, three] = [1, 2, 3].map((index) => join(folder, `large-0000${index}-of-00003.gguf`)) as [
    string,
    string,
    string,
  ];
  const values = { "general.architecture": "llama", "llama.block_count": 2, "llama.embedding_length": 64 };
  await writeFile(one, ggufHeader(values, [{ name: "blk.0.attn_q.weight", shape: [64, 64] }]));
  await writeFile(two, ggufHeader({}, [{ name: "blk.1.attn_q.weight", shape: [64, 32] }]));
  await assert.rejects(factsFromGguf(one), { code: "ENOENT" });
  await writeFile(three, ggufHeader({}, [{ name: "output.weight", shape: [64, 16] }]));
  assert.equal((await factsFromGguf(one)).weightsBytes, 4 * 64 * (64 + 32 + 16));
});

test("a file that holds no language model is refused", async () => {
  await assert.rejects(factsOf("clip", {}), (error) => error instanceof GgufError && error.kind === "unsupported");
});

test("odd values in a header are as good as none", async () => {
  const facts = await factsOf("llama", {
    block_count: 4_000_000_000,
    "attention.head_count": "eight",
    embedding_length: [1],
  });
  assert.ok(facts.layers <= 4096);
  assert.ok(memoryNeed(facts, { contextTokens: 8192 }).totalBytes >= 0);
});

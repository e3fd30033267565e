import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryTips, type TipFacts, type TipId } from "../../../src/memory/tips.ts";

const gb = 2 ** 30;
const t = (message: string, ...values: (string | number)[]) =>
  message.replaceAll(/\{(\d)\}/g, (_, index: string) => String(values[Number(index)]));
const loaded = (sizeGb: number, graphicsGb: number) => ({
  model: "m",
  sizeBytes: sizeGb * gb,
  graphicsBytes: graphicsGb * gb,
});
const spilled: TipFacts = { server: "ollama", hasOwnGraphicsMemory: true, loaded: loaded(10, 7) };

/** Each rule with facts that make it speak, and facts just beside that leave it silent. */
const cases: readonly (readonly [TipId, TipFacts, readonly TipFacts[], RegExp])[] = [
  [
    "spilled",
    spilled,
    [
      { ...spilled, loaded: loaded(10, 9.9) },
      { ...spilled, loaded: loaded(10, 0) },
      { ...spilled, hasOwnGraphicsMemory: false },
      { server: "ollama" },
    ],
    /^3\.0 GB of the model \(30 %\) lies in main memory/,
  ],
  [
    "half-cache",
    { ...spilled, cacheBytes: 4 * gb, cacheBits: 16 },
    [
      { ...spilled, cacheBytes: 1 * gb, cacheBits: 16 },
      { ...spilled, cacheBytes: 4 * gb },
      { ...spilled, cacheBytes: 4 * gb, cacheBits: 8 },
      { ...spilled, loaded: loaded(10, 10), cacheBytes: 4 * gb, cacheBits: 16, machineAvailableBytes: 20 * gb },
    ],
    /takes 4\.0 GB.*OLLAMA_KV_CACHE_TYPE=q8_0 to save about 1\.9 GB/,
  ],
  [
    "unused-slots",
    { server: "ollama", slots: 4, usedSlots: 1, cacheBytes: 4 * gb },
    [
      { server: "ollama", slots: 4, usedSlots: 3, cacheBytes: 4 * gb },
      { server: "ollama", slots: 4, cacheBytes: 4 * gb },
      { server: "ollama", slots: 1, usedSlots: 0, cacheBytes: 4 * gb },
      { server: "llamacpp", slots: 4, usedSlots: 1, cacheBytes: 4 * gb },
      { server: "ollama", slots: 4, usedSlots: 1, cacheBytes: 0.1 * gb },
    ],
    /OLLAMA_NUM_PARALLEL=1 would save about 3\.0 GB/,
  ],
  [
    "prompt-cache",
    { server: "llamacpp", promptCacheBytes: 8 * gb, machineAvailableBytes: 6 * gb },
    [
      { server: "llamacpp", promptCacheBytes: 8 * gb, machineAvailableBytes: 20 * gb },
      { server: "llamacpp", promptCacheBytes: 8 * gb },
      { server: "ollama", promptCacheBytes: 8 * gb, machineAvailableBytes: 6 * gb },
    ],
    /--cache-ram 1536\.$/,
  ],
  [
    "truncated",
    { server: "llamacpp", truncatedPrompts: 3, contextTokens: 4096 },
    [
      { server: "llamacpp", truncatedPrompts: 0, contextTokens: 4096 },
      { server: "llamacpp", contextTokens: 4096 },
    ],
    /^Prompts were longer than the context of 4,096 tokens \(3 in the last hour\)\. .* -c 8192,/,
  ],
  [
    "flash-attention",
    { server: "llamacpp", flashAttention: false, contextTokens: 16_384, loaded: loaded(10, 10) },
    [
      { server: "llamacpp", flashAttention: true, contextTokens: 16_384, loaded: loaded(10, 10) },
      { server: "llamacpp", contextTokens: 16_384, loaded: loaded(10, 10) },
      { server: "llamacpp", flashAttention: false, contextTokens: 4096, loaded: loaded(10, 10) },
      { server: "llamacpp", flashAttention: false, contextTokens: 16_384, loaded: loaded(10, 0) },
    ],
    /-fa on: long contexts take less memory\.$/,
  ],
  [
    "threads",
    { server: "llamacpp", threads: 16, physicalCores: 8, loaded: loaded(5, 0) },
    [
      { server: "llamacpp", threads: 8, physicalCores: 8, loaded: loaded(5, 0) },
      { server: "llamacpp", threads: 4, physicalCores: 8, loaded: loaded(5, 0) },
      { server: "llamacpp", threads: 16, physicalCores: 8, loaded: loaded(5, 5) },
      { server: "llamacpp", threads: 16, loaded: loaded(5, 0) },
      { server: "llamacpp", threads: 16, physicalCores: 8 },
      // Nobody knows where it lies.
      { server: "llamacpp", threads: 16, physicalCores: 8, loaded: { model: "m", sizeBytes: 5 * gb } },
    ],
    /16 threads on 8 cores\. Start llama-server with -t 8\.$/,
  ],
  [
    "more-slots",
    { server: "ollama", slots: 1, waitedForSlots: 3, cacheBytes: 0.5 * gb, machineAvailableBytes: 8 * gb },
    [
      { server: "ollama", slots: 1, waitedForSlots: 1, cacheBytes: 0.5 * gb, machineAvailableBytes: 8 * gb },
      { server: "ollama", slots: 4, waitedForSlots: 3, cacheBytes: 0.5 * gb, machineAvailableBytes: 8 * gb },
      { server: "ollama", slots: 1, waitedForSlots: 3, cacheBytes: 6 * gb, machineAvailableBytes: 8 * gb },
      { server: "ollama", slots: 1, waitedForSlots: 3, machineAvailableBytes: 8 * gb },
      { server: "ollama", slots: 1, waitedForSlots: 3, cacheBytes: 0.5 * gb },
    ],
    /OLLAMA_NUM_PARALLEL=2 would answer them together\.$/,
  ],
  [
    "reload-thrash",
    { server: "ollama", evictionsLastHour: 12, requestsLastHour: 40 },
    [
      { server: "ollama", evictionsLastHour: 5, requestsLastHour: 5 },
      { server: "ollama", evictionsLastHour: 12, requestsLastHour: 400 },
    ],
    /12 times in the last hour/,
  ],
];

for (const [id, firing, silent, text] of cases) {
  test(`the tip "${id}" speaks when it should, and only then`, () => {
    assert.match(memoryTips(firing, t).find((tip) => tip.id === id)?.text ?? "", text);
    for (const facts of silent) {
      assert.ok(!memoryTips(facts, t).some((tip) => tip.id === id), JSON.stringify(facts));
    }
  });
}

test("what costs most time comes first", () => {
  const facts: TipFacts = {
    ...spilled,
    cacheBytes: 4 * gb,
    cacheBits: 16,
    evictionsLastHour: 12,
    requestsLastHour: 20,
  };
  assert.deepEqual(
    memoryTips(facts, t).map(({ id }) => id),
    ["reload-thrash", "spilled", "half-cache"],
  );
});

test("a longer context is asked for as the server takes it: for all slots together", () => {
  const facts: TipFacts = { server: "llamacpp", truncatedPrompts: 1, contextTokens: 4096, contextTotalTokens: 16_384 };
  assert.match(memoryTips(facts, t)[0]?.text ?? "", /context of 4,096 tokens .* -c 32768,/);
});

test("a prompt cache without a limit has no size", () => {
  const facts: TipFacts = { server: "llamacpp", promptCacheBytes: Infinity, machineAvailableBytes: 6 * gb };
  assert.deepEqual(
    memoryTips(facts, t).map(({ text }) => text),
    [
      "llama-server may take all memory for its prompt cache, and 6.0 GB are available. Start it with --cache-ram 1536.",
    ],
  );
});

test("too few threads are as slow as too many", () => {
  const [tip] = memoryTips({ server: "other", threads: 2, physicalCores: 8, loaded: loaded(5, 1) }, t);
  assert.equal(tip?.text, "The model computes with 2 threads on 8 cores. 8 threads are fastest.");
});

test("each server gets its own instruction", () => {
  const facts = { ...spilled, cacheBytes: 4 * gb, cacheBits: 16 };
  const text = (more: Partial<TipFacts>) =>
    memoryTips({ ...facts, ...more }, t).find(({ id }) => id === "half-cache")?.text ?? "";
  assert.match(text({ server: "llamacpp", flashAttention: false }), /-fa on -ctk q8_0/);
  assert.match(text({ server: "llamacpp", flashAttention: true }), /with -ctk q8_0/);
  assert.match(text({ server: "other" }), /Eight-bit/);
  const slow = { contextTokens: 32_768, flashAttention: false, loaded: loaded(10, 10) };
  const attention = (server: TipFacts["server"]) =>
    memoryTips({ ...slow, server }, t).find(({ id }) => id === "flash-attention")?.text ?? "";
  assert.match(attention("ollama"), /OLLAMA_FLASH_ATTENTION=1/);
  assert.doesNotMatch(attention("lmstudio"), /Start/);
  const long = memoryTips({ server: "ollama", truncatedPrompts: 1 }, t)[0]?.text ?? "";
  assert.match(long, /Load it with a longer one/);
});

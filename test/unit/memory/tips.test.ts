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
    /^3\.0 GB of the model \(30 %\) lie in main memory/,
  ],
  [
    "half-cache",
    { ...spilled, cacheBytes: 4 * gb },
    [
      { ...spilled, cacheBytes: 1 * gb },
      { ...spilled, cacheBytes: 4 * gb, cacheBits: 8 },
      { ...spilled, loaded: loaded(10, 10), cacheBytes: 4 * gb, machineAvailableBytes: 20 * gb },
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
  const facts: TipFacts = { ...spilled, cacheBytes: 4 * gb, evictionsLastHour: 12, requestsLastHour: 20 };
  assert.deepEqual(
    memoryTips(facts, t).map(({ id }) => id),
    ["reload-thrash", "spilled", "half-cache"],
  );
});

test("each server gets its own instruction", () => {
  const facts = { ...spilled, cacheBytes: 4 * gb };
  const text = (more: Partial<TipFacts>) =>
    memoryTips({ ...facts, ...more }, t).find(({ id }) => id === "half-cache")?.text ?? "";
  assert.match(text({ server: "llamacpp", flashAttention: false }), /-fa on -ctk q8_0/);
  assert.match(text({ server: "llamacpp", flashAttention: true }), /with -ctk q8_0/);
  assert.match(text({ server: "other" }), /Eight-bit/);
});

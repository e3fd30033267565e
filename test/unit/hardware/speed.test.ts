import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { findDevice, processorDevice } from "../../../src/hardware/devices.ts";
import type { ModelFacts } from "../../../src/hardware/modelFacts.ts";
import { findModelFacts } from "../../../src/hardware/models.ts";
import { predictSpeed, type DeviceFacts } from "../../../src/hardware/speed.ts";
import { readSpeedRows } from "../../bench/speedRows.ts";

const gib = 1024 ** 3;
const device = (name: string, memoryGib?: number): DeviceFacts => {
  const found = findDevice(name, memoryGib === undefined ? undefined : memoryGib * gib);
  assert.ok(found, name);
  return found;
};
const model = (name: string): ModelFacts => {
  const found = findModelFacts(name);
  assert.ok(found, name);
  return found;
};
const speed = (facts: ModelFacts, on: DeviceFacts, contextTokens = 512) =>
  predictSpeed(facts, on, { contextTokens }).tokensPerSecond;

test("measured speeds: error and range", async () => {
  const rows = await readSpeedRows();
  assert.equal(rows.length, 59);
  const errors = rows
    .map((row) => Math.abs(speed(row.facts, row.device, row.contextTokens) / row.tokensPerSecond - 1))
    .toSorted((a, b) => a - b);
  const inRange = rows.filter(({ facts, device: on, contextTokens, tokensPerSecond }) => {
    const { low, high } = predictSpeed(facts, on, { contextTokens });
    return low <= tokensPerSecond && tokensPerSecond <= high;
  });
  // On GPUs that the constants were not fitted to, see test/bench/speedFit.bench.ts.
  assert.ok((errors[29] ?? 1) <= 0.06, `median ${errors[29]}`);
  assert.ok((errors[53] ?? 1) <= 0.24, `90th percentile ${errors[53]}`);
  assert.ok(inRange.length >= 53, `${inRange.length} of 59 in range`);
});

suite("what makes it faster or slower", () => {
  const rtx3090 = device("NVIDIA GeForce RTX 3090");
  const eight = model("llama3.1:8b");

  test("a longer context, by the bytes of its keys and values", () => {
    const perToken = (1 / speed(eight, rtx3090, 8192) - 1 / speed(eight, rtx3090, 0)) / 8192;
    // 128 KiB a token, at 0.7 of the rate of weights: a little over the bandwidth's 0.14 microseconds.
    assert.ok(perToken > 0.2e-6 && perToken < 0.26e-6, String(perToken));
  });

  test("sliding layers read their window, however long the context", () => {
    const gemma = model("gemma3:27b");
    const { caches: _, ...full } = gemma;
    const slower = [gemma, { ...full, fullAttentionLayers: 10 }].map(
      (facts) => 1 / speed(facts, rtx3090, 65_536) - 1 / speed(facts, rtx3090, 8192),
    );
    assert.ok(Math.abs((slower[0] ?? 0) / (slower[1] ?? 1) - 1) < 0.01);
  });

  test("few active weights make a large model fast, but not as fast as a small one", () => {
    const coder = model("qwen3-coder:30b");
    const dense = { ...coder, parametersActive: coder.parametersTotal, activeWeightsBytes: coder.weightsBytes };
    const small = { ...coder, parametersTotal: coder.parametersActive, weightsBytes: coder.activeWeightsBytes };
    assert.ok(speed(coder, rtx3090) > 2 * speed(dense, rtx3090));
    assert.ok(speed(coder, rtx3090) < 0.8 * speed(small, rtx3090));
  });

  test("no card starts layers infinitely fast", () => {
    const fast = { ...rtx3090, bandwidthBytesPerSecond: 1e15 };
    assert.ok(speed(eight, fast) < 700);
  });

  test("a processor, an unknown device", () => {
    const processor = processorDevice("Processor", 32 * gib, 50e9);
    const tokens = speed(eight, processor, 0);
    assert.ok(tokens > 7 && tokens < 8, String(tokens));
    // Whoever made it.
    assert.equal(speed(eight, { ...processor, vendor: "amd" }, 0), tokens);
    assert.deepEqual(predictSpeed(eight, { ...processor, bandwidthBytesPerSecond: 0 }, { contextTokens: 0 }), {
      tokensPerSecond: 0,
      low: 0,
      high: 0,
      promptTokensPerSecond: 0,
    });
  });

  test("prompts, near what was measured for 8B models", () => {
    const measured = {
      "NVIDIA GeForce RTX 3090": 4030,
      "NVIDIA GeForce RTX 4090": 7139,
      "Apple M3 Max": 693,
      "Apple M1 Max": 408,
    };
    for (const [name, expected] of Object.entries(measured)) {
      const { promptTokensPerSecond } = predictSpeed(eight, device(name, name.startsWith("Apple") ? 64 : undefined), {
        contextTokens: 0,
      });
      assert.ok(Math.abs(promptTokensPerSecond / expected - 1) < 0.25, `${name}: ${promptTokensPerSecond}`);
    }
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { combineDevices, findDevice, processorDevice } from "../../../src/hardware/devices.ts";
import { gpuRows } from "../../../src/hardware/gpuTable.ts";

const gib = 1024 ** 3;
const speedOf = (name: string, memoryGib?: number) => {
  const found = findDevice(name, memoryGib === undefined ? undefined : memoryGib * gib);
  return found && found.bandwidthBytesPerSecond / 1e9;
};

test("cards by the names that drivers give them", () => {
  assert.equal(speedOf("NVIDIA GeForce RTX 4090", 23.99), 1008);
  assert.equal(speedOf("NVIDIA GeForce RTX 3080Ti"), 912);
  assert.equal(speedOf("NVIDIA RTX 6000 Ada Generation"), 960);
  assert.equal(speedOf("NVIDIA RTX PRO 6000 Blackwell Workstation Edition"), 1792);
  assert.equal(speedOf("Tesla T4"), 320);
  assert.equal(speedOf("AMD Radeon RX 6800"), 512);
  assert.equal(speedOf("AMD Radeon RX 7900 XTX"), 960);
  assert.equal(speedOf("AMD Radeon 8060S Graphics"), 256);
  assert.equal(speedOf("Intel(R) Arc(TM) B580 Graphics"), 456);
  assert.equal(speedOf("Apple M4 Pro"), 273);
});

test("laptop cards are not their desktop namesakes", () => {
  assert.equal(speedOf("NVIDIA GeForce RTX 4090 Laptop GPU"), 576);
  assert.equal(speedOf("NVIDIA GeForce RTX 3080 Laptop GPU"), 448);
  // No row for it, and the desktop's would be wrong.
  assert.equal(speedOf("NVIDIA GeForce RTX 2070 with Max-Q Design"), undefined);
});

test("builds of one name are told apart by their memory, or by what else the name says", () => {
  assert.equal(speedOf("NVIDIA GeForce RTX 3080", 10), 760);
  assert.equal(speedOf("NVIDIA GeForce RTX 3080", 12), 912);
  assert.equal(speedOf("NVIDIA GeForce RTX 3080 12GB"), 912);
  assert.equal(speedOf("NVIDIA A100-PCIE-40GB", 39.4), 1555);
  assert.equal(speedOf("NVIDIA A100-SXM4-80GB", 79.2), 2039);
  assert.equal(speedOf("NVIDIA H100 80GB HBM3", 79.6), 3350);
  assert.equal(speedOf("NVIDIA H100 PCIe", 79.6), 2039);
  assert.equal(speedOf("Apple M3 Max", 36), 300);
  assert.equal(speedOf("Apple M3 Max", 64), 400);
});

test("what no table knows is undefined, not a guess", () => {
  for (const name of [
    "",
    "Intel(R) UHD Graphics 770",
    "Quadro RTX 6000",
    "Microsoft Basic Display Adapter",
    "NVIDIA GeForce RTX 4090 Ti",
  ]) {
    assert.equal(speedOf(name), undefined, name);
  }
});

test("every row of the table is found by its own name", () => {
  for (const row of Object.values(gpuRows).flat()) {
    const [name, , memoryGb, gbPerSecond] = row;
    assert.equal(speedOf(name, memoryGb.at(-1)), gbPerSecond, name);
  }
});

test("memory: the measured one, else the smallest that is sold", () => {
  assert.equal(findDevice("Apple M4 Pro")?.memoryBytes, 24 * gib);
  assert.equal(findDevice("Apple M4 Pro", 48 * gib)?.memoryBytes, 48 * gib);
  assert.deepEqual(
    [
      findDevice("Apple M4 Pro")?.unifiedMemory,
      findDevice("NVIDIA GB10")?.unifiedMemory,
      findDevice("NVIDIA L4")?.unifiedMemory,
    ],
    [true, true, false],
  );
});

test("several cards: memories add up, one computes after the other", () => {
  const card = findDevice("NVIDIA GeForce RTX 3090");
  const slow = findDevice("NVIDIA GeForce RTX 3060", 12 * gib);
  assert.ok(card && slow);
  assert.equal(combineDevices([card]), card);
  const pair = combineDevices([card, card]);
  assert.deepEqual(
    [pair.name, pair.memoryBytes, pair.bandwidthBytesPerSecond],
    ["2 x NVIDIA GeForce RTX 3090", 48 * gib, 936e9],
  );
  const mixed = combineDevices([card, slow]);
  assert.equal(Math.round(mixed.bandwidthBytesPerSecond / 1e9), Math.round(36 / (24 / 936 + 12 / 360)));
  assert.throws(() => combineDevices([]), RangeError);
});

test("a processor has the bandwidth that was measured, else an assumed one", () => {
  assert.equal(processorDevice("Some processor", 32 * gib, 80e9).bandwidthBytesPerSecond, 80e9);
  assert.equal(processorDevice("Some processor", 32 * gib).bandwidthBytesPerSecond, 50e9);
});

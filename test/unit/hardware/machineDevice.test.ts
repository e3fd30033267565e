import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryBudget } from "../../../src/hardware/advice.ts";
import { computesOnProcessor, machineDevice } from "../../../src/hardware/machineDevice.ts";
import type { GpuFacts } from "../../../src/hardware/probe.ts";

const gib = 1024 ** 3;
const memory = { totalBytes: 64 * gib };
const withGpus = (...gpus: GpuFacts[]) => ({ cpu: "A processor", physicalCores: 8, gpus });
const card = (name: string, memoryGib: number, freeGib?: number): GpuFacts => ({
  name,
  memoryBytes: memoryGib * gib,
  ...(freeGib === undefined ? {} : { freeBytes: freeGib * gib }),
});

test("two cards are one, with what is free of both", () => {
  const facts = withGpus(card("NVIDIA GeForce RTX 3090", 24, 23), card("NVIDIA GeForce RTX 3090", 24, 20));
  const { device, freeBytes } = machineDevice(facts, memory);
  assert.equal(device.name, "2 x NVIDIA GeForce RTX 3090");
  assert.equal(device.memoryBytes, 48 * gib);
  assert.equal(freeBytes, 43 * gib);
});

test("the maker whose cards have most memory, never a mixture; a card for the screen does not count", () => {
  const facts = withGpus(card("AMD Radeon RX 7600", 8), card("NVIDIA GeForce RTX 4090", 24), card("NVIDIA T400", 2));
  const { device, freeBytes } = machineDevice(facts, memory);
  assert.equal(device.name, "NVIDIA GeForce RTX 4090");
  assert.equal(freeBytes, undefined);
});

test("a laptop's card is its own row", () => {
  const { device } = machineDevice(withGpus(card("NVIDIA GeForce RTX 4090 Laptop GPU", 16)), memory);
  assert.equal(device.bandwidthBytesPerSecond, 576e9);
});

test("a card that no table knows holds models, without a speed", () => {
  const { device } = machineDevice(withGpus(card("NVIDIA GeForce RTX 9990", 48)), memory);
  assert.deepEqual(
    [device.name, device.memoryBytes, device.bandwidthBytesPerSecond],
    ["NVIDIA GeForce RTX 9990", 48 * gib, 0],
  );
});

const named = (name: string, memoryGib: number) => machineDevice(withGpus(card(name, memoryGib)), memory).device.name;

test("a name with alternatives is the one with that much memory, else the slowest", () => {
  const navi31 = "AMD Navi 31 [Radeon RX 7900 XT/7900 XTX/7900 GRE/7900M]";
  assert.equal(named(navi31, 24), "AMD Radeon RX 7900 XTX");
  assert.equal(named(navi31, 20), "AMD Radeon RX 7900 XT");
  assert.equal(named("NVIDIA GA104M [GeForce RTX 3070 Mobile / Max-Q]", 8), "NVIDIA GeForce RTX 3070 Laptop GPU");
  assert.equal(named("Intel Battlemage G21 [Arc B580]", 12), "Intel Arc B580");
});

test("Apple's chips have the machine's memory, and the limit that somebody has set", () => {
  const gpu = { name: "Apple M4 Pro", memoryBytes: undefined, sharesMemory: true };
  const usual = machineDevice(withGpus(gpu), { totalBytes: 24 * gib }).device;
  assert.equal(usual.memoryBytes, 24 * gib);
  const raised = machineDevice({ ...withGpus(gpu), wiredLimitBytes: 20 * gib }, { totalBytes: 24 * gib }).device;
  assert.equal(memoryBudget(raised), 19.5 * gib);
  assert.ok(memoryBudget(usual) < memoryBudget(raised));
});

test("a chip that shares memory counts when it is known, and takes what the kernel lets it", () => {
  const halo = { name: "AMD Radeon 8060S Graphics", memoryBytes: 108 * gib, sharesMemory: true };
  const { device } = machineDevice(withGpus(halo), { totalBytes: 125 * gib });
  assert.deepEqual([device.memoryBytes, device.unifiedMemory], [108 * gib, true]);
  const builtIn = { name: "Intel(R) UHD Graphics 770", memoryBytes: undefined, sharesMemory: true };
  assert.equal(machineDevice(withGpus(builtIn), memory).device.vendor, "cpu");
});

const taken = (name: string, ownGib: number, totalGib: number) =>
  machineDevice(withGpus(card(name, ownGib)), { totalBytes: totalGib * gib }).device.memoryBytes / gib;

test("Windows tells of a chip what was set aside for it, which is little or nearly all", () => {
  assert.equal(taken("AMD Radeon(TM) 780M", 0.5, 32), 16);
  assert.equal(taken("AMD Radeon(TM) 8060S Graphics", 96, 32), 96);
});

test("without graphics it is the processor, with the container's memory and what was measured", () => {
  const { device } = machineDevice(withGpus(), { totalBytes: 2 * gib, bytesPerSecond: 41e9 });
  assert.deepEqual([device.name, device.memoryBytes, device.bandwidthBytesPerSecond], ["A processor", 2 * gib, 41e9]);
  assert.equal(computesOnProcessor(withGpus()), true);
  assert.equal(computesOnProcessor(withGpus(card("NVIDIA GeForce RTX 4090", 24))), false);
});

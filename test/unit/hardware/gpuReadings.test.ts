import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import {
  isKnownVendor,
  readDrmCard,
  readNvidiaSmi,
  readRegistry,
  readSystemProfiler,
  readSysctl,
  type DrmCard,
} from "../../../src/hardware/gpuReadings.ts";

const gib = 1024 ** 3;
const mib = 1024 ** 2;
const recorded = (name: string) => readFile(new URL(`../../fixtures/hardware/tools/${name}`, import.meta.url), "utf8");

test("nvidia-smi: two cards, what is free of them, and none from an error's text", async () => {
  assert.deepEqual(readNvidiaSmi(await recorded("nvidia-smi.txt")), [
    { name: "NVIDIA GeForce RTX 3090", memoryBytes: 24 * gib, freeBytes: 23_998 * mib },
    { name: "NVIDIA GeForce RTX 3090", memoryBytes: 24 * gib, freeBytes: 24_111 * mib },
  ]);
  assert.deepEqual(readNvidiaSmi(await recorded("nvidia-smi-failed.txt")), []);
  assert.deepEqual(readNvidiaSmi(""), []);
});

test("nvidia-smi: a chip that tells no memory shares the machine's", async () => {
  assert.deepEqual(readNvidiaSmi(await recorded("nvidia-smi-shared.txt")), [
    { name: "NVIDIA GB10", memoryBytes: undefined, sharesMemory: true },
  ]);
  assert.equal(readNvidiaSmi("0, Orin (nvgpu), [Not Supported], [Not Supported]\r\n")[0]?.sharesMemory, true);
});

const amd = (card: Partial<DrmCard>): DrmCard => ({ vendor: "0x1002", device: "0x744c", ...card });

test("AMD: libdrm's list knows the card by its revision", async () => {
  const amdgpuIds = await recorded("amdgpu.ids");
  const pciIds = await recorded("pci.ids");
  const card = amd({
    revision: "0xcc",
    vramTotal: String(20 * gib),
    vramUsed: String(gib),
    gttTotal: String(16 * gib),
  });
  assert.deepEqual(readDrmCard(card, { amdgpuIds, pciIds }), {
    name: "AMD Radeon RX 7900 XT",
    memoryBytes: 20 * gib,
    freeBytes: 19 * gib,
  });
});

test("AMD: without the list, the tool's name, then the PCI list's, then the id", async () => {
  const [rocmSmi, pciIds] = [await recorded("rocm-smi.json"), await recorded("pci.ids")];
  const card = amd({ revision: "0xcc" });
  assert.equal(readDrmCard(card, { rocmSmi, pciIds }).name, "AMD Radeon RX 7900 XT");
  assert.equal(readDrmCard(card, { pciIds }).name, "AMD Navi 31 [Radeon RX 7900 XT/7900 XTX/7900 GRE/7900M]");
  assert.equal(readDrmCard(card, { rocmSmi: "not JSON" }).name, "AMD graphics (0x744c)");
  assert.equal(readDrmCard(amd({ device: "0x164e" }), { rocmSmi }).name, "AMD graphics (0x164e)");
});

test("AMD: a chip with a small share of its own takes the machine's memory", async () => {
  const amdgpuIds = await recorded("amdgpu.ids");
  const halo = amd({ device: "0x1586", revision: "0xc1", vramTotal: String(gib / 2), gttTotal: String(108 * gib) });
  assert.deepEqual(readDrmCard(halo, { amdgpuIds }), {
    name: "AMD Radeon 8060S Graphics",
    memoryBytes: 108 * gib,
    sharesMemory: true,
  });
  // A card with 8 GB beside a machine with 128.
  const card = amd({ vramTotal: String(8 * gib), gttTotal: String(64 * gib) });
  assert.equal(readDrmCard(card, {}).sharesMemory, undefined);
});

test("Intel: a card by its local memory, built-in graphics by having none", async () => {
  const pciIds = await recorded("pci.ids");
  const card: DrmCard = { vendor: "0x8086", device: "0xe20b", localTotal: String(12 * gib) };
  assert.deepEqual(readDrmCard(card, { pciIds }), {
    name: "Intel Battlemage G21 [Arc B580]",
    memoryBytes: 12 * gib,
  });
  assert.deepEqual(readDrmCard({ vendor: "0x8086", device: "0x4680" }, { pciIds }), {
    name: "Intel AlderLake-S GT1 [UHD Graphics 770]",
    memoryBytes: undefined,
    sharesMemory: true,
  });
});

test("a device is looked up among its maker's only, and odd ids find nothing", async () => {
  const pciIds = await recorded("pci.ids");
  assert.equal(readDrmCard({ vendor: "0x1002", device: "0x2684" }, { pciIds }).name, "AMD graphics (0x2684)");
  assert.equal(readDrmCard({ vendor: "0x10de", device: "(.*)" }, { pciIds }).name, "NVIDIA graphics ((.*))");
  assert.equal(isKnownVendor({ vendor: "0x1234", device: "0x1111" }), false);
});

test("Windows: names and sizes from the registry, as numbers and as bytes", async () => {
  assert.deepEqual(readRegistry(await recorded("registry.txt")), [
    // 32 MiB are the driver's word for none.
    { name: "Intel(R) UHD Graphics 770", memoryBytes: undefined },
    { name: "NVIDIA GeForce RTX 4070 Laptop GPU", memoryBytes: 0x1_ff80_0000 },
    { name: "AMD Radeon RX 7800 XT", memoryBytes: 16 * gib },
  ]);
  assert.deepEqual(readRegistry("ERROR: The system was unable to find the specified registry key or value.\r\n"), []);
});

test("macOS: Apple's chips with their cores, others with their memory", async () => {
  assert.deepEqual(readSystemProfiler(await recorded("system_profiler.json")), [
    { name: "Apple M3 Max (40-core GPU)", memoryBytes: undefined, sharesMemory: true },
  ]);
  assert.deepEqual(readSystemProfiler(await recorded("system_profiler-intel.json")), [
    { name: "Intel UHD Graphics 630", memoryBytes: undefined, sharesMemory: true },
    { name: "AMD Radeon Pro 5500M", memoryBytes: 4 * gib },
  ]);
  assert.deepEqual(readSystemProfiler("{"), []);
  const values = readSysctl("machdep.cpu.brand_string: Apple M4 Pro\niogpu.wired_limit_mb: 0\nodd");
  assert.deepEqual(
    [...values],
    [
      ["machdep.cpu.brand_string", "Apple M4 Pro"],
      ["iogpu.wired_limit_mb", "0"],
    ],
  );
});

import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { after, before, suite, test } from "node:test";
import { systemClock } from "../../../src/base/clock.ts";
import { createProbe } from "../../../src/hardware/probe.ts";
import { readGpus, runTool, type RunTool } from "../../../src/hardware/probeGpus.ts";

const gib = 1024 ** 3;
const toolsUrl = new URL("../../fixtures/hardware/tools/", import.meta.url);
const recorded = (name: string) => readFile(new URL(name, toolsUrl), "utf8");
const workerUrl = new URL("../../../src/hardware/probeWorker.ts", import.meta.url);

/** Answers by the program's bare name; the others are not there. */
const tools =
  (answers: Readonly<Record<string, string>>): RunTool =>
  async (file, args) =>
    answers[path.posix.basename(path.win32.basename(file))]?.replace("{field}", args.at(-1) ?? "") ?? "";

const noFolders = { drm: "/nowhere", amdgpuIds: [], pciIds: [] };

const onWindows = async (run: RunTool) => (await readGpus("win32", run, noFolders)).gpus.map(({ name }) => name);

test("Windows: the vendor's tool counts for its own cards, the registry for the others", async () => {
  const [registry, nvidia] = [await recorded("registry.txt"), await recorded("nvidia-smi.txt")];
  const others = ["Intel(R) UHD Graphics 770", "AMD Radeon RX 7800 XT"];
  assert.deepEqual(await onWindows(tools({ "reg.exe": registry, "nvidia-smi.exe": nvidia })), [
    "NVIDIA GeForce RTX 3090",
    "NVIDIA GeForce RTX 3090",
    ...others,
  ]);
  assert.deepEqual((await onWindows(tools({ "reg.exe": registry }))).toSorted(), [
    "AMD Radeon RX 7800 XT",
    "Intel(R) UHD Graphics 770",
    "NVIDIA GeForce RTX 4070 Laptop GPU",
  ]);
});

test("macOS: the chip's own name where the profiler is silent, and the limit that somebody has set", async () => {
  const sysctl = "machdep.cpu.brand_string: Apple M4 Pro\niogpu.wired_limit_mb: 20480\n";
  assert.deepEqual(await readGpus("darwin", tools({ sysctl }), noFolders), {
    gpus: [{ name: "Apple M4 Pro", memoryBytes: undefined, sharesMemory: true }],
    wiredLimitBytes: 20 * gib,
  });
  const profile = await recorded("system_profiler.json");
  const { gpus } = await readGpus("darwin", tools({ sysctl, system_profiler: profile }), noFolders);
  assert.equal(gpus[0]?.name, "Apple M3 Max (40-core GPU)");
});

test("another system has none", async () => {
  assert.deepEqual(await readGpus("freebsd", tools({}), noFolders), { gpus: [] });
});

suite("with folders and programs of one's own", { skip: process.platform === "win32" }, () => {
  let folder = "";
  const usualPath = process.env["PATH"];
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "hotpath-gpus-"));
  });
  after(async () => {
    process.env["PATH"] = usualPath;
    await rm(folder, { recursive: true, force: true });
  });

  test("Linux: cards of the kernel's folder, without connectors and screens", async () => {
    const card = async (name: string, files: Readonly<Record<string, string>>) => {
      for (const [file, text] of Object.entries(files)) {
        const full = path.join(folder, "drm", name, file);
        await mkdir(path.dirname(full), { recursive: true });
        await writeFile(full, `${text}\n`);
      }
    };
    await card("card0", { "device/vendor": "0x1a03", "device/device": "0x2000" });
    await card("card1", {
      "device/vendor": "0x1002",
      "device/device": "0x744c",
      "device/revision": "0xc8",
      "device/mem_info_vram_total": String(24 * gib),
      "device/mem_info_vram_used": String(2 * gib),
    });
    await card("card2", { "device/vendor": "0x8086", "device/device": "0xe20b", lmem_total_bytes: String(12 * gib) });
    await card("card3", {
      "device/vendor": "0x8086",
      "device/device": "0xe20b",
      "device/tile0/physical_vram_size_bytes": String(6 * gib),
      "device/tile1/physical_vram_size_bytes": String(6 * gib),
    });
    await card("card1-DP-1", { "device/vendor": "0x1002", "device/device": "0x744c" });
    const folders = {
      drm: path.join(folder, "drm"),
      amdgpuIds: [path.join(folder, "none"), new URL("amdgpu.ids", toolsUrl).pathname],
      pciIds: [new URL("pci.ids", toolsUrl).pathname],
    };
    assert.deepEqual((await readGpus("linux", tools({}), folders)).gpus, [
      { name: "AMD Radeon RX 7900 XTX", memoryBytes: 24 * gib, freeBytes: 22 * gib },
      { name: "Intel Battlemage G21 [Arc B580]", memoryBytes: 12 * gib },
      { name: "Intel Battlemage G21 [Arc B580]", memoryBytes: 12 * gib },
    ]);
  });

  const fakeTool = async (script: string) => {
    const bin = path.join(folder, "bin");
    await mkdir(bin, { recursive: true });
    const file = path.join(bin, "nvidia-smi");
    await writeFile(file, `#!/bin/sh\n${script}\n`);
    await chmod(file, 0o755);
    process.env["PATH"] = `${bin}:${usualPath}`;
  };

  test("a tool that fails says nothing", async () => {
    await fakeTool("echo 'Unable to determine the device handle'; exit 15");
    assert.deepEqual((await readGpus("linux", runTool, noFolders)).gpus, []);
  });

  test("a tool that sleeps for 600 ms answers, and holds nobody's thread", async () => {
    await fakeTool("sleep 0.6; echo '0, NVIDIA GeForce RTX 4090, 24564, 24000'");
    const delay = monitorEventLoopDelay({ resolution: 5 });
    const probe = createProbe({ workerUrl, clock: systemClock });
    delay.enable();
    const { gpus } = await probe();
    delay.disable();
    assert.equal(gpus[0]?.name, "NVIDIA GeForce RTX 4090");
    // A thread that waited for the program would stand still for 600 ms.
    assert.ok(delay.max / 1e6 < 550, `${delay.max / 1e6} ms`);
  });

  test("a tool that hangs is ended, and so is the wait for one that left a program behind", async () => {
    const pidFile = path.join(folder, "pid");
    await fakeTool(`echo $$ > ${pidFile}; exec sleep 600`);
    const startMs = performance.now();
    assert.equal(await runTool("nvidia-smi", [], 500), "");
    const pid = Number(await readFile(pidFile, "utf8"));
    assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
    // The one that it started holds the pipe open.
    await fakeTool("sleep 4; echo late");
    assert.equal(await runTool("nvidia-smi", [], 500), "");
    assert.ok(performance.now() - startMs < 3500);
  });
});

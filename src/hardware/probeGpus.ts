import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import {
  isKnownVendor,
  nvidiaFormat,
  nvidiaQuery,
  readDrmCard,
  readNvidiaSmi,
  readRegistry,
  readSystemProfiler,
  readSysctl,
  type DrmCard,
  type GpuFacts,
} from "./gpuReadings.ts";

/** A vendor's tool that has not answered by then is ended: it may wait for a card that hangs. */
const toolMs = 2000;
/** macOS collects all of its facts before it answers. */
const profilerMs = 8000;

/** Runs a program and gives what it printed, "" when it is not there, hangs, or printed nothing. */
export type RunTool = (file: string, args: readonly string[], timeoutMs?: number) => Promise<string>;

/** The current folder may be anybody's: Windows would look for programs in it. */
export const runTool: RunTool = (file, args, timeoutMs = toolMs) =>
  new Promise((resolve) => {
    const options = {
      cwd: os.homedir(),
      timeout: timeoutMs,
      killSignal: "SIGKILL",
      maxBuffer: 4 * 1024 * 1024,
      windowsHide: true,
    } as const;
    execFile(file, [...args], options, (_error, stdout) => resolve(stdout));
  });

const readText = async (file: string): Promise<string | undefined> => {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch {
    return undefined;
  }
};

const listFolder = async (folder: string): Promise<readonly string[]> => {
  try {
    return await readdir(folder);
  } catch {
    return [];
  }
};

/** The first that answers: WSL keeps its tool aside, Windows in its system folder. */
const readNvidia = async (platform: string, run: RunTool): Promise<GpuFacts[]> => {
  const systemRoot = process.env["SystemRoot"] ?? String.raw`C:\Windows`;
  const tools =
    platform === "win32"
      ? [path.win32.join(systemRoot, "System32", "nvidia-smi.exe")]
      : ["nvidia-smi", "/usr/lib/wsl/lib/nvidia-smi"];
  for (const tool of tools) {
    const cards = readNvidiaSmi(await run(tool, [nvidiaQuery, nvidiaFormat]));
    if (cards.length > 0) return cards;
  }
  return [];
};

const readCard = async (folder: string): Promise<DrmCard | undefined> => {
  const read = (name: string) => readText(path.join(folder, "device", name));
  const [vendor, device] = await Promise.all([read("vendor"), read("device")]);
  if (vendor === undefined || device === undefined) return undefined;
  const tiles = (await listFolder(path.join(folder, "device"))).filter((name) => /^tile\d+$/.test(name));
  const tileBytes = await Promise.all(tiles.map((tile) => read(`${tile}/physical_vram_size_bytes`)));
  const ofTiles = tileBytes.reduce((sum, text) => sum + (Number(text) || 0), 0);
  const [revision, productName, vramTotal, vramUsed, gttTotal, lmem] = await Promise.all([
    read("revision"),
    read("product_name"),
    read("mem_info_vram_total"),
    read("mem_info_vram_used"),
    read("mem_info_gtt_total"),
    readText(path.join(folder, "lmem_total_bytes")),
  ]);
  return {
    vendor,
    device,
    revision,
    productName: productName || undefined,
    vramTotal,
    vramUsed,
    gttTotal,
    localTotal: lmem ?? (ofTiles > 0 ? String(ofTiles) : undefined),
  };
};

/** Where Linux keeps what is read; other folders in tests. */
export const linuxFolders = {
  drm: "/sys/class/drm",
  amdgpuIds: ["/usr/share/libdrm/amdgpu.ids", "/opt/amdgpu/share/libdrm/amdgpu.ids"],
  pciIds: ["/usr/share/hwdata/pci.ids", "/usr/share/misc/pci.ids"],
};

const readFirst = async (files: readonly string[]): Promise<string | undefined> => {
  for (const file of files) {
    const text = await readText(file);
    if (text !== undefined) return text;
  }
  return undefined;
};

const readDrmCards = async (folders: typeof linuxFolders, run: RunTool): Promise<GpuFacts[]> => {
  const names = (await listFolder(folders.drm)).filter((name) => /^card\d+$/.test(name)).toSorted();
  const found = await Promise.all(names.map((name) => readCard(path.join(folders.drm, name))));
  const cards = found.filter((card) => card !== undefined).filter(isKnownVendor);
  if (cards.length === 0) return [];
  const [amdgpuIds, pciIds] = await Promise.all([readFirst(folders.amdgpuIds), readFirst(folders.pciIds)]);
  const isAmdUnnamed = cards.some((card) => card.vendor === "0x1002" && amdgpuIds === undefined);
  const rocmSmi = isAmdUnnamed ? await run("rocm-smi", ["--showproductname", "--json"]) : undefined;
  return cards.map((card) => readDrmCard(card, { amdgpuIds, pciIds, rocmSmi }));
};

const isNvidia = ({ name }: GpuFacts): boolean => /nvidia|geforce|quadro|tesla/i.test(name);

/** What the vendor's tool says counts; the system's word for its cards does where the tool is silent. */
const merge = (nvidia: readonly GpuFacts[], others: readonly GpuFacts[]): readonly GpuFacts[] =>
  nvidia.length > 0 ? [...nvidia, ...others.filter((gpu) => !isNvidia(gpu))] : others;

const displayClass = String.raw`HKLM\SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}`;

const readWindows = async (run: RunTool): Promise<GpuFacts[]> => {
  const reg = path.win32.join(process.env["SystemRoot"] ?? String.raw`C:\Windows`, "System32", "reg.exe");
  const ask = (field: string) => run(reg, ["query", displayClass, "/s", "/v", field]);
  const [names, sizes] = await Promise.all([ask("DriverDesc"), ask("HardwareInformation.qwMemorySize")]);
  return readRegistry(`${names}\n${sizes}`);
};

/** What Apple's chips may take of the machine's memory, where somebody has set it. */
export type AppleFacts = { readonly wiredLimitBytes?: number };

export type GpuAnswer = { readonly gpus: readonly GpuFacts[] } & AppleFacts;

const readMac = async (run: RunTool): Promise<GpuAnswer> => {
  const [profile, values] = await Promise.all([
    run("/usr/sbin/system_profiler", ["SPDisplaysDataType", "-json"], profilerMs),
    // A name that a release does not know is left out of the answer.
    run("/usr/sbin/sysctl", ["machdep.cpu.brand_string", "iogpu.wired_limit_mb"]),
  ]);
  const facts = readSysctl(values);
  const chip = facts.get("machdep.cpu.brand_string") ?? "";
  const gpus = readSystemProfiler(profile);
  const limitMib = Number(facts.get("iogpu.wired_limit_mb"));
  return {
    // The processor's name is the chip's, and comes at once where the profiler does not answer.
    gpus:
      gpus.length > 0 || !chip.startsWith("Apple")
        ? gpus
        : [{ name: chip, memoryBytes: undefined, sharesMemory: true }],
    ...(limitMib > 0 ? { wiredLimitBytes: limitMib * 1024 ** 2 } : {}),
  };
};

/**
 * Reads which graphics processors this machine has. Never rejects: what cannot be read is not there. Starts programs,
 * so it belongs into a worker.
 */
export const readGpus = async (
  platform: string = process.platform,
  run: RunTool = runTool,
  folders: typeof linuxFolders = linuxFolders,
): Promise<GpuAnswer> => {
  if (platform === "darwin") return readMac(run);
  if (platform !== "linux" && platform !== "win32") return { gpus: [] };
  const [nvidia, others] = await Promise.all([
    readNvidia(platform, run),
    platform === "win32" ? readWindows(run) : readDrmCards(folders, run),
  ]);
  return { gpus: merge(nvidia, others) };
};

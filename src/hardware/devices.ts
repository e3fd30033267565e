import { gpuRows, type GpuRow } from "./gpuTable.ts";
import type { DeviceFacts } from "./speed.ts";

const gib = 1024 ** 3;
const backends = { nvidia: "cuda", amd: "vulkan", apple: "metal", intel: "vulkan" } as const;

/** Bandwidth of two channels of DDR4-3200, for a processor whose memory nobody measured. */
const assumedBytesPerSecond = 50e9;

const wordsOf = (name: string): Set<string> =>
  new Set(
    name
      .toLowerCase()
      .replaceAll(/\((?:r|tm)\)|[®™]/g, " ")
      // "3080Ti" and "A100-SXM4-80GB" are written together as often as apart.
      .replaceAll(/(\d{3,4})(ti|super|xtx|xt|gre)\b/g, "$1 $2")
      .split(/[^a-z0-9]+/),
  );

/** Words that make another card of the same number: a name that has one must not match a row that has not. */
const variants = ["ti", "super", "xt", "xtx", "gre", "pro", "max", "ultra", "ada", "nvl", "blackwell"];

const vendorOf = (words: ReadonlySet<string>): keyof typeof gpuRows | undefined => {
  if (words.has("apple")) return "apple";
  if (words.has("nvidia") || words.has("geforce") || words.has("quadro") || words.has("tesla")) return "nvidia";
  if (words.has("amd") || words.has("radeon")) return "amd";
  return words.has("intel") ? "intel" : undefined;
};

/** How far a row's memory is from what was measured, as a part; what the driver keeps for itself counts as none. */
const memoryDistance = (row: GpuRow, memoryBytes: number | undefined): number => {
  if (memoryBytes === undefined || row[2].length === 0) return 0;
  return Math.min(...row[2].map((gb) => Math.abs(memoryBytes / gib / gb - 1)));
};

const fittingRow = (rows: readonly GpuRow[], words: ReadonlySet<string>, memoryBytes: number | undefined) => {
  const laptop = words.has("laptop") || words.has("mobile") || words.has("q");
  let best: { row: GpuRow; score: number } | undefined;
  for (const row of rows) {
    const [name, needed, , gbPerSecond, kind, extra = ""] = row;
    const required = needed.split(" ");
    if ((kind === "laptop") !== laptop || !required.every((word) => words.has(word))) continue;
    const own = new Set([...wordsOf(name), ...extra.split(" ")]);
    if (variants.some((word) => words.has(word) && !own.has(word))) continue;
    const told = [...own].filter((word) => /\d/.test(word) && words.has(word)).length;
    const extras = extra.split(" ").filter((word) => word !== "" && words.has(word)).length;
    // More words in common first, then the size of the memory, then the slower one: nobody minds being surprised by speed.
    const score =
      100 * required.length + 10 * (told + extras) - 50 * memoryDistance(row, memoryBytes) - gbPerSecond / 1e5;
    if (!best || score > best.score) best = { row, score };
  }
  return best?.row;
};

/**
 * The names in one of the system's: "Navi 31 [Radeon RX 7900 XT/7900 XTX/7900 GRE]" stands for three cards, of which
 * all but the first leave out what they have in common.
 */
const alternatives = (name: string): readonly string[] => {
  const inside = /\[([^\]]*)\]/.exec(name)?.[1];
  if (inside === undefined || !inside.includes("/") || /^amd\/ati$/i.test(inside)) return [inside ?? name];
  const [first = "", ...others] = inside.split("/").map((part) => part.trim());
  const common = /^\D*/.exec(first)?.[0] ?? "";
  return [first, ...others.map((other) => (/^\d/.test(other) ? common + other : other))];
};

const deviceRow = (name: string, memoryBytes: number | undefined) => {
  const words = wordsOf(name);
  const named = vendorOf(words);
  for (const vendor of named ? [named] : (["nvidia", "amd", "apple", "intel"] as const)) {
    const row = fittingRow(gpuRows[vendor], words, memoryBytes);
    if (row) return { vendor, row };
  }
  return undefined;
};

/** Of several that the name may mean, the one with that much memory; of those, the slowest. */
const bestRow = (name: string, memoryBytes: number | undefined) =>
  alternatives(name)
    .map((one) => deviceRow(one, memoryBytes))
    .filter((found) => found !== undefined)
    .toSorted((a, b) => {
      const nearer = memoryDistance(a.row, memoryBytes) - memoryDistance(b.row, memoryBytes);
      return Math.abs(nearer) > 0.05 ? nearer : a.row[3] - b.row[3];
    })[0];

/**
 * Facts about a graphics card or chip by the name that its driver or system gives it, or undefined for one that no
 * table knows. `memoryBytes`, where it was measured, tells builds of the same name apart and is what is returned; of a
 * chip with unified memory it is the machine's. Without it, a chip that is sold with several sizes counts as the smallest.
 */
export const findDevice = (name: string, memoryBytes?: number): DeviceFacts | undefined => {
  const found = bestRow(name, memoryBytes);
  if (!found) return undefined;
  const { vendor, row } = found;
  return {
    name: row[0],
    vendor,
    memoryBytes: memoryBytes ?? Math.min(...(row[2].length > 0 ? row[2] : [0])) * gib,
    unifiedMemory: row[4] === "unified",
    bandwidthBytesPerSecond: row[3] * 1e9,
    backend: backends[vendor],
  };
};

/** A card with memory of its own that no table knows: it holds models, and nothing is said of its speed. */
export const unknownDevice = (name: string, memoryBytes: number): DeviceFacts => {
  const vendor = vendorOf(wordsOf(name)) ?? "nvidia";
  return { name, vendor, memoryBytes, unifiedMemory: false, bandwidthBytesPerSecond: 0, backend: backends[vendor] };
};

/** A machine without a graphics card that is of use. `bytesPerSecond`: its memory's measured bandwidth. */
export const processorDevice = (name: string, memoryBytes: number, bytesPerSecond?: number): DeviceFacts => ({
  name,
  vendor: "cpu",
  memoryBytes,
  unifiedMemory: true,
  bandwidthBytesPerSecond: bytesPerSecond ?? assumedBytesPerSecond,
  backend: "cpu",
});

/**
 * Several cards as one: a model's layers are spread over them by their memory, and one works after the other, so their
 * memories add up and their speeds do not. Throws a RangeError for an empty list.
 */
export const combineDevices = (devices: readonly DeviceFacts[]): DeviceFacts => {
  const [first, ...others] = devices;
  if (!first) throw new RangeError("No devices to combine");
  if (others.length === 0) return first;
  const memoryBytes = devices.reduce((sum, device) => sum + device.memoryBytes, 0);
  const seconds = devices.reduce((sum, device) => sum + device.memoryBytes / device.bandwidthBytesPerSecond, 0);
  const same = devices.every(({ name }) => name === first.name);
  return {
    ...first,
    name: same ? `${devices.length} x ${first.name}` : devices.map(({ name }) => name).join(" + "),
    memoryBytes,
    bandwidthBytesPerSecond: seconds > 0 ? memoryBytes / seconds : 0,
  };
};

/** Whether a model shares its memory with everything else that runs on the machine. */
export const isSharedMemory = ({ unifiedMemory, vendor }: DeviceFacts): boolean => unifiedMemory || vendor === "cpu";

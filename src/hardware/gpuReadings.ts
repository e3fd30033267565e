/** A graphics processor as its driver or system tells of it. */
export type GpuFacts = {
  readonly name: string;
  /** Of its own; of a chip that shares the machine's memory, undefined or what it may take of that. */
  readonly memoryBytes: number | undefined;
  /** What is free of it now, where the driver tells. */
  readonly freeBytes?: number;
  readonly sharesMemory?: boolean;
};

const mib = 1024 ** 2;
const gib = 1024 ** 3;

const positive = (value: number): number | undefined => (Number.isFinite(value) && value > 0 ? value : undefined);

/** What `nvidia-smi` is asked; the answer's columns stand in this order. */
export const nvidiaQuery = "--query-gpu=index,name,memory.total,memory.free";
export const nvidiaFormat = "--format=csv,noheader,nounits";

/**
 * Reads `nvidia-smi`'s answer, in MiB. Chips that share the machine's memory (GB10, Jetson) say "[N/A]" or
 * "[Not Supported]" of theirs. Whatever is no row, an error's text for instance, is passed over.
 */
export const readNvidiaSmi = (text: string): GpuFacts[] =>
  text.split(/\r?\n/).flatMap((line) => {
    const [, name = "", total = "", free = ""] = /^\s*\d+,\s*([^,]+?),\s*([^,]+?),\s*([^,]+?)\s*$/.exec(line) ?? [];
    if (name === "") return [];
    const memoryBytes = positive(Number(total) * mib);
    const freeBytes = memoryBytes === undefined ? undefined : positive(Number(free) * mib);
    return [
      {
        name,
        memoryBytes,
        ...(freeBytes === undefined ? {} : { freeBytes }),
        ...(memoryBytes === undefined ? { sharesMemory: true } : {}),
      },
    ];
  });

/** A card's files under `/sys/class/drm`, as far as they exist, without line ends. */
export type DrmCard = {
  /** PCI ids, as "0x1002". */
  readonly vendor: string;
  readonly device: string;
  readonly revision?: string | undefined;
  /** `product_name`, which few AMD cards have. */
  readonly productName?: string | undefined;
  /** AMD: `mem_info_vram_total`, `mem_info_vram_used`, `mem_info_gtt_total`. */
  readonly vramTotal?: string | undefined;
  readonly vramUsed?: string | undefined;
  readonly gttTotal?: string | undefined;
  /** Intel: `lmem_total_bytes` (i915), or the sum of `physical_vram_size_bytes` (xe). */
  readonly localTotal?: string | undefined;
};

/** Texts that name devices, where the system has them. */
export type DeviceNames = {
  /** libdrm's `amdgpu.ids`: the exact name by device and revision. */
  readonly amdgpuIds?: string | undefined;
  /** `pci.ids`, which often has several names for one device. */
  readonly pciIds?: string | undefined;
  /** The answer of `rocm-smi --showproductname --json`. */
  readonly rocmSmi?: string | undefined;
};

const plainHex = (id = ""): string => id.replace(/^0x/i, "").toLowerCase();

/** The name in libdrm's list, whose lines are "744C,	C8,	AMD Radeon RX 7900 XTX". */
const amdName = (ids: string | undefined, device: string, revision: string | undefined): string | undefined => {
  const wanted = `${plainHex(device)},${plainHex(revision)}`;
  for (const line of ids?.split("\n") ?? []) {
    const [id = "", variant = "", ...name] = line.split(",").map((part) => part.trim());
    if (`${id},${variant}`.toLowerCase() === wanted) return name.join(",") || undefined;
  }
  return undefined;
};

/** The name in `pci.ids`: a vendor's line at the margin, its devices one tab in, subsystems two. */
const pciName = (ids: string | undefined, vendor: string, device: string): string | undefined => {
  const start = ids?.search(new RegExp(String.raw`^${plainHex(vendor)}  `, "m")) ?? -1;
  if (!ids || start < 0 || !/^[0-9a-f]{4}$/.test(plainHex(device))) return undefined;
  const rest = ids.slice(ids.indexOf("\n", start) + 1);
  const end = rest.search(/^[^\t#\r\n]/m);
  return new RegExp(String.raw`^\t${plainHex(device)}  (.+)$`, "m").exec(end < 0 ? rest : rest.slice(0, end))?.[1];
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const parseObject = (text: string | undefined): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
};

/** Its two text layouts and "N/A" names are avoided by asking for JSON; the card is found by its device id. */
const rocmName = (answer: string | undefined, device: string): string | undefined => {
  for (const card of Object.values(parseObject(answer)).filter(isRecord)) {
    const ids = [card["Card Model"], card["Card model"], card["Device ID"]];
    if (!ids.some((id) => typeof id === "string" && plainHex(id) === plainHex(device))) continue;
    const names = [card["Card Series"], card["Card series"], card["Device Name"]];
    const name = names.find((text) => typeof text === "string" && text !== "N/A" && !text.startsWith("0x"));
    if (typeof name === "string") return name;
  }
  return undefined;
};

const vendorNames: Readonly<Record<string, string>> = { "10de": "NVIDIA", "1002": "AMD", "8086": "Intel" };

/** Nothing that computes: display controllers of servers and of virtual machines have other vendors. */
export const isKnownVendor = ({ vendor }: DrmCard): boolean => plainHex(vendor) in vendorNames;

/** Built-in graphics take so little for themselves, and much of the machine's. */
const carveOutBytes = 4 * gib;

/** What a card of `/sys/class/drm` is. An AMD chip that shares the machine's memory may take what `gtt` says. */
export const readDrmCard = (card: DrmCard, names: DeviceNames): GpuFacts => {
  const { vendor, device, revision, productName } = card;
  const maker = vendorNames[plainHex(vendor)] ?? "";
  const named =
    (maker === "AMD" ? amdName(names.amdgpuIds, device, revision) : undefined) ??
    productName ??
    (maker === "AMD" ? rocmName(names.rocmSmi, device) : undefined) ??
    pciName(names.pciIds, vendor, device) ??
    "";
  const own = named === "" ? `graphics (${device})` : named;
  const name = own.toLowerCase().includes(maker.toLowerCase()) ? own : `${maker} ${own}`;
  const vram = positive(Number(card.vramTotal)) ?? positive(Number(card.localTotal));
  const gtt = positive(Number(card.gttTotal)) ?? 0;
  const used = positive(Number(card.vramUsed)) ?? 0;
  // A small carve-out beside much more of the machine's memory: the kernel maps models there (Strix Halo: 110,592 MiB).
  if (maker === "AMD" && (vram ?? 0) <= carveOutBytes && gtt >= 8 * gib && gtt >= 4 * (vram ?? 0)) {
    return { name, memoryBytes: gtt, sharesMemory: true };
  }
  if (vram !== undefined) {
    return { name, memoryBytes: vram, ...(card.vramUsed === undefined ? {} : { freeBytes: Math.max(0, vram - used) }) };
  }
  return { name, memoryBytes: undefined, ...(maker === "Intel" ? { sharesMemory: true } : {}) };
};

/** Less is what drivers of virtual displays write. */
const leastRegistryBytes = 64 * mib;

/**
 * Reads `reg query … /s /v DriverDesc` and the same for `HardwareInformation.qwMemorySize`, one behind the other. The
 * size is a number, or its eight bytes; Windows' own `AdapterRAM` ends at 4 GiB.
 */
export const readRegistry = (text: string): GpuFacts[] => {
  const names = new Map<string, string>();
  const sizes = new Map<string, number>();
  let key = "";
  for (const line of text.split(/\r?\n/)) {
    if (/^HKEY_/i.test(line)) key = line.trim().toLowerCase();
    const [, field = "", type = "", value = ""] = /^\s+(\S+)\s+(REG_\w+)\s+(.+?)\s*$/.exec(line) ?? [];
    if (field === "DriverDesc") names.set(key, value);
    if (field !== "HardwareInformation.qwMemorySize") continue;
    const hex = type === "REG_BINARY" ? (value.match(/../g) ?? []).toReversed().join("") : value.replace(/^0x/i, "");
    sizes.set(key, Number.parseInt(hex, 16));
  }
  return [...names].flatMap(([at, name]) => {
    // Not a driver's key but a setting's below it, or a screen without a card.
    if (!/\\\d{4}$/.test(at) || /^microsoft |virtual|remote display/i.test(name)) return [];
    const size = sizes.get(at) ?? 0;
    return [{ name, memoryBytes: size >= leastRegistryBytes ? size : undefined }];
  });
};

/** Reads `system_profiler SPDisplaysDataType -json`. */
export const readSystemProfiler = (text: string): GpuFacts[] => {
  const list = parseObject(text)["SPDisplaysDataType"];
  return (Array.isArray(list) ? list : []).filter(isRecord).flatMap((entry) => {
    const name = entry["sppci_model"];
    if (typeof name !== "string" || name === "") return [];
    const cores = typeof entry["sppci_cores"] === "string" ? ` (${entry["sppci_cores"]}-core GPU)` : "";
    if (name.startsWith("Apple")) return [{ name: name + cores, memoryBytes: undefined, sharesMemory: true }];
    const [, count = "", unit = ""] = /^(\d+(?:\.\d+)?) (MB|GB)$/.exec(String(entry["spdisplays_vram"])) ?? [];
    const memoryBytes = positive(Number(count) * (unit === "GB" ? gib : mib));
    return [{ name, memoryBytes, ...(memoryBytes === undefined ? { sharesMemory: true } : {}) }];
  });
};

/** Reads `sysctl` lines, "hw.memsize: 25769803776", as numbers and texts by their name. */
export const readSysctl = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split("\n").flatMap((line): (readonly [string, string])[] => {
      const at = line.indexOf(": ");
      return at > 0 ? [[line.slice(0, at), line.slice(at + 2).trim()]] : [];
    }),
  );

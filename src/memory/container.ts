/** What the container that this process runs in allows, in bytes. */
export type ContainerMemory = { readonly limitBytes: number; readonly availableBytes: number };

/** Reads a small file; undefined when there is none or it may not be read. */
export type ReadText = (path: string) => string | undefined;

/** Where a version of control groups keeps what. */
type Layout = {
  readonly root: string;
  readonly limit: string;
  readonly used: string;
  /** Line of `memory.stat` with the file pages that are given back first. */
  readonly reclaimable: string;
};

const version2: Layout = {
  root: "/sys/fs/cgroup",
  limit: "memory.max",
  used: "memory.current",
  reclaimable: "inactive_file",
};
const version1: Layout = {
  root: "/sys/fs/cgroup/memory",
  limit: "memory.limit_in_bytes",
  used: "memory.usage_in_bytes",
  reclaimable: "total_inactive_file",
};

const asBytes = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : undefined;

/** The group's folder and those above it. Inside a container the path may be one of the machine, then only "" exists. */
const upwards = (groupPath: string): readonly string[] => {
  const names = groupPath.split("/").filter((name) => name !== "" && name !== "..");
  return [...names.map((_, index) => `/${names.slice(0, names.length - index).join("/")}`), ""];
};

const readLevel = (folder: string, layout: Layout, machineBytes: number, readText: ReadText) => {
  const limitBytes = asBytes(readText(`${folder}/${layout.limit}`));
  // Version 1 writes "no limit" as a number near 2^63.
  if (limitBytes === undefined || limitBytes <= 0 || limitBytes >= machineBytes) return [];
  const usedBytes = asBytes(readText(`${folder}/${layout.used}`)) ?? 0;
  const line = readText(`${folder}/memory.stat`)
    ?.split("\n")
    .find((entry) => entry.startsWith(`${layout.reclaimable} `));
  const reclaimableBytes = asBytes(line?.slice(layout.reclaimable.length + 1)) ?? 0;
  const inUseBytes = Math.max(0, usedBytes - reclaimableBytes);
  return [{ limitBytes, availableBytes: Math.max(0, limitBytes - inUseBytes) }];
};

/**
 * Reads the memory limit of Linux control groups, versions 1 and 2, of this process's group and of all above it: the
 * smallest limit, and the least that is left anywhere. File pages that can be given back at once count as available.
 * Undefined: no limit below the machine's own memory, or another system.
 */
export const readContainerMemory = (machineBytes: number, readText: ReadText): ContainerMemory | undefined => {
  const lines = readText("/proc/self/cgroup")?.split("\n") ?? [];
  const levels = lines.flatMap((line) => {
    const [, number, controllers, groupPath] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (groupPath === undefined) return [];
    const layout = controllers!.split(",").includes("memory") ? version1 : number === "0" ? version2 : undefined;
    if (!layout) return [];
    return upwards(groupPath).flatMap((path) => readLevel(`${layout.root}${path}`, layout, machineBytes, readText));
  });
  if (levels.length === 0) return undefined;
  return {
    limitBytes: Math.min(...levels.map(({ limitBytes }) => limitBytes)),
    availableBytes: Math.min(...levels.map(({ availableBytes }) => availableBytes)),
  };
};

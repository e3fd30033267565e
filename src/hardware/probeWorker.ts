import { readFile } from "node:fs/promises";
import os from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { cpu, processes } from "systeminformation";
import { measureMemory } from "./memoryCopy.ts";
import type { HardwareFacts, MachineState, ProbeAnswer, ProbeQuestion, ProcessFacts } from "./probe.ts";
import { readGpus } from "./probeGpus.ts";
import { commandLineArguments, listedArguments, type ListedProcess } from "./processArguments.ts";
import { findServers, serverProcess, type ServerProcess } from "./serverProcess.ts";

/**
 * Programs count the cores and, on Windows, list the processes; without an answer the system's own word does, and no
 * server is known of.
 */
const programMs = 5000;

/** "Intel(R) Xeon(R)" without its marks. */
const plainName = (name: string): string =>
  name
    .replaceAll(/\((?:R|TM)\)|[®™]/gi, "")
    .replaceAll(/\s+/g, " ")
    .trim();

const withoutProgram = () => ({
  cpu: plainName(os.cpus()[0]?.model ?? ""),
  physicalCores: os.availableParallelism(),
});

const readProcessor = async (): Promise<Pick<HardwareFacts, "cpu" | "physicalCores">> => {
  const { manufacturer, brand, physicalCores } = await cpu();
  const name = brand.startsWith(manufacturer) ? brand : `${manufacturer} ${brand}`;
  return { cpu: plainName(name), physicalCores };
};

/** What a program answers, or what does without it when it fails or takes too long. */
const inTime = async <T>(answer: Promise<T>, without: () => T): Promise<T> => {
  const late = Promise.withResolvers<T>();
  const timer = setTimeout(() => late.resolve(without()), programMs);
  try {
    return await Promise.race([answer, late.promise]);
  } catch {
    return without();
  } finally {
    clearTimeout(timer);
  }
};

const readFacts = async (): Promise<HardwareFacts> => {
  const [processor, graphics] = await Promise.all([inTime(readProcessor(), withoutProgram), readGpus()]);
  return { ...processor, ...graphics };
};

/** On some systems the name is a path, or carries arguments that hold one. */
const bareName = (name: string): string => name.split(/\s-/)[0]!.split(/[/\\]/).at(-1)!.trim().slice(0, 40);

const readTopProcesses = async (count: number): Promise<readonly ProcessFacts[]> => {
  const sizes = new Map<string, number>();
  for (const { name, memRss } of (await processes()).list) {
    const bare = bareName(name);
    // systeminformation counts resident memory in KiB.
    if (bare !== "" && memRss > 0) sizes.set(bare, (sizes.get(bare) ?? 0) + memRss * 1024);
  }
  return [...sizes]
    .map(([name, memoryBytes]) => ({ name, memoryBytes }))
    .toSorted((a, b) => b.memoryBytes - a.memoryBytes)
    .slice(0, count);
};

/** Linux tells them one by one. */
const argumentsOf = async (one: ListedProcess): Promise<readonly string[] | undefined> => {
  const told =
    process.platform === "linux"
      ? await readFile(`/proc/${one.pid}/cmdline`, "utf8").then(commandLineArguments, () => undefined)
      : undefined;
  return told ?? listedArguments(one, process.platform);
};

/** Without a server whose arguments nobody tells: it would pass for one at the usual port with the usual settings. */
const readServers = async (): Promise<readonly ServerProcess[]> => {
  const { list } = await processes();
  const listed = list.map(({ pid, parentPid, name, command, params }) => ({
    pid,
    parentPid,
    name: bareName(name),
    command,
    params,
  }));
  const servers = await Promise.all(
    findServers(listed, process.platform).map(async (one) => {
      const args = await argumentsOf(one);
      return args ? [serverProcess(args, one.isOllamas)] : [];
    }),
  );
  return servers.flat();
};

/** Without a list of processes, what is known of the machine is still worth having. */
const readState = async (): Promise<MachineState> => {
  const [facts, servers] = await Promise.all([readFacts(), inTime(readServers(), () => [])]);
  return { ...facts, servers };
};

const question: ProbeQuestion | undefined = workerData;

const answer = async (): Promise<unknown> => {
  if (question === undefined || question === null) return readFacts();
  if ("topProcesses" in question) return readTopProcesses(question.topProcesses);
  return "servers" in question ? readState() : measureMemory();
};

const send = async (): Promise<void> => {
  let message: ProbeAnswer<unknown>;
  try {
    message = { facts: await answer() };
  } catch (error) {
    message = { error: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(message);
};

void send();

import { writeFile } from "node:fs/promises";
import { Session, type Profiler } from "node:inspector/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as vscode from "vscode";
import type { HotpathExports } from "../../src/extension.ts";
import { probeEnvironment, type ActivationFigures } from "./activationFigures.ts";

const watchedMs = 5000;
const samplingIntervalUs = 100;

/** VS Code's entry for tests: measures one activation and writes the figures to a file. */
export const run = async (): Promise<void> => {
  const extension = vscode.extensions.getExtension<HotpathExports>("hotpath.hotpath");
  if (!extension || extension.isActive) throw new Error("Hotpath is missing, or active too early to be measured");
  const collectGarbage = garbageCollector();
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: samplingIntervalUs });
  await session.post("Profiler.start");
  await pause(1000);
  collectGarbage();
  const before = process.memoryUsage();
  const startedMs = performance.now();
  if (process.env[probeEnvironment.activates] === "true") await extension.activate();
  const loadAndActivateMs = performance.now() - startedMs;
  await pause(watchedMs);
  collectGarbage();
  const after = process.memoryUsage();
  const { profile } = await session.post("Profiler.stop");
  session.disconnect();
  const { busyMs, longestBusyMs } = busyTime(profile, "/dist/");
  const figures: ActivationFigures = {
    activateMs: extension.isActive ? extension.exports.activationMs : 0,
    loadAndActivateMs,
    busyMs,
    longestBusyMs,
    addedRssMb: (after.rss - before.rss) / 2 ** 20,
    addedHeapMb: (after.heapUsed - before.heapUsed) / 2 ** 20,
  };
  await writeFile(process.env[probeEnvironment.result]!, JSON.stringify(figures));
};

/** How long the profile shows a stack with a frame of the extension's files on it, in all and at once. */
const busyTime = (profile: Profiler.Profile, folder: string): { busyMs: number; longestBusyMs: number } => {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const ours = new Set<number>();
  const mark = (id: number) => {
    ours.add(id);
    for (const child of nodes.get(id)?.children ?? []) mark(child);
  };
  for (const { id, callFrame } of profile.nodes) {
    if (callFrame.url.includes(folder) && callFrame.url.includes("hotpath-activation-") && !ours.has(id)) mark(id);
  }
  let busyUs = 0;
  let longestUs = 0;
  let stretchUs = 0;
  for (const [index, id] of (profile.samples ?? []).entries()) {
    const deltaUs = profile.timeDeltas?.[index] ?? 0;
    stretchUs = ours.has(id) ? stretchUs + deltaUs : 0;
    busyUs += ours.has(id) ? deltaUs : 0;
    longestUs = Math.max(longestUs, stretchUs);
  }
  return { busyMs: busyUs / 1000, longestBusyMs: longestUs / 1000 };
};

const garbageCollector = (): (() => void) => {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
};

const pause = (delayMs: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, delayMs);
  });

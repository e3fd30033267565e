// What the memory monitor costs: processor time, memory, and how long it keeps the event loop, also while a vendor's tool
// for graphics cards is slow or hangs.
//   node test/bench/memory.bench.ts [--seconds 20] [--json FILE]
// Prints one line of JSON for each part; exits with 1 when a limit is passed.
import { spawnSync } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { existsSync, writeFileSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { createProbe } from "../../src/hardware/probe.ts";
import { createActivityMeter } from "../../src/memory/activity.ts";
import { createMemoryLog } from "../../src/memory/memoryLog.ts";
import { createMemoryMonitor } from "../../src/memory/monitor.ts";
import { sampleMemory } from "../../src/memory/sample.ts";
import { assessTrend } from "../../src/memory/trend.ts";
import { createRandom, sizeSeries } from "../fake/sizeSeries.ts";

const { values: options } = parseArgs({
  options: { seconds: { type: "string", default: "20" }, json: { type: "string" }, part: { type: "string" } },
});
const seconds = Number(options.seconds);
if (!(seconds >= 1)) throw new Error("--seconds takes a number from 1");

const limits = { coreShare: 0.001, addedMb: 3, blockMs: 20 };
/** The interval in use. The bench samples faster, and reckons back. */
const intervalMs = 10_000;
const fastMs = 10;

type Figures = Readonly<Record<string, number | string>>;

const round = (value: number, digits = 3): number => Number(value.toFixed(digits));

/** Everything that a window runs: sample, activity, levels, trend, a line of the log. */
const startMonitor = (folder: string, everyMs: number) => {
  const meter = createActivityMeter({ clock: systemClock });
  const memoryLog = createMemoryLog({ folder, log: silentLog });
  const monitor = createMemoryMonitor({
    clock: systemClock,
    intervalMs: everyMs,
    sample() {
      startUsage = process.threadCpuUsage();
      return { ...sampleMemory(), activity: meter.read() };
    },
  });
  let samples = 0;
  let longestMs = 0;
  let startUsage = process.threadCpuUsage();
  monitor.onSample((sample) => {
    samples++;
    assessTrend(monitor.history());
    const { hostRssBytes, hostHeapBytes, machineAvailableBytes } = sample;
    memoryLog.add({ atMs: sample.atMs, kind: "sample", hostRssBytes, hostHeapBytes, machineAvailableBytes });
    // Processor time of this thread, so that a busy machine's other programs do not count.
    const used = process.threadCpuUsage(startUsage);
    longestMs = Math.max(longestMs, (used.user + used.system) / 1000);
  });
  return {
    monitor,
    count: () => samples,
    longestSampleMs: () => longestMs,
    async stop() {
      monitor.dispose();
      meter.dispose();
      await memoryLog.flush();
    },
  };
};

const collect = (): void => {
  for (let turn = 0; turn < 4; turn++) globalThis.gc?.();
};

/** Processor time for one sample with all that hangs on it, at a hundred times the pace and more. */
const measureTime = async (folder: string): Promise<Figures> => {
  const running = startMonitor(folder, fastMs);
  running.monitor.setPace("active");
  await wait(1500);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const before = running.count();
  const cpu = process.cpuUsage();
  delay.enable();
  await wait(seconds * 500);
  delay.disable();
  const used = process.cpuUsage(cpu);
  const samples = running.count() - before;
  await running.stop();
  // A process that only waits, with the same measuring, for what is not the monitor's.
  const idleDelay = monitorEventLoopDelay({ resolution: 1 });
  const idleCpu = process.cpuUsage();
  idleDelay.enable();
  await wait(seconds * 500);
  idleDelay.disable();
  const idle = process.cpuUsage(idleCpu);
  const cpuMs = (used.user + used.system - idle.user - idle.system) / 1000;
  const cpuMsPerSample = cpuMs / samples;
  return {
    part: "time",
    samples,
    cpuMsPerSample: round(cpuMsPerSample),
    coreShareAt10s: round(cpuMsPerSample / intervalMs, 6),
    longestSampleMs: round(running.longestSampleMs()),
    // With the machine's other programs in it: to be read beside the idle one.
    longestBlockMs: round(delay.max / 1e6, 1),
    longestBlockIdleMs: round(idleDelay.max / 1e6, 1),
  };
};

/** Resident memory that two hours' history and the rest add, in a process of its own. */
const measureMemory = async (folder: string): Promise<Figures> => {
  // An extension host has long grown its young generation; here sampling 10,000 times too fast would do it.
  const garbage: number[][] = [];
  for (let turn = 0; turn < 20_000; turn++) garbage[turn % 500] = Array.from({ length: 1000 }, () => turn);
  garbage.length = 0;
  await wait(200);
  collect();
  const heapBytes = process.memoryUsage().heapUsed;
  const rssBytes = process.memoryUsage.rss();
  const running = startMonitor(folder, 1);
  running.monitor.setPace("active");
  while (running.count() < 1500) await wait(50);
  running.monitor.setPace("paused");
  await wait(200);
  collect();
  const heapAfterBytes = process.memoryUsage().heapUsed;
  const rssAfterBytes = process.memoryUsage.rss();
  await running.stop();
  return {
    part: "memory",
    samples: running.count(),
    addedHeapMb: round((heapAfterBytes - heapBytes) / 2 ** 20, 2),
    addedRssMb: round((rssAfterBytes - rssBytes) / 2 ** 20, 2),
  };
};

const best = (run: () => void, times: number): number =>
  Math.min(
    ...Array.from({ length: times }, () => {
      const startMs = performance.now();
      run();
      return performance.now() - startMs;
    }),
  );

/** Processor time and blocks of the trend on the longest history. */
const measureTrend = (): Figures => {
  const series = sizeSeries({ samples: 720, intervalMs, noiseBytes: 6e6, toothBytes: 60e6 }, createRandom(1));
  const long = sizeSeries({ samples: 50_000, intervalMs, noiseBytes: 6e6, toothBytes: 60e6 }, createRandom(1));
  return {
    part: "trend",
    ms720: round(best(() => assessTrend(series), 200)),
    ms50000: round(best(() => assessTrend(long), 10)),
  };
};

/** A vendor's tool that takes its time, or never ends, as the first of that name in the path. */
const plantTool = async (folder: string, command: string): Promise<void> => {
  const programs = {
    // Some ways to the tool lead past the list of what is in the machine.
    lspci: "echo '00:05.0 VGA compatible controller: NVIDIA Corporation AD102'",
    "nvidia-smi": `touch "${folder}/asked"; ${command}`,
  };
  for (const [name, text] of Object.entries(programs)) {
    await writeFile(path.join(folder, name), `#!/bin/sh\n${text}\n`);
    await chmod(path.join(folder, name), 0o755);
  }
  process.env["PATH"] = `${folder}${path.delimiter}${process.env["PATH"] ?? ""}`;
};

/** The monitor beside a reading of the machine's facts that such a tool holds up. */
const measureTool = async (folder: string, command: string): Promise<Figures> => {
  let programs = 0;
  const count = () => void programs++;
  subscribe("child_process", count);
  const running = startMonitor(folder, fastMs);
  running.monitor.setPace("active");
  await wait(1000);
  const programsOfMonitor = programs;
  const idleDelay = monitorEventLoopDelay({ resolution: 1 });
  idleDelay.enable();
  await wait(1500);
  idleDelay.disable();
  await plantTool(folder, command);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const before = running.count();
  delay.enable();
  const startMs = performance.now();
  const probe = createProbe({
    workerUrl: new URL("../../src/hardware/probeWorker.ts", import.meta.url),
    clock: systemClock,
    timeoutMs: 2000,
  });
  const facts = probe().then(
    () => "read",
    () => "given up",
  );
  // A worker that a program holds up ends with it; nobody waits for that here.
  const outcome = await Promise.race([facts, wait(4000, "still waited for")]);
  const probeMs = performance.now() - startMs;
  delay.disable();
  unsubscribe("child_process", count);
  const samples = running.count() - before;
  await running.stop();
  return {
    samplesMeanwhile: samples,
    factsAre: outcome,
    toolWasAsked: String(existsSync(path.join(folder, "asked"))),
    probeMs: round(probeMs, 0),
    programsOfMonitor,
    longestSampleMs: round(running.longestSampleMs()),
    longestBlockMs: round(delay.max / 1e6, 1),
    longestBlockIdleMs: round(idleDelay.max / 1e6, 1),
  };
};

const measureSlowTool = async (folder: string): Promise<Figures> => ({
  part: "slowTool",
  ...(await measureTool(folder, "sleep 0.6")),
});

/** Not for ever: what is started here has to end with the bench. */
const measureHangingTool = async (folder: string): Promise<Figures> => ({
  part: "hangingTool",
  ...(await measureTool(folder, "sleep 8")),
});

const parts = {
  slowTool: measureSlowTool,
  hangingTool: measureHangingTool,
  time: measureTime,
  memory: measureMemory,
  trend: async () => measureTrend(),
};

const isPart = (name: string): name is keyof typeof parts => Object.hasOwn(parts, name);

if (options.part !== undefined) {
  if (!isPart(options.part)) throw new Error(`--part takes one of ${Object.keys(parts).join(", ")}`);
  const folder = await mkdtemp(path.join(tmpdir(), "hotpath-memory-"));
  try {
    process.stdout.write(`${JSON.stringify(await parts[options.part](folder))}\n`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
} else {
  const figures: Figures[] = [];
  // What a process takes varies by two megabytes from run to run: the least of three counts.
  const runs = [...Object.keys(parts), "memory", "memory"];
  for (const part of runs) {
    // Each in a process of its own, so that none warms up or fills another.
    const { stdout, status } = spawnSync(
      process.execPath,
      ["--expose-gc", import.meta.filename, "--part", part, "--seconds", String(seconds)],
      { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
    );
    if (status !== 0) throw new Error(`The part ${part} failed`);
    process.stdout.write(stdout);
    figures.push(JSON.parse(stdout) as Figures);
  }
  const all = Object.assign({}, ...figures) as Record<string, number>;
  const addedRssMb = Math.min(...figures.map((figure) => Number(figure["addedRssMb"] ?? Infinity)));
  const failures = [
    all["coreShareAt10s"]! > limits.coreShare ? `more than ${limits.coreShare} of a core` : "",
    figures.some((figure) => Number(figure["programsOfMonitor"] ?? 0) > 0) ? "the monitor starts programs" : "",
    addedRssMb > limits.addedMb ? `more than ${limits.addedMb} MB` : "",
    figures.some((figure) => Number(figure["longestSampleMs"] ?? 0) > limits.blockMs)
      ? `a block over ${limits.blockMs} ms`
      : "",
  ].filter((failure) => failure !== "");
  if (options.json) writeFileSync(options.json, `${figures.map((line) => JSON.stringify(line)).join("\n")}\n`);
  for (const failure of failures) process.stderr.write(`${failure}\n`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

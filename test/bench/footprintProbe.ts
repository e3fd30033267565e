import { readdir, readFile, writeFile } from "node:fs/promises";
import { setFlagsFromString, writeHeapSnapshot } from "node:v8";
import { runInNewContext } from "node:vm";
import * as vscode from "vscode";
import { openBelow } from "../host/editor.ts";
import { press, type } from "../host/ui.ts";
import { footprintEnvironment, type FootprintFigures, type HostMemory } from "./footprintFigures.ts";

const settleMs = 5000;
/** What was learned is saved, and VS Code is done with what it does after start-up. */
const readyMs = 30_000;
const sliceSeconds = 10;
/** A fast typist. */
const keyMs = 120;
const typedLines = [
  "const total = items.reduce((sum, item) => sum + item.price, 0);",
  "if (total > limit) throw new RangeError(`too much: ${total}`);",
  "for (const [name, value] of Object.entries(options)) settings.set(name, value);",
  "return { total, count: items.length };",
];

/** VS Code's entry for tests: leaves one window alone, types in it, and writes what that took to a file. */
export const run = async (): Promise<void> => {
  const activates = process.env[footprintEnvironment.activates] === "true";
  const idleSeconds = Number(process.env[footprintEnvironment.idleSeconds]);
  const typingSeconds = Number(process.env[footprintEnvironment.typingSeconds]);
  const watch = watchTimers();
  await pause(settleMs);
  if (activates) await vscode.extensions.getExtension("hotpath.hotpath")?.activate();
  await pause(settleMs);
  const afterActivation = memoryNow();
  await openBelow("src/orders.ts", 1);
  await type("// ");
  await pause(readyMs);

  watch.begin();
  const isFocused = vscode.window.state.focused;
  const cpu = process.cpuUsage();
  const mainCpu = process.threadCpuUsage();
  const before = await threadTimes();
  const slicesMs = await cpuSlices(idleSeconds);
  const threads = busiest(before, await threadTimes());
  const used = process.cpuUsage(cpu);
  const mainUsed = process.threadCpuUsage(mainCpu);
  const { timers, fired } = watch.end();

  await press("End");
  const untilMs = performance.now() + typingSeconds * 1000;
  for (let line = 0; performance.now() < untilMs; line++) {
    await press("Enter");
    await type(typedLines[line % typedLines.length]!, { delayMs: keyMs });
  }
  await pause(settleMs);
  const figures: FootprintFigures = {
    isFocused,
    afterActivation,
    afterTyping: memoryNow(),
    idleSeconds,
    idleCpuMs: (used.user + used.system) / 1000,
    slicesMs,
    idleMainCpuMs: (mainUsed.user + mainUsed.system) / 1000,
    threads,
    timers,
    fired,
  };
  const snapshot = process.env[footprintEnvironment.heapSnapshot];
  if (snapshot) writeHeapSnapshot(snapshot);
  await writeFile(process.env[footprintEnvironment.result]!, JSON.stringify(figures));
};

/** Who sets a timer, if that is Hotpath. */
const placeOf = (delayMs: unknown): string | undefined => {
  const frames = (new Error("place").stack ?? "").split("\n").filter((line) => line.includes("/dist/"));
  // Every timer is set by the clock: whoever called that says what it is for.
  const place = (frames[1] ?? frames[0])?.replace(/.*\/dist\/([^)]*)\)?$/, "$1");
  return place && `${String(delayMs)} ms at ${place}`;
};

/** Notes where in Hotpath's files timers are set, and which of them fire or stay. */
const watchTimers = () => {
  type Callback = (...parts: unknown[]) => void;
  const live = new Map<unknown, string>();
  const fired: Record<string, number> = {};
  let isOn = false;
  const { setTimeout: set, setInterval: repeat, clearTimeout: clear } = globalThis;
  const wrap = (original: typeof set, isOnce: boolean) =>
    // Node's own type has a property beside the call that nobody here needs.
    ((callback: Callback, delayMs?: number, ...parts: unknown[]) => {
      const place = placeOf(delayMs);
      if (place === undefined) return original(callback, delayMs, ...parts);
      const timer = original(() => {
        if (isOnce) live.delete(timer);
        if (isOn) fired[place] = (fired[place] ?? 0) + 1;
        callback(...parts);
      }, delayMs);
      live.set(timer, place);
      return timer;
    }) as typeof set;
  globalThis.setTimeout = wrap(set, true);
  globalThis.setInterval = wrap(repeat as typeof set, false);
  globalThis.clearTimeout = (timer) => {
    live.delete(timer);
    clear(timer);
  };
  return {
    begin: () => void (isOn = true),
    end() {
      isOn = false;
      return { timers: [...live.values()].toSorted(), fired };
    },
  };
};

/** Waits, and notes the processor time of each ten seconds. */
const cpuSlices = async (seconds: number): Promise<readonly number[]> => {
  const slicesMs: number[] = [];
  for (let leftSeconds = seconds; leftSeconds > 0; leftSeconds -= sliceSeconds) {
    const before = process.cpuUsage();
    await pause(Math.min(leftSeconds, sliceSeconds) * 1000);
    const used = process.cpuUsage(before);
    slicesMs.push(Math.round((used.user + used.system) / 1000));
  }
  return slicesMs;
};

/** Processor time of each thread so far, where the system tells (Linux, in hundredths of a second). */
const threadTimes = async (): Promise<ReadonlyMap<string, number>> => {
  const folder = "/proc/self/task";
  const times = new Map<string, number>();
  for (const id of await readdir(folder).catch(() => [])) {
    const text = await readFile(`${folder}/${id}/stat`, "utf8").catch(() => "");
    // The name stands in brackets and may hold anything; user and system time are the 14th and 15th field.
    const [, name = "", rest = ""] = /\((.*)\) (.*)/.exec(text) ?? [];
    const fields = rest.split(" ");
    times.set(`${name} ${id}`, (Number(fields[11]) + Number(fields[12])) * 10);
  }
  return times;
};

const busiest = (before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries(
    [...after]
      .map(([name, ms]) => [name, ms - (before.get(name) ?? 0)] as const)
      .filter(([, ms]) => ms > 0)
      .toSorted((a, b) => b[1] - a[1]),
  );

const memoryNow = (): HostMemory => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let turn = 0; turn < 3; turn++) collect();
  const { heapUsed, rss } = process.memoryUsage();
  return { heapMb: heapUsed / 2 ** 20, rssMb: rss / 2 ** 20 };
};

const pause = (delayMs: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, delayMs);
  });

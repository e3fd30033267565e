// What a request costs over the pooled client: processor time on loopback, waiting over a distant line, loading.
//   node test/bench/transport.bench.ts [--long] [--only cpu,events,distant,idle,abort,load]
// Prints a JSON line for each figure, and ends with exit code 1 when one misses its limit. `--long` really waits 30 s.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
// @ts-expect-error The build script is JavaScript and has no types.
import { extensionBuild } from "../../esbuild.mjs";
import type { TransportClient } from "../../src/transport/client.ts";
import { startBenchServer } from "./benchServer.ts";
import { ask, createBenchClient, startRequestWay, type WayName, type Work } from "./requestWay.ts";

const authorityFile = fileURLToPath(new URL("../fixtures/tls/authority.crt", import.meta.url));
if (process.env["NODE_EXTRA_CA_CERTS"] !== authorityFile) {
  // The platform's fetch learns of certificates only when the process starts.
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: authorityFile };
  const { status } = spawnSync(process.execPath, process.argv.slice(1), { stdio: "inherit", env });
  process.exit(status ?? 1);
}

const { values } = parseArgs({ options: { long: { type: "boolean", default: false }, only: { type: "string" } } });
const isWanted = (part: string): boolean => values.only === undefined || values.only.split(",").includes(part);

let missed = 0;

type Limit = { readonly max: number } | { readonly min: number };

/** Prints one figure; one that misses its limit is counted. */
const print = (
  name: string,
  value: number,
  unit: string,
  limit?: Limit,
  more: Readonly<Record<string, unknown>> = {},
) => {
  const isWithin = !limit || ("max" in limit ? value <= limit.max : value >= limit.min);
  if (!isWithin) missed++;
  const rounded = Number(value.toPrecision(3));
  console.log(JSON.stringify({ name, value: rounded, unit, ...(limit ? { limit, isWithin } : {}), ...more }));
};

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

/** Processor time of this process, user and system, in microseconds. */
const cpuOf = async (work: () => Promise<unknown>): Promise<number> => {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
};

const elapsedMs = async (work: () => Promise<unknown>): Promise<number> => {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
};

const server = await startBenchServer();
const origins = {
  https: `https://localhost:${server.ports.https}`,
  h2: `https://localhost:${server.ports.h2}`,
  distantHttps: `https://localhost:${server.ports.distantHttps}`,
  distantH2: `https://localhost:${server.ports.distantH2}`,
};

/** Each way is run so often before it is measured, until its code is compiled. */
const warmUpRounds = 5;

/** Runs all in turns, so that each sees the same machine; the result is each one's processor time for each unit. */
const compare = async (
  ways: Readonly<Record<string, readonly [name: WayName, origin: string]>>,
  { rounds, work }: { rounds: number; work: Work },
): Promise<(name: string) => { readonly us: number; over(other: string): number }> => {
  const started = Object.entries(ways).map(([title, way]) => ({
    way: startRequestWay(...way),
    title,
    times: new Array<number>(),
  }));
  try {
    for (let round = -warmUpRounds; round < rounds; round++) {
      for (const { way, times } of started) {
        const us = (await way.cpuUs(work)) / work.count;
        if (round >= 0) times.push(us);
      }
    }
  } finally {
    await Promise.all(started.map(({ way }) => way.close()));
  }
  const timesOf = (title: string): readonly number[] => started.find((each) => each.title === title)?.times ?? [];
  return (title) => ({
    us: median(timesOf(title)),
    // Of each round by itself: what else runs on the machine slows neighbours in the same way.
    over: (other) => median(timesOf(title).map((us, round) => us / (timesOf(other)[round] ?? Number.NaN))),
  });
};

const benchCpu = async (): Promise<void> => {
  const cost = await compare(
    {
      hotpath: ["hotpath", origins.https],
      h2: ["hotpath", origins.h2],
      fetch: ["fetch", origins.https],
      openai: ["openai", origins.https],
    },
    { rounds: 25, work: { kind: "answers", count: 200 } },
  );
  for (const name of ["hotpath", "h2", "fetch", "openai"]) {
    print(`processor time for each request over loopback HTTPS, ${name}`, cost(name).us, "us");
  }
  print("the same, hotpath over fetch", cost("hotpath").over("fetch"), "ratio", { max: 0.3 });
  print("the same, hotpath over the openai SDK", cost("hotpath").over("openai"), "ratio", { max: 0.2 });
  print("the same, HTTP/2 over HTTP/1", cost("h2").over("hotpath"), "ratio");
};

/** What is ours of an event over what is the SDK's; reading its bytes is nobody's. */
const beyondSocket = (cost: (name: string) => { readonly us: number }): number =>
  (cost("hotpath").us - cost("socket").us) / (cost("openai").us - cost("socket").us);

const benchEvents = async (): Promise<void> => {
  for (const perWrite of [1, 16]) {
    const cost = await compare(
      {
        hotpath: ["hotpath", origins.https],
        h2: ["hotpath", origins.h2],
        openai: ["openai", origins.https],
        socket: ["socket", origins.https],
      },
      { rounds: 9, work: { kind: "events", count: 8_000, perWrite } },
    );
    const title = `processor time for each streamed event, ${perWrite} in each write`;
    for (const name of ["hotpath", "h2", "openai", "socket"]) print(`${title}, ${name}`, cost(name).us, "us");
    print(`${title}, hotpath over the openai SDK`, cost("hotpath").over("openai"), "ratio", { max: 0.5 });
    // One event a write is little but reading: there a bare socket alone takes up to half of what the SDK takes.
    print(`${title}, the same beyond the bare socket`, beyondSocket(cost), "ratio", { max: 0.5 });
  }
};

const times = (count: number, work: () => Promise<unknown>) => async () => {
  for (let index = 0; index < count; index++) await work();
};

const together = (count: number, work: () => Promise<unknown>): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, work));

const withClient = async <T>(work: (client: TransportClient) => Promise<T>): Promise<T> => {
  const client = createBenchClient();
  try {
    return await work(client);
  } finally {
    await client.close();
  }
};

const newConnectionEach = (origin: string) => (): Promise<unknown> => withClient((client) => ask(client, origin));

const medianMs = async (repeats: number, measure: () => Promise<number>): Promise<number> => {
  const measured: number[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) measured.push(await measure());
  return median(measured);
};

const benchDistant = async (): Promise<void> => {
  for (const [protocol, origin] of [
    ["HTTP/1", origins.distantHttps],
    ["HTTP/2", origins.distantH2],
  ] as const) {
    const title = (text: string) => `30 ms of round trip, ${protocol}: ${text}`;
    for (const count of [10, 100]) {
      const repeats = count === 10 ? 3 : 1;
      const fresh = await medianMs(repeats, () => elapsedMs(times(count, newConnectionEach(origin))));
      const pooled = await medianMs(repeats, () =>
        withClient((client) => elapsedMs(times(count, () => ask(client, origin)))),
      );
      print(title(`${count} calls in a row, pooled, from the first on`), pooled, "ms", undefined, {
        newConnectionEachMs: Math.round(fresh),
      });
      print(title(`${count} calls in a row, share of time saved`), 1 - pooled / fresh, "ratio", { min: 0.4 });
    }
    const fresh = await medianMs(3, () => elapsedMs(() => together(50, newConnectionEach(origin))));
    await withClient(async (client) => {
      const cold = await elapsedMs(() => together(50, () => ask(client, origin)));
      const warm = await medianMs(5, () => elapsedMs(() => together(50, () => ask(client, origin))));
      const inRow = await elapsedMs(times(50, () => ask(client, origin)));
      const { opened } = client.counters();
      print(title("50 at the same time, warm"), warm, "ms", undefined, {
        coldMs: Math.round(cold),
        newConnectionsMs: Math.round(fresh),
        connections: opened,
      });
      print(title("50 at the same time, new connections over warm"), fresh / warm, "ratio", { min: 2 });
      print(title("50 in a row over 50 at the same time (concurrency, not pooling)"), inRow / warm, "ratio", {
        min: 10,
      });
    });
  }
};

const benchIdle = async (): Promise<void> => {
  const idleMs = values.long ? 30_500 : 6_000;
  await withClient(async (client) => {
    for (const origin of [origins.distantHttps, origins.distantH2]) await ask(client, origin);
    const before = await server.opened();
    await sleep(idleMs);
    const afterMs = await elapsedMs(() => ask(client, origins.distantHttps));
    await ask(client, origins.distantH2);
    const opened = (await server.opened()) - before;
    print(
      `new connections after ${idleMs / 1000} s without a request`,
      opened,
      "connections",
      { max: 0 },
      {
        firstRequestMs: Math.round(afterMs),
      },
    );
  });
};

/** What HTTP/2 is there for: thirty completions that are typed over, then one that is not. */
const benchAbort = async (): Promise<void> => {
  for (const [protocol, origin] of [
    ["HTTP/1", origins.distantHttps],
    ["HTTP/2", origins.distantH2],
  ] as const) {
    await withClient(async (client) => {
      await ask(client, origin);
      const nextMs: number[] = [];
      const us = await cpuOf(async () => {
        for (let index = 0; index < 30; index++) {
          const controller = new AbortController();
          const aborted = ask(client, origin, controller.signal).catch(() => {});
          await sleep(10);
          controller.abort();
          await aborted;
          nextMs.push(await elapsedMs(() => ask(client, origin)));
        }
      });
      const more = { connections: client.counters().opened, processorMs: Math.round(us / 1000) };
      print(`30 ms of round trip, ${protocol}: an answer after an abort`, median(nextMs), "ms", undefined, more);
    });
  }
};

const benchLoad = async (): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), "hotpath-load-"));
  try {
    const config = extensionBuild({ production: true, quiet: true });
    await build({ ...config, entryPoints: { transport: "src/transport/network.ts" }, outdir: folder });
    const file = pathToFileURL(join(folder, "transport.js")).href;
    const program =
      `const startMs = performance.now(); await import("${file}"); const ms = performance.now() - startMs;` +
      `const { user, system } = process.cpuUsage(); console.log(JSON.stringify({ ms, cpuMs: (user + system) / 1000 }))`;
    const load = () => {
      const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" });
      return JSON.parse(printed) as { readonly ms: number; readonly cpuMs: number };
    };
    const loads = Array.from({ length: 5 }, load);
    // The fastest says whether the others had to wait for a busy machine.
    const fastestMs = Math.round(Math.min(...loads.map(({ ms }) => ms)));
    const wholeProcessCpuMs = Math.round(median(loads.map(({ cpuMs }) => cpuMs)));
    const more = { fastestMs, wholeProcessCpuMs };
    print("the transport chunk loads, cold", median(loads.map(({ ms }) => ms)), "ms", { max: 40 }, more);
  } finally {
    await rm(folder, { recursive: true });
  }
};

try {
  if (isWanted("load")) await benchLoad();
  if (isWanted("cpu")) await benchCpu();
  if (isWanted("events")) await benchEvents();
  if (isWanted("distant")) await benchDistant();
  if (isWanted("abort")) await benchAbort();
  if (isWanted("idle")) await benchIdle();
} finally {
  await server.close();
}
process.exitCode = missed > 0 ? 1 : 0;

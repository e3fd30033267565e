// Many streams at the same time against servers where things go wrong, through the program's whole client.
//   node --expose-gc test/soak/soak.ts [--seconds 60] [--streams 200]
// Prints one line of JSON; exit code 1 when something does not hold.
import { fork } from "node:child_process";
import { once } from "node:events";
import { setImmediate as turn, setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inspect, parseArgs } from "node:util";
import { silentLog } from "../../src/base/log.ts";
import { ProviderError, type Provider, type ProviderKind } from "../../src/provider/provider.ts";
import { createServers } from "../../src/provider/servers.ts";
import { createTransportClient } from "../../src/transport/client.ts";
import { cancelShare, faultKinds, faultOf, fractionOf, promptOf, textOf, type FaultKind } from "./plan.ts";
import type { ServersReport, ServersRequest } from "./servers.ts";
import { createCountedClock } from "../fake/countedClock.ts";

/** What must hold. */
const limits = {
  /** Of the streams that had a fault before any output. */
  recoveredShare: 0.99,
  heapMbPerMinute: 1,
  /** A line through fewer seconds than this says nothing about a slope. */
  slopeSeconds: 30,
};

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, streams: { type: "string", default: "200" } },
});
const seconds = Number(values.seconds);
const streams = Number(values.streams);
const collectGarbage = globalThis.gc;
if (!collectGarbage) throw new Error("Run it with --expose-gc: garbage would look like a leak");

const modelId = "qwen2.5-coder-7b";
/**
 * Few streams on each of many servers, so that all of them run at the same time: a server that refuses one request in
 * sixty gets fewer at a time, as it should.
 */
const mix: readonly { readonly kind: ProviderKind; readonly share: number; readonly streamsEach: number }[] = [
  { kind: "llamacpp", share: 0.3, streamsEach: 3 },
  { kind: "openai-compatible", share: 0.35, streamsEach: 3 },
  { kind: "openrouter", share: 0.3, streamsEach: 3 },
  // Works on one request at a time unless told otherwise.
  { kind: "ollama", share: 0.05, streamsEach: 1 },
];
const wanted = mix.flatMap(({ kind, share, streamsEach }) =>
  Array.from({ length: Math.max(1, Math.round((streams * share) / streamsEach)) }, () => ({ kind, streamsEach })),
);

const clock = createCountedClock();

let unhandled = 0;
process.on("unhandledRejection", () => unhandled++);
/** Sockets, pipes and timers that hold the process; the standard streams and the channel to the servers are not ours. */
const heldResources = (): string[] => process.getActiveResourcesInfo().toSorted();

const resourcesBefore = heldResources();
const child = fork(fileURLToPath(new URL("servers.ts", import.meta.url)), { execArgv: [] });
const report = async (): Promise<ServersReport> => ((await once(child, "message")) as [ServersReport])[0];
const request: ServersRequest = {
  servers: wanted.map(({ kind, streamsEach }) => ({ isOllama: kind === "ollama", slots: streamsEach })),
  tokenDelayMs: 40,
  modelId,
};
child.send(request);
const { urls = [] } = await report();
const look = async () => {
  child.send("look");
  return (await report()).seen!;
};

const transport = createTransportClient({ clock, log: silentLog });
const servers = createServers({
  transport,
  clock,
  log: silentLog,
  apiKeyFor: () => Promise.resolve("sk-soak-key"),
});
const providers = await Promise.all(
  wanted.map(({ kind }, index) => {
    const hasPath = kind === "openai-compatible" || kind === "openrouter";
    return servers.open({ provider: kind, baseUrl: urls[index]! + (hasPath ? "/v1" : ""), model: modelId });
  }),
);

type Tally = { streams: number; complete: number };
const noTally = (): Tally => ({ streams: 0, complete: 0 });
const healthy = noTally();
const faulty = Object.fromEntries(faultKinds.map((kind) => [kind, noTally()])) as Record<FaultKind, Tally>;
const cancelled = { streams: 0, asWanted: 0 };
/** What must never be: text that is not the stream's own, and a cut stream that ends as if it were whole. */
const wrong = { text: 0, wholeAfterCut: 0 };
const failures = new Map<string, number>();
let nextId = 0;

const read = async (provider: Provider, id: number, signal: AbortSignal, onText: (text: string) => void) => {
  const isChat = fractionOf(id, "use") < 0.8;
  const stream = isChat
    ? provider.streamChat({ messages: [{ role: "user", content: promptOf(id) }] }, { signal })
    : provider.streamCompletion({ prefix: promptOf(id), suffix: "\n", maxTokens: 200 }, { signal });
  for await (const part of stream) if (part.type === "text") onText(part.text);
};

const runStream = async (provider: Provider): Promise<void> => {
  const id = ++nextId;
  const fault = faultOf(id);
  const whole = textOf(id);
  const isCancelled = fault === undefined && fractionOf(id, "cancel") < cancelShare;
  const controller = new AbortController();
  let text = "";
  let error: unknown;
  try {
    await read(provider, id, controller.signal, (piece) => {
      text += piece;
      if (isCancelled && text.length > 20) controller.abort();
    });
  } catch (caught) {
    error = caught;
  }
  if (!whole.startsWith(text)) wrong.text++;
  if (isCancelled) {
    cancelled.streams++;
    if (error instanceof Error && error.name === "AbortError") cancelled.asWanted++;
    return;
  }
  const tally = fault ? faulty[fault] : healthy;
  tally.streams++;
  if (error === undefined && text === whole) tally.complete++;
  if (fault === "cut") {
    if (error === undefined) wrong.wholeAfterCut++;
  } else if (error !== undefined) {
    const name = `${provider.kind}, ${fault ?? "no fault"}: ${error instanceof ProviderError ? error.kind : inspect(error)}`;
    failures.set(name, (failures.get(name) ?? 0) + 1);
  }
};

// Each worker runs one stream after the other.
const startedAt = performance.now();
const isOver = (): boolean => performance.now() - startedAt >= seconds * 1000;
const workers = wanted.flatMap(({ streamsEach }, index) =>
  Array.from({ length: streamsEach }, async () => {
    while (!isOver()) await runStream(providers[index]!);
  }),
);

const samples: { readonly atMin: number; readonly heapMb: number }[] = [];
const runningThen: number[] = [];
while (!isOver()) {
  await delay(1_000);
  runningThen.push((await look()).running);
  // The first half warms up: compiled code, opened connections, and what is kept of each server until it is full.
  if (performance.now() - startedAt < (seconds * 1000) / 2) continue;
  collectGarbage();
  samples.push({
    atMin: (performance.now() - startedAt) / 60_000,
    heapMb: process.memoryUsage().heapUsed / (1024 * 1024),
  });
}
await Promise.all(workers);
const tookSeconds = (performance.now() - startedAt) / 1000;

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, value) => sum + value, 0) / numbers.length;

/** The slope of the straight line that lies nearest to all samples. */
const slopeOf = (points: typeof samples): number => {
  const [atMin, heapMb] = [mean(points.map((point) => point.atMin)), mean(points.map((point) => point.heapMb))];
  let [above, below] = [0, 0];
  for (const point of points) {
    above += (point.atMin - atMin) * (point.heapMb - heapMb);
    below += (point.atMin - atMin) ** 2;
  }
  return below === 0 ? 0 : above / below;
};

const states = servers.states();
const stillRunning = states.reduce((sum, { running, queued }) => sum + running + queued, 0);
const counters = transport.counters();
servers.dispose();
await transport.close();
const timersLeft = clock.timers();
let { requests, connections: connectionsLeft } = await look();
// The other side hears of the last ones a moment later.
for (let count = 0; count < 100 && connectionsLeft > 0; count++) {
  await delay(20);
  ({ requests, connections: connectionsLeft } = await look());
}
child.disconnect();
await once(child, "exit");
// Some turns, so that what was closed just now is gone.
for (let count = 0; count < 20; count++) await turn();
const resourcesLeft = heldResources().filter((name) => !resourcesBefore.includes(name));

const retryable = faultKinds.filter((kind) => kind !== "cut").map((kind) => faulty[kind]);
const faulted = retryable.reduce((sum, tally) => sum + tally.streams, 0);
const recovered = retryable.reduce((sum, tally) => sum + tally.complete, 0);
const heapMbPerMinute = slopeOf(samples);
const held = {
  recovered: faulted > 0 && recovered / faulted >= limits.recoveredShare,
  healthy: healthy.complete >= healthy.streams * limits.recoveredShare,
  texts: wrong.text === 0 && wrong.wholeAfterCut === 0,
  cancelled: cancelled.asWanted === cancelled.streams,
  unhandled: unhandled === 0,
  sockets: transport.counters().openNow === 0 && connectionsLeft === 0 && resourcesLeft.length === 0,
  timers: timersLeft === 0,
  ended: stillRunning === 0,
  heap: seconds < limits.slopeSeconds || heapMbPerMinute < limits.heapMbPerMinute,
};
const pass = Object.values(held).every(Boolean);
const round = (value: number): number => Math.round(value * 1000) / 1000;
console.log(
  JSON.stringify({
    pass,
    held,
    seconds: round(tookSeconds),
    streams,
    running: { mean: round(mean(runningThen)), most: Math.max(...runningThen) },
    requests,
    healthy,
    faulty,
    recoveredShare: round(faulted === 0 ? 0 : recovered / faulted),
    cancelled,
    wrong,
    failures: Object.fromEntries(failures),
    retries: servers.counters().retries,
    connections: { opened: counters.opened, reused: counters.reused },
    servers: states.length,
    heapMb: samples.length === 0 ? 0 : round(samples.at(-1)!.heapMb),
    heapMbPerMinute: round(heapMbPerMinute),
    unhandled,
    timersLeft,
    connectionsLeft,
    resourcesLeft,
  }),
);
process.exitCode = pass ? 0 : 1;

// How fast the ladder of ghost text is: its local rungs in documents of three sizes, and its way to the server and back.
//   node test/bench/ladder.bench.ts
// Prints a JSON line for each figure, and ends with exit code 1 when one misses its limit.
import { setTimeout as delay } from "node:timers/promises";
import { systemClock as clock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { createCompletionEngine, type CompletionEngine } from "../../src/completion/engine.ts";
import type { Snapshot } from "../../src/completion/snapshot.ts";
import { createLedger } from "../../src/metrics/ledger.ts";
import type { Provider } from "../../src/provider/provider.ts";
import { createServers } from "../../src/provider/servers.ts";
import { createTransportClient } from "../../src/transport/client.ts";
import { createModelServer } from "../fake/modelServer.ts";

const rounds = 300;
const limits = { rungP95Ms: 2, keyToWireMs: 10, abortSeenMs: 50 };

let missed = 0;
const print = (name: string, milliseconds: readonly number[], maxMs: number): void => {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  const at = (share: number) => Number((sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toPrecision(3));
  const isWithin = at(0.95) <= maxMs;
  if (!isWithin) missed++;
  console.log(JSON.stringify({ name, unit: "ms", p50: at(0.5), p95: at(0.95), limit: { p95: maxMs }, isWithin }));
};

const never = new AbortController().signal;
const line = "const total = items.reduce((sum, item) => sum + item.price, 0);";
/** One piece, as VS Code hands text over: what is put together is only joined when it is first read. */
const flat = (text: string): string => Buffer.from(text).toString("latin1");
const snapshotOf = (above: string, typed: string, below: string): Snapshot => ({
  documentId: "file:///a.ts",
  path: "/a.ts",
  languageId: "typescript",
  prefix: flat(above + typed),
  suffix: below,
  aheadUnits: 0,
});
const makeEngine = (): CompletionEngine =>
  createCompletionEngine({
    clock,
    ledger: createLedger({ clock }),
    onBetter: () => {},
    onSuccess: () => {},
    onFailure: (error) => {
      throw error;
    },
  });
/** Answers every request at once, as far as `text` goes. */
const answering = (text: () => string): Provider => ({
  kind: "llamacpp",
  origin: "http://127.0.0.1:1",
  models: () => Promise.resolve([]),
  capabilities: () =>
    Promise.resolve({ model: "m", fillInMiddle: "raw-template", slots: 1, contextTokens: 4096, isMetered: false }),
  health: () => Promise.resolve({ status: "ok" }),
  validateConnection: () => Promise.reject(new Error("not used")),
  streamChat: () => {
    throw new Error("not used");
  },
  async *streamCompletion() {
    await Promise.resolve();
    yield { type: "text", text: text() };
    yield { type: "end", reason: "stop", usage: {} };
  },
});

const timed = async (engine: CompletionEngine, snapshot: Snapshot, source: string): Promise<number> => {
  const startMs = performance.now();
  const suggestion = await engine.suggest(snapshot, never);
  const tookMs = performance.now() - startMs;
  if (suggestion?.source !== source) throw new Error(`${source} was wanted, ${suggestion?.source ?? "nothing"} came`);
  return tookMs;
};

for (const [size, units] of [
  ["1 kB", 1_000],
  ["100 kB", 100_000],
  ["1 MB", 1_000_000],
] as const) {
  const half = flat(`\n  ${line}`.repeat(Math.ceil(units / 2 / (line.length + 3))) + "\n");
  const engine = makeEngine();
  const provider = answering(() => line);
  engine.use({ model: { provider, model: "m" } });
  const [live, cached, predicted]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    const above = `${half}// ${round}\n`;
    const first = snapshotOf(above, "", half);
    await engine.suggest(first, never);
    const typed = snapshotOf(above, line.slice(0, 1 + (round % 40)), half);
    live.push(await timed(engine, typed, "live"));
    // Somewhere else, and back again.
    await engine.suggest(snapshotOf(`${half}elsewhere ${round}`, "", half), never);
    cached.push(await timed(engine, snapshotOf(above, line.slice(0, 5), half), "cache"));
  }
  engine.use({ predictor: { predict: () => Promise.resolve({ text: "guess();", confidence: 0.9 }) } });
  for (let round = 0; round < rounds; round++) {
    predicted.push(await timed(engine, snapshotOf(`${half}other ${round} = `, "", half), "predictor"));
  }
  engine.dispose();
  print(`live, ${size}`, live, limits.rungP95Ms);
  print(`cache, ${size}`, cached, limits.rungP95Ms);
  print(`predictor without its own time, ${size}`, predicted, limits.rungP95Ms);
}

// Over real sockets: from the edit to the request, and from the edit that goes another way to the closed connection.
const server = await createModelServer({ complete: () => `${line}\n`.repeat(10), tokenDelayMs: 20, modelId: "m" });
const transport = createTransportClient({ clock, log: silentLog });
const servers = createServers({ transport, clock, log: silentLog, apiKeyFor: () => Promise.resolve(undefined) });
const provider = await servers.open({ provider: "llamacpp", baseUrl: server.url, model: "m" });
const engine = makeEngine();
engine.use({ model: { provider, model: "m" } });
const [toWire, toAbort]: [number[], number[]] = [[], []];
const half = flat(`\n  ${line}`.repeat(1500) + "\n");
/** Those that make the model work. */
const asked = () => server.requests.filter(({ method }) => method === "POST");
await provider.capabilities();
const change = (snapshot: Snapshot) =>
  engine.documentChanged(snapshot.documentId, () => [snapshot], { insertedUnits: 1 });
for (let round = 0; round < 40; round++) {
  const first = snapshotOf(`${half}call${round}(`, "", half);
  const known = asked().length;
  const startMs = performance.now();
  change(first);
  // Looks as often as the event loop turns.
  while (asked().length === known) await new Promise<void>((resolve) => void setImmediate(resolve));
  toWire.push(performance.now() - startMs);
  void engine.suggest(first, never);
  await delay(60);
  const { closedByClient } = asked()[known]!;
  const awayMs = performance.now();
  // What nobody would have said, and a deletion behind it, so that no new request begins.
  engine.documentChanged(first.documentId, () => [snapshotOf(`${half}call${round}`, "", half)], { insertedUnits: 0 });
  await closedByClient;
  toAbort.push(performance.now() - awayMs);
}
engine.dispose();
servers.dispose();
await transport.close();
await server.close();
// The first ones make the connection and compile the code.
print("key to request at the server", toWire.slice(5), limits.keyToWireMs);
print("divergence to closed connection at the server", toAbort.slice(5), limits.abortSeenMs);
process.exitCode = missed > 0 ? 1 : 0;

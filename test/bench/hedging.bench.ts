// How much hedging shortens the slow end of the time to the first token, and what it costs in extra requests:
//   node test/bench/hedging.bench.ts [--requests 2000] [--seed 1] [--no-sockets]
// One answer in twenty is ten times slower. Prints a line of JSON each; exits with 1 when p99 is not at least halved or
// more than 6 % extra requests were sent.
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { parseArgs } from "node:util";
import { abortError } from "../../src/base/abort.ts";
import { systemClock, type Clock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { createCounters } from "../../src/provider/counters.ts";
import type { CompletionRequest, Provider, StreamPart } from "../../src/provider/provider.ts";
import { createRouter } from "../../src/provider/router.ts";
import { createServers } from "../../src/provider/servers.ts";
import { createTransportClient } from "../../src/transport/client.ts";
import { createModelServer } from "../fake/modelServer.ts";

const slowShare = 0.05;
const slowFactor = 10;
const minCut = 0.5;
const maxExtraShare = 0.06;
const request: CompletionRequest = { prefix: "const a = ", suffix: ";", maxTokens: 8 };

/** mulberry32: the same numbers for the same seed, everywhere. */
const createRandom = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const gaussian = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

const distributions: Readonly<Record<string, (random: () => number) => number>> = {
  "normal, 10 %": (random) => Math.max(20, 100 * (1 + 0.1 * gaussian(random))),
  "normal, 30 %": (random) => Math.max(20, 100 * (1 + 0.3 * gaussian(random))),
  "uniform, 50 to 150 ms": (random) => 50 + 100 * random(),
  "log-normal, sigma 0.3": (random) => 100 * Math.exp(0.3 * gaussian(random)),
  "log-normal, sigma 0.5": (random) => 100 * Math.exp(0.5 * gaussian(random)),
};

/** Runs what is due as soon as nothing else is left to do, so that simulated time costs none. */
const createSimulatedClock = (): Clock & { run(until: Promise<unknown>): Promise<void> } => {
  type Timer = { readonly dueMs: number; readonly callback: () => void };
  const timers = new Set<Timer>();
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    dateMs: () => nowMs,
    after(delayMs, callback) {
      const timer = { dueMs: nowMs + delayMs, callback };
      timers.add(timer);
      return { dispose: () => void timers.delete(timer) };
    },
    async run(until) {
      let isDone = false;
      void until.finally(() => {
        isDone = true;
      });
      for (;;) {
        await turn();
        if (isDone) return;
        let next: Timer | undefined;
        for (const timer of timers) if (!next || timer.dueMs < next.dueMs) next = timer;
        if (!next) continue;
        timers.delete(next);
        nowMs = next.dueMs;
        next.callback();
      }
    },
  };
};

const waitFor = (clock: Clock, delayMs: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const onAbort = (): void => {
      timer.dispose();
      reject(abortError());
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });

const refuse = (): never => {
  throw new Error("Not part of the simulation");
};

/** A server with room for everybody. Counts what it was asked. */
const createSimulatedProvider = (clock: Clock, drawMs: () => number): Provider & { readonly asked: () => number } => {
  let asked = 0;
  return {
    kind: "openai-compatible",
    origin: "http://127.0.0.1",
    asked: () => asked,
    models: refuse,
    health: refuse,
    validateConnection: refuse,
    streamChat: refuse,
    capabilities: () =>
      Promise.resolve({ model: "m", fillInMiddle: "suffix-parameter", slots: 64, contextTokens: undefined }),
    async *streamCompletion(_, { signal } = {}): AsyncGenerator<StreamPart> {
      asked++;
      await waitFor(clock, drawMs(), signal);
      yield { type: "text", text: "x" };
      yield { type: "end", reason: "stop", usage: {} };
    },
  };
};

/** Sends `count` completions, `concurrency` at a time; the times to the first text, shortest first. */
const measure = async (provider: Provider, clock: Clock, count: number, concurrency: number) => {
  const times: number[] = [];
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const startMs = clock.nowMs();
      let hasText = false;
      for await (const part of provider.streamCompletion(request)) {
        if (part.type !== "text" || hasText) continue;
        hasText = true;
        times.push(clock.nowMs() - startMs);
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return times.toSorted((a, b) => a - b);
};

const percentile = (sorted: readonly number[], share: number): number => sorted[Math.ceil(share * sorted.length) - 1]!;

const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

type Run = { readonly times: readonly number[]; readonly asked: number };

const report = (about: object, plain: Run, hedged: Run): boolean => {
  const p99Ms = percentile(plain.times, 0.99);
  const hedgedP99Ms = percentile(hedged.times, 0.99);
  const cut = 1 - hedgedP99Ms / p99Ms;
  const extraShare = hedged.asked / hedged.times.length - 1;
  const isOk = cut >= minCut && extraShare <= maxExtraShare;
  const figures = {
    requests: hedged.times.length,
    p50Ms: round(percentile(plain.times, 0.5)),
    hedgedP50Ms: round(percentile(hedged.times, 0.5)),
    p99Ms: round(p99Ms),
    hedgedP99Ms: round(hedgedP99Ms),
    p99Cut: round(cut, 3),
    extraShare: round(extraShare, 4),
    isOk,
  };
  console.log(JSON.stringify({ bench: "hedging", ...about, ...figures }));
  return isOk;
};

/** `servers` 1: the extra request goes to the same server. */
const simulate = async (distribution: string, servers: 1 | 2, concurrency: number, count: number, seed: number) => {
  const run = async (isHedged: boolean): Promise<Run> => {
    const clock = createSimulatedClock();
    const providers = Array.from({ length: servers }, (_, index) => {
      const random = createRandom(seed + index * 104729);
      return createSimulatedProvider(clock, () => {
        const usualMs = distributions[distribution]!(random);
        return random() < slowShare ? usualMs * slowFactor : usualMs;
      });
    });
    const router = createRouter({
      targets: providers.map((provider) => ({ provider })),
      strategy: "ordered",
      ...(isHedged ? { hedging: {} } : {}),
      clock,
      log: silentLog,
    });
    const measured = measure(router, clock, count, concurrency);
    await clock.run(measured);
    return { times: await measured, asked: providers.reduce((sum, { asked }) => sum + asked(), 0) };
  };
  return report({ distribution, servers, concurrency }, await run(false), await run(true));
};

/** Two servers on real sockets, with all layers between. */
const overSockets = async (count: number, seed: number): Promise<boolean> => {
  const run = async (isHedged: boolean): Promise<Run> => {
    const transport = createTransportClient({ clock: systemClock, log: silentLog });
    const servers = createServers({
      transport,
      clock: systemClock,
      log: silentLog,
      apiKeyFor: () => Promise.resolve(undefined),
    });
    const fakes = await Promise.all(
      [0, 1].map((index) => {
        const random = createRandom(seed + index * 104729);
        return createModelServer({
          slots: 64,
          async complete() {
            const usualMs = 25 + 10 * random();
            await sleep(random() < slowShare ? usualMs * slowFactor : usualMs);
            return "x;";
          },
        });
      }),
    );
    try {
      const counters = createCounters();
      const targets = await Promise.all(
        fakes.map(async ({ url }) => {
          const provider = await servers.open({ provider: "llamacpp", baseUrl: url, model: "" });
          return { provider, breaker: provider.breaker, limiter: provider.limiter };
        }),
      );
      const router = createRouter({
        targets,
        strategy: "ordered",
        ...(isHedged ? { hedging: {} } : {}),
        clock: systemClock,
        log: silentLog,
        counters,
      });
      await router.capabilities();
      const times = await measure(router, systemClock, count, 8);
      return { times, asked: count + counters.hedges };
    } finally {
      servers.dispose();
      await transport.close();
      await Promise.all(fakes.map((fake) => fake.close()));
    }
  };
  return report(
    { distribution: "uniform, 25 to 35 ms, real sockets", servers: 2, concurrency: 8 },
    await run(false),
    await run(true),
  );
};

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    "no-sockets": { type: "boolean", default: false },
    // Every bench takes it; this one prints nothing else anyway.
    json: { type: "boolean", default: false },
  },
});
const count = Number(values.requests);
const seed = Number(values.seed) * 7919;
const results: boolean[] = [];
for (const distribution of Object.keys(distributions)) {
  for (const [servers, concurrency] of [
    [2, 1],
    [1, 20],
  ] as const) {
    results.push(await simulate(distribution, servers, concurrency, count, seed));
  }
}
if (!values["no-sockets"]) results.push(await overSockets(400, seed));
if (results.includes(false)) process.exitCode = 1;

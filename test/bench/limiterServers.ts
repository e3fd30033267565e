// Model servers without sockets, in simulated time, for the bench of the limiter.
import type { Clock } from "../../src/base/clock.ts";
import type { Disposable } from "../../src/base/disposable.ts";

/** Numbers from 0 to below 1 that are the same for the same seed (mulberry32). */
export const createRandom = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** Simulated time. */
export type EventClock = Clock & {
  /** Moves to the next timer and calls it; false: there is none. */
  step(): boolean;
};

export const createEventClock = (): EventClock => {
  type Timer = { readonly dueMs: number; readonly callback: () => void };
  const timers = new Set<Timer>();
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    dateMs: () => nowMs,
    after(delayMs, callback) {
      const timer = { dueMs: nowMs + Math.max(0, delayMs), callback };
      timers.add(timer);
      return { dispose: () => void timers.delete(timer) };
    },
    step() {
      let next: Timer | undefined;
      for (const timer of timers) if (!next || timer.dueMs < next.dueMs) next = timer;
      if (!next) return false;
      timers.delete(next);
      nowMs = next.dueMs;
      next.callback();
      return true;
    },
  };
};

export type Job = { readonly promptTokens: number; readonly generatedTokens: number };

/**
 * What a server does with more requests than it has slots: `queue` lets them wait before the first token, `slow` computes
 * all of them slower, prompts and answers, `slow-tokens` the answers only, `collapse` loses work by it, `batch` is slower
 * with each further one from the second on, `refuse` answers 429, `open` has room for all.
 */
export type Manner = "queue" | "slow" | "slow-tokens" | "collapse" | "batch" | "refuse" | "open";

export type SimulatedServer = {
  slots: number;
  /** How much slower everything is than at first. */
  slowness: number;
  /** Calls one of `refused`, or `firstToken` and then `done`. */
  send(job: Job, on: { refused(): void; firstToken(): void; done(): void }): void;
};

export const createSimulatedServer = (
  clock: Clock,
  manner: Manner,
  options: { readonly slots: number; readonly noise: number; readonly random: () => number },
): SimulatedServer => {
  const { noise, random } = options;
  const overheadMs = 20;
  const promptMs = 0.3;
  const tokenMs = 15;
  type Running = {
    firstLeft: number;
    restLeft: number;
    hasFirst: boolean;
    readonly on: { firstToken(): void; done(): void };
  };
  const running = new Set<Running>();
  const waiting: Running[] = [];
  let timer: Disposable | undefined;
  let atMs = 0;

  /** About 1, now and then far from it. */
  const noisy = (): number => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.exp(noise * normal);
  };

  const speedOf = (isFirst: boolean): number => {
    const surplus = Math.max(1, running.size / server.slots);
    switch (manner) {
      case "slow":
        return 1 / surplus;
      case "slow-tokens":
        return isFirst ? 1 : 1 / surplus;
      case "collapse":
        return 1 / surplus ** 1.5;
      case "batch":
        return 1 / (surplus * (1 + 0.1 * (Math.min(running.size, server.slots) - 1)));
      case "queue":
      case "refuse":
      case "open":
        return 1;
    }
  };

  /** Books the work done since the last change, at the speed that held until now. */
  const work = (): void => {
    const elapsedMs = clock.nowMs() - atMs;
    atMs = clock.nowMs();
    for (const request of running) {
      const speed = speedOf(!request.hasFirst) / server.slowness;
      if (request.hasFirst) request.restLeft -= elapsedMs * speed;
      else request.firstLeft -= elapsedMs * speed;
    }
  };

  const plan = (): void => {
    timer?.dispose();
    let nextMs = Infinity;
    for (const request of running) {
      const speed = speedOf(!request.hasFirst) / server.slowness;
      nextMs = Math.min(nextMs, (request.hasFirst ? request.restLeft : request.firstLeft) / speed);
    }
    timer = nextMs < Infinity ? clock.after(nextMs, turn) : undefined;
  };

  const turn = (): void => {
    work();
    const done: Running[] = [];
    for (const request of running) {
      if (!request.hasFirst && request.firstLeft <= 1e-6) {
        request.hasFirst = true;
        request.on.firstToken();
      }
      if (request.hasFirst && request.restLeft <= 1e-6) done.push(request);
    }
    for (const request of done) running.delete(request);
    admit();
    plan();
    for (const request of done) request.on.done();
  };

  const admit = (): void => {
    const room = manner === "queue" ? server.slots : Infinity;
    for (let next = running.size < room ? waiting.shift() : undefined; next;) {
      running.add(next);
      next = running.size < room ? waiting.shift() : undefined;
    }
  };

  const server: SimulatedServer = {
    slots: options.slots,
    slowness: 1,
    send(job, on) {
      if (manner === "refuse" && running.size >= server.slots) {
        clock.after(5, () => on.refused());
        return;
      }
      work();
      waiting.push({
        firstLeft: (overheadMs + promptMs * job.promptTokens) * noisy(),
        restLeft: tokenMs * job.generatedTokens * noisy(),
        hasFirst: false,
        on,
      });
      admit();
      plan();
    },
  };
  return server;
};

import { abortError } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import { createCapacity } from "./capacity.ts";

/** Who goes first where requests queue, first to last: ghost text, chat, work in the background, speculation. */
export type Priority = "interactive" | "chat" | "background" | "speculation";

/** What a request taught about the server's capacity. */
export type LimiterOutcome = {
  /**
   * `overloaded`: the server refused for lack of room (429, 503 busy) or was too slow; `neutral`: cancelled, or a fault
   * that says nothing about capacity.
   */
  readonly result: "ok" | "overloaded" | "neutral";
  /** From the sent request to its first token. */
  readonly firstTokenMs?: number;
  /** From the sent request to its last token. Default: the time from the permit to its release. */
  readonly totalMs?: number;
  /** Tokens that the server had to read anew; the first token waits for them. */
  readonly promptTokens?: number;
  /** Tokens that the server wrote. */
  readonly generatedTokens?: number;
};

/** A place among the running requests. */
export type Permit = {
  /** With speculation: fires when another role needs the place, which is then to be given back at once. */
  readonly wanted?: AbortSignal;
  /** Gives the place back; later calls are ignored. */
  release(outcome: LimiterOutcome): void;
};

/**
 * Decides how many requests one server works on for one model at the same time, and who is next: interactive before
 * chat before background before speculation, first come first served within each.
 *
 * - Background and speculation leave one place free where there are two or more, so an interactive request need not
 *   wait for them. They take it only for the few requests by which the limit tries if the server has room for more, and
 *   not within ten seconds of an interactive request.
 * - Where background work holds every place, one interactive request is sent beyond the limit. That is the case with a
 *   limit of 1: a server of one slot queues it itself and takes it up no later than if it had waited here, and where the
 *   limit is too low it is served at once. Not where the server has refused requests before.
 * - A running speculation is told to give its place back as soon as anybody else waits, or was sent beyond the limit.
 * - A chat that has waited for two seconds gets every second place, however many interactive requests come.
 */
export type Limiter = {
  /** Resolves when the request may be sent. @throws `AbortError` at once when the signal fires. */
  acquire(priority: Priority, signal?: AbortSignal): Promise<Permit>;
  /**
   * The server has told how many it works on at the same time: the limit starts anew from there. Telling the same again
   * changes nothing.
   */
  setSlots(slots: number): void;
  /** Holds all that queue back; the longest pause holds. Waiting requests start one after the other afterwards. */
  pause(durationMs: number): void;
  /** Ends a pause early: somebody has learned in another way that the server works. */
  resume(): void;
  /** How long a pause still lasts; 0: there is none. */
  pausedMs(): number;
  readonly limit: number;
  readonly running: number;
  readonly queued: number;
};

type Waiter = {
  readonly sinceMs: number;
  start(): void;
};

/** A chat that has waited this long gets every second place. */
const patienceMs = 2000;
/** So long after the last interactive request nobody types any more. */
const quietMs = 10_000;
/** Between two starts after a pause, on average; each varies by half. */
const spacingMs = 100;
/** So long after a pause starts stay spaced, because those who were refused come back together. */
const spacedMs = 1000;

/**
 * Makes a limiter for one server and model. It needs no disposal: a timer runs only while a request waits for the end of
 * a pause.
 */
export const createLimiter = (options: {
  readonly clock: Clock;
  /** Where to start while nothing is known: the server's slots where it tells them. */
  readonly initialLimit: number;
  /** Default 64. */
  readonly maxLimit?: number;
  /** Default 1, and never less. */
  readonly minLimit?: number;
  /** From 0 to below 1. Default `Math.random`. */
  readonly random?: () => number;
}): Limiter => {
  const { clock, initialLimit, random = Math.random } = options;
  const minLimit = Math.max(1, options.minLimit ?? 1);
  const capacity = createCapacity({ initialLimit, minLimit, maxLimit: Math.max(minLimit, options.maxLimit ?? 64) });
  const queues: Readonly<Record<Priority, Set<Waiter>>> = {
    interactive: new Set(),
    chat: new Set(),
    background: new Set(),
    speculation: new Set(),
  };
  let running = 0;
  /** Those of them that are background or speculation. */
  let yielding = 0;
  const speculating = new Set<AbortController>();
  /** Running requests times milliseconds, for averages. */
  let workMs = 0;
  let workAtMs = clock.nowMs();
  let pauseEndMs = -Infinity;
  /** Nothing starts before this. */
  let earliestMs = -Infinity;
  /** Those that a pause has held back start one after the other, however many they are. Undefined: not counted yet. */
  let held: number | undefined = 0;
  /** When the last interactive request started. */
  let interactiveAtMs = -Infinity;
  let wasPatient = false;
  let timer: Disposable | undefined;

  const queued = (): number =>
    queues.interactive.size + queues.chat.size + queues.background.size + queues.speculation.size;

  /**
   * Whether it is worth trying if the server has room for more. Background work alone does not try it while somebody
   * types, for whom the server would be busy then.
   */
  const wantsMore = (): boolean =>
    queues.interactive.size + queues.chat.size > 0 || (queued() > 0 && clock.nowMs() - interactiveAtMs >= quietMs);

  const countWork = (): number => {
    const nowMs = clock.nowMs();
    workMs += running * (nowMs - workAtMs);
    workAtMs = nowMs;
    return workMs;
  };

  const first = (priority: Priority): Waiter | undefined => queues[priority].values().next().value;

  /** The one that may start now, if any. */
  const next = (): Waiter | undefined => {
    const { limit, isProbing, hasRefused } = capacity;
    const chat = running < limit ? first("chat") : undefined;
    const isPatient = chat !== undefined && clock.nowMs() - chat.sinceMs >= patienceMs && !wasPatient;
    const interactive =
      running < Math.max(limit, hasRefused ? 0 : yielding + 1) && !isPatient ? first("interactive") : undefined;
    const foreground = interactive ?? chat;
    if (foreground) return foreground;
    // What is tried out is tried in full, or a queue of background work could never learn what the last place is worth.
    const places = limit === 1 || isProbing ? limit : limit - 1;
    return running < places ? (first("background") ?? first("speculation")) : undefined;
  };

  const pump = (): void => {
    timer?.dispose();
    timer = undefined;
    for (let waiter = next(); waiter; waiter = next()) {
      const nowMs = clock.nowMs();
      if (nowMs < earliestMs) {
        timer = clock.after(earliestMs - nowMs, pump);
        return;
      }
      held ??= queued();
      if (held > 0 || nowMs < pauseEndMs + spacedMs) {
        held = Math.max(0, held - 1);
        earliestMs = nowMs + spacingMs * (0.5 + random());
      }
      waiter.start();
    }
    if (running <= capacity.limit && queued() === queues.speculation.size) return;
    for (const wanted of speculating) wanted.abort();
  };

  const grant = (priority: Priority): Permit => {
    const startWorkMs = countWork();
    const startMs = clock.nowMs();
    if (priority === "interactive") interactiveAtMs = startMs;
    const isYielding = priority === "background" || priority === "speculation";
    const ticket = capacity.begin();
    let isReleased = false;
    const startRunning = ++running;
    if (isYielding) yielding++;
    const wanted = priority === "speculation" ? new AbortController() : undefined;
    if (wanted) speculating.add(wanted);
    return {
      ...(wanted ? { wanted: wanted.signal } : {}),
      release({ result, firstTokenMs, totalMs, promptTokens, generatedTokens }) {
        if (isReleased) return;
        isReleased = true;
        const heldMs = clock.nowMs() - startMs;
        const heldWorkMs = countWork() - startWorkMs;
        const meanRunning = heldMs > 0 ? heldWorkMs / heldMs : running;
        if (result === "overloaded") capacity.refuse(ticket, running);
        if (result === "ok") {
          const lengths = { firstTokenMs, promptTokens, generatedTokens };
          const request = { totalMs: totalMs ?? heldMs, startRunning, meanRunning, ...lengths };
          capacity.finish(ticket, request, wantsMore());
        }
        running--;
        if (isYielding) yielding--;
        if (wanted) speculating.delete(wanted);
        pump();
      },
    };
  };

  return {
    acquire: (priority, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(abortError());
          return;
        }
        const queue = queues[priority];
        const onAbort = (): void => {
          queue.delete(waiter);
          reject(abortError());
          pump();
        };
        const waiter: Waiter = {
          sinceMs: clock.nowMs(),
          start() {
            queue.delete(waiter);
            signal?.removeEventListener("abort", onAbort);
            wasPatient = priority === "chat" && clock.nowMs() - waiter.sinceMs >= patienceMs;
            resolve(grant(priority));
          },
        };
        queue.add(waiter);
        signal?.addEventListener("abort", onAbort, { once: true });
        pump();
      }),
    setSlots(slots) {
      capacity.setSlots(slots);
      pump();
    },
    pause(durationMs) {
      const endMs = clock.nowMs() + durationMs;
      if (!(endMs > pauseEndMs) || durationMs <= 0) return;
      pauseEndMs = endMs;
      held = undefined;
      earliestMs = Math.max(earliestMs, endMs + spacingMs * random());
      pump();
    },
    resume() {
      if (pauseEndMs <= clock.nowMs()) return;
      pauseEndMs = -Infinity;
      earliestMs = -Infinity;
      pump();
    },
    pausedMs: () => Math.max(0, pauseEndMs - clock.nowMs()),
    get limit() {
      return capacity.limit;
    },
    get running() {
      return running;
    },
    get queued() {
      return queued();
    },
  };
};

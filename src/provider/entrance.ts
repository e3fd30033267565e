import { isAbortError, toAbortError } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import type { Log } from "../base/log.ts";
import { onceAborted } from "../base/wait.ts";
import type { Breaker, BreakerPermit } from "../transport/breaker.ts";
import type { Limiter, Permit, Priority } from "../transport/limiter.ts";
import { ProviderError } from "./provider.ts";
import type { CallOptions, Provider } from "./provider.ts";

/** A pause is not refused for the moment that passed between hearing of it and waiting for it. */
const toleranceMs = 100;
/** A shorter time in the queue is none. */
const shownMs = 0.5;
/** How long a request that tests a failing server may stay silent until the server is asked what it does. */
const probeMs = 2_000;

/** Leave to send: a place at the server, and the breaker's word. */
export type Entry = { readonly place: Permit; readonly health: BreakerPermit };

/** Where requests to one server and model wait for their turn, and are turned away while it is left alone. */
export type Entrance = {
  /**
   * Waits for a place. @throws {ProviderError} kind "paused" while the server is left alone because it keeps failing, and
   * as soon as it wants a pause that is longer than `waitMs`; `AbortError` when the call or the program ends.
   */
  enter(priority: Priority, waitMs: number, call: CallOptions): Promise<Entry>;
  /** Why nothing is sent now because the server keeps failing; undefined: something may be. */
  refusal(): ProviderError | undefined;
  /** The server wants to be left alone for so long. Who waits in the queue hears of it. */
  readonly pauseAll: (pauseMs: number, fault: ProviderError) => void;
  /** Remembers the fault that refusals give as their cause. */
  failed(fault: ProviderError): void;
  /**
   * A request that tests the server may end up waiting for its model to load, for minutes. The server works then, so
   * the others need not wait with it.
   */
  watchProbe(health: BreakerPermit, call: CallOptions): Disposable;
};

/** Makes it for the server of this provider. */
export const createEntrance = (
  provider: Pick<Provider, "origin" | "health">,
  {
    limiter,
    breaker,
    clock,
    log,
    signal: endOfProgram,
  }: {
    readonly limiter: Limiter;
    readonly breaker: Breaker;
    readonly clock: Clock;
    readonly log: Log;
    readonly signal?: AbortSignal;
  },
): Entrance => {
  /** Calls in the queue, and what they think of a pause. */
  const queued = new Set<(pauseMs: number) => void>();
  /** Why the breaker may be open, and why the server wants a pause. */
  let lastFailure: ProviderError | undefined;
  let pauseFault: ProviderError | undefined;

  const paused = (pauseMs: number, cause: ProviderError | undefined): ProviderError =>
    new ProviderError("paused", `Nothing is sent to ${provider.origin} for now (${cause?.kind ?? "unknown fault"})`, {
      cause,
      origin: provider.origin,
      ...(pauseMs > 0 ? { retryAfterMs: pauseMs } : {}),
    });

  const pauseAll = (pauseMs: number, fault: ProviderError): void => {
    if (pauseMs >= limiter.pausedMs()) pauseFault = fault;
    limiter.pause(pauseMs);
    log.info(`${provider.origin}: nothing more for ${Math.ceil(pauseMs / 1000)} s (${fault.kind})`);
    for (const onPause of queued) onPause(pauseMs);
  };

  /** Waits for a place. @throws {ProviderError} kind "paused" as soon as a pause is longer than `waitMs`. */
  const queueUp = async (priority: Priority, waitMs: number, call: CallOptions): Promise<Permit> => {
    const pausedMs = limiter.pausedMs();
    if (pausedMs > waitMs + toleranceMs) throw paused(pausedMs, pauseFault);
    const leaving = new AbortController();
    let tooLong: ProviderError | undefined;
    const onPause = (pauseMs: number): void => {
      if (pauseMs <= waitMs + toleranceMs) return;
      tooLong = paused(pauseMs, pauseFault);
      leaving.abort();
    };
    const release = onceAborted([call.signal, endOfProgram], () => leaving.abort());
    queued.add(onPause);
    const startMs = clock.nowMs();
    try {
      return await limiter.acquire(priority, leaving.signal);
    } catch (error) {
      throw tooLong ?? (isAbortError(error) ? toAbortError(call.signal?.reason) : error);
    } finally {
      if (clock.nowMs() - startMs >= shownMs) call.span?.child("queue", startMs).end();
      queued.delete(onPause);
      release();
    }
  };

  const refusal = (): ProviderError | undefined =>
    breaker.state === "open" ? paused(breaker.openMs(), lastFailure) : undefined;

  const enter = async (priority: Priority, waitMs: number, call: CallOptions): Promise<Entry> => {
    const left = refusal();
    if (left) throw left;
    const place = await queueUp(priority, waitMs, call);
    const health = breaker.tryEnter();
    if (health) return { place, health };
    place.release({ result: "neutral" });
    throw paused(breaker.openMs(), lastFailure);
  };

  const watchProbe = (health: BreakerPermit, { signal }: CallOptions): Disposable => {
    if (breaker.state !== "half-open") return { dispose() {} };
    let isOver = false;
    const look = async (): Promise<void> => {
      const { status } = await provider.health(signal ? { signal } : {});
      if (isOver) return;
      if (status === "loading" || status === "busy") health.success();
      else wait();
    };
    let timer: Disposable;
    const wait = (): void => {
      // Cancelled meanwhile: the request itself tells.
      timer = clock.after(probeMs, () => void look().catch(() => {}));
    };
    wait();
    return {
      dispose() {
        isOver = true;
        timer.dispose();
      },
    };
  };

  return {
    enter,
    refusal,
    pauseAll,
    failed(fault) {
      lastFailure = fault;
    },
    watchProbe,
  };
};

import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import type { TransportRequest } from "./client.ts";
import { TransportError } from "./errors.ts";

const defaultConnectMs = 10_000;
const defaultFirstByteMs = 120_000;
const defaultIdleMs = 60_000;

/** The deadlines of one request. Of those of its phases, each takes the place of the one before. */
export type Deadlines = Disposable & {
  /** For the whole exchange, from now on. */
  awaitEnd(): void;
  awaitConnection(): void;
  /** Later, as long as the request's `holdFirstByte` says that the server is at work. */
  awaitFirstByte(): void;
  /** The first byte has come: no later one may be missing for too long. */
  awaitNextByte(): void;
  /** Something came, or the reader reads on. */
  heard(): void;
  /** Calls back after this time instead, whatever the phase. */
  awaitRest(delayMs: number, onDue: () => void): void;
  /** Ends the phase's deadline. */
  endPhase(): void;
};

export type DeadlinesOptions = Pick<TransportRequest, "deadlines" | "holdFirstByte"> & {
  readonly clock: Clock;
  readonly origin: string;
  /** Whether a first byte is still wanted. */
  readonly isWaiting: () => boolean;
  /** Whether the reader holds the answer back. */
  readonly isPaused: () => boolean;
  /** `hasText`: what came before may be used. */
  readonly onMissed: (error: TransportError, hasText: boolean) => void;
};

/** None runs yet. The caller disposes them when the exchange ends. */
export const createDeadlines = (options: DeadlinesOptions): Deadlines => {
  const { deadlines = {}, holdFirstByte, clock, origin, isWaiting, isPaused, onMissed } = options;
  let phaseTimer: Disposable | undefined;
  let totalTimer: Disposable | undefined;
  let lastByteMs = 0;

  /** Sets the timer of the current phase in place of the one before; 0 ms or less sets none. */
  const arm = (delayMs: number, onDue: () => void): void => {
    phaseTimer?.dispose();
    phaseTimer = delayMs > 0 ? clock.after(delayMs, onDue) : undefined;
  };

  const awaitFirstByte = (): void => {
    const delayMs = deadlines.firstByteMs ?? defaultFirstByteMs;
    arm(delayMs, () => void holdOrMiss(delayMs));
  };

  const holdOrMiss = async (delayMs: number): Promise<void> => {
    let isHeld = false;
    try {
      isHeld = (await holdFirstByte?.()) ?? false;
    } catch {
      // The server does not even say what it is doing.
    }
    if (!isWaiting()) return;
    if (isHeld) awaitFirstByte();
    else onMissed(new TransportError("first-byte-timeout", `${origin} sent no answer within ${delayMs} ms`), false);
  };

  // One timer that looks at the last byte's time: setting a new one for each token would cost more than the token.
  const awaitNextByte = (delayMs: number): void => {
    const idleMs = deadlines.idleMs ?? defaultIdleMs;
    arm(delayMs, () => {
      const quietMs = isPaused() ? 0 : clock.nowMs() - lastByteMs;
      if (quietMs < idleMs) awaitNextByte(idleMs - quietMs);
      else onMissed(new TransportError("idle-timeout", `${origin} fell silent for ${idleMs} ms`), true);
    });
  };

  const endPhase = (): void => {
    phaseTimer?.dispose();
    phaseTimer = undefined;
  };

  return {
    awaitEnd() {
      const totalMs = deadlines.totalMs ?? 0;
      if (totalMs <= 0) return;
      totalTimer = clock.after(totalMs, () => {
        onMissed(new TransportError("total-timeout", `${origin} did not finish within ${totalMs} ms`), true);
      });
    },
    awaitConnection() {
      const delayMs = deadlines.connectMs ?? defaultConnectMs;
      arm(delayMs, () => {
        onMissed(new TransportError("connect-timeout", `${origin} accepted no connection within ${delayMs} ms`), false);
      });
    },
    awaitFirstByte,
    awaitNextByte: () => awaitNextByte(deadlines.idleMs ?? defaultIdleMs),
    heard() {
      lastByteMs = clock.nowMs();
    },
    awaitRest: arm,
    endPhase,
    dispose() {
      phaseTimer?.dispose();
      totalTimer?.dispose();
    },
  };
};

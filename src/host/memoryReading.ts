import type { Clock } from "../base/clock.ts";
import { readMachineState, type MachineState } from "../hardware/probe.ts";
import { graphicsBytesOf, graphicsUseOf } from "./memoryGraphics.ts";

/** This machine's cards and model servers as vendors' tools and the system's list of processes told of them. */
export type MachineReading = MachineState & {
  /** When, on the clock's monotonic scale, and in milliseconds since 1970. */
  readonly readAtMs: number;
  readonly dateMs: number;
  /** Own memory of the cards, whether their drivers tell what is free of it or not. */
  readonly ownGraphicsBytes: number;
  /** What is in use of it, where their drivers tell. */
  readonly graphics: { readonly usedBytes: number; readonly totalBytes: number } | undefined;
};

export type MachineReader = {
  /** Reads it now; who asks meanwhile gets the same reading. Rejects when the worker fails. */
  read(): Promise<MachineReading>;
  /** The last one that is worth showing; undefined: none in the last hour. */
  latest(): MachineReading | undefined;
};

/** Who reads an older figure would be misled. */
const shownMs = 60 * 60_000;

/**
 * Makes a reader that has read nothing yet. A reading starts a worker and programs in it, so that it is for a person's
 * question and for alerts; a program that hangs is ended there, and holds up nobody here.
 */
export const createMachineReader = (options: { readonly workerUrl: URL; readonly clock: Clock }): MachineReader => {
  const { clock } = options;
  let running: Promise<MachineReading> | undefined;
  let last: MachineReading | undefined;
  const start = async (): Promise<MachineReading> => {
    try {
      const state = await readMachineState(options);
      const ownGraphicsBytes = graphicsBytesOf(state.gpus);
      const graphics = graphicsUseOf(state.gpus);
      last = { ...state, readAtMs: clock.nowMs(), dateMs: clock.dateMs(), ownGraphicsBytes, graphics };
      return last;
    } finally {
      running = undefined;
    }
  };
  return {
    read: () => (running ??= start()),
    latest: () => (last && clock.nowMs() - last.readAtMs < shownMs ? last : undefined),
  };
};

/** Names of what the bench hands over in the extension host's environment. */
export const footprintEnvironment = {
  result: "HOTPATH_FOOTPRINT_RESULT",
  activates: "HOTPATH_FOOTPRINT_ACTIVATES",
  idleSeconds: "HOTPATH_FOOTPRINT_IDLE_SECONDS",
  typingSeconds: "HOTPATH_FOOTPRINT_TYPING_SECONDS",
  heapSnapshot: "HOTPATH_FOOTPRINT_HEAP_SNAPSHOT",
} as const;

/** What the whole extension host takes, of which every extension is a part. */
export type HostMemory = { readonly heapMb: number; readonly rssMb: number };

export type FootprintFigures = {
  /** Whether the window had the focus while it was idle. */
  readonly isFocused: boolean;
  readonly afterActivation: HostMemory;
  readonly afterTyping: HostMemory;
  readonly idleSeconds: number;
  /** Processor time of the idle time, all threads of the extension host. */
  readonly idleCpuMs: number;
  /** The same for each ten seconds. */
  readonly slicesMs: readonly number[];
  /** The part of it that the main thread took. */
  readonly idleMainCpuMs: number;
  /** Milliseconds that each thread took of it, the busiest first; empty where the system does not tell. */
  readonly threads: Readonly<Record<string, number>>;
  /** What stayed set when the idle time ended: delay and place of each timer of Hotpath in the main thread. */
  readonly timers: readonly string[];
  /** How often each of those places fired in the idle time. */
  readonly fired: Readonly<Record<string, number>>;
};

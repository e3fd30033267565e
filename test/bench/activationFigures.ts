/** Names of what the bench hands over in the extension host's environment. */
export const probeEnvironment = { result: "HOTPATH_PROBE_RESULT", activates: "HOTPATH_PROBE_ACTIVATES" } as const;

export type ActivationFigures = {
  /** Our own clock around `activate`. */
  readonly activateMs: number;
  /** From asking VS Code to activate until it has: reading and compiling the entry included. */
  readonly loadAndActivateMs: number;
  /** Time in the five seconds after that in which code of the extension, or what it called, held the thread. */
  readonly busyMs: number;
  readonly longestBusyMs: number;
  readonly addedRssMb: number;
  readonly addedHeapMb: number;
};

import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { createInterface } from "node:readline";

/** How a child is started; the environment replaces this process's own. */
export interface ChildOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  stdio?: StdioOptions;
  /** How long `stop` waits before it uses force; longer for a program that ends children of its own. */
  graceMs?: number;
  /** Called with each line of stdout and stderr, when they are pipes. */
  onLine?: (line: string) => void;
}

/** A process with all its descendants. */
export interface StartedChild {
  /** Its exit code, or 1 when a signal ended it or it could not be started. */
  readonly exited: Promise<number>;
  /** Asks the whole process group to end, and ends it by force when it has not done so in time. */
  stop(): Promise<void>;
}

const defaultGraceMs = 3000;
const running = new Set<ChildProcess>();
// Not SIGKILL: a child may have children of its own to end.
process.on("exit", () => {
  for (const child of running) signalGroup(child, "SIGTERM");
});

/** Starts a process in a group of its own, so that its children can be ended with it; at the latest when this one exits. */
export function startChild(command: string, args: readonly string[], options: ChildOptions = {}): StartedChild {
  const child = spawn(command, args, {
    stdio: options.stdio ?? ["ignore", "pipe", "pipe"],
    detached: process.platform !== "win32",
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  running.add(child);
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on("line", (line) => options.onLine?.(line));
  }
  const exited = new Promise<number>((resolve) => {
    child.once("error", (error) => {
      running.delete(child);
      options.onLine?.(error.message);
      resolve(1);
    });
    child.once("close", (exitCode) => {
      running.delete(child);
      resolve(exitCode ?? 1);
    });
  });
  return {
    exited,
    async stop() {
      if (!running.has(child)) return;
      signalGroup(child, "SIGTERM");
      const force = setTimeout(() => signalGroup(child, "SIGKILL"), options.graceMs ?? defaultGraceMs);
      await exited;
      clearTimeout(force);
      // A grandchild may have ignored the first signal while its parent obeyed.
      signalGroup(child, "SIGKILL");
    },
  };
}

/** Runs a process to its end; resolves to its exit code and everything it printed. */
export async function runChild(
  command: string,
  args: readonly string[],
  options: Omit<ChildOptions, "onLine" | "stdio"> = {},
): Promise<{ exitCode: number; output: string }> {
  const lines: string[] = [];
  const exitCode = await startChild(command, args, { ...options, onLine: (line) => lines.push(line) }).exited;
  return { exitCode, output: lines.join("\n") };
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32") child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // Nobody left in the group.
  }
}

import { rmSync } from "node:fs";
import { mkdtemp, realpath } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

/** A failure the reader can act on: its message says what happened and what to do next, and is printed without a stack. */
export class PlainError extends Error {
  override name = "PlainError";
}

/** What a program that starts others gets from {@link runProgram}. */
export interface Program {
  /** Runs `release` when the program ends, however it ends; the latest one first. At once if it is already ending. */
  onEnd(release: () => void | Promise<void>): void;
  /** A folder of its own under the system's temporary folder, deleted at the end. */
  temporaryFolder(): Promise<string>;
  /** Aborted by Ctrl+C or a request to terminate. */
  readonly stopSignal: AbortSignal;
}

const exitCodeOf = { SIGINT: 130, SIGTERM: 130, SIGHUP: 130 } as const;

/** Prints one progress line to stderr, so that stdout stays free for results. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Runs `main` and exits with its code (1 when it throws, 130 when it was stopped), after everything it started has ended. */
export async function runProgram(main: (program: Program) => Promise<number>): Promise<never> {
  const releases: (() => void | Promise<void>)[] = [];
  const stop = new AbortController();
  let ended = false;
  const program: Program = {
    stopSignal: stop.signal,
    onEnd(release) {
      if (ended) void release();
      else releases.push(release);
    },
    async temporaryFolder() {
      // The real path: VS Code compares paths as text, and macOS's temporary folder is a link.
      const folder = await realpath(await mkdtemp(path.join(os.tmpdir(), "hotpath-host-")));
      const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
      process.once("exit", remove);
      program.onEnd(remove);
      return folder;
    },
  };

  const stopped = new Promise<number>((resolve) => {
    for (const [signal, exitCode] of Object.entries(exitCodeOf)) {
      process.on(signal, () => {
        if (stop.signal.aborted) process.exit(exitCode);
        stop.abort();
        resolve(exitCode);
      });
    }
  });
  const unreadable = new Promise<number>((resolve) => {
    // Whoever read this program's output has gone (a pager, `head`): nobody is left to run for.
    for (const stream of [process.stdout, process.stderr]) stream.on("error", () => resolve(1));
  });
  const finished = main(program).catch((error: unknown) => {
    if (!stop.signal.aborted) say(describeFailure(error));
    return 1;
  });
  const exitCode = await Promise.race([finished, stopped, unreadable]);
  ended = true;
  for (const release of releases.toReversed()) {
    try {
      await release();
    } catch (error) {
      say(`While cleaning up: ${describeFailure(error)}`);
    }
  }
  process.exit(exitCode);
}

/** A plain failure's message; the whole stack of anything unexpected. */
export function describeFailure(error: unknown): string {
  if (error instanceof PlainError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

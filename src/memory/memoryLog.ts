import { appendFile, mkdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import type { Log } from "../base/log.ts";

/** One line of the log: figures and short words. Never give it paths, command lines or anything that was typed. */
export type MemoryLogEntry = {
  readonly atMs: number;
  readonly kind: "sample" | "alert" | "model" | "processes";
  readonly [field: string]: number | string | boolean | undefined;
};

/** A log in JSON lines that never takes more than `files` times `maxBytes`. */
export type MemoryLog = {
  /** Writes in the background, in order. A file that cannot be written is reported once, and nothing fails. */
  add(entry: MemoryLogEntry): void;
  /** Resolves when all that was added is written. */
  flush(): Promise<void>;
};

const fileName = (number: number): string => (number === 0 ? "memory.jsonl" : `memory.${number}.jsonl`);

/** Whatever looks like a path, an address or a program's arguments is no figure. */
const withoutPaths = (value: MemoryLogEntry[string]): MemoryLogEntry[string] =>
  typeof value === "string"
    ? value
        .replace(/\s-.*$/s, "")
        .replaceAll(/\S*[/\\]\S*/g, "…")
        .slice(0, 80)
    : value;

/**
 * Makes a log in `folder`: `memory.jsonl`, and the older `memory.1.jsonl` and so on. Several windows should have
 * folders of their own; when they share one, lines stay whole but may be rotated away early.
 */
export const createMemoryLog = ({
  folder,
  log,
  maxBytes = 2 ** 20,
  files = 3,
}: {
  folder: string;
  log: Log;
  maxBytes?: number;
  files?: number;
}): MemoryLog => {
  const newest = path.join(folder, fileName(0));
  let waiting: string[] = [];
  let writing: Promise<void> | undefined;
  let sizeBytes: number | undefined;
  let isReported = false;

  const rotate = async (): Promise<void> => {
    await rm(path.join(folder, fileName(files - 1)), { force: true });
    for (let number = files - 2; number >= 0; number--) {
      // A file that is not there yet, or that another window has moved, leaves a gap and no harm.
      await rename(path.join(folder, fileName(number)), path.join(folder, fileName(number + 1))).catch(() => undefined);
    }
  };

  const write = async (): Promise<void> => {
    while (waiting.length > 0) {
      const text = waiting.join("");
      waiting = [];
      if (sizeBytes === undefined) {
        await mkdir(folder, { recursive: true });
        sizeBytes = await stat(newest).then(
          ({ size }) => size,
          () => 0,
        );
      }
      const textBytes = Buffer.byteLength(text);
      if (sizeBytes > 0 && sizeBytes + textBytes > maxBytes) {
        await rotate();
        sizeBytes = 0;
      }
      await appendFile(newest, text, { mode: 0o600 });
      sizeBytes += textBytes;
    }
  };

  const start = () => {
    writing ??= write()
      .catch((error: unknown) => {
        sizeBytes = undefined;
        waiting = [];
        const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
        if (!isReported) log.warn(`The memory log cannot be written (${code})`);
        isReported = true;
      })
      .finally(() => {
        writing = undefined;
        if (waiting.length > 0) start();
      });
  };

  return {
    add(entry) {
      const clean = Object.fromEntries(Object.entries(entry).map(([field, value]) => [field, withoutPaths(value)]));
      waiting.push(`${JSON.stringify(clean)}\n`);
      start();
    },
    async flush() {
      await writing;
      // What was added meanwhile is being written by now.
      await writing;
    },
  };
};

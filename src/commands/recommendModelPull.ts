import { statfs } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import * as vscode from "vscode";
import { isAbortError } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { inNotice } from "../base/notice.ts";
import { pause } from "../base/wait.ts";
import { createPullReader, PullError, type PullProgress } from "../hardware/pullProgress.ts";
import { formatBytes } from "../memory/format.ts";
import { createLineDecoder } from "../provider/ndjson.ts";
import { parseJson } from "../provider/json.ts";
import type { TransportClient } from "../transport/client.ts";
import { TransportError } from "../transport/errors.ts";
import { pick } from "./quickPick.ts";

export type PullOptions = {
  readonly transport: () => Promise<TransportClient>;
  readonly clock: Clock;
  /** Ollama's address. */
  readonly baseUrl: string;
  readonly name: string;
  /** About what its files take, in bytes. */
  readonly sizeBytes: number;
};

/** What has to stay free on the disk. */
const reserveBytes = 2 * 1024 ** 3;
/** While a part of 40 GB is checked, nothing comes. */
const silenceMs = 10 * 60_000;
/** Pauses before a broken connection is tried again; a byte that comes begins them anew. */
const retryMs = [1000, 2000, 5000, 10_000, 20_000] as const;
const redrawMs = 250;

/** Where Ollama keeps models: as its own setting says, in the home folder, or as a service of Linux. */
const modelFolders = (): readonly string[] => {
  const own = process.env["OLLAMA_MODELS"];
  return [...(own ? [own] : []), path.join(os.homedir(), ".ollama", "models"), "/usr/share/ollama/.ollama/models"];
};

/** What is free on the disk that Ollama writes to; undefined: its folder is not to be seen here. */
export const freeDiskBytes = async (folders: readonly string[] = modelFolders()): Promise<number | undefined> => {
  const free = await Promise.all(
    folders.map(async (folder) => {
      try {
        const { bavail, bsize } = await statfs(folder);
        return bavail * bsize;
      } catch {
        return undefined;
      }
    }),
  );
  const known = free.filter((bytes) => bytes !== undefined);
  // Which of several it takes is not to be seen: the fuller one decides.
  return known.length === 0 ? undefined : Math.min(...known);
};

/** One connection's worth of a download. @throws {PullError | TransportError} and the `AbortError`. */
const pullOnce = async (
  { transport, baseUrl, name }: PullOptions,
  read: (line: unknown) => PullProgress,
  onProgress: (progress: PullProgress) => void,
  signal: AbortSignal,
): Promise<boolean> => {
  const response = await (
    await transport()
  ).request({
    method: "POST",
    url: `${baseUrl}/api/pull`,
    headers: { "content-type": "application/json", accept: "application/x-ndjson" },
    // Older releases know `name` only.
    body: JSON.stringify({ model: name, name, stream: true }),
    deadlines: { firstByteMs: silenceMs, idleMs: silenceMs },
    signal,
  });
  if (response.status >= 400) {
    const text = await response.excerpt(4096);
    read(parseJson(text));
    throw new PullError(`HTTP ${response.status}`);
  }
  const decoder = createLineDecoder();
  let isDone = false;
  const take = (lines: ReturnType<typeof decoder.push>): void => {
    for (const { data } of lines) {
      const progress = read(parseJson(data));
      isDone ||= progress.phase === "done";
      onProgress(progress);
    }
  };
  for await (const chunk of response.body) take(decoder.push(chunk));
  take(decoder.end());
  return isDone;
};

/**
 * Downloads a model through Ollama. A connection that breaks is made anew, and Ollama goes on where it was; so does the
 * next download after one that was stopped.
 * @throws {PullError} with the server's words, {@link TransportError} when it cannot be reached any more, and the
 * `AbortError` when the signal fires: the connection is closed then, and Ollama stops.
 */
export const pullModel = async (
  options: PullOptions,
  onProgress: (progress: PullProgress) => void,
  signal: AbortSignal,
): Promise<void> => {
  const read = createPullReader();
  let tries = 0;
  let seenBytes = 0;
  const watch = (progress: PullProgress): void => {
    if (progress.completedBytes > seenBytes) tries = 0;
    seenBytes = Math.max(seenBytes, progress.completedBytes);
    onProgress(progress);
  };
  for (;;) {
    try {
      if (await pullOnce(options, read, watch, signal)) return;
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      if (tries >= retryMs.length) throw error;
    }
    // It ended without a word of success, or broke.
    const waitMs = retryMs[tries++];
    if (waitMs === undefined) throw new TransportError("protocol", "The download ended before the model was complete");
    await pause(options.clock, waitMs, signal);
  }
};

/** "1.2 of 4.7 GB, 25 MB/s". */
export const progressText = ({ totalBytes, completedBytes, phase }: PullProgress, bytesPerSecond: number): string => {
  const { l10n } = vscode;
  if (phase === "checking") return l10n.t("checking what was downloaded");
  if (totalBytes === 0) return l10n.t("starting");
  const sizes = l10n.t("{0} of {1}", formatBytes(completedBytes), formatBytes(totalBytes));
  return bytesPerSecond > 0 ? l10n.t("{0}, {1}/s", sizes, formatBytes(bytesPerSecond)) : sizes;
};

/** Asks first, and says what it takes and what is free. */
const agrees = async ({ name, sizeBytes }: PullOptions): Promise<boolean> => {
  const { l10n } = vscode;
  const free = await freeDiskBytes();
  if (free !== undefined && free < sizeBytes + reserveBytes) {
    void vscode.window.showWarningMessage(
      l10n.t("{0} needs about {1} on the disk, and {2} are free.", name, formatBytes(sizeBytes), formatBytes(free)),
    );
    return false;
  }
  const answer = await pick<"download" | "back">({
    title: l10n.t("Download {0} through Ollama?", name),
    placeholder: l10n.t("It can be stopped at any time, and goes on where it was"),
    canGoBack: true,
    choices: [
      {
        label: `$(cloud-download) ${l10n.t("Download about {0}", formatBytes(sizeBytes))}`,
        description:
          free === undefined
            ? l10n.t("how much is free on its disk is not known")
            : l10n.t("{0} free on the disk", formatBytes(free)),
        value: "download",
      },
      { label: l10n.t("Not now"), value: "back" },
    ],
  });
  return answer === "download";
};

/**
 * Asks, downloads under a notification with a bar, and says how it ended. "back": the person did not want it, or it was
 * stopped or failed; they have been told.
 */
export const pullWithProgress = async (options: PullOptions): Promise<"done" | "back"> => {
  const { l10n, window } = vscode;
  if (!(await agrees(options))) return "back";
  const { clock, name } = options;
  try {
    await window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: l10n.t("Downloading {0}", name), cancellable: true },
      async (progress, token) => {
        const stopping = new AbortController();
        token.onCancellationRequested(() => stopping.abort());
        let shownAtMs = Number.NEGATIVE_INFINITY;
        let shownShare = 0;
        let shownPhase: PullProgress["phase"] | undefined;
        let began: { atMs: number; bytes: number } | undefined;
        const show = (now: PullProgress): void => {
          const atMs = clock.nowMs();
          // What was there before this download says nothing about its speed.
          if (now.totalBytes > 0) began ??= { atMs, bytes: now.completedBytes };
          if (atMs - shownAtMs < redrawMs && now.phase === shownPhase) return;
          shownAtMs = atMs;
          shownPhase = now.phase;
          const share = now.totalBytes > 0 ? (100 * now.completedBytes) / now.totalBytes : 0;
          const seconds = began ? (atMs - began.atMs) / 1000 : 0;
          const rate = began && seconds > 1 ? (now.completedBytes - began.bytes) / seconds : 0;
          progress.report({ message: progressText(now, rate), increment: Math.max(0, share - shownShare) });
          shownShare = Math.max(shownShare, share);
        };
        await pullModel(options, show, stopping.signal);
      },
    );
    return "done";
  } catch (error) {
    if (isAbortError(error)) {
      void window.showInformationMessage(l10n.t("Stopped. Downloading {0} again goes on where it was.", name));
    } else if (error instanceof PullError) {
      void window.showErrorMessage(l10n.t("Ollama could not download {0}: {1}", name, inNotice(error.message)));
    } else {
      void window.showErrorMessage(
        l10n.t("The connection to Ollama broke. Downloading {0} again goes on where it was.", name),
      );
    }
    return "back";
  }
};

/** How far Ollama's download of a model is. */
export type PullProgress = {
  /** Over all parts that were named so far. */
  readonly totalBytes: number;
  readonly completedBytes: number;
  readonly phase: "starting" | "downloading" | "checking" | "done";
};

/** Why a download ended without a model: the server's own words, which are not trusted. */
export class PullError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PullError";
  }
}

const countOf = (value: unknown): number =>
  typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : 0;

/** A model has a handful of parts: a server that names more must not fill the memory. */
const mostParts = 1000;

/**
 * Makes a reader of the lines of `POST /api/pull`: each adds to what is known, and the sums never go back. A part that
 * was downloaded before, by a pull that was stopped, comes as complete at once.
 * @see https://github.com/ollama/ollama/blob/main/docs/api.md#pull-a-model (2026-08)
 */
export const createPullReader = (): ((line: unknown) => PullProgress) => {
  const parts = new Map<string, { totalBytes: number; completedBytes: number }>();
  let phase: PullProgress["phase"] = "starting";
  return (line) => {
    const fields: Readonly<Record<string, unknown>> = typeof line === "object" && line !== null ? { ...line } : {};
    if (typeof fields["error"] === "string") throw new PullError(fields["error"]);
    const { status, digest } = fields;
    if (typeof digest === "string" && (parts.has(digest) || parts.size < mostParts)) {
      phase = "downloading";
      const before = parts.get(digest);
      const totalBytes = Math.max(before?.totalBytes ?? 0, countOf(fields["total"]));
      const completedBytes = Math.max(before?.completedBytes ?? 0, Math.min(totalBytes, countOf(fields["completed"])));
      parts.set(digest, { totalBytes, completedBytes });
    } else if (status === "success") phase = "done";
    else if (typeof status === "string" && /^(?:verifying|writing|removing)/.test(status)) phase = "checking";
    let totalBytes = 0;
    let completedBytes = 0;
    for (const part of parts.values()) {
      totalBytes += part.totalBytes;
      completedBytes += part.completedBytes;
    }
    return { totalBytes, completedBytes, phase };
  };
};

import { readFile } from "node:fs/promises";

/** An answer that a real server gave. */
export type Recording = {
  readonly status: number;
  /** Lower-case names. Without the ones that describe the transfer, which a replay makes anew. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

const transferHeaders = new Set(["content-length", "transfer-encoding", "keep-alive", "connection"]);

/** Reads `test/fixtures/llama-server/<name>.txt`. */
export const readRecording = async (name: string): Promise<Recording> => {
  const bytes = await readFile(new URL(`../fixtures/llama-server/${name}.txt`, import.meta.url));
  const headEnd = bytes.indexOf("\r\n\r\n");
  // One was recorded without its head.
  if (headEnd < 0) return { status: 200, headers: {}, body: bytes.subarray(bytes.indexOf("\n\n") + 2) };
  const head = bytes.subarray(bytes.indexOf("HTTP/1.1"), headEnd).toString("latin1").split("\r\n");
  const headers: Record<string, string> = {};
  for (const line of head.slice(1)) {
    const colon = line.indexOf(":");
    const key = line.slice(0, colon).toLowerCase();
    if (!transferHeaders.has(key)) headers[key] = line.slice(colon + 1).trim();
  }
  return { status: Number(head[0]?.split(" ")[1]), headers, body: bytes.subarray(headEnd + 4) };
};

// One file that outlives the window. It is written beside itself and put in place by a rename, so that whoever reads it
// finds the old content or the new one, whenever the writer was killed and however many windows write.
import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";

/** What the file holds: a value that survives JSON, and bytes. */
export type IndexContent = { readonly head: unknown; readonly blobs: readonly Uint8Array[] };

/** A file as large as this was not written here, or is of no use. */
export const maxIndexBytes = 128 * 1024 * 1024;

// magic (8 bytes), version (4), length of the head (4), the head as JSON, the blobs, SHA-256 of all before (32).
const magic = Buffer.from("HOTPATHX", "latin1");
const version = 1;
const fixedBytes = 16;
const digestBytes = 32;
const pieceBytes = 256 * 1024;
// What a killed writer left behind: a living one is done long before.
const abandonedAfterMs = 10 * 60_000;
// Windows refuses to replace a file that somebody has open, such as a scanner.
const renameTries = 5;
const renamePauseMs = 50;

type Head = { readonly lengths: readonly number[]; readonly head: unknown };

const isHead = (value: unknown): value is Head =>
  typeof value === "object" &&
  value !== null &&
  "head" in value &&
  "lengths" in value &&
  Array.isArray(value.lengths) &&
  value.lengths.every((length) => Number.isSafeInteger(length) && length >= 0);

/** Pieces of about {@link pieceBytes}, so that a thread that writes them can do something else in between. */
function* piecesOf({ head, blobs }: IndexContent): Iterable<Uint8Array> {
  const json = Buffer.from(JSON.stringify({ lengths: blobs.map(({ byteLength }) => byteLength), head } satisfies Head));
  const fixed = Buffer.alloc(fixedBytes);
  magic.copy(fixed);
  fixed.writeUInt32LE(version, 8);
  fixed.writeUInt32LE(json.byteLength, 12);
  let waiting: Uint8Array[] = [fixed];
  let waitingBytes = fixed.byteLength;
  for (const part of [json, ...blobs]) {
    waiting.push(part);
    waitingBytes += part.byteLength;
    if (waitingBytes < pieceBytes) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    waitingBytes = 0;
  }
  if (waitingBytes > 0) yield Buffer.concat(waiting);
}

const replace = async (from: string, to: string): Promise<void> => {
  for (let tries = 1; ; tries++) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      if (process.platform !== "win32" || tries >= renameTries) throw error;
      await new Promise((resolve) => {
        setTimeout(resolve, renamePauseMs);
      });
    }
  }
};

/** A name that was not on the disk yet must reach it, too; where folders cannot be opened, the system sees to it. */
const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
};

/**
 * Puts `content` in the place of the file, as a whole or not at all, and makes its folder. Of several that write at the
 * same time the last one counts. Returns the bytes written; throws what the file system throws.
 */
export const writeIndexFile = async (file: string, content: IndexContent): Promise<number> => {
  await mkdir(path.dirname(file), { recursive: true });
  const draft = `${file}.${randomUUID()}.tmp`;
  try {
    const handle = await open(draft, "wx", 0o600);
    const hash = createHash("sha256");
    let bytes = digestBytes;
    try {
      for (const piece of piecesOf(content)) {
        hash.update(piece);
        bytes += piece.byteLength;
        await handle.writeFile(piece);
      }
      await handle.writeFile(hash.digest());
      // The rename must not reach the disk before the content does.
      await handle.sync();
    } finally {
      await handle.close();
    }
    await replace(draft, file);
    await syncFolder(path.dirname(file));
    return bytes;
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw error;
  }
};

/** Reads what {@link writeIndexFile} wrote. Undefined: there is none, or it is damaged or of another version. */
export const readIndexFile = async (file: string): Promise<IndexContent | undefined> => {
  let handle;
  try {
    handle = await open(file, "r");
    const { size } = await handle.stat();
    if (size < fixedBytes + digestBytes || size > maxIndexBytes) return undefined;
    return parseIndex(await handle.readFile());
  } catch {
    return undefined;
  } finally {
    await handle?.close().catch(() => undefined);
  }
};

const parseIndex = (bytes: Buffer): IndexContent | undefined => {
  if (!bytes.subarray(0, magic.byteLength).equals(magic) || bytes.readUInt32LE(8) !== version) return undefined;
  const end = bytes.byteLength - digestBytes;
  const digest = createHash("sha256").update(bytes.subarray(0, end)).digest();
  if (!digest.equals(bytes.subarray(end))) return undefined;
  let at = fixedBytes + bytes.readUInt32LE(12);
  const parsed: unknown = JSON.parse(bytes.toString("utf8", fixedBytes, at));
  if (!isHead(parsed)) return undefined;
  const blobs: Uint8Array[] = [];
  for (const length of parsed.lengths) {
    blobs.push(bytes.subarray(at, at + length));
    at += length;
  }
  return at === end ? { head: parsed.head, blobs } : undefined;
};

/** The drafts that killed writers left beside `file`. */
const draftsOf = async (file: string): Promise<string[]> => {
  const names = await readdir(path.dirname(file)).catch(() => []);
  const isDraft = (name: string) => name.startsWith(`${path.basename(file)}.`) && name.endsWith(".tmp");
  return names.filter(isDraft).map((name) => path.join(path.dirname(file), name));
};

/** Removes drafts that nobody can be writing any more. Never throws. */
export const removeAbandonedDrafts = async (file: string, nowMs: number): Promise<void> => {
  for (const draft of await draftsOf(file)) {
    const stats = await stat(draft).catch(() => undefined);
    if (stats && stats.mtimeMs < nowMs - abandonedAfterMs) await rm(draft, { force: true }).catch(() => undefined);
  }
};

/** Removes the file and all drafts of it. Throws what the file system throws. */
export const removeIndexFile = async (file: string): Promise<void> => {
  for (const gone of [file, ...(await draftsOf(file))]) await rm(gone, { force: true });
};

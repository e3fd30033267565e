import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";

/** A value of a header that is kept. Long lists (vocabularies) and long texts (templates) are not: only how long they are. */
export type GgufValue = number | boolean | string | readonly number[] | { readonly length: number };

export type GgufTensor = {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: number;
  readonly bytes: number;
};

export type GgufHeader = {
  readonly values: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
  /** Of the whole file; a file may end after its header. */
  readonly fileBytes: number;
};

/** Why a file gave no header. Reading errors of the file system come through as they are. */
export class GgufError extends Error {
  readonly kind: "not-gguf" | "unsupported" | "truncated" | "damaged";
  constructor(kind: GgufError["kind"], message: string) {
    super(message);
    this.name = "GgufError";
    this.kind = kind;
  }
}

const pageBytes = 256 * 1024;
/** More than any known model has, and little enough that a hostile header costs no noticeable memory. */
const limits = {
  values: 65_536,
  tensors: 131_072,
  nameBytes: 1024,
  dimensions: 8,
  keptTextBytes: 4096,
  keptList: 4096,
  keptBytes: 16 * 1024 * 1024,
  headerBytes: 128 * 1024 * 1024,
};

/** Bytes of a number by its type's id (GGUF specification, `gguf_metadata_value_type`). */
const numberBytes = new Map([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 4],
  [5, 4],
  [6, 4],
  [7, 1],
  [10, 8],
  [11, 8],
  [12, 8],
]);
const textType = 8;
const listType = 9;

/** Values and bytes of one block, by the tensor type's id in ggml.h. */
const blocks = new Map<number, readonly [values: number, bytes: number]>([
  [0, [1, 4]],
  [1, [1, 2]],
  [2, [32, 18]],
  [3, [32, 20]],
  [6, [32, 22]],
  [7, [32, 24]],
  [8, [32, 34]],
  [9, [32, 36]],
  [10, [256, 84]],
  [11, [256, 110]],
  [12, [256, 144]],
  [13, [256, 176]],
  [14, [256, 210]],
  [15, [256, 292]],
  [16, [256, 66]],
  [17, [256, 74]],
  [18, [256, 98]],
  [19, [256, 50]],
  [20, [32, 18]],
  [21, [256, 110]],
  [22, [256, 82]],
  [23, [256, 136]],
  [24, [1, 1]],
  [25, [1, 2]],
  [26, [1, 4]],
  [27, [1, 8]],
  [28, [1, 8]],
  [29, [256, 56]],
  [30, [1, 2]],
  [34, [256, 54]],
  [35, [256, 66]],
  [39, [32, 17]],
  [40, [64, 36]],
]);

/** Reads a file page by page, forwards only; what is skipped is not read. */
const createCursor = (file: FileHandle, fileBytes: number) => {
  let page = Buffer.alloc(0);
  let pageStart = 0;
  let at = 0;
  let keptBytes = 0;

  const keep = (bytes: number): void => {
    keptBytes += bytes;
    if (keptBytes > limits.keptBytes) throw new GgufError("damaged", "The header is implausibly large");
  };
  const fill = async (bytes: number): Promise<void> => {
    if (pageStart + at + bytes > fileBytes) throw new GgufError("truncated", "The file ends inside its header");
    if (pageStart + at + bytes > limits.headerBytes) throw new GgufError("damaged", "The header is implausibly large");
    pageStart += at;
    at = 0;
    const wanted = Math.min(Math.max(bytes, pageBytes), fileBytes - pageStart);
    const buffer = Buffer.alloc(wanted);
    let filled = 0;
    while (filled < wanted) {
      const { bytesRead } = await file.read(buffer, filled, wanted - filled, pageStart + filled);
      if (bytesRead === 0) throw new GgufError("truncated", "The file ends inside its header");
      filled += bytesRead;
    }
    page = buffer;
  };
  /** Where the next `bytes` bytes lie in `page`. A promise only when a page has to be read: most calls need none. */
  const take = (bytes: number): number | Promise<number> => {
    if (at + bytes > page.length) return fill(bytes).then(() => take(bytes));
    at += bytes;
    return at - bytes;
  };
  const skip = (bytes: number): void => {
    if (pageStart + at + bytes > fileBytes) throw new GgufError("truncated", "The file ends inside its header");
    if (at + bytes <= page.length) at += bytes;
    else {
      pageStart += at + bytes;
      at = 0;
      page = Buffer.alloc(0);
    }
  };
  const u32 = async (): Promise<number> => {
    const start = await take(4);
    return page.readUInt32LE(start);
  };
  const count = (start: number): number => {
    const value = page.readBigUInt64LE(start);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new GgufError("damaged", "A length in the header is impossible");
    return Number(value);
  };
  const u64 = async (): Promise<number> => count(await take(8));
  const text = async (bytes: number): Promise<string> => {
    keep(bytes);
    const start = await take(bytes);
    return page.toString("utf8", start, start + bytes);
  };
  /** The name of a value or a tensor. */
  const name = async (): Promise<string> => {
    const bytes = await u64();
    if (bytes > limits.nameBytes) throw new GgufError("damaged", "A name in the header is implausibly long");
    return text(bytes);
  };
  const number = async (type: number): Promise<number> => {
    const start = await take(numberBytes.get(type) ?? 0);
    switch (type) {
      case 0:
      case 7:
        return page.readUInt8(start);
      case 1:
        return page.readInt8(start);
      case 2:
        return page.readUInt16LE(start);
      case 3:
        return page.readInt16LE(start);
      case 4:
        return page.readUInt32LE(start);
      case 5:
        return page.readInt32LE(start);
      case 6:
        return page.readFloatLE(start);
      case 10:
        return Number(page.readBigUInt64LE(start));
      case 11:
        return Number(page.readBigInt64LE(start));
      default:
        return page.readDoubleLE(start);
    }
  };
  /** Passes over `length` texts. A vocabulary has hundreds of thousands, so it waits only at the end of a page. */
  const skipTexts = async (length: number): Promise<void> => {
    for (let index = 0; index < length; index++) {
      const start = take(8);
      skip(count(typeof start === "number" ? start : await start));
    }
  };
  return { u32, u64, text, name, number, keep, skip, skipTexts, position: () => pageStart + at };
};

type Cursor = ReturnType<typeof createCursor>;

const readValue = async (cursor: Cursor, type: number): Promise<GgufValue> => {
  if (type === textType) {
    const bytes = await cursor.u64();
    if (bytes <= limits.keptTextBytes) return cursor.text(bytes);
    cursor.skip(bytes);
    return { length: bytes };
  }
  if (type === listType) {
    const itemType = await cursor.u32();
    const length = await cursor.u64();
    if (itemType === textType) {
      await cursor.skipTexts(length);
      return { length };
    }
    const itemBytes = numberBytes.get(itemType);
    if (itemBytes === undefined) throw new GgufError("damaged", "The header holds a list of an unknown type");
    if (length > limits.keptList) {
      cursor.skip(length * itemBytes);
      return { length };
    }
    cursor.keep(8 * length);
    const items: number[] = [];
    for (let index = 0; index < length; index++) items.push(await cursor.number(itemType));
    return items;
  }
  if (!numberBytes.has(type)) throw new GgufError("damaged", "The header holds a value of an unknown type");
  const value = await cursor.number(type);
  return type === 7 ? value !== 0 : value;
};

const readTensors = async (
  cursor: Cursor,
  length: number,
  weightsEnd: (headerEnd: number) => number,
): Promise<GgufTensor[]> => {
  const raw: { name: string; shape: number[]; type: number; offset: number }[] = [];
  for (let index = 0; index < length; index++) {
    const name = await cursor.name();
    const dimensions = await cursor.u32();
    if (dimensions > limits.dimensions) throw new GgufError("damaged", "A tensor has too many dimensions");
    const shape: number[] = [];
    for (let dimension = 0; dimension < dimensions; dimension++) shape.push(await cursor.u64());
    raw.push({ name, shape, type: await cursor.u32(), offset: await cursor.u64() });
  }
  const offsets = raw.map(({ offset }) => offset).toSorted((a, b) => a - b);
  const end = weightsEnd(cursor.position());
  const next = new Map(offsets.map((offset, index) => [offset, offsets[index + 1]]));
  return raw.map(({ name, shape, type, offset }) => {
    const values = shape.reduce((product, size) => product * size, 1);
    if (!Number.isSafeInteger(values)) throw new GgufError("damaged", "A tensor is impossibly large");
    const block = blocks.get(type);
    // A type that is younger than this table: its tensor reaches to the next one's beginning, or to the end.
    const bytes = block ? Math.ceil(values / block[0]) * block[1] : Math.max(0, (next.get(offset) ?? end) - offset);
    return { name, shape, values, bytes };
  });
};

/**
 * Reads the header of a GGUF file, version 2 or 3, in pages of 256 KiB; never the weights, and nothing that a header
 * of any size could make it keep. Throws `GgufError`, or the file system's error when the file cannot be opened.
 */
export const readGgufHeader = async (path: string): Promise<GgufHeader> => {
  // A server names the file: a pipe must not keep a thread waiting. Windows has no such flag.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = await file.stat();
    const fileBytes = stats.isFile() ? stats.size : 0;
    if (fileBytes < 4) throw new GgufError("not-gguf", "This is not a GGUF file");
    const cursor = createCursor(file, fileBytes);
    if ((await cursor.text(4)) !== "GGUF") throw new GgufError("not-gguf", "This is not a GGUF file");
    const version = await cursor.u32();
    if (version !== 2 && version !== 3) {
      throw new GgufError("unsupported", "This GGUF file has a version or byte order that is not supported");
    }
    const tensorCount = await cursor.u64();
    const valueCount = await cursor.u64();
    if (tensorCount > limits.tensors || valueCount > limits.values) {
      throw new GgufError("damaged", "The header announces implausibly many entries");
    }
    const values = new Map<string, GgufValue>();
    for (let index = 0; index < valueCount; index++) {
      const key = await cursor.name();
      values.set(key, await readValue(cursor, await cursor.u32()));
    }
    const alignment = values.get("general.alignment");
    const step = typeof alignment === "number" && alignment >= 1 ? alignment : 32;
    // Offsets count from where the weights begin, behind the header.
    const weightsEnd = (headerEnd: number) => fileBytes - Math.ceil(headerEnd / step) * step;
    return { values, tensors: await readTensors(cursor, tensorCount, weightsEnd), fileBytes };
  } finally {
    await file.close();
  }
};

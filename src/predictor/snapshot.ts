import type { Calibration, CalibrationEntry } from "./calibration.ts";
import { type Block, maxBlockTokens, overlapTokens } from "./contextIndex.ts";
import type { LearnedFile, LearnedText } from "./learnedText.ts";
import { unitTokens } from "./unitPool.ts";
import { createTokenBuffer, firstWordId, maxTokenLength, pushToken, tokenId, type Vocabulary } from "./vocabulary.ts";

/** Changes whenever snapshots that older builds took can no longer be read, or would be read wrongly. */
export const snapshotVersion = 1;

type Head = {
  version: number;
  byteOrder: number;
  words: number;
  /** Path, text units, number of pieces. */
  files: (readonly [string, number, number])[];
  calibration: readonly CalibrationEntry[];
};

/** Six numbers a piece: hash, check, from, to, contextFrom, and how many blocks it has, or -1 when it is not learned. */
const numbersPerPiece = 6;

/** Differs between machines that put the bytes of a number in another order. */
const byteOrder = new Int32Array(Uint8Array.of(1, 2, 3, 4).buffer)[0]!;

type Parts = { learned: LearnedText; vocabulary: Vocabulary; calibration: Calibration };

const bytesOf = (numbers: readonly number[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Int32Array.from(numbers).buffer);

/** Writes down all files: a head, the words' lengths and units, the pieces, the blocks, the tokens. */
export const takeSnapshot = ({ learned, vocabulary, calibration }: Parts): Uint8Array<ArrayBuffer>[] => {
  const { tokens } = learned.index;
  const files: Head["files"] = [];
  const words: string[] = [];
  const numberOf = new Map<number, number>();
  const pieces: number[] = [];
  const blocks: number[] = [];
  const written = createTokenBuffer();

  const renumber = (token: number): number => {
    const id = tokenId(token);
    if (id < firstWordId) return token;
    let number = numberOf.get(id);
    if (number === undefined) {
      number = firstWordId + words.length;
      numberOf.set(id, number);
      words.push(vocabulary.textOf(id));
    }
    return (number << 2) | (token & 3);
  };

  for (const [path, file] of learned.files()) {
    // What is half learned is left out, as nobody could tell later what is missing.
    if (!file.isComplete) continue;
    files.push([path, file.textUnits, file.pieces.length]);
    for (const piece of file.pieces) {
      pieces.push(piece.hash, piece.check, piece.from, piece.to, piece.contextFrom, piece.blocks?.length ?? -1);
      for (const { firstUnit, linkedFrom, end } of piece.blocks ?? []) {
        const first = firstUnit * unitTokens + 1;
        blocks.push(end - first, linkedFrom - first);
        for (let position = first; position < end; position++) pushToken(written, renumber(tokens[position]!));
      }
    }
  }
  const head: Head = {
    version: snapshotVersion,
    byteOrder,
    words: words.length,
    files,
    calibration: calibration.save(),
  };
  const text = words.join("");
  const units = Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
  return [
    new TextEncoder().encode(JSON.stringify(head)),
    Uint8Array.from(words, (word) => word.length),
    new Uint8Array(units.buffer),
    bytesOf(pieces),
    bytesOf(blocks),
    new Uint8Array(written.tokens.slice(0, written.length).buffer),
  ];
};

/** Thrown and caught in here. */
const damaged = (what: string): Error => new Error(what, { cause: "damaged" });

const demand = (condition: boolean, what: string): void => {
  if (!condition) throw damaged(what);
};

const isWhole = (value: unknown): boolean => typeof value === "number" && Number.isInteger(value) && value >= 0;

const isFileEntry = (entry: unknown): boolean =>
  Array.isArray(entry) && typeof entry[0] === "string" && isWhole(entry[1]) && isWhole(entry[2]);

const isCalibrationEntry = (entry: unknown): boolean =>
  Array.isArray(entry) && typeof entry[0] === "string" && Number.isFinite(entry[1]) && Number.isFinite(entry[2]);

const isHead = (value: unknown): value is Head => {
  if (typeof value !== "object" || value === null) return false;
  const { version, byteOrder: order, words, files, calibration } = { ...value } as Partial<Record<keyof Head, unknown>>;
  return (
    version === snapshotVersion &&
    order === byteOrder &&
    isWhole(words) &&
    Array.isArray(files) &&
    files.every(isFileEntry) &&
    Array.isArray(calibration) &&
    calibration.every(isCalibrationEntry)
  );
};

const readHead = (chunk: Uint8Array): Head => {
  let head: unknown;
  try {
    head = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(chunk)) as unknown;
  } catch {
    throw damaged("head");
  }
  if (!isHead(head)) throw damaged("head");
  return head;
};

/** The chunk's numbers, copied: a file's bytes may begin anywhere. */
const numbersOf = (chunk: Uint8Array): Int32Array => {
  demand(chunk.byteLength % 4 === 0, "length");
  return new Int32Array(chunk.slice().buffer);
};

const readWords = (lengths: Uint8Array, units: Uint8Array, count: number): string[] => {
  demand(lengths.length === count && units.byteLength % 2 === 0, "words");
  const codes = new Uint16Array(units.slice().buffer);
  const words: string[] = [];
  let at = 0;
  for (const length of lengths) {
    demand(length > 0 && length <= maxTokenLength + 1 && at + length <= codes.length, "word");
    words.push(String.fromCharCode(...codes.subarray(at, at + length)));
    at += length;
  }
  demand(at === codes.length, "words");
  return words;
};

/** Learns what a snapshot holds in place of everything. Throws when the chunks are no snapshot; some may be learned then. */
const readSnapshot = ({ learned, vocabulary, calibration }: Parts, chunks: readonly Uint8Array[]): void => {
  demand(chunks.length === 6, "chunks");
  const head = readHead(chunks[0]!);
  const words = readWords(chunks[1]!, chunks[2]!, head.words);
  const [pieces, blocks, tokens] = [numbersOf(chunks[3]!), numbersOf(chunks[4]!), numbersOf(chunks[5]!)];
  const ids = words.map((word) => vocabulary.idOf(word));
  // Held until all is read, in case that making room forgets a file that has the only other use.
  for (const id of ids) vocabulary.retain(id);
  const buffer = createTokenBuffer();
  let [pieceAt, blockAt, tokenAt] = [0, 0, 0];

  const readBlock = (file: LearnedFile): Block | undefined => {
    demand(blockAt + 2 <= blocks.length, "block");
    const [length, linkFrom] = [blocks[blockAt]!, blocks[blockAt + 1]!];
    blockAt += 2;
    demand(length > 0 && length <= maxBlockTokens + overlapTokens && tokenAt + length <= tokens.length, "block");
    demand(linkFrom >= 0 && linkFrom <= length, "block");
    buffer.length = 0;
    for (const end = tokenAt + length; tokenAt < end; tokenAt++) {
      const token = tokens[tokenAt]!;
      const id = tokenId(token);
      demand(token > 0 && id > 0 && id < firstWordId + words.length, "token");
      pushToken(buffer, id < firstWordId ? token : (ids[id - firstWordId]! << 2) | (token & 3));
    }
    for (;;) {
      const block = learned.index.store(buffer, 0, linkFrom, length, file.number);
      if (block) learned.index.link(block);
      if (block || !learned.makeRoom(file.number)) return block;
    }
  };

  try {
    for (const [path, textUnits, pieceCount] of head.files) {
      const file = learned.restore(path, textUnits);
      for (let i = 0; i < pieceCount; i++) {
        demand(pieceAt + numbersPerPiece <= pieces.length, "piece");
        const [hash, check, from, to, contextFrom, blockCount] = pieces.subarray(pieceAt, pieceAt + numbersPerPiece);
        pieceAt += numbersPerPiece;
        demand(from! >= 0 && from! < to! && to! <= textUnits && contextFrom! >= 0 && contextFrom! <= from!, "piece");
        const piece = { hash: hash!, check: check!, from: from!, to: to!, contextFrom: contextFrom! };
        // The piece belongs to the file before its blocks are there, so that forgetting the file frees them.
        const kept: Block[] = [];
        learned.addPiece(file, { ...piece, blocks: blockCount! < 0 ? undefined : kept });
        for (let n = 0; n < blockCount!; n++) {
          const block = readBlock(file);
          if (block) kept.push(block);
        }
      }
      learned.keepWithin(file.number);
    }
    demand(pieceAt === pieces.length && blockAt === blocks.length && tokenAt === tokens.length, "rest");
  } finally {
    for (const id of ids) vocabulary.release(id);
  }
  calibration.restore(head.calibration);
};

/** False: the chunks are no snapshot of this version, or are damaged; nothing is learned then. */
export const restoreSnapshot = (parts: Parts, chunks: readonly Uint8Array[]): boolean => {
  const forgetAll = (): void => {
    for (const path of parts.learned.files().keys()) parts.learned.forget(path);
  };
  forgetAll();
  try {
    readSnapshot(parts, chunks);
    return true;
  } catch (error) {
    forgetAll();
    if (error instanceof Error && error.cause === "damaged") return false;
    throw error;
  }
};

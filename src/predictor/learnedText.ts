import { type Block, type ContextIndex, createContextIndex } from "./contextIndex.ts";
import { commonEnd, commonStart, cutIntoPieces, isSamePiece, type Piece } from "./pieces.ts";
import { createPieceStore } from "./pieceStore.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** `blocks` is undefined while the piece is not learned. */
export type LearnedPiece = Piece & { blocks: Block[] | undefined };

/** A text that was learned. `number` is what {@link ContextIndex.fileAt} returns. */
export type LearnedFile = {
  readonly number: number;
  readonly folder: number;
  pieces: LearnedPiece[];
  textUnits: number;
  /** Counts the texts it had, so that learning in steps sees that it was overtaken. */
  version: number;
  /** Whether all of its text was gone through; false while it is learned in steps. */
  isComplete: boolean;
  /** How often forgetting passes it by: {@link usefulPasses} from the last prediction on that came from it. */
  passes: number;
};

/** All files that predictions may come from, by path. What they hold is listed in the order of their last change. */
export type LearnedText = {
  readonly index: ContextIndex;
  file(path: string): LearnedFile | undefined;
  fileOf(fileNumber: number): LearnedFile | undefined;
  /** All files, the one that was changed longest ago first. */
  files(): ReadonlyMap<string, LearnedFile>;
  folderOf(path: string): number;
  folderOfFile(fileNumber: number): number;
  /**
   * Learns `text` under `path` in place of what was learned there. The file changed last costs time for the pieces that
   * change only, others for all of their text. The work is done between the steps, about a millisecond each; leaving
   * off early leaves part of the text unlearned.
   */
  learn(path: string, text: string): Iterable<undefined>;
  forget(path: string): void;
  textUnits(): number;
  bytes(): number;
};

/** Does all steps at once. */
export const finish = (steps: Iterable<undefined>): void => {
  const iterator = steps[Symbol.iterator]();
  while (!iterator.next().done);
};

/** So many other files are forgotten before one that a prediction came from. */
export const usefulPasses = 64;
/** Larger changes are learned in steps. */
const maxEditUnits = 16_384;
/** Texts that are held so that edits of them can be told by what they change. */
const maxTexts = 8;
const maxTextUnits = 1_000_000;
/** The index's part of the memory; the rest is for words and pieces. */
const indexPart = 0.7;
/** What a piece and its block take, and a file: measured with V8's heap statistics, rounded up. */
const bytesPerPiece = 320;
const bytesPerFile = 600;
/** A learning that is overtaken by others starts again, so that its text stays together, but not for ever. */
const maxRestarts = 3;

const notLearned = ({ hash, check, from, to, contextFrom }: Piece): LearnedPiece => ({
  hash,
  check,
  from,
  to,
  contextFrom,
  blocks: undefined,
});

const blocksOf = (pieces: readonly LearnedPiece[]): Block[] => pieces.flatMap(({ blocks }) => blocks ?? []);

export const createLearnedText = (vocabulary: Vocabulary, maxBytes: number): LearnedText => {
  const index = createContextIndex(maxBytes * indexPart, vocabulary);
  // A Map keeps the order of insertion: the file changed last stands last.
  const files = new Map<string, LearnedFile>();
  const fileByNumber: (LearnedFile | undefined)[] = [undefined];
  const folders = new Map<string, number>();
  const freeNumbers: number[] = [];
  const texts = new Map<string, string>();
  let newest: LearnedFile | undefined;
  let totalUnits = 0;
  let totalPieces = 0;

  const otherBytes = (): number => vocabulary.bytes() + totalPieces * bytesPerPiece + files.size * bytesPerFile;

  const folderOf = (path: string): number => {
    const folder = path.slice(0, Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"), 0));
    let number = folders.get(folder);
    if (number === undefined) {
      number = folders.size + 1;
      folders.set(folder, number);
    }
    return number;
  };

  const addFile = (path: string): LearnedFile => {
    const file: LearnedFile = {
      number: freeNumbers.pop() ?? fileByNumber.length,
      folder: folderOf(path),
      pieces: [],
      textUnits: 0,
      version: 0,
      isComplete: false,
      passes: 0,
    };
    fileByNumber[file.number] = file;
    files.set(path, file);
    return file;
  };

  const makeNewest = (path: string, file: LearnedFile): void => {
    if (newest === file) return;
    files.delete(path);
    files.set(path, file);
    newest = file;
  };

  const holdText = (path: string, text: string): void => {
    texts.delete(path);
    if (text.length > maxTextUnits) return;
    texts.set(path, text);
    if (texts.size > maxTexts) texts.delete(texts.keys().next().value!);
  };

  const dropPiece = (piece: LearnedPiece): void => {
    for (const block of piece.blocks ?? []) index.remove(block);
    piece.blocks = undefined;
  };

  const setPieces = (file: LearnedFile, pieces: LearnedPiece[]): void => {
    totalPieces += pieces.length - file.pieces.length;
    file.pieces = pieces;
  };

  const setTextUnits = (file: LearnedFile, units: number): void => {
    totalUnits += units - file.textUnits;
    file.textUnits = units;
  };

  const forget = (path: string): void => {
    const file = files.get(path);
    if (!file) return;
    for (const piece of file.pieces) dropPiece(piece);
    setPieces(file, []);
    setTextUnits(file, 0);
    file.version++;
    files.delete(path);
    texts.delete(path);
    fileByNumber[file.number] = undefined;
    freeNumbers.push(file.number);
    if (newest === file) newest = undefined;
  };

  /** Forgets the file that was changed longest ago, but lets those that predictions came from pass for a while. */
  const makeRoom = (keep: number): boolean => {
    let oldest: string | undefined;
    for (const [path, file] of files) {
      if (file.number === keep) continue;
      oldest ??= path;
      if (file.passes === 0) {
        forget(path);
        return true;
      }
      file.passes--;
    }
    if (oldest !== undefined) forget(oldest);
    return oldest !== undefined;
  };

  const keepWithin = (keep: number): void => {
    while (otherBytes() > maxBytes * (1 - indexPart) && makeRoom(keep));
  };

  const store = createPieceStore(vocabulary, index, makeRoom);

  const learnPiece = (file: LearnedFile, text: string, piece: LearnedPiece): void => {
    piece.blocks = store(text, piece, file.number);
    for (const block of piece.blocks ?? []) index.link(block);
  };

  const learnAll = function* (path: string, file: LearnedFile, text: string): Iterable<undefined> {
    const version = ++file.version;
    file.isComplete = false;
    for (let restarts = 0; ; restarts++) {
      const gone = file.pieces;
      const pieces = cutIntoPieces(text).map(notLearned);
      // What is not dropped yet still belongs to the file, in case that it is forgotten between two steps.
      setPieces(file, [...gone, ...pieces]);
      setTextUnits(file, text.length);
      for (const piece of gone) {
        dropPiece(piece);
        yield;
        if (file.version !== version) return;
      }
      setPieces(file, pieces);
      makeNewest(path, file);
      for (const piece of pieces) {
        learnPiece(file, text, piece);
        yield;
        if (file.version !== version) return;
        if (newest !== file && restarts < maxRestarts) break;
      }
      if (newest === file || restarts >= maxRestarts) break;
    }
    file.isComplete = newest === file;
  };

  /** Learns what differs from `old`, the text of the file that was changed last. False: too much to do it at once. */
  const learnEdit = (file: LearnedFile, old: string, text: string): boolean => {
    const start = commonStart(old, text);
    const end = commonEnd(old, text, start);
    if (Math.max(old.length, text.length) - start - end > maxEditUnits) return false;
    const { pieces } = file;
    const moved = text.length - old.length;
    const sameFrom = old.length - end;
    // The last piece may have ended where the text did, and not at a border.
    let first = 0;
    while (first < pieces.length - 1 && pieces[first]!.to <= start) first++;
    // Where both texts have a border, and an equal line above it, they are cut alike from there on.
    let next = first;
    const isEnough = (border: number): boolean => {
      while (next < pieces.length && pieces[next]!.to < border - moved) next++;
      const piece = pieces[next + 1];
      return piece !== undefined && piece.from === border - moved && piece.contextFrom > sameFrom;
    };
    const cut = cutIntoPieces(text, { after: pieces[first - 1], isEnough });
    const lastCut = cut.at(-1);
    const goneTo = lastCut && isEnough(lastCut.to) ? next + 1 : pieces.length;
    const fresh: LearnedPiece[] = [];
    for (const piece of cut) {
      const blocks = store(text, piece, file.number);
      fresh.push({ ...piece, blocks });
      if (blocks) continue;
      for (const stored of fresh) dropPiece(stored);
      return false;
    }
    const later = pieces.slice(goneTo);
    index.replace(blocksOf(pieces.slice(first, goneTo)), blocksOf(fresh), blocksOf(later));
    for (const piece of later) {
      piece.from += moved;
      piece.to += moved;
      piece.contextFrom += moved;
    }
    setPieces(file, [...pieces.slice(0, first), ...fresh, ...later]);
    setTextUnits(file, text.length);
    file.version++;
    return true;
  };

  const isUnchanged = (file: LearnedFile, text: string): boolean => {
    if (file.textUnits !== text.length) return false;
    const cut = cutIntoPieces(text);
    return cut.length === file.pieces.length && cut.every((piece, i) => isSamePiece(piece, file.pieces[i]!));
  };

  return {
    index,
    file: (path) => files.get(path),
    fileOf: (fileNumber) => fileByNumber[fileNumber],
    files: () => files,
    folderOf,
    folderOfFile: (fileNumber) => fileByNumber[fileNumber]?.folder ?? 0,
    *learn(path, text) {
      const file = files.get(path) ?? addFile(path);
      // What is held was learned only if nothing cut that short.
      const held = file.isComplete ? texts.get(path) : undefined;
      const isSame = held === undefined ? file.isComplete && isUnchanged(file, text) : held === text;
      holdText(path, text);
      if (isSame) return;
      const isEdited = held !== undefined && file === newest && learnEdit(file, held, text);
      if (!isEdited) yield* learnAll(path, file, text);
      keepWithin(file.number);
    },
    forget,
    textUnits: () => totalUnits,
    bytes: () => index.bytes() + otherBytes(),
  };
};

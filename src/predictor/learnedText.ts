import { type Block, type ContextIndex, createContextIndex, maxBlockTokens, overlapTokens } from "./contextIndex.ts";
import { cutIntoPieces, type Piece } from "./pieces.ts";
import { createTokenBuffer, createVocabulary, isBreak, lineEnd, pushToken, type Vocabulary } from "./vocabulary.ts";

/** `blocks` is undefined while the piece is not learned. */
type LearnedPiece = Piece & { blocks: Block[] | undefined };

/** A text that was learned. `number` is what {@link ContextIndex.fileAt} returns. */
export type LearnedFile = {
  readonly number: number;
  readonly folder: number;
  pieces: LearnedPiece[];
  textUnits: number;
  /** Counts the texts it had, so that learning in steps sees that it was overtaken. */
  version: number;
};

/** All text that predictions may come from: files by path, and the surroundings of the cursor. */
export type LearnedText = {
  readonly vocabulary: Vocabulary;
  readonly index: ContextIndex;
  /** The text before and after the cursor's line, learned by {@link LearnedText.follow}. */
  readonly before: LearnedFile;
  readonly after: LearnedFile;
  file(path: string): LearnedFile | undefined;
  folderOf(path: string): number;
  folderOfFile(fileNumber: number): number;
  /**
   * Learns `text` under `path` in place of what was learned there; costs time only for the pieces that changed. The
   * work is done between the steps, about a millisecond each; leaving off early leaves part of the text unlearned.
   */
  learn(path: string, text: string): Iterable<undefined>;
  forget(path: string): void;
  /** Learns what surrounds the cursor, in place of what surrounded it before. */
  follow(folder: number, before: string, after: string, afterIsCut: boolean): void;
  fileCount(): number;
  textUnits(): number;
  bytes(): number;
};

/** Does all steps at once. */
export const finish = (steps: Iterable<undefined>): void => {
  const iterator = steps[Symbol.iterator]();
  while (!iterator.next().done);
};

export const createLearnedText = (maxBytes: number): LearnedText => {
  const vocabulary = createVocabulary();
  const index = createContextIndex(maxBytes, vocabulary);
  const files = new Map<string, LearnedFile>();
  const folders = new Map<string, number>();
  const folderByFile: number[] = [0];
  const freeNumbers: number[] = [];
  const buffer = createTokenBuffer();
  let totalUnits = 0;

  const folderOf = (path: string): number => {
    const folder = path.slice(0, Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"), 0));
    let number = folders.get(folder);
    if (number === undefined) {
      number = folders.size + 1;
      folders.set(folder, number);
    }
    return number;
  };

  const addFile = (folder: number): LearnedFile => {
    const number = freeNumbers.pop() ?? folderByFile.length;
    folderByFile[number] = folder;
    return { number, folder, pieces: [], textUnits: 0, version: 0 };
  };

  const dropPiece = (piece: LearnedPiece): void => {
    for (const block of piece.blocks ?? []) index.remove(block);
    piece.blocks = undefined;
  };

  const forget = (path: string): void => {
    const file = files.get(path);
    if (!file) return;
    for (const piece of file.pieces) dropPiece(piece);
    file.version++;
    totalUnits -= file.textUnits;
    files.delete(path);
    freeNumbers.push(file.number);
  };

  /** Forgets the file that was learned or typed in longest ago. */
  const makeRoom = (keep: LearnedFile): boolean => {
    for (const [path, file] of files) {
      if (file === keep) continue;
      forget(path);
      return true;
    }
    return false;
  };

  /** Fills the buffer with a piece's tokens behind those of the line above it, and returns how many those are. */
  const readPiece = (text: string, piece: Piece): number => {
    vocabulary.tokenize(text, piece.contextFrom, piece.to, true, buffer);
    let contextTokens = 0;
    if (piece.contextFrom < piece.from) {
      contextTokens = Math.min(1, buffer.length);
      while (contextTokens < buffer.length && !isBreak(buffer.tokens[contextTokens]!)) contextTokens++;
    }
    if (contextTokens < buffer.length) pushToken(buffer, lineEnd);
    return contextTokens;
  };

  const learnPiece = (file: LearnedFile, text: string, piece: LearnedPiece): void => {
    const blocks: Block[] = [];
    piece.blocks = blocks;
    let linkFrom = readPiece(text, piece);
    while (linkFrom < buffer.length) {
      const to = Math.min(buffer.length, linkFrom + maxBlockTokens);
      const block = index.add(buffer, Math.max(0, linkFrom - overlapTokens), linkFrom, to, file.number);
      if (block) {
        blocks.push(block);
        linkFrom = to;
      } else if (makeRoom(file)) {
        // What was forgotten may have taken words along that this piece needs: number them again.
        readPiece(text, piece);
      } else break;
    }
  };

  /** `kept`: how many leading pieces of the file stand as they are, and are left out of `cut`. */
  const learnPieces = function* (
    file: LearnedFile,
    text: string,
    cut: readonly Piece[],
    kept = 0,
  ): Iterable<undefined> {
    const version = ++file.version;
    const reusable = new Map<number, LearnedPiece[]>();
    for (const piece of file.pieces.splice(kept)) {
      const equal = reusable.get(piece.hash);
      if (equal) equal.push(piece);
      else reusable.set(piece.hash, [piece]);
    }
    const pieces = cut.map((piece): LearnedPiece => {
      const equal = reusable.get(piece.hash);
      const at = equal?.findIndex((old) => old.check === piece.check && old.to - old.from === piece.to - piece.from);
      const old = equal && at !== undefined && at >= 0 ? equal.splice(at, 1)[0] : undefined;
      return { ...piece, blocks: old?.blocks };
    });
    const gone = [...reusable.values()].flat();
    // What is not dropped yet still belongs to the file, in case that it is forgotten between two steps.
    file.pieces.push(...pieces, ...gone);
    file.textUnits = text.length;
    for (const piece of gone) {
      dropPiece(piece);
      yield;
      if (file.version !== version) return;
    }
    file.pieces.length -= gone.length;
    for (const piece of pieces) {
      if (piece.blocks) continue;
      learnPiece(file, text, piece);
      yield;
      if (file.version !== version) return;
    }
  };

  const before = addFile(0);
  const after = addFile(0);
  let beforeText = "";
  let afterText = "";

  return {
    vocabulary,
    index,
    before,
    after,
    file: (path) => files.get(path),
    folderOf,
    folderOfFile: (fileNumber) => folderByFile[fileNumber] ?? 0,
    *learn(path, text) {
      const file = files.get(path) ?? addFile(folderOf(path));
      // A Map keeps the order of insertion: the file last learned stands last.
      files.delete(path);
      files.set(path, file);
      totalUnits += text.length - file.textUnits;
      yield* learnPieces(file, text, cutIntoPieces(text, false));
    },
    forget,
    follow(folder, textBefore, textAfter, afterIsCut) {
      folderByFile[before.number] = folder;
      folderByFile[after.number] = folder;
      if (textAfter !== afterText) {
        finish(learnPieces(after, textAfter, cutIntoPieces(textAfter, afterIsCut)));
        afterText = textAfter;
      }
      if (textBefore !== beforeText) {
        // Typing adds at the end: all but the last piece stand as they are.
        let kept = Math.max(0, before.pieces.length - 1);
        const known = before.pieces[kept - 1];
        if (!known || !textBefore.startsWith(beforeText.slice(0, known.to))) kept = 0;
        finish(learnPieces(before, textBefore, cutIntoPieces(textBefore, false, kept > 0 ? known : undefined), kept));
        beforeText = textBefore;
      }
    },
    fileCount: () => files.size,
    textUnits: () => totalUnits,
    bytes: () => index.bytes() + vocabulary.bytes(),
  };
};

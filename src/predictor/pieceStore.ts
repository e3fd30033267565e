import { type Block, type ContextIndex, maxBlockTokens, overlapTokens } from "./contextIndex.ts";
import type { Piece } from "./pieces.ts";
import { createTokenBuffer, isBreak, lineEnd, pushToken, tokenId, type Vocabulary } from "./vocabulary.ts";

/** Stores a piece of `text` as blocks that are not linked yet. Undefined: there is no room, and nothing was stored. */
export type StorePiece = (text: string, piece: Piece, file: number) => Block[] | undefined;

/** @param makeRoom forgets some other text; false: there is none that may be forgotten. */
export const createPieceStore = (
  vocabulary: Vocabulary,
  index: ContextIndex,
  makeRoom: (keep: number) => boolean,
): StorePiece => {
  const buffer = createTokenBuffer();

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

  return (text, piece, file) => {
    const blocks: Block[] = [];
    let linkFrom = readPiece(text, piece);
    while (linkFrom < buffer.length) {
      const to = Math.min(buffer.length, linkFrom + maxBlockTokens);
      const block = index.store(buffer, Math.max(0, linkFrom - overlapTokens), linkFrom, to, file);
      if (block) {
        blocks.push(block);
        linkFrom = to;
      } else if (makeRoom(file)) {
        // What was forgotten may have taken words along that this piece needs: number them again.
        readPiece(text, piece);
      } else {
        for (const stored of blocks) index.remove(stored);
        // Words that were learned for this piece only go with it.
        for (let i = 0; i < buffer.length; i++) vocabulary.retain(tokenId(buffer.tokens[i]!));
        for (let i = 0; i < buffer.length; i++) vocabulary.release(tokenId(buffer.tokens[i]!));
        return undefined;
      }
    }
    return blocks;
  };
};

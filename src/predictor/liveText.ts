import { type Block, type ContextIndex, createContextIndex } from "./contextIndex.ts";
import { commonStart, cutIntoPieces, isSamePiece, type Piece, type PieceSizes } from "./pieces.ts";
import { createPieceStore } from "./pieceStore.ts";
import type { Vocabulary } from "./vocabulary.ts";

type LivePiece = Piece & { blocks: Block[] };

/** The text on one side of the cursor, learned apart from all files: what stands nearest to the cursor is newest. */
export type LiveText = {
  readonly index: ContextIndex;
  /** Learns `text` in place of the last one. `isCut`: the text goes on beyond its end. */
  follow(text: string, isCut: boolean): void;
};

/** The piece next to the cursor is learned anew with every line: a short one costs less. */
const liveSizes: PieceSizes = { minUnits: 120, maxUnits: 480 };

/** @param isBelow the text follows the cursor, instead of ending there. */
export const createLiveText = (vocabulary: Vocabulary, maxBytes: number, isBelow: boolean): LiveText => {
  const index = createContextIndex(maxBytes, vocabulary);
  const store = createPieceStore(vocabulary, index, () => false);
  let pieces: LivePiece[] = [];
  let known = "";

  const drop = (gone: readonly LivePiece[]): void => {
    for (const { blocks } of gone) for (const block of blocks) index.remove(block);
  };

  const learn = (text: string, piece: Piece): LivePiece => {
    const blocks = store(text, piece, 0) ?? [];
    for (const block of blocks) index.link(block);
    return { ...piece, blocks };
  };

  /** Typing changes the end: what stands before the first change, stays. */
  const followAbove = (text: string, isCut: boolean): void => {
    const same = commonStart(known, text);
    let kept = 0;
    // The last piece may have ended where the text did, and not at a border.
    while (kept < pieces.length - 1 && pieces[kept]!.to <= same) kept++;
    drop(pieces.splice(kept));
    for (const piece of cutIntoPieces(text, { wholeOnly: isCut, after: pieces[kept - 1], sizes: liveSizes }))
      pieces.push(learn(text, piece));
  };

  /** Going down a line changes the beginning: what stands behind the last change, stays. */
  const followBelow = (text: string, isCut: boolean): void => {
    const cut = cutIntoPieces(text, { wholeOnly: isCut, sizes: liveSizes });
    const most = Math.min(cut.length, pieces.length);
    let kept = 0;
    while (kept < most && isSamePiece(cut.at(-1 - kept)!, pieces.at(-1 - kept)!)) kept++;
    const stay = pieces.splice(pieces.length - kept);
    drop(pieces);
    const fresh: LivePiece[] = [];
    for (let i = cut.length - kept - 1; i >= 0; i--) fresh.unshift(learn(text, cut[i]!));
    pieces = [...fresh, ...stay];
  };

  return {
    index,
    follow(text, isCut) {
      if (text === known) return;
      if (isBelow) followBelow(text, isCut);
      else followAbove(text, isCut);
      known = text;
    },
  };
};

import { type Block, type ContextIndex, createContextIndex } from "./contextIndex.ts";
import { commonStart, cutIntoPieces, type Piece, type PieceSizes } from "./pieces.ts";
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
const sizesAbove: PieceSizes = { minUnits: 60, maxUnits: 240 };
const sizesBelow: PieceSizes = { minUnits: 30, maxUnits: 120 };

/** @param isBelow the text follows the cursor, instead of ending there. */
export const createLiveText = (vocabulary: Vocabulary, maxBytes: number, isBelow: boolean): LiveText => {
  const index = createContextIndex(maxBytes, vocabulary);
  const store = createPieceStore(vocabulary, index, () => false);
  const pieces: LivePiece[] = [];
  let known = "";
  let isKnownCut = false;

  /** To be called when what comes instead is learned: words that are in both need not be forgotten. */
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
    const changed = pieces.splice(kept);
    for (const piece of cutIntoPieces(text, { wholeOnly: isCut, after: pieces[kept - 1], sizes: sizesAbove }))
      pieces.push(learn(text, piece));
    drop(changed);
  };

  /** Going down a line takes the beginning away: what stands behind the first border that stays, stays. */
  const followBelow = (text: string, isCut: boolean): void => {
    const { length } = text;
    const isEnd = isCut === isKnownCut && known.endsWith(text);
    // Pieces are counted from the text's end here, and the nearest one stands last.
    const lastToStay = (border: number): number =>
      isEnd ? pieces.findLastIndex(({ from, contextFrom }) => from === border - length && contextFrom >= -length) : -1;
    const cut = cutIntoPieces(text, {
      wholeOnly: isCut,
      sizes: sizesBelow,
      isEnough: (border) => lastToStay(border) >= 0,
    });
    const changed = pieces.splice(lastToStay(cut.at(-1)?.to ?? 0) + 1);
    for (let i = cut.length - 1; i >= 0; i--) {
      const piece = learn(text, cut[i]!);
      piece.from -= length;
      piece.to -= length;
      piece.contextFrom -= length;
      pieces.push(piece);
    }
    drop(changed);
  };

  return {
    index,
    follow(text, isCut) {
      if (text === known && isCut === isKnownCut) return;
      if (isBelow) followBelow(text, isCut);
      else followAbove(text, isCut);
      known = text;
      isKnownCut = isCut;
    },
  };
};

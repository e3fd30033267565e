import type { FilePiece } from "../provider/provider.ts";

/** Why a piece may matter: the current file imports it, somebody edited there just now, or it is open. */
export type PieceSource = "imported" | "edited" | "open";

/** A piece on offer. */
export type OfferedPiece = FilePiece & {
  readonly source: PieceSource;
  /** With `imported`: the file that imports it. */
  readonly importer?: string;
};

/** Keeps the pieces of other files that prompts may tell of, in an order that only grows at its end. */
export type RelatedFiles = {
  /** Offers a piece instead of the one that the same source (and importer) offered of this file before. */
  offer(piece: OfferedPiece): void;
  /** Forgets a file that was closed, deleted or is not to be told of. */
  forget(path: string, source?: PieceSource): void;
  /**
   * The pieces for a prompt about the file `path`, at most `maxUnits` in all, none that `windowText` holds already. They
   * begin as the last list did, as far as nothing in it has changed; with `isFresh` they are chosen and ordered anew.
   */
  list(path: string, options: ListOptions): readonly FilePiece[];
  clear(): void;
  sizeBytes(): number;
  /** Forgets what was offered longest ago, until at most `toBytes` are left. */
  shrink(toBytes: number): void;
};

export type ListOptions = { readonly windowText: string; readonly maxUnits: number; readonly isFresh: boolean };

// A piece longer than this, about 500 tokens, would push all others out.
const maxPieceUnits = 1800;
const maxOffered = 40;
// What a family's marks around a piece take.
const pieceOverheadUnits = 24;
// What matters most is taken first, and what changes least stands first.
const worth: Readonly<Record<PieceSource, number>> = { imported: 3, edited: 2, open: 1 };
const stability: Readonly<Record<PieceSource, number>> = { imported: 1, open: 2, edited: 3 };

const keyOf = ({ path, source, importer = "" }: OfferedPiece): string => `${source}\0${path}\0${importer}`;

const unitsOf = ({ path, text }: FilePiece): number => path.length + text.length + pieceOverheadUnits;

/** At most `maxPieceUnits`, in whole lines, without blank lines around it. */
const trimmed = (text: string): string => {
  const whole = text
    .replaceAll("\r\n", "\n")
    .replace(/^(?:[^\S\n]*\n)+/, "")
    .trimEnd();
  if (whole.length <= maxPieceUnits) return whole;
  const end = whole.lastIndexOf("\n", maxPieceUnits);
  return end > 0 ? whole.slice(0, end) : "";
};

/** Knows nothing yet. */
export const createRelatedFiles = (): RelatedFiles => {
  /** The newest last. A piece whose text has not changed stays the same object. */
  const offered = new Map<string, OfferedPiece>();
  let listed: readonly OfferedPiece[] = [];

  /** The list for one file that begins with `kept`; undefined: something that it imports found no room. */
  const extend = (
    kept: readonly OfferedPiece[],
    path: string,
    { windowText, maxUnits }: ListOptions,
  ): { pieces: readonly OfferedPiece[]; isImportMissing: boolean } => {
    const files = new Set(kept.map((piece) => piece.path));
    let leftUnits = maxUnits - kept.reduce((sum, piece) => sum + unitsOf(piece), 0);
    let isImportMissing = false;
    const wanted = [...offered.values()]
      .toReversed()
      .filter((piece) => piece.path !== path && (piece.source !== "imported" || piece.importer === path))
      .filter((piece) => !kept.includes(piece) && !windowText.includes(piece.text))
      .toSorted((a, b) => worth[b.source] - worth[a.source]);
    const added: OfferedPiece[] = [];
    for (const piece of wanted) {
      // Of a file that is told of already, only what is being edited adds something.
      if (files.has(piece.path) && piece.source !== "edited") continue;
      if (unitsOf(piece) > leftUnits) {
        isImportMissing ||= piece.source === "imported";
        continue;
      }
      added.push(piece);
      files.add(piece.path);
      leftUnits -= unitsOf(piece);
    }
    added.sort((a, b) => stability[a.source] - stability[b.source]);
    return { pieces: [...kept, ...added], isImportMissing };
  };

  const sizeBytes = () => [...offered.values()].reduce((sum, piece) => sum + 2 * unitsOf(piece), 0);

  return {
    offer(piece) {
      const text = trimmed(piece.text);
      const key = keyOf(piece);
      const before = offered.get(key);
      offered.delete(key);
      if (text === "") return;
      offered.set(key, before?.text === text ? before : { ...piece, text });
      const oldest = offered.keys().next();
      if (offered.size > maxOffered && !oldest.done) offered.delete(oldest.value);
    },
    forget(path, source) {
      for (const [key, piece] of offered) {
        if (piece.path === path && (source === undefined || piece.source === source)) offered.delete(key);
      }
    },
    list(path, options) {
      const stillOffered = new Set(offered.values());
      let units = 0;
      const kept = options.isFresh
        ? []
        : listed.filter((piece) => {
            const isKept = piece.path !== path && stillOffered.has(piece) && units + unitsOf(piece) <= options.maxUnits;
            if (isKept) units += unitsOf(piece);
            return isKept;
          });
      let next = extend(kept, path, options);
      if (next.isImportMissing && kept.length > 0) next = extend([], path, options);
      listed = next.pieces;
      return listed;
    },
    clear() {
      offered.clear();
      listed = [];
    },
    sizeBytes,
    shrink(toBytes) {
      for (const key of offered.keys()) {
        if (sizeBytes() <= toBytes) return;
        offered.delete(key);
        listed = [];
      }
    },
  };
};

import { brotliCompressSync, constants } from "node:zlib";
import {
  chanceLevel,
  standardColumns,
  type StandardHead,
  standardSizesBytes,
  standardVersion,
} from "../../src/predictor/standardText.ts";

/** A token that may follow: a target's number, counted from 1, and its chance, 0..1. */
export type Candidate = { readonly target: number; readonly chance: number };

export type StandardContents = {
  /** Identifiers that count as themselves in a context. */
  readonly words: readonly string[];
  /** `kind`: the gap before it; of a line break, whose text is empty, its id. */
  readonly targets: readonly { readonly text: string; readonly kind: number; readonly chance: number }[];
  /** By fingerprint of their context. */
  readonly contexts: ReadonlyMap<number, readonly Candidate[]>;
};

const pushNumber = (bytes: number[], value: number): void => {
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
};

/** The file that createStandardText reads. */
export const packStandardText = ({ words, targets, contexts }: StandardContents): Buffer => {
  const head: StandardHead = {
    version: standardVersion,
    words: words.join(" "),
    targets: targets.map(({ text }) => text).join(" "),
    gaps: targets.map(({ kind }) => kind).join(""),
    unigrams: targets.map(({ chance }) => chanceLevel(chance)),
    contexts: contexts.size,
  };
  const columns: number[][] = Array.from({ length: standardColumns }, () => []);
  let last = 0;
  for (const [print, candidates] of [...contexts].toSorted((a, b) => a[0] - b[0])) {
    pushNumber(columns[0]!, print - last);
    last = print;
    columns[1]!.push(candidates.length);
    for (const { target, chance } of candidates) {
      pushNumber(columns[2]!, target);
      columns[3]!.push(chanceLevel(chance));
    }
  }
  const headBytes = Buffer.from(JSON.stringify(head));
  const sizes = Buffer.alloc(standardSizesBytes);
  for (const [i, size] of [headBytes.length, ...columns.map(({ length }) => length)].entries())
    sizes.writeUInt32LE(size, 4 * i);
  return brotliCompressSync(Buffer.concat([sizes, headBytes, ...columns.map((column) => Buffer.from(column))]), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 },
  });
};

import { createTokenBuffer, tokenId, type Vocabulary } from "./vocabulary.ts";

/** Finds the lines above that stand beside a line: as far in, and in the same block. */
export type SiblingLines = {
  /**
   * The ids of the tokens that begin them, the nearest line first, at most {@link mostSiblings}; closing brackets left out.
   * They stand above `lineStart`, with an indentation of `indentUnits`. Valid until the next call.
   */
  find(text: string, lineStart: number, indentUnits: number): readonly number[];
};

export const mostSiblings = 12;
/** So far above is looked. */
const mostUnits = 6000;
/** As much of a line as holds its first token. */
const firstTokenUnits = 32;
const blank = 32;
const closers = new Set([41, 93, 125]);

export const createSiblingLines = (vocabulary: Vocabulary): SiblingLines => {
  const buffer = createTokenBuffer();
  const found: number[] = [];
  return {
    find(text, lineStart, indentUnits) {
      found.length = 0;
      const least = Math.max(0, lineStart - mostUnits);
      for (let end = lineStart - 1; end > least && found.length < mostSiblings;) {
        const start = text.lastIndexOf("\n", end - 1) + 1;
        let at = start;
        while (at < end && text.charCodeAt(at) <= blank) at++;
        const isSibling = at < end && at - start === indentUnits && !closers.has(text.charCodeAt(at));
        // The head of the block.
        if (at < end && at - start < indentUnits) break;
        if (isSibling) {
          vocabulary.tokenize(text, start, Math.min(end, at + firstTokenUnits), false, buffer);
          found.push(tokenId(buffer.tokens[1]!));
        }
        end = start - 1;
      }
      return found;
    },
  };
};

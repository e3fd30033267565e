// A longer block than this is mostly a body, of which the beginning says what it is.
const maxBlockLines = 8;

/** A line at the left margin that is not the end of a block, with what is indented under it. */
type Block = { readonly lines: readonly string[]; readonly isWanted: boolean };

const beginsBlock = (line: string): boolean => /^[^\s)\]}]/.test(line);
const isNoise = (line: string): boolean =>
  /^(?:import\b|from\b.*\bimport\b|use |using |#include|#pragma|package |\/\/|\/\*|\*|# |"""|'use )/.test(line) ||
  /\brequire\(/.test(line);

/**
 * What a file declares, in its own words and order, in at most `maxUnits` UTF-16 units: the blocks at its left margin,
 * without their long bodies, imports and comments. Blocks that mention one of `names` come before all others when not
 * everything fits.
 */
export const outline = (text: string, names: readonly string[], maxUnits: number): string => {
  const blocks: Block[] = [];
  let lines: string[] = [];
  const close = () => {
    const [first] = lines;
    if (first !== undefined && !isNoise(first)) {
      const words = new Set(first.match(/\w+/g));
      blocks.push({ lines: cut(lines), isWanted: names.some((name) => words.has(name)) });
    }
    lines = [];
  };
  for (const line of text.split(/\r?\n/)) {
    if (beginsBlock(line)) close();
    if (line.trim() !== "" && (lines.length > 0 || beginsBlock(line))) lines.push(line);
  }
  close();
  const kept = new Set<Block>();
  let leftUnits = maxUnits;
  for (const block of [...blocks.filter(({ isWanted }) => isWanted), ...blocks.filter(({ isWanted }) => !isWanted)]) {
    const units = block.lines.reduce((sum, line) => sum + line.length + 1, 0);
    if (units > leftUnits) continue;
    kept.add(block);
    leftUnits -= units;
  }
  return blocks
    .filter((block) => kept.has(block))
    .flatMap((block) => block.lines)
    .join("\n");
};

const cut = (lines: readonly string[]): readonly string[] => {
  if (lines.length <= maxBlockLines) return lines;
  const last = lines.at(-1) ?? "";
  return [...lines.slice(0, maxBlockLines), ...(/^[)\]}]/.test(last) ? [last] : [])];
};

import { breakKind } from "./vocabulary.ts";

// So much before the cursor tells how lines are indented here.
const nearUnits = 4000;

/** Begins a comment whose lines begin with asterisks, one blank further in. */
const commentFrame = /^\s*\/\*+$/;

const indentOf = (line: string): string => /^\s*/.exec(line)![0];

/** By how much a line is usually indented more than the line above; 0: no line is. */
const usualStep = (indents: readonly string[]): number => {
  const counts = new Map<number, number>();
  let usual = 0;
  for (const [i, indent] of indents.entries()) {
    const step = indent.length - (indents[i - 1] ?? indent).length;
    if (step <= 0) continue;
    counts.set(step, (counts.get(step) ?? 0) + 1);
    if (counts.get(step)! > (counts.get(usual) ?? 0)) usual = step;
  }
  return usual;
};

/** The indentation one step further in than `indent`, as the lines above do it. */
const deeper = (indent: string, above: readonly string[]): string | undefined => {
  const step = usualStep(above);
  if (step === 0) return undefined;
  const known = above.findLast((other) => other.length === indent.length + step && other.startsWith(indent));
  return known ?? indent + (indent.startsWith("\t") ? "\t" : " ").repeat(step);
};

/**
 * What the line break `token` stands for behind `text`: the break, blank lines, and the next line's indentation.
 * Undefined where that cannot be told. Pure.
 */
export const turnedLine = (text: string, token: number): string | undefined => {
  const { turn, isBlank } = breakKind(token);
  const lines = text.slice(-nearUnits).split("\n");
  const line = lines.pop()!;
  if (line.trim() === "") return undefined;
  const indent = indentOf(line);
  const breakText = isBlank ? "\n\n" : "\n";
  if (turn === "in" && commentFrame.test(line)) return `${breakText}${indent} `;
  // Comments that stand in a frame of asterisks are indented by one blank more.
  const above = lines.filter((other) => other.trim() !== "" && !other.trimStart().startsWith("*")).map(indentOf);
  if (turn === "out" && indent === "") return undefined;
  const out = above.findLast((other) => other.length < indent.length) ?? "";
  const next = turn === "same" ? indent : turn === "out" ? out : deeper(indent, [...above, indent]);
  return next === undefined ? undefined : breakText + next;
};

const commentSign = /^\s*(?:\*|\/\/+|#+)$/;

/** Whether `line` is most likely the one that stands below, or its beginning. The sign of a comment alone tells nothing. */
const isSameLine = (line: string, below: string): boolean => below.startsWith(line) && !commentSign.test(line);

/**
 * As much of `text` as is most likely not written yet, in UTF-16 units: its first line, where the line below the cursor begins
 * with the second one; else all of it. Pure.
 */
export const unwrittenUnits = (text: string, suffix: string): number => {
  const [, second] = text.split("\n").filter((line, index) => index === 0 || line.trim() !== "");
  const below = suffix
    .split("\n")
    .slice(1)
    .find((line) => line.trim() !== "");
  if (second === undefined || below === undefined || !isSameLine(second.trimEnd(), below)) return text.length;
  return text.indexOf("\n");
};

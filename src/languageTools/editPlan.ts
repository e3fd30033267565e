import { ToolError } from "./toolError.ts";

/** Line and UTF-16 unit in it, both from 0, as VS Code counts. */
export type Place = { readonly line: number; readonly character: number };

/** One replacement, and what of it is shown to the person who has to agree. */
export type EditPlan = {
  readonly start: Place;
  readonly end: Place;
  /** Lines end with "\n". */
  readonly newText: string;
  /** The whole text after the edit. */
  readonly result: string;
  /** Every changed line, between some that stay, as a unified diff; what cannot be seen is spelled out. */
  readonly diff: string;
  readonly added: number;
  readonly removed: number;
  /** Whether the new text holds characters that cannot be seen or turn the reading direction. */
  readonly hasHidden: boolean;
};

const contextLines = 3;
// What is shown must fit into a chat's column and be read: nothing may hide below or beside.
const maxDiffLines = 400;
const maxLineUnits = 1000;

const hidden = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}\u2028\u2029]/gu;

/** A text with every character that cannot be seen spelled out; tabs stay, line ends do too. */
export const showHidden = (text: string): string =>
  text.replaceAll(hidden, (char) =>
    char === "\t" || char === "\n" ? char : `\\u{${char.codePointAt(0)!.toString(16)}}`,
  );

const placeAt = (text: string, offset: number): Place => {
  const before = text.slice(0, offset);
  const line = before.split("\n").length - 1;
  return { line, character: offset - (before.lastIndexOf("\n") + 1) };
};

const lineAt = (text: string, offset: number): number => placeAt(text, offset).line + 1;

const offsetsOf = (text: string, part: string): readonly number[] => {
  const found: number[] = [];
  for (let at = text.indexOf(part); at >= 0 && found.length < 5; at = text.indexOf(part, at + 1)) found.push(at);
  return found;
};

/** Where the text stands if blanks do not count, to help a model that got them wrong. */
const nearMiss = (text: string, part: string): string => {
  const first = part.split("\n").find((line) => line.trim() !== "");
  const wanted = first?.replaceAll(/\s+/g, "");
  const at = wanted ? text.split("\n").findIndex((line) => line.replaceAll(/\s+/g, "") === wanted) : -1;
  return at < 0 ? "" : ` Line ${at + 1} differs only in its blanks from oldText's first line.`;
};

const withoutReturns = (text: string): string => text.replaceAll(/\r\n?/g, "\n");

/** The lines of a text, as diffs count them: one that does not end says so. */
const linesOf = (text: string): readonly string[] => {
  if (text === "") return [];
  const lines = text.split("\n");
  const last = lines.pop()!;
  return last === "" ? lines : [...lines, `${last}\n\\ No newline at end of file`];
};

const range = (first: number, length: number): string => `${length === 0 ? first : first + 1},${length}`;

/** The lines that change, without those that stay the same at both ends of the replaced place. */
const diffOf = (before: string, after: string): Pick<EditPlan, "diff" | "added" | "removed"> => {
  const old = linesOf(before);
  const now = linesOf(after);
  let same = 0;
  while (same < old.length && same < now.length && old[same] === now[same]) same++;
  let sameEnd = 0;
  while (
    sameEnd < old.length - same &&
    sameEnd < now.length - same &&
    old[old.length - 1 - sameEnd] === now[now.length - 1 - sameEnd]
  )
    sameEnd++;
  const from = Math.max(0, same - contextLines);
  const removed = old.slice(same, old.length - sameEnd);
  const added = now.slice(same, now.length - sameEnd);
  const tail = old.slice(old.length - sameEnd, old.length - sameEnd + contextLines);
  const count = (changed: readonly string[]) => same - from + changed.length + tail.length;
  const lines = [
    `@@ -${range(from, count(removed))} +${range(from, count(added))} @@`,
    ...old.slice(from, same).map((line) => ` ${line}`),
    ...removed.map((line) => `-${line}`),
    ...added.map((line) => `+${line}`),
    ...tail.map((line) => ` ${line}`),
  ];
  return { diff: lines.map(showHidden).join("\n"), added: added.length, removed: removed.length };
};

/**
 * Plans to replace `oldText`, which must occur exactly once, by `newText`. Line ends of any kind are the same. An empty
 * `oldText` begins a file that is not there yet (`text` undefined) or has no text.
 * @throws {ToolError} `no-match`, `ambiguous`, `exists`, `not-found`, `input`, or `too-large` where it could not be shown
 * whole.
 */
export const planEdit = (text: string | undefined, oldText: string, newText: string): EditPlan => {
  const before = withoutReturns(text ?? "");
  const wanted = withoutReturns(oldText);
  const put = withoutReturns(newText);
  if (wanted === put) throw new ToolError("input", `"oldText" and "newText" are the same.`);
  if (text === undefined && wanted !== "") {
    throw new ToolError("not-found", `There is no such file. To begin a new one, leave "oldText" empty.`);
  }
  if (wanted === "" && before !== "") {
    throw new ToolError("exists", `The file has text already: "oldText" must be a part of it.`);
  }
  const found = wanted === "" ? [0] : offsetsOf(before, wanted);
  const [at, ...others] = found;
  if (at === undefined) {
    const miss = nearMiss(before, wanted);
    throw new ToolError(
      "no-match",
      `"oldText" does not occur in the file.${miss} Read it again with hotpath_readFile.`,
    );
  }
  if (others.length > 0) {
    const lines = found.map((offset) => lineAt(before, offset)).join(", ");
    throw new ToolError(
      "ambiguous",
      `"oldText" occurs more than once (lines ${lines}). Give more of the lines around it.`,
    );
  }
  const result = before.slice(0, at) + put + before.slice(at + wanted.length);
  const shown = diffOf(before, result);
  const lines = shown.diff.split("\n");
  if (lines.length > maxDiffLines) {
    throw new ToolError("too-large", `An edit may change at most ${maxDiffLines} lines. Make several smaller ones.`);
  }
  if (lines.some((line) => line.length > maxLineUnits)) {
    throw new ToolError("too-large", `An edit may not touch lines of more than ${maxLineUnits} characters.`);
  }
  return {
    start: placeAt(before, at),
    end: placeAt(before, at + wanted.length),
    newText: put,
    result,
    ...shown,
    hasHidden: showHidden(put) !== put,
  };
};

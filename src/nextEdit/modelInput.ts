import type { LinesEdit } from "./edit.ts";
import type { Lines } from "./scope.ts";

/** What a next-edit model is told. */
export type ModelInput = {
  /** As the workspace names the file, with `/`. */
  readonly path: string;
  /** The document as it is now. */
  readonly lines: readonly string[];
  /** Both from 0; the column in UTF-16 units. */
  readonly cursor: { readonly line: number; readonly column: number };
  /** The last edits in this document, the oldest first; the newest one's lines are those of the document as it is now. */
  readonly edits: readonly LinesEdit[];
};

/** One request to a model, and the lines that its answer may change. */
export type ModelQuestion = {
  readonly editable: Lines;
  /** Texts that end the answer. */
  readonly stop: readonly string[];
} & (
  | { readonly kind: "raw"; readonly prompt: string }
  | { readonly kind: "chat"; readonly system: string; readonly user: string }
);

/** How one family of models is asked, and how its answers are read. */
export type ModelFormat = {
  readonly name: string;
  /** Undefined: the document contains the family's own marks, so that no prompt can be told from its text. */
  readonly ask: (input: ModelInput) => ModelQuestion | undefined;
  /** The editable lines as the model wants them; undefined: no change, or no answer that can be used. */
  readonly read: (answer: string) => readonly string[] | undefined;
};

/** How many lines there are: what stands behind the last line end is one only when the cursor is in it. */
const countLines = (lines: readonly string[], cursorLine: number): number =>
  lines.at(-1) === "" && cursorLine < lines.length - 1 ? lines.length - 1 : lines.length;

/** Lines around the cursor, taken in turns below and above while they fit into so many UTF-16 units. */
export const linesAround = (lines: readonly string[], line: number, maxUnits: number): Lines => {
  let [from, to] = [line, line + 1];
  const count = countLines(lines, line);
  let unitsLeft = maxUnits - (lines[line]?.length ?? 0);
  const take = (index: number): boolean => {
    const text = index < count ? lines[index] : undefined;
    if (text === undefined || text.length + 1 > unitsLeft) return false;
    unitsLeft -= text.length + 1;
    return true;
  };
  for (let isGrowing = true; isGrowing;) {
    isGrowing = false;
    if (take(to)) [to, isGrowing] = [to + 1, true];
    if (take(from - 1)) [from, isGrowing] = [from - 1, true];
  }
  return { from, to };
};

/** So many lines above and below a line, as far as there are any. */
export const window = (lines: readonly string[], line: number, above: number, below: number): Lines => ({
  from: Math.max(0, line - above),
  to: Math.min(countLines(lines, line), line + below + 1),
});

/** The lines of a stretch, with a mark where the cursor stands, each with its line end. */
export const textWithCursor = ({ lines, cursor }: ModelInput, { from, to }: Lines, mark: string): string =>
  lines
    .slice(from, to)
    .map((text, index) =>
      from + index === cursor.line
        ? `${text.slice(0, cursor.column)}${mark}${text.slice(cursor.column)}\n`
        : `${text}\n`,
    )
    .join("");

/** The lines of a stretch, each with its line end. */
export const textOf = ({ lines }: ModelInput, { from, to }: Lines): string =>
  lines
    .slice(from, to)
    .map((text) => `${text}\n`)
    .join("");

/** An edit as a unified diff without lines around it. */
export const diffOf = ({ line, removed, added }: LinesEdit): string => {
  // By the format, an empty side counts from the line before it.
  const side = (count: number): string => `${count === 0 ? line : line + 1},${count}`;
  return [
    `@@ -${side(removed.length)} +${side(added.length)} @@`,
    ...removed.map((text) => `-${text}`),
    ...added.map((text) => `+${text}`),
  ].join("\n");
};

/** The newest edits that fit into so many UTF-16 units, the oldest first. */
export const newestEdits = (edits: readonly LinesEdit[], maxUnits: number): LinesEdit[] => {
  const kept: LinesEdit[] = [];
  let unitsLeft = maxUnits;
  for (const edit of edits.toReversed()) {
    unitsLeft -= diffOf(edit).length;
    if (unitsLeft < 0) break;
    kept.unshift(edit);
  }
  return kept;
};

/** Whether any text of the input contains one of the marks. */
export const containsAny = ({ path, lines, edits }: ModelInput, marks: readonly string[]): boolean => {
  const texts = [path, ...lines, ...edits.flatMap(({ removed, added }) => [...removed, ...added])];
  return texts.some((text) => marks.some((mark) => text.includes(mark)));
};

/** The lines of a text that may end with a line end. */
export const linesOf = (text: string): string[] => text.replaceAll("\r\n", "\n").replace(/\n$/, "").split("\n");

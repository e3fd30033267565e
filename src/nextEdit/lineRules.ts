import type { LinesEdit } from "./edit.ts";
import type { PlaceEdit, Rule } from "./rule.ts";
import { countNames, indentation, isName, tokenize, withoutSpace, type Token } from "./tokens.ts";

const maxInsertedLines = 8;

/** The name that a statement of one line calls, such as `console.log`; undefined for anything else. */
export const calledIn = (line: string, languageId: string): string | undefined => {
  const tokens = withoutSpace(tokenize(line, languageId));
  const open = tokens.findIndex(({ text }) => text === "(");
  const path = tokens.slice(0, open);
  const isPath = path.length > 0 && path.every(({ kind, text }) => kind === "word" || /^(?:\.|::|!)$/.test(text));
  if (!isPath || !isName(path[0]!)) return undefined;
  const balance = tokens.reduce((sum, { text, zone }) => sum + (zone === "string" ? 0 : sideOf(text)), 0);
  const end = tokens.at(-1)!.text;
  return balance === 0 && /^[);]$/.test(end) ? path.map(({ text }) => text).join("") : undefined;
};

const sideOf = (text: string): number => (/^[([{]$/.test(text) ? 1 : /^[)\]}]$/.test(text) ? -1 : 0);

const namesIn = (line: string, languageId: string): Token[] => tokenize(line, languageId).filter(isName);

/** Lines that were put between two others: the same between the same two elsewhere. */
export const insertedLines = (edit: LinesEdit, lines: readonly string[], languageId: string): Rule | undefined => {
  const { added, line } = edit;
  if (edit.removed.length > 0 || added.length === 0 || added.length > maxInsertedLines) return undefined;
  if (added.every((text) => text.trim() === "")) return undefined;
  const above = lines[line - 1] ?? "";
  const below = lines[line + added.length] ?? "";
  const [wantedAbove, wantedBelow] = [above.trim(), below.trim()];
  if (wantedAbove === "" || wantedBelow === "") return undefined;
  // Brackets and key words stand everywhere: both lines name something, or one of them two things.
  const names = [namesIn(above, languageId), namesIn(below, languageId)];
  if (!names.every((found) => found.length > 0) && countNames(names.flat()) < 2) return undefined;
  const depth = indentation(above)!;
  return {
    needle: wantedAbove,
    within: { from: 0, to: lines.length },
    placesIn(at) {
      const own = lines[at]!;
      if (own.trim() !== wantedAbove || lines[at + 1]?.trim() !== wantedBelow) return [];
      const units = indentation(own)!;
      const indent = own.slice(0, units);
      const moved = added.map((text) =>
        text.startsWith(above.slice(0, depth)) ? indent + text.slice(depth) : indent + text.trimStart(),
      );
      const text = moved.map((inserted) => `${inserted}\n`).join("");
      return [{ line: at + 1, column: 0, endLine: at + 1, endColumn: 0, text }];
    },
  };
};

const take = (line: number): PlaceEdit[] => [{ line, column: 0, endLine: line + 1, endColumn: 0, text: "" }];

/**
 * A line that was taken out: after two calls of one name, further calls of it; after one line, the very same line
 * elsewhere beside the same neighbour.
 */
export const deletedLine = (
  edit: LinesEdit,
  earlier: readonly LinesEdit[],
  lines: readonly string[],
  languageId: string,
): Rule | undefined => {
  const [gone] = edit.removed;
  if (edit.added.length > 0 || edit.removed.length !== 1 || gone === undefined || gone.trim() === "") return undefined;
  const within = { from: 0, to: lines.length - 1 };
  const called = calledIn(gone, languageId);
  const before = earlier.filter(({ removed, added }) => removed.length === 1 && added.length === 0);
  if (called !== undefined && before.some(({ removed }) => calledIn(removed[0]!, languageId) === called)) {
    const needle = called.split(/\W/).at(-1)!;
    return { needle, within, placesIn: (at) => (calledIn(lines[at]!, languageId) === called ? take(at) : []) };
  }
  const wanted = gone.trim();
  const above = lines[edit.line - 1]?.trim();
  const below = lines[edit.line]?.trim();
  // It stood there twice, and now once.
  if (above === wanted || below === wanted || namesIn(gone, languageId).length === 0) return undefined;
  const isSide = (text: string | undefined, like: string | undefined): boolean =>
    text !== undefined && text.trim() === like && namesIn(text, languageId).length > 0;
  return {
    needle: wanted,
    within,
    placesIn: (at) =>
      lines[at]!.trim() === wanted && (isSide(lines[at - 1], above) || isSide(lines[at + 1], below)) ? take(at) : [],
  };
};

import type { Lines } from "./scope.ts";
import { maxLineUnits, maxReadNs, readNs } from "./tokens.ts";

/** A replacement by lines and columns; columns are UTF-16 units. */
export type PlaceEdit = {
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly text: string;
};

/** A document's text, line ends `\n`, with one edit applied. */
export const applyPlace = (text: string, edit: PlaceEdit): string => {
  const lines = text.split("\n");
  const head = [...lines.slice(0, edit.line), (lines[edit.line] ?? "").slice(0, edit.column)].join("\n");
  const tail = [(lines[edit.endLine] ?? "").slice(edit.endColumn), ...lines.slice(edit.endLine + 1)].join("\n");
  return head + edit.text + tail;
};

/** What was changed once, in a form that can be looked for elsewhere. */
export type Rule = {
  /** A line without this text need not be looked at. */
  readonly needle: string;
  /** Where the rule holds. */
  readonly within: Lines;
  /** The places of a line where the change applies and is not there yet, from left to right. */
  readonly placesIn: (line: number) => readonly PlaceEdit[];
};

/** A change of some units of one line. */
export const inLine = (line: number, column: number, endColumn: number, text: string): PlaceEdit => ({
  line,
  column,
  endLine: line,
  endColumn,
  text,
});

/** Where to begin looking: right behind what was changed last. */
export type Place = { readonly line: number; readonly column: number };

/**
 * The next place where the rule applies: below `from`, then from the beginning of where the rule holds. It gives up
 * after some 30 ms, which are hundreds of lines that might have had one.
 */
export const findNext = (rule: Rule, lines: readonly string[], from: Place): PlaceEdit | undefined => {
  const to = Math.min(rule.within.to, lines.length);
  const first = Math.max(rule.within.from, from.line);
  let leftNs = maxReadNs;
  const search = (begin: number, end: number, isWanted: (place: PlaceEdit) => boolean): PlaceEdit | undefined => {
    for (let line = begin; line < end && leftNs > 0; line++) {
      if (lines[line]!.length > maxLineUnits || !lines[line]!.includes(rule.needle)) continue;
      leftNs -= readNs(lines[line]!);
      const found = rule.placesIn(line).find(isWanted);
      if (found) return found;
    }
    return undefined;
  };
  const isBehind = ({ line, column }: PlaceEdit): boolean => line > from.line || column >= from.column;
  return (
    search(first, to, isBehind) ??
    search(rule.within.from, Math.min(to, from.line + 1), (place) => !isBehind(place) || place.line < from.line)
  );
};

import type { Change } from "./change.ts";
import { inLine, type PlaceEdit } from "./rule.ts";
import { maxLineUnits } from "./tokens.ts";

const maxLines = 2000;

/** Every beginning and end of elements of one name in a line. */
const tagsIn = (line: string, name: string): { column: number; depth: number }[] => {
  const tags: { column: number; depth: number }[] = [];
  let from = line.indexOf(name);
  for (; from >= 0; from = line.indexOf(name, from + name.length)) {
    const before = line.slice(0, from);
    if (/[\w.:-]/.test(line.charAt(from + name.length))) continue;
    if (before.endsWith("</")) tags.push({ column: from, depth: -1 });
    else if (before.endsWith("<") && !/^[^>]*\/>/.test(line.slice(from))) tags.push({ column: from, depth: 1 });
  }
  return tags;
};

/** Whether a change gave an element another name, at its beginning or end. */
export const isTagChange = ({ removed, added, left }: Change): boolean =>
  removed.length === 1 && added.length === 1 && removed[0]!.kind === "word" && /^<\/?$/.test(left.at(-1)?.text ?? "");

/** The other end of an element whose name was changed at one end. */
export const otherTag = (change: Change, lines: readonly string[]): PlaceEdit | undefined => {
  const name = change.removedText;
  const isBeginning = change.left.at(-1)!.text === "<";
  const step = isBeginning ? 1 : -1;
  const last = change.left.at(-1)!;
  const here = last.start + last.text.length;
  let depth = step;
  for (let line = change.line; lines[line] !== undefined && Math.abs(line - change.line) < maxLines; line += step) {
    // What a line that is too long to read opens and closes is not known.
    if (lines[line]!.length > maxLineUnits) return undefined;
    const tags = tagsIn(lines[line]!, name);
    for (const tag of isBeginning ? tags : tags.toReversed()) {
      if (line === change.line && (tag.column - here) * step <= 0) continue;
      depth += tag.depth;
      if (depth === 0) return inLine(line, tag.column, tag.column + name.length, change.addedText);
    }
  }
  return undefined;
};

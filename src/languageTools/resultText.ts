import { ToolError } from "./toolError.ts";

const maxResultUnits = 16_000;
const unitsPerToken = 3;
const maxLineUnits = 240;

/** How many characters a result may have, for a budget in tokens if the caller told one. */
export const resultRoom = (tokenBudget: number | undefined): number =>
  tokenBudget === undefined ? maxResultUnits : Math.max(200, Math.min(maxResultUnits, tokenBudget * unitsPerToken));

/** "1 line", "2 lines": for texts that models read, which are in English. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** As many items as fit, a line each, below a heading; a last line tells how many were left out. */
export const listLines = (heading: string, lines: readonly string[], roomUnits: number): string => {
  let text = heading;
  for (const [index, line] of lines.entries()) {
    const next = `${text}\n${line}`;
    const left = lines.length - index;
    if (next.length > roomUnits && index > 0) return `${text}\n… ${left} more not shown; ask for less at once.`;
    text = next;
  }
  return text;
};

/** A line that fits, with the place `around` (from 0) in it. */
export const shortLine = (line: string, around = 0): string => {
  if (line.length <= maxLineUnits) return line.trim();
  const from = Math.max(0, Math.min(around - 60, line.length - maxLineUnits));
  const end = from + maxLineUnits;
  return `${from > 0 ? "…" : ""}${line.slice(from, end).trim()}${end < line.length ? "…" : ""}`;
};

/**
 * Lines of a file below a heading that says which they are. Lines count from 1; `endLine` is included.
 * @throws {ToolError} `input` where there are no such lines.
 */
export const pickLines = (
  name: string,
  text: string,
  {
    startLine = 1,
    endLine,
    roomUnits,
  }: { startLine?: number | undefined; endLine?: number | undefined; roomUnits: number },
): string => {
  const lines = text.split(/\r\n|\r|\n/);
  if (lines.length > 1 && lines.at(-1) === "") lines.pop();
  const last = Math.min(endLine ?? lines.length, lines.length);
  if (startLine > lines.length) throw new ToolError("input", `${name} has only ${counted(lines.length, "line")}.`);
  if (last < startLine) throw new ToolError("input", `"endLine" must not be less than "startLine".`);
  const picked: string[] = [];
  let units = 0;
  for (const line of lines.slice(startLine - 1, last)) {
    units += line.length + 1;
    if (units > roomUnits && picked.length > 0) break;
    picked.push(line.length > roomUnits ? `${line.slice(0, roomUnits)}…` : line);
  }
  const end = startLine + picked.length - 1;
  const more = end < last ? `\n… cut: ask for lines from ${end + 1} on.` : "";
  return `${name}, lines ${startLine}-${end} of ${lines.length}:\n${picked.join("\n")}${more}`;
};

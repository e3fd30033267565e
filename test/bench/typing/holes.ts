import fs from "node:fs";
import path from "node:path";

/** A file of which `text.slice(start, end)` is typed. */
export type Hole = {
  readonly path: string;
  readonly languageId: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Which hole of its run it is: another one is typed in another rhythm. */
  readonly number: number;
};

const languageIds: Readonly<Record<string, string>> = {
  ".c": "c",
  ".cc": "cpp",
  ".cpp": "cpp",
  ".go": "go",
  ".h": "c",
  ".java": "java",
  ".js": "javascript",
  ".mjs": "javascript",
  ".py": "python",
  ".rs": "rust",
  ".ts": "typescript",
  ".tsx": "typescriptreact",
};

/** A file with less has little to learn from; one with more is seldom written by hand. */
const sampledBytes = { from: 4000, to: 60_000 };
const leastSampledUnits = 200;

/** The hole that `FILE`, `FILE:LINE` or `FILE:FIRST-LAST` names: without a line, it begins a third into the file. */
export const holeAt = (argument: string, leastUnits: number, number: number): Hole => {
  const [, file = argument, first, last] = /^(.*?)(?::(\d+)(?:-(\d+))?)?$/.exec(argument) ?? [];
  const text = fs.readFileSync(file, "utf8");
  const lines = text.split("\n");
  const before = (line: number) => lines.slice(0, line).reduce((sum, { length }) => sum + length + 1, 0);
  const start = before(Number(first ?? Math.floor(lines.length / 3)) - 1);
  const end = last === undefined ? text.indexOf("\n", start + leastUnits) : before(Number(last)) - 1;
  const languageId = languageIds[path.extname(file)] ?? "plaintext";
  return { path: file, languageId, text, start, end: end < 0 ? text.length : end, number };
};

/** Whether a person would type it so, key by key. */
const isTyped = ({ text, start, end }: Hole): boolean =>
  !text.includes("\r") && !/[^\n\t\u0020-\u007e]/.test(text.slice(start, end)) && end - start > leastSampledUnits;

/** A hole in each of `count` files with this ending, spread evenly over the folder; in fewer where some do not suit. */
export const sampledHoles = (folder: string, extension: string, count: number, leastUnits: number): Hole[] => {
  const files = fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(extension) && !name.endsWith(`.d${extension}`) && !name.includes(".min."))
    .map((name) => path.join(folder, name))
    .filter((file) => {
      const stat = fs.statSync(file);
      return stat.isFile() && stat.size > sampledBytes.from && stat.size < sampledBytes.to;
    })
    .toSorted();
  if (files.length === 0) return [];
  const step = files.length / count;
  return Array.from({ length: count }, (_, number) => {
    const file = files[Math.min(files.length - 1, Math.floor((number + 0.5) * step))]!;
    return holeAt(file, leastUnits, number);
  }).filter(isTyped);
};

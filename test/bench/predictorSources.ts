// Source text, and the places in it where the predictor is asked, for its benches.
import fs from "node:fs";
import path from "node:path";

export type Source = { name: string; text: string };

export const readSources = (root: string, end: string): Source[] =>
  fs
    .readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter(
      (name) => name.endsWith(end) && !name.endsWith(`.d${end}`) && !name.split(path.sep).includes("node_modules"),
    )
    .toSorted()
    .filter((name) => fs.statSync(path.join(root, name)).size < 200_000)
    .map((name) => ({ name, text: fs.readFileSync(path.join(root, name), "utf8") }));

type Cursor = { prefix: string; suffix: string; rest: string };

/** One cursor for each line of some length, in the line's text at a seeded column. */
export const cursorsOf = function* (text: string, random: () => number): Generator<Cursor> {
  let offset = 0;
  for (const line of text.split("\n")) {
    const body = line.trim().length;
    if (body >= 6) {
      const column = line.length - line.trimStart().length + Math.floor(random() * (body - 4));
      const [prefix, suffix] = [text.slice(0, offset + column), text.slice(offset + line.length)];
      yield { prefix, suffix, rest: line.slice(column) };
    }
    offset += line.length + 1;
  }
};

/** Places where somebody who writes stops: where a line begins, at some line ends, behind some signs and in some words. */
export const pausesOf = function* (text: string, random: () => number): Generator<number> {
  for (let at = 1; at < text.length; at++) {
    const before = text[at - 1]!;
    const isLineStart =
      before !== "\n"
        ? /\s/.test(before) && /\S/.test(text[at]!) && text.slice(text.lastIndexOf("\n", at - 1) + 1, at).trim() === ""
        : /\S/.test(text[at]!);
    const isLineEnd = text[at] === "\n" && before !== "\n";
    const chance = isLineStart
      ? 1
      : isLineEnd
        ? 0.3
        : /[({=]/.test(before)
          ? 0.25
          : /\w/.test(text[at]!) && !/\w/.test(before)
            ? 0.08
            : 0.02;
    if (random() < chance * 0.5) yield at;
  }
};

export const createRandom = (): (() => number) => {
  let seed = 12_345;
  return () => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff) / 0x7fffffff;
};

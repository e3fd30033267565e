import {
  containsAny,
  diffOf,
  linesAround,
  linesOf,
  newestEdits,
  textOf,
  textWithCursor,
  window,
  type ModelFormat,
  type ModelInput,
} from "./modelInput.ts";

// Zed counts a token as three bytes, and gives these numbers of them to Zeta's parts.
const unitsPerToken = 3;
const editableUnits = 350 * unitsPerToken;
const contextUnits = 150 * unitsPerToken;
const editUnits = 500 * unitsPerToken;

/** The text before the first of the marks. */
const before = (text: string, ...marks: readonly string[]): string => {
  const ends = marks.map((mark) => text.indexOf(mark)).filter((at) => at >= 0);
  return ends.length === 0 ? text : text.slice(0, Math.min(...ends));
};

const zeta1Marks = {
  start: "<|editable_region_start|>",
  end: "<|editable_region_end|>",
  cursor: "<|user_cursor_is_here|>",
  file: "<|start_of_file|>",
} as const;

/** What stands between the marks of the editable region; undefined without an end: the answer broke off. */
const betweenRegionMarks = (answer: string): string | undefined => {
  const text = answer.replaceAll(zeta1Marks.cursor, "");
  const end = text.indexOf(zeta1Marks.end);
  if (end < 0) return undefined;
  const start = text.indexOf(zeta1Marks.start);
  if (start > end || text.indexOf(zeta1Marks.start, start + 1) > start) return undefined;
  const from = start < 0 ? 0 : start + zeta1Marks.start.length;
  return text.slice(from, end).replace(/^\n/, "");
};

/**
 * Zeta, the first version: a completion after an instruction that is part of the format.
 * @see https://huggingface.co/zed-industries/zeta
 */
const zeta1: ModelFormat = {
  name: "zeta1",
  ask(input) {
    if (containsAny(input, Object.values(zeta1Marks))) return undefined;
    const { lines, cursor, path } = input;
    const editable = linesAround(lines, cursor.line, editableUnits);
    const around = linesAround(lines, cursor.line, editableUnits + contextUnits);
    const events = newestEdits(input.edits, editUnits).map(
      (edit) => `User edited ${path}:\n\`\`\`diff\n${diffOf(edit)}\n\`\`\``,
    );
    const excerpt = [
      `\`\`\`${path}\n`,
      around.from === 0 ? `${zeta1Marks.file}\n` : "",
      textOf(input, { from: around.from, to: editable.from }),
      `${zeta1Marks.start}\n`,
      textWithCursor(input, editable, zeta1Marks.cursor),
      `${zeta1Marks.end}\n`,
      textOf(input, { from: editable.to, to: around.to }),
      "```",
    ].join("");
    const prompt =
      "### Instruction:\nYou are a code completion assistant and your task is to analyze user edits and then rewrite an " +
      "excerpt that the user provides, suggesting the appropriate edits within the excerpt, taking into account the " +
      `cursor location.\n\n### User Edits:\n\n${events.join("\n\n")}\n\n### User Excerpt:\n\n${excerpt}\n\n### Response:\n`;
    return { kind: "raw", prompt, editable, stop: [] };
  },
  read(answer) {
    const text = betweenRegionMarks(answer);
    return text === undefined ? undefined : linesOf(text);
  },
};

const zeta2Marks = {
  suffix: "<[fim-suffix]>",
  prefix: "<[fim-prefix]>",
  middle: "<[fim-middle]>",
  file: "<filename>",
  cursor: "<|user_cursor|>",
  current: "<<<<<<< CURRENT",
  updated: ">>>>>>> UPDATED",
} as const;

/** Zeta 2: what follows, then what comes before, in Seed-Coder's own marks. */
const zeta2Prompt = (input: ModelInput, open: string, close: string) => {
  const { lines, cursor, path } = input;
  const editable = linesAround(lines, cursor.line, editableUnits);
  const around = linesAround(lines, cursor.line, editableUnits + contextUnits);
  const history = newestEdits(input.edits, editUnits).map((edit) => `--- a/${path}\n+++ b/${path}\n${diffOf(edit)}\n`);
  const prompt = [
    zeta2Marks.suffix,
    textOf(input, { from: editable.to, to: around.to }) || "\n",
    zeta2Marks.prefix,
    history.length === 0 ? "" : `${zeta2Marks.file}edit_history\n${history.join("")}\n`,
    `${zeta2Marks.file}${path}\n`,
    textOf(input, { from: around.from, to: editable.from }),
    open,
    textWithCursor(input, editable, zeta2Marks.cursor),
    close,
    zeta2Marks.middle,
  ].join("");
  return { prompt, editable };
};

/**
 * Zeta 2: the new lines, up to the mark of a merge conflict, or the words that nothing changes.
 * @see https://github.com/zed-industries/zed `zeta_prompt.rs`, `seed_coder` (2026)
 */
const zeta2: ModelFormat = {
  name: "zeta2",
  ask: (input) =>
    containsAny(input, Object.values(zeta2Marks))
      ? undefined
      : {
          kind: "raw",
          ...zeta2Prompt(input, `${zeta2Marks.current}\n`, "=======\n"),
          stop: [zeta2Marks.updated],
        },
  read(answer) {
    const text = before(answer, zeta2Marks.updated).replaceAll(zeta2Marks.cursor, "");
    return text.trim() === "NO_EDITS" ? undefined : linesOf(text);
  },
};

const markers = ["<|marker_1|>", "<|marker_2|>"] as const;

/** Zeta 2.1: as 2, with numbered marks around the lines that are to be written anew. */
const zeta21: ModelFormat = {
  name: "zeta2.1",
  ask: (input) =>
    containsAny(input, [...Object.values(zeta2Marks), ...markers])
      ? undefined
      : { kind: "raw", ...zeta2Prompt(input, `${markers[0]}\n`, `${markers[1]}\n`), stop: [markers[1]] },
  read(answer) {
    const start = answer.indexOf(markers[0]);
    const text = before(start < 0 ? answer : answer.slice(start + markers[0].length), markers[1]);
    const lines = linesOf(text.replaceAll(zeta2Marks.cursor, "").replace(/^\n/, ""));
    return lines.join("").trim() === "NO_EDITS" ? undefined : lines;
  },
};

const sweepMark = "<|file_sep|>";
const sweepStop = [sweepMark, "</s>", "<|endoftext|>"];
const block = (name: string, body: string): string => `${sweepMark}${name}\n${body}`;
const sweepLines = 10;
const sweepEdits = 3;

/**
 * Sweep's next-edit models: the newest edits as pairs, then the lines around the cursor before and after the last one.
 * @see https://github.com/zed-industries/zed `sweep_prompt.rs` (2026)
 */
const sweep: ModelFormat = {
  name: "sweep",
  ask(input) {
    if (containsAny(input, sweepStop)) return undefined;
    const { lines, cursor, path, edits } = input;
    const editable = window(lines, cursor.line, sweepLines, sweepLines);
    const last = edits.at(-1);
    const old = last ? lines.toSpliced(last.line, last.added.length, ...last.removed) : lines;
    const grown = old.length - lines.length;
    // An edit in front of these lines has moved them, one inside has made them fewer or more.
    const isInFront = last !== undefined && last.line < editable.from;
    const isBehind = last === undefined || last.line >= editable.to;
    const original = isBehind
      ? editable
      : { from: editable.from + (isInFront ? grown : 0), to: Math.max(editable.from, editable.to + grown) };
    const prompt = [
      ...newestEdits(edits, editUnits)
        .slice(-sweepEdits)
        .map(({ removed, added }) => {
          const [from, to] = [removed, added].map((side) => side.map((text) => `${text}\n`).join(""));
          return block(`${path}.diff`, `original:\n${from || "\n"}updated:\n${to || "\n"}`);
        }),
      block(`original/${path}`, textOf({ ...input, lines: old }, original)),
      block(`current/${path}`, textOf(input, editable)),
      block(`updated/${path}`, ""),
    ].join("");
    return { kind: "raw", prompt, editable, stop: sweepStop };
  },
  read: (answer) => linesOf(before(answer, ...sweepStop)),
};

const instinctLines = { context: 25, above: 1, below: 5 } as const;

/**
 * Instinct: a chat about an excerpt with a few editable lines, which come back alone.
 * @see https://huggingface.co/continuedev/instinct
 */
const instinct: ModelFormat = {
  name: "instinct",
  ask(input) {
    if (containsAny(input, Object.values(zeta1Marks))) return undefined;
    const { lines, cursor, path } = input;
    const editable = window(lines, cursor.line, instinctLines.above, instinctLines.below);
    const around = window(lines, cursor.line, instinctLines.context, instinctLines.context);
    // The newest first, as this family was taught.
    const edits = newestEdits(input.edits, editUnits)
      .toReversed()
      .map((edit) => `User edited file "${path}"\n\n\`\`\`diff\n${diffOf(edit)}\n\`\`\``);
    const user = [
      "### Context:\n\n",
      `### User Edits:\n\n${edits.join("\n")}\n\n`,
      `### User Excerpt:\n${path}\n\n`,
      textOf(input, { from: around.from, to: editable.from }),
      `${zeta1Marks.start}\n`,
      textWithCursor(input, editable, zeta1Marks.cursor),
      `${zeta1Marks.end}\n`,
      textOf(input, { from: editable.to, to: around.to }),
      "### Response:",
    ].join("");
    const system =
      "You predict the next edit of a developer. Rewrite the lines between " +
      `${zeta1Marks.start} and ${zeta1Marks.end} as the developer would leave them next, going on with what the user ` +
      "edits began. Answer with these lines alone, without the marks.";
    return { kind: "chat", system, user, editable, stop: [] };
  },
  read(answer) {
    const inner = betweenRegionMarks(answer) ?? before(answer, zeta1Marks.end).replaceAll(zeta1Marks.cursor, "");
    const text = inner.replace(/^\s*```[^\n]*\n/, "").replace(/\n```\s*$/, "\n");
    return text.includes(zeta1Marks.start) ? undefined : linesOf(text);
  },
};

const formats: readonly { readonly pattern: RegExp; readonly format: ModelFormat }[] = [
  { pattern: /zeta-?v?2[.-]1/, format: zeta21 },
  { pattern: /zeta-?v?2/, format: zeta2 },
  { pattern: /zeta/, format: zeta1 },
  { pattern: /sweep.*next-?edit|next-?edit.*sweep/, format: sweep },
  { pattern: /instinct/, format: instinct },
];

/** The format of the family that a model's id or file name names; undefined: it is not known to predict edits. */
export const findModelFormat = (modelName: string): ModelFormat | undefined => {
  const name = (modelName.split(/[\\/]/).at(-1) ?? "").toLowerCase().replaceAll("_", "-");
  return formats.find(({ pattern }) => pattern.test(name))?.format;
};

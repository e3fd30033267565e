// Measures the embedded predictor on source text that it has not seen.
//   node test/bench/predictor.bench.ts [--json] [FOLDER EXTENSION]
//   node test/bench/predictor.bench.ts --fit FOLDER EXTENSION [FOLDER EXTENSION ...]
// Without a folder: undici's own sources, which every install has. Every tenth file is held out and "typed": one
// cursor a line at a seeded column, the text before it known, the text after it only with the second figure. With
// HOTPATH_SHARED set, the yardstick in $HOTPATH_SHARED/bench/predict runs on the same folder, too.
// --fit prints the coefficients that src/predictor/confidence.ts holds, fitted to these folders.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createPredictor, showableConfidence } from "../../src/predictor/predictor.ts";

const { values, positionals } = parseArgs({
  options: { json: { type: "boolean", default: false }, fit: { type: "boolean", default: false } },
  allowPositionals: true,
});
const [folder = fileURLToPath(new URL("../../node_modules/undici/lib", import.meta.url)), extension = ".js"] =
  positionals;

type Row = { confidence: number; isRight: boolean; units: number };
type Source = { name: string; text: string };

const wantedPrecision = 0.7;
const minShownUnits = 4;

const readSources = (root: string, end: string): Source[] =>
  fs
    .readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter(
      (name) => name.endsWith(end) && !name.endsWith(`.d${end}`) && !name.split(path.sep).includes("node_modules"),
    )
    .toSorted()
    .filter((name) => fs.statSync(path.join(root, name)).size < 200_000)
    .map((name) => ({ name, text: fs.readFileSync(path.join(root, name), "utf8") }));

const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

const percent = (rows: readonly Row[], all: number): number => round((100 * rows.length) / all, 1);

const meanUnits = (rows: readonly Row[]): number => {
  const right = rows.filter((row) => row.isRight);
  return round(right.reduce((sum, row) => sum + row.units, 0) / Math.max(1, right.length), 1);
};

/** The largest set of most confident rows of which `wantedPrecision` are right. */
const mostAtPrecision = (rows: readonly Row[]): Row[] => {
  const sorted = rows.toSorted((a, b) => b.confidence - a.confidence);
  let right = 0;
  let most = 0;
  for (const [i, row] of sorted.entries()) {
    if (row.isRight) right++;
    if (right / (i + 1) >= wantedPrecision) most = i + 1;
  }
  return sorted.slice(0, most);
};

const calibrationError = (rows: readonly Row[]): number => {
  let error = 0;
  for (let tenth = 0; tenth < 10; tenth++) {
    const bucket = rows.filter(({ confidence }) => Math.min(9, Math.floor(confidence * 10)) === tenth);
    const claimed = bucket.reduce((sum, row) => sum + row.confidence, 0);
    error += Math.abs(claimed - bucket.filter((row) => row.isRight).length);
  }
  return round(error / Math.max(1, rows.length), 3);
};

type Cursor = { prefix: string; suffix: string; rest: string };

/** One cursor for each line of some length, in the line's text at a seeded column. */
const cursorsOf = function* (text: string, random: () => number): Generator<Cursor> {
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
const pausesOf = function* (text: string, random: () => number): Generator<number> {
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

const createRandom = (): (() => number) => {
  let seed = 12_345;
  return () => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff) / 0x7fffffff;
};

/** Logistic regression by Newton's method, with a little pull towards zero. */
const fitLogistic = (rows: readonly Float64Array[], isRight: readonly boolean[]): number[] => {
  const size = rows[0]!.length;
  const weights = new Float64Array(size);
  for (let iteration = 0; iteration < 12; iteration++) {
    // Each line holds the second derivatives and, last, the first.
    const system = Array.from({ length: size }, () => new Float64Array(size + 1));
    for (const [n, row] of rows.entries()) {
      const chance = 1 / (1 + Math.exp(-row.reduce((sum, value, i) => sum + value * weights[i]!, 0)));
      const curve = chance * (1 - chance);
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < size; j++) system[i]![j]! += curve * row[i]! * row[j]!;
        system[i]![size]! += (chance - Number(isRight[n])) * row[i]!;
      }
    }
    for (let i = 0; i < size; i++) {
      system[i]![i]! += 1;
      system[i]![size]! += weights[i]!;
    }
    for (let i = 0; i < size; i++) {
      for (let other = 0; other < size; other++) {
        if (other === i) continue;
        const factor = system[other]![i]! / system[i]![i]!;
        for (let j = i; j <= size; j++) system[other]![j]! -= factor * system[i]![j]!;
      }
    }
    for (let i = 0; i < size; i++) weights[i]! -= system[i]![size]! / system[i]![i]!;
  }
  return Array.from(weights, (weight) => round(weight, 3));
};

/** Takes each folder as a large, a small and a tiny workspace, and fits to the steps that lead to held-out lines. */
const fit = (folders: readonly string[]): number[] => {
  const rows: Float64Array[] = [];
  const isRight: boolean[] = [];
  for (let at = 0; at + 1 < folders.length; at += 2) {
    for (const { maxUnits, every, hasStandard } of [
      { maxUnits: 3_000_000, every: 10, hasStandard: true },
      { maxUnits: 60_000, every: 3, hasStandard: true },
      { maxUnits: 60_000, every: 3, hasStandard: false },
      { maxUnits: 15_000, every: 2, hasStandard: true },
      { maxUnits: 0, every: 1, hasStandard: true },
    ]) {
      let units = 0;
      const sources = readSources(folders[at]!, folders[at + 1]!).filter(
        ({ text }) => (units += text.length) < maxUnits,
      );
      const held = (maxUnits > 0 ? sources : readSources(folders[at]!, folders[at + 1]!))
        .filter((_, i) => i % every === every - 1)
        .slice(0, 8);
      let rest = "";
      let isOver = false;
      const predictor = createPredictor({
        ...(hasStandard ? {} : { standardFolder: null }),
        onStep(features, text, isChosen) {
          if (isOver) return;
          // What is chosen counts twice more: it is what the chance is told of.
          for (let i = isChosen ? 0 : 1; i < 2; i++) {
            rows.push(features.slice());
            isRight.push(rest.startsWith(text));
          }
          if (isChosen) isOver = !rest.startsWith(text);
        },
      });
      for (const { name, text } of sources) if (!held.some((other) => other.name === name)) predictor.index(name, text);
      const random = createRandom();
      let cursors = 0;
      for (const { name, text } of held) {
        for (const cursor of cursorsOf(text, random)) {
          [rest, isOver] = [`${cursor.rest}\n`, false];
          predictor.predict(name, cursor.prefix, cursors++ % 2 === 0 ? cursor.suffix : "");
        }
        for (const place of pausesOf(text, random)) {
          [rest, isOver] = [text.slice(place, place + 400), false];
          // Behind the place a stretch is not written yet.
          const below = text.indexOf("\n", place + 300);
          predictor.propose(name, text.slice(0, place), below < 0 ? "" : text.slice(below), [0]);
        }
      }
    }
  }
  console.error(`${rows.length} steps`);
  return fitLogistic(rows, isRight);
};

const measure = (sources: readonly Source[], withSuffix: boolean) => {
  const held = sources.filter((_, i) => i % 10 === 3).slice(0, 25);
  const train = sources.filter((source) => !held.includes(source));
  const rssBefore = process.memoryUsage.rss();
  const predictor = createPredictor();
  const units = train.reduce((sum, { text }) => sum + text.length, 0);
  const indexStart = performance.now();
  for (const { name, text } of train) predictor.index(name, text);
  const indexMs = performance.now() - indexStart;

  const random = createRandom();
  const rows: Row[] = [];
  const times: number[] = [];
  let cursors = 0;
  for (const { name, text } of held) {
    for (const { prefix, suffix, rest } of cursorsOf(text, random)) {
      const start = performance.now();
      const prediction = predictor.predict(name, prefix, withSuffix ? suffix : "");
      times.push(performance.now() - start);
      cursors++;
      if (!prediction || prediction.text.replace(/\s/g, "").length < minShownUnits) continue;
      const { confidence, text: shown } = prediction;
      rows.push({ confidence, isRight: rest.startsWith(shown), units: shown.length });
    }
  }

  // An edit of a file of 5,000 lines.
  const edits: number[] = [];
  const edited = `edited${path.extname(held[0]!.name)}`;
  let editedText = sources
    .map(({ text }) => text)
    .join("\n")
    .split("\n")
    .slice(0, 5000)
    .join("\n");
  predictor.index(edited, editedText);
  for (let i = 0; i < 400; i++) {
    const at = Math.floor(random() * editedText.length);
    const text = i % 2 === 0 ? "x" : `\nconst edit${i} = true;\n`;
    // Flat, as it comes from another thread: V8 only notes what was joined, and joins it when it is first read.
    editedText = Buffer.from(editedText.slice(0, at) + text + editedText.slice(at)).toString();
    const start = performance.now();
    predictor.index(edited, editedText);
    edits.push(performance.now() - start);
  }

  times.sort((a, b) => a - b);
  edits.sort((a, b) => a - b);
  const best = mostAtPrecision(rows);
  const showable = rows.filter(({ confidence }) => confidence >= showableConfidence);
  return {
    withSuffix,
    files: train.length,
    heldFiles: held.length,
    cursors,
    coverageAt70Percent: percent(best, cursors),
    unitsAt70Percent: meanUnits(best),
    coverageShowable: percent(showable, cursors),
    rightShowable: percent(
      showable.filter((row) => row.isRight),
      Math.max(1, showable.length),
    ),
    unitsShowable: meanUnits(showable),
    calibrationError: calibrationError(rows),
    predictMsP50: round(quantile(times, 0.5), 3),
    predictMsP99: round(quantile(times, 0.99), 3),
    editMsP50: round(quantile(edits, 0.5), 3),
    editMsP99: round(quantile(edits, 0.99), 3),
    indexMBPerSecond: round(units / 1000 / indexMs, 1),
    learnedMB: round(units / 1e6, 1),
    rssAddedMB: round((process.memoryUsage.rss() - rssBefore) / 1e6, 0),
    modelMB: round(predictor.stats().memoryBytes / 1e6, 0),
  };
};

if (values.fit) {
  console.log(JSON.stringify(fit(positionals)));
  process.exit(0);
}
const sources = readSources(folder, extension);
if (sources.length < 10) {
  console.error(`${folder} has ${sources.length} files that end in ${extension}: too few to hold some out`);
  process.exit(2);
}
const results = [measure(sources, false), measure(sources, true)];
const shared = process.env["HOTPATH_SHARED"];
const yardstick = (): string => {
  if (!shared) return "HOTPATH_SHARED is not set: the shared yardstick did not run.";
  const engine = fileURLToPath(new URL("../../src/predictor/predictor.ts", import.meta.url));
  const script = path.join(shared, "bench/predict/score.mjs");
  const args = [script, engine, folder, "--ext", extension, ...(values.json ? ["--json"] : [])];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
  return status === 0 ? stdout.trim() : `The shared yardstick failed: ${stderr.trim()}`;
};

if (values.json) {
  const shape = yardstick();
  console.log(
    JSON.stringify({ folder, extension, results, yardstick: shape.startsWith("{") ? JSON.parse(shape) : shape }),
  );
} else {
  for (const result of results) {
    console.log(`${path.basename(folder)}, text after the cursor's line ${result.withSuffix ? "known" : "unknown"}:`);
    console.table(Object.fromEntries(Object.entries(result).map(([name, value]) => [name, { value }])));
  }
  console.log(yardstick());
}

// Measures the embedded predictor on source text that it has not seen.
//   node test/bench/predictor.bench.ts [--json] [FOLDER EXTENSION]
//   node test/bench/predictor.bench.ts --fit FOLDER EXTENSION [FOLDER EXTENSION ...]
// Without a folder: undici's own sources, which every install has. Every tenth file is held out and "typed": one
// cursor a line at a seeded column, the text before it known, the text after it only with the second figure. With
// HOTPATH_SHARED set, the yardstick in $HOTPATH_SHARED/bench/predict runs on the same folder, too.
// --fit prints the coefficients that src/predictor/coefficients.ts holds, fitted to these folders.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createPredictor, showableConfidence } from "../../src/predictor/predictor.ts";
import { fit } from "./predictorFit.ts";
import { createRandom, cursorsOf, readSources, type Source } from "./predictorSources.ts";

const { values, positionals } = parseArgs({
  options: { json: { type: "boolean", default: false }, fit: { type: "boolean", default: false } },
  allowPositionals: true,
});
const [folder = fileURLToPath(new URL("../../node_modules/undici/lib", import.meta.url)), extension = ".js"] =
  positionals;

type Row = { confidence: number; isRight: boolean; units: number };
const wantedPrecision = 0.7;
const minShownUnits = 4;

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
  console.log(JSON.stringify(fit(positionals, (line) => console.error(line))));
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

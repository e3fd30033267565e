// Types holes of real files with the engine and the ladder on a clock of its own, and counts what the typist would see
// at every pause: the yardstick for ghost text without any model, in seconds instead of minutes and without an editor.
//   node test/bench/predictorTyping.bench.ts [--chars 600] [--seed 1] [--warmup 30] [--confidence balanced] [--verbose] [--json] FILE[:LINE] ...
//   node test/bench/predictorTyping.bench.ts ... --sample 20 FOLDER EXTENSION [FOLDER EXTENSION ...]
// A hole of so many characters is cut out of each file at the line (default: a third into the file) and typed again.
// With --sample, so many files of each folder get a hole. A pause is a planned gap of 300 ms or more before the next key.
// Text counts as right when its first line that is not blank is what comes next, white space aside; wrong text counts by
// the time that it is visible, and a flicker is right text that goes though it was not typed, and is back within a second.
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { createCompletionEngine } from "../../src/completion/engine.ts";
import { createLedger } from "../../src/metrics/ledger.ts";
import { createPredictor } from "../../src/predictor/predictor.ts";
import { createProposer } from "../../src/predictor/proposer.ts";
import type { ConfidenceName } from "../../src/predictor/predictorMessages.ts";
import { createFakeClock } from "../fake/clock.ts";

const { values, positionals } = parseArgs({
  options: {
    chars: { type: "string", default: "600" },
    seed: { type: "string", default: "1" },
    warmup: { type: "string", default: "30" },
    sample: { type: "string", default: "0" },
    confidence: { type: "string", default: "balanced" },
    verbose: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
  allowPositionals: true,
});

type Hole = { file: string; text: string; start: number; end: number; seed: number };
type Key = { text: string; after: number; delayMs: number };

const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
};

/** The rhythm of somebody who types `text[start, end)`: slower at words, with pauses where lines and arguments begin. */
const keysOf = ({ text, start, end, seed }: Hole): Key[] => {
  const next = random(seed);
  const bell = () => Math.sqrt(-2 * Math.log(next() || 1e-9)) * Math.cos(2 * Math.PI * next());
  const keys: Key[] = [];
  let at = start;
  while (at < end) {
    const char = text[at]!;
    let length = 1;
    if (char === "\n") while (at + length < end && /[ \t]/.test(text[at + length]!)) length++;
    const before = text[at - 1] ?? "\n";
    const isAfterEnter = before === "\n" || keys.at(-1)?.text.startsWith("\n");
    let delayMs = Math.min(400, Math.max(70, 148 * Math.exp(0.32 * bell())));
    if (/[A-Za-z_]/.test(char) && !/[A-Za-z_0-9]/.test(before)) delayMs *= 1.25;
    if (char === "\n" && before !== "\n") delayMs = 180 + 170 * next();
    if (isAfterEnter) delayMs = char === "\n" ? 120 + 80 * next() : 400 + 500 * next();
    if (/[({=]/.test(before) && next() < 0.25) delayMs = 320 + 400 * next();
    keys.push({ text: text.slice(at, at + length), after: at + length, delayMs });
    at += length;
  }
  return keys;
};

const holeOf = (file: string, line: number | undefined, seed: number): Hole | undefined => {
  const text = fs.readFileSync(file, "utf8");
  const lines = line ?? Math.floor(text.split("\n").length / 3);
  let start = 0;
  for (let i = 1; i < lines; i++) start = text.indexOf("\n", start) + 1;
  let end = text.indexOf("\n", start + Number(values.chars));
  if (end < 0) end = text.length;
  if (text.includes("\r") || /[^\n\t\u0020-\u007e]/.test(text.slice(start, end)) || end <= start) return undefined;
  return { file, text, start, end, seed };
};

const sampled = (folder: string, extension: string, count: number): Hole[] => {
  const files = fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(extension) && !name.endsWith(`.d${extension}`) && !name.includes(".min."))
    .map((name) => path.join(folder, name))
    .filter((file) => fs.statSync(file).isFile() && fs.statSync(file).size > 4000 && fs.statSync(file).size < 60_000)
    .toSorted();
  const holes: Hole[] = [];
  const step = files.length / count;
  for (let n = 0; n < count && files.length > 0; n++) {
    const hole = holeOf(files[Math.min(files.length - 1, Math.floor((n + 0.5) * step))]!, undefined, 1000 + n);
    if (hole && hole.end - hole.start > 200) holes.push(hole);
  }
  return holes;
};

const bare = (text: string): string => text.replaceAll(/\s/g, "");
const firstLine = (text: string): string => bare(text.split("\n").find((line) => bare(line) !== "") ?? "");

const kinds = ["line start", "line end", "behind a sign", "in a word", "behind a blank"] as const;
const kindOf = (text: string, at: number): (typeof kinds)[number] => {
  if (/(?:^|\n)[ \t]*$/.test(text.slice(Math.max(0, at - 200), at))) return "line start";
  if (text[at] === "\n") return "line end";
  if (/\w/.test(text[at - 1]!)) return "in a word";
  return /\s/.test(text[at - 1]!) ? "behind a blank" : "behind a sign";
};

type Tally = {
  keys: number;
  pauses: number;
  right: number;
  shown: number;
  whole: number;
  rightUnits: number;
  visibleMs: number;
  wrongMs: number;
  totalMs: number;
  flickers: number;
  vanished: number;
  appearances: number;
  kinds: Record<string, { pauses: number; shown: number; right: number }>;
};
const newTally = (): Tally => ({
  keys: 0,
  pauses: 0,
  right: 0,
  shown: 0,
  whole: 0,
  rightUnits: 0,
  visibleMs: 0,
  wrongMs: 0,
  totalMs: 0,
  flickers: 0,
  vanished: 0,
  appearances: 0,
  kinds: {},
});

// VS Code asks 65 ms after a key, and takes 15 ms to draw.
const askAfterMs = 65;
const drawMs = 15;
const stepMs = 10;
const settled = () => new Promise<void>((resolve) => void setImmediate(resolve));
const languageIds: Record<string, string> = {
  ".ts": "typescript",
  ".tsx": "typescriptreact",
  ".js": "javascript",
  ".mjs": "javascript",
  ".py": "python",
  ".go": "go",
  ".rs": "rust",
  ".java": "java",
  ".c": "c",
  ".cpp": "cpp",
  ".h": "cpp",
};

const type = async (hole: Hole, tally: Tally): Promise<void> => {
  const clock = createFakeClock();
  const predictor = createPredictor();
  const { file, text: whole, start, end } = hole;
  const below = whole.slice(end);
  predictor.index(file, whole.slice(0, start) + below);
  const proposer = createProposer(predictor, values.confidence as ConfidenceName);
  const engine = createCompletionEngine({
    clock,
    ledger: createLedger({ clock }),
    onBetter() {},
    onSuccess() {},
    onFailure() {},
  });
  engine.use({
    predictor: {
      predict: async ({ path: at, prefix, suffix }) =>
        proposer.propose(at, prefix.slice(-18_000), suffix.slice(0, 2048)),
      feedback: (outcome) => predictor.feedback(outcome),
    },
  });

  let shown = "";
  let hiddenAtMs: number | undefined;
  let place = start;
  let learnedAt = start;
  const isRight = (text: string, at: number) => {
    const line = firstLine(text);
    return line !== "" && bare(whole.slice(at, at + text.length * 3 + 200)).startsWith(line);
  };
  /** Time passes with what is on screen. */
  const pass = (ms: number) => {
    if (place - start > Number(values.warmup)) {
      tally.totalMs += ms;
      if (bare(shown) !== "") {
        if (isRight(shown, place)) tally.visibleMs += ms;
        else tally.wrongMs += ms;
      }
    }
    clock.advance(ms);
  };
  const draw = (text: string) => {
    const isMeasured = place - start > Number(values.warmup);
    const was = bare(shown) !== "" && isRight(shown, place);
    const is = bare(text) !== "" && isRight(text, place);
    if (was && !is) {
      hiddenAtMs = clock.nowMs();
      if (isMeasured) tally.vanished++;
      if (values.verbose) console.log(`  vanished ${JSON.stringify(shown)} -> ${JSON.stringify(text)}`);
    } else if (is && !was && hiddenAtMs !== undefined) {
      if (clock.nowMs() - hiddenAtMs < 1000 && isMeasured) {
        tally.flickers++;
        if (values.verbose) console.log(`  FLICKER ${JSON.stringify(text)}`);
      }
      hiddenAtMs = undefined;
    }
    if (text !== shown && bare(text) !== "" && isMeasured) tally.appearances++;
    shown = text;
  };

  const keys = keysOf(hole);
  for (const [index, key] of keys.entries()) {
    const before = place;
    place = key.after;
    // What is on screen goes on when it is typed along.
    if (shown !== "") {
      const rest = shown.startsWith(key.text) ? shown.slice(key.text.length) : "";
      if (rest === "" && !shown.startsWith(key.text) && isRight(shown, before)) draw("");
      shown = rest;
    }
    const gapMs = keys[index + 1]?.delayMs ?? 600;
    const prefix = whole.slice(0, place);
    const snapshot = {
      documentId: file,
      path: file,
      languageId: languageIds[path.extname(file)] ?? "plaintext",
      prefix,
      suffix: below,
      aheadUnits: 0,
    };
    engine.documentChanged(file, () => [snapshot], { insertedUnits: key.text.length });
    const controller = new AbortController();
    let leftMs = gapMs;
    if (leftMs > askAfterMs) {
      pass(askAfterMs);
      leftMs -= askAfterMs;
      const reply: { text?: string } = {};
      const ask = async () => {
        const suggestion = await engine.suggest(snapshot, controller.signal);
        reply.text = suggestion?.insertText ?? "";
      };
      void ask();
      await settled();
      while (reply.text === undefined && leftMs > stepMs) {
        pass(stepMs);
        leftMs -= stepMs;
        await settled();
      }
      if (reply.text !== undefined && leftMs > drawMs) {
        pass(drawMs);
        leftMs -= drawMs;
        draw(reply.text);
      }
    }
    pass(leftMs);
    const isMeasured = place - start > Number(values.warmup) && bare(whole.slice(place, end)).length >= 2;
    if (isMeasured) tally.keys++;
    if (isMeasured && gapMs >= 300) {
      const right = isRight(shown, place);
      const kind = (tally.kinds[kindOf(whole, place)] ??= { pauses: 0, shown: 0, right: 0 });
      tally.pauses++;
      kind.pauses++;
      if (bare(shown) !== "") {
        tally.shown++;
        kind.shown++;
      }
      if (right) {
        tally.right++;
        kind.right++;
        tally.rightUnits += bare(shown).length;
        if (bare(whole.slice(place)).startsWith(bare(shown))) tally.whole++;
      }
      if (values.verbose) {
        const line = prefix.slice(prefix.lastIndexOf("\n") + 1);
        const mark = right ? "+" : bare(shown) === "" ? " " : "-";
        console.log(
          `${mark} ${JSON.stringify(line)} | ${JSON.stringify(shown)} | ${JSON.stringify(whole.slice(place, place + 24))}`,
        );
      }
    }
    controller.abort();
    if (gapMs > 700 && place - learnedAt > 0) {
      predictor.index(file, whole.slice(0, place) + below);
      learnedAt = place;
    }
  }
  engine.dispose();
};

const share = (part: number, all: number): number => Number((part / Math.max(1, all)).toFixed(3));
const figures = (tally: Tally) => ({
  pauses: tally.pauses,
  right: share(tally.right, tally.pauses),
  shown: share(tally.shown, tally.pauses),
  whole: share(tally.whole, tally.pauses),
  wrongTime: share(tally.wrongMs, tally.totalMs),
  rightTime: share(tally.visibleMs, tally.totalMs),
  flickers: tally.flickers,
  flickersPer1000: Math.round((tally.flickers / Math.max(1, tally.keys)) * 1000),
  vanishedPer1000: Math.round((tally.vanished / Math.max(1, tally.keys)) * 1000),
  rightUnits: Number((tally.rightUnits / Math.max(1, tally.right)).toFixed(1)),
});

const groups: { name: string; holes: Hole[] }[] = [];
if (Number(values.sample) > 0) {
  for (let i = 0; i + 1 < positionals.length; i += 2) {
    const [folder, extension] = [positionals[i]!, positionals[i + 1]!];
    groups.push({
      name: `${path.basename(folder)}${extension}`,
      holes: sampled(folder, extension, Number(values.sample)),
    });
  }
} else {
  for (const [index, spec] of positionals.entries()) {
    const found = /^(.*?)(?::(\d+))?$/.exec(spec)!;
    const hole = holeOf(found[1]!, found[2] ? Number(found[2]) : undefined, Number(values.seed) * 1000 + index);
    if (hole) groups.push({ name: path.basename(found[1]!), holes: [hole] });
  }
}
const table: Record<string, ReturnType<typeof figures>> = {};
const all = newTally();
for (const { name, holes } of groups) {
  const tally = newTally();
  for (const hole of holes) {
    if (values.verbose) console.log(hole.file);
    await type(hole, tally);
  }
  table[name] = figures(tally);
  for (const [key, value] of Object.entries(tally)) {
    if (typeof value === "number") (all as unknown as Record<string, number>)[key]! += value;
  }
  for (const [kind, { pauses, shown, right }] of Object.entries(tally.kinds)) {
    const sum = (all.kinds[kind] ??= { pauses: 0, shown: 0, right: 0 });
    sum.pauses += pauses;
    sum.shown += shown;
    sum.right += right;
  }
}
table["all"] = figures(all);
if (values.json) console.log(JSON.stringify({ table, kinds: all.kinds }));
else {
  console.table(table);
  console.table(
    Object.fromEntries(
      Object.entries(all.kinds).map(([kind, { pauses, shown, right }]) => [
        kind,
        { share: share(pauses, all.pauses), shown: share(shown, pauses), right: share(right, pauses) },
      ]),
    ),
  );
}

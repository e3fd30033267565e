// Measures what a server with a prefix cache reads anew at each key, for the two layouts of prompts.
//   node test/bench/prompt.bench.ts [--lines 12] [FILE]
// Twelve lines are deleted and typed again, key by key, at three places of a long file (default: one of undici's). One
// request a key, as a typist causes who never meets a text on screen; tokens are counted as characters / 3.6. Prints one
// JSON line for each layout and place. No model and no clock: the figures are exact, and the same on every machine.
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createPromptBuilder, type PromptLayout } from "../../src/completion/prompt.ts";
import { createRelatedFiles } from "../../src/completion/relatedFiles.ts";
import { buildFimPrompt, findFimTemplate } from "../../src/provider/fim.ts";
import { createFakeClock } from "../fake/clock.ts";
import { createTypist, newUnits, unitsPerToken } from "../fake/typist.ts";

const { values, positionals } = parseArgs({
  options: { lines: { type: "string", default: "12" } },
  allowPositionals: true,
});
const [file = fileURLToPath(new URL("../../node_modules/undici/lib/dispatcher/client-h1.js", import.meta.url))] =
  positionals;
const text = fs.readFileSync(file, "utf8").replaceAll("\r\n", "\n");
const lineStarts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
const typedLines = Number(values.lines);

/** A piece of other files of the usual size, told or not. */
const contextSource = () => {
  const related = createRelatedFiles();
  for (const name of ["one", "two", "three"]) {
    related.offer({ path: `lib/${name}.js`, text: `// ${name}\n${text.slice(0, 1500)}`, source: "open" });
  }
  return {
    isOn: () => true,
    read: (_: unknown, options: { windowText: string; maxUnits: number; isFresh: boolean }) => ({
      path: "lib/current.js",
      repository: "undici",
      files: related.list("lib/current.js", { ...options, windowText: "" }),
    }),
  };
};

const tokens = (units: number): number => Math.round((units / unitsPerToken) * 10) / 10;
const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, n) => sum + n, 0) / Math.max(1, numbers.length);

const replay = (modelName: string, layout: PromptLayout, isTold: boolean, share: number) => {
  const template = findFimTemplate(modelName);
  if (!template) throw new Error(`no template for ${modelName}`);
  const firstLine = Math.floor(lineStarts.length * share);
  const from = lineStarts[firstLine] ?? 0;
  const to = lineStarts[firstLine + typedLines] ?? text.length;
  const typist = createTypist(text.slice(0, from) + text.slice(to - 1), from);
  const prompts = createPromptBuilder({
    clock: createFakeClock(),
    layout: () => layout,
    ...(isTold ? { related: contextSource() } : {}),
  });
  const limits = { contextTokens: 16_384, fillInMiddle: "raw-template" as const, maxTokens: 160 };
  let last = buildFimPrompt(template, prompts.build(typist.snapshot(), limits));
  const first = last.length;
  const keys: number[] = [];
  const newlines: number[] = [];
  // Enter brings the next line's indentation with it.
  for (const [key] of text.slice(from, to - 1).matchAll(/\n[ \t]*|[^]/g)) {
    const prompt = buildFimPrompt(template, prompts.build(typist.insert(key), limits));
    (key.startsWith("\n") ? newlines : keys).push(newUnits(last, prompt));
    last = prompt;
  }
  const all = [...keys, ...newlines];
  return {
    model: modelName,
    layout,
    otherFiles: isTold,
    line: firstLine + 1,
    keys: all.length,
    firstPromptTokens: tokens(first),
    perKeyTokens: tokens(mean(all)),
    perNewlineTokens: tokens(mean(newlines)),
    worstTokens: tokens(Math.max(...all)),
  };
};

for (const model of ["qwen2.5-coder", "codestral"]) {
  for (const layout of ["classic", "anchored"] as const) {
    for (const isTold of [false, true]) {
      for (const share of [0.12, 0.42, 0.7]) {
        process.stdout.write(`${JSON.stringify(replay(model, layout, isTold, share))}\n`);
      }
    }
  }
}

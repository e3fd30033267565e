// How long it takes to find out what a message to the chat participant wants, and how often that is right.
//   node test/bench/assistant.bench.ts [--rounds 200]
// Prints one line of JSON and exits with 1 when a limit is missed. Each message's time is the least of all rounds; percentiles are over
// the messages. The phrases lie in test/fixtures/assistant.
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { resolveCommand } from "../../src/assistant/commands.ts";

const { values: options } = parseArgs({ options: { rounds: { type: "string", default: "200" } } });
const rounds = Number(options.rounds);
if (!(rounds > 0)) throw new Error("--rounds takes a number from 1");

type Phrase = { readonly text: string; readonly means: string };

const readPhrases = (name: string): readonly Phrase[] =>
  readFileSync(path.join(import.meta.dirname, "../fixtures/assistant", name), "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Phrase);

const rightShare = (phrases: readonly Phrase[]): number => {
  const right = phrases.filter(({ text, means }) => {
    const meaning = resolveCommand(text);
    return means === (meaning.kind === "command" ? meaning.command : meaning.kind);
  });
  return Number((right.length / phrases.length).toFixed(3));
};

const phrases = readPhrases("phrases.jsonl");
const bestMicroseconds = phrases.map(() => Infinity);
for (let round = 0; round < rounds; round++) {
  for (const [index, { text }] of phrases.entries()) {
    const startedMs = performance.now();
    resolveCommand(text);
    bestMicroseconds[index] = Math.min(bestMicroseconds[index]!, (performance.now() - startedMs) * 1000);
  }
}
const sorted = bestMicroseconds.toSorted((a, b) => a - b);
const quantile = (share: number): number => Number(sorted[Math.floor((sorted.length - 1) * share)]!.toFixed(1));

const figures = {
  scenario: "what a message wants",
  phrases: phrases.length,
  rightShare: rightShare(phrases),
  laterPhrasesRightShare: rightShare(readPhrases("morePhrases.jsonl")),
  p50Microseconds: quantile(0.5),
  maxMicroseconds: quantile(1),
  limits: { rightShare: 0.95, maxMicroseconds: 100 },
};
console.log(JSON.stringify(figures));
if (figures.rightShare < 0.95 || figures.maxMicroseconds > 100) process.exitCode = 1;

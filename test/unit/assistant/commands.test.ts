import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { commandNames, resolveCommand, type CommandName, type Meaning } from "../../../src/assistant/commands.ts";

type Phrase = {
  readonly text: string;
  readonly means: CommandName | "chat" | "unclear";
  readonly between?: readonly CommandName[];
};

const readPhrases = (name: string): readonly Phrase[] =>
  readFileSync(path.join(import.meta.dirname, "../../fixtures/assistant", name), "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Phrase);

const nameOf = (meaning: Meaning) => (meaning.kind === "command" ? meaning.command : meaning.kind);

const isRight = ({ text, means, between = [] }: Phrase): boolean => {
  const meaning = resolveCommand(text);
  if (nameOf(meaning) !== means) return false;
  return meaning.kind !== "unclear" || between.every((command) => meaning.between.includes(command));
};

test("of 200 phrases at least 95 % are read right", () => {
  const phrases = readPhrases("phrases.jsonl");
  assert.equal(phrases.length, 200);
  const wrong = phrases.filter((phrase) => !isRight(phrase)).map(({ text }) => text);
  assert.ok(wrong.length <= 10, `Read wrong: ${wrong.join(" | ")}`);
});

test("of phrases that the rules were not made for, few are taken for a wrong command", () => {
  const phrases = readPhrases("morePhrases.jsonl");
  const wrong = phrases.filter((phrase) => !isRight(phrase));
  assert.ok(wrong.length <= phrases.length * 0.2, `Read wrong: ${wrong.map(({ text }) => text).join(" | ")}`);
  const misled = wrong.filter(({ text }) => resolveCommand(text).kind === "command");
  assert.ok(misled.length <= phrases.length * 0.05, `Misled: ${misled.map(({ text }) => text).join(" | ")}`);
});

const rows: readonly (readonly [message: string, expected: Meaning])[] = [
  ["/fix  the null check ", { kind: "command", command: "fix", text: "the null check" }],
  ["/FIX", { kind: "command", command: "fix", text: "" }],
  ["Tests.", { kind: "command", command: "tests", text: "" }],
  ["please fix parseDate", { kind: "command", command: "fix", text: "please fix parseDate" }],
  ["/usr/bin is full", { kind: "chat", text: "/usr/bin is full" }],
  ["/* eslint-disable */ why", { kind: "chat", text: "/* eslint-disable */ why" }],
  ["preview this page", { kind: "chat", text: "preview this page" }],
  ["", { kind: "chat", text: "" }],
  ["write a function that tests primes", { kind: "chat", text: "write a function that tests primes" }],
  ["コードを直して", { kind: "chat", text: "コードを直して" }],
  ["/ all of it", { kind: "unclear", between: commandNames, text: "all of it" }],
];
for (const [message, expected] of rows) {
  test(`"${message}" is read`, () => assert.deepEqual(resolveCommand(message), expected));
}

test("a pasted log costs no more time than its beginning", () => {
  const log = `what is this: ${"error at line 1\n".repeat(100_000)}`;
  const startedMs = performance.now();
  for (let round = 0; round < 100; round++) resolveCommand(log);
  // A hundred times: the limit for one is 0.1 ms, and a full reading would take a thousand times as long.
  assert.ok(performance.now() - startedMs < 1000);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { renderContext, type ContextPiece } from "../../../src/assistant/context.ts";
import type { Turn } from "../../../src/assistant/conversation.ts";
import { isAboutAnswer } from "../../../src/assistant/followUp.ts";

const piece = (text: string): ContextPiece => ({ kind: "selection", title: "a.ts, lines 1-1", languageId: "ts", text });
const file = (title: string, text: string): ContextPiece => ({ kind: "file", title, languageId: "ts", text });
const turn = (...pieces: readonly ContextPiece[]): Turn => [
  { role: "user", content: `${renderContext(pieces, 10_000).text}Request: Write tests` },
  { role: "assistant", content: "Like this:\n```ts\ntest(one);\ntest(two);\n```\n" },
];
const earlier = [turn(piece("const a = 1;"))];

test("words behind an answer are about it while there is nothing new to work on", () => {
  assert.equal(isAboutAnswer("tests", "tests", [], earlier), true);
  assert.equal(isAboutAnswer("tests", "tests", [piece("const a = 1;")], earlier), true, "it is still selected");
  assert.equal(isAboutAnswer("tests", "tests", [piece("const a = 1;"), piece("const b = 2;")], earlier), false);
});

test("what is selected in a file that was sent is something new", () => {
  const whole = [turn(file("a.ts", "const a = 1;\nconst b = 2;"))];
  assert.equal(isAboutAnswer("tests", "tests", [piece("const a = 1;")], whole), false);
});

const about = (open: ContextPiece, turns: readonly Turn[]) => isAboutAnswer("tests", "tests", [open], turns);

test("another open file is something new, but not the same one, nor where the answer went", () => {
  const sent = [turn(file("a.ts", "const a = 1;"))];
  assert.equal(about(file("b.ts", "const b = 2;"), sent), false);
  assert.equal(about(file("b.ts", ""), sent), false, "empty, yet another one");
  assert.equal(about(file("a.ts", "const a = 1;"), sent), true);
  assert.equal(about(file("a.ts", "const a = 2;"), sent), true, "changed since");
  assert.equal(about(file("a.ts", "const a = 1;\n"), earlier), true, "no longer selected");
  assert.equal(about(file("a.test.ts", "import a;\r\ntest(one);\r\ntest(two);\r\n"), sent), true);
  const long = file("long.ts", "x;\n".repeat(9000));
  assert.equal(about(long, [turn(long)]), true, "sent only in part");
});

test("another command than the last one is meant as it is said", () => {
  assert.equal(isAboutAnswer("docs", "tests", [], earlier), false);
  assert.equal(isAboutAnswer("tests", undefined, [], []), false);
});

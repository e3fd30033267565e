import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContextPiece } from "../../../src/assistant/context.ts";
import { isAboutAnswer } from "../../../src/assistant/followUp.ts";

const piece = (text: string): ContextPiece => ({ kind: "selection", title: "a.ts", languageId: "ts", text });
const earlier = [
  [
    { role: "user", content: "```ts\nconst a = 1;\n```\n\nRequest: Write tests" },
    { role: "assistant", content: "test()" },
  ],
] as const;

test("words behind an answer are about it while there is nothing new to work on", () => {
  assert.equal(isAboutAnswer("tests", "tests", [], earlier), true);
  assert.equal(isAboutAnswer("tests", "tests", [piece("const a = 1;")], earlier), true, "it is still selected");
  assert.equal(isAboutAnswer("tests", "tests", [piece("const a = 1;"), piece("const b = 2;")], earlier), false);
});

test("another command than the last one is meant as it is said", () => {
  assert.equal(isAboutAnswer("docs", "tests", [], earlier), false);
  assert.equal(isAboutAnswer("tests", undefined, [], []), false);
});

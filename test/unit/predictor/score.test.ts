import assert from "node:assert/strict";
import { test } from "node:test";
import { addressIn, languageOf } from "../../../src/predictor/languageOf.ts";
import { createScore } from "../../../src/predictor/score.ts";

test("a prediction counts once what was typed has decided about it", () => {
  const score = createScore();
  const at = (path: string, before: string, text: string, confidence: number, ...typed: readonly string[]) => {
    score.observe(path, before);
    score.expect(path, before, text, confidence);
    for (const more of typed) score.observe(path, before + more);
  };
  at("/w/a.ts", "const a", " = 1;", 0.9, " ", " =", " = 1;");
  at("/w/a.ts", "const b", " = 2;", 0.5, " :");
  at("/w/b.py", "x", " = 2", 0.6, " = 2\n");
  // Not decided: the cursor went elsewhere, before the place, or to another file.
  at("/w/a.ts", "let c", " = 3", 0.8, " =");
  score.observe("/w/other.ts", "let c = 3");
  at("/w/a.ts", "let d", " = 3", 0.8);
  score.observe("/w/a.ts", "le");
  score.observe("/w/a.ts", "let d = 3");
  assert.deepEqual(score.languages(), [
    { language: "ts", decided: 2, right: 1, meanConfidence: 0.7 },
    { language: "py", decided: 1, right: 1, meanConfidence: 0.6 },
  ]);
});

test("an earlier prediction is not replaced before it is decided", () => {
  const score = createScore();
  score.expect("a.ts", "co", "nst value", 0.5);
  score.observe("a.ts", "con");
  score.expect("a.ts", "con", "sole", 0.9);
  score.observe("a.ts", "const value");
  assert.deepEqual(score.languages(), [{ language: "ts", decided: 1, right: 1, meanConfidence: 0.5 }]);
});

test("the language is the file's extension", () => {
  const rows = {
    "/w/a.TS": "ts",
    "vscode-notebook-cell:/w/a.ipynb#W0sZ": "ipynb",
    "C:\\w\\a.cs": "cs",
    "/w/Makefile": "",
    "/w.d/x": "",
    "/home/me/C#/app/a.ts": "ts",
    "C:\\F#\\a.cs": "cs",
    "a#1.py": "py",
    "untitled:Untitled-1": "",
  };
  for (const [path, language] of Object.entries(rows)) assert.equal(languageOf(path), language, path);
});

test("the language of a document without a file is the one that VS Code takes it for", () => {
  for (const [languageId, address, language] of [
    ["typescript", "untitled:Untitled-1", "ts"],
    ["python", "untitled:/w/a.txt", "py"],
    ["go", "untitled:Untitled-2", "go"],
    ["javascript", "vscode-notebook-cell:/w/a.ipynb#W0sZ", "js"],
    ["markdown", "vscode-notebook-cell:/w/a.ipynb#W1", "md"],
  ] as const)
    assert.equal(languageOf(addressIn(languageId, address)), language);
});

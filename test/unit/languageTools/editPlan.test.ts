import assert from "node:assert/strict";
import { test } from "node:test";
import { planEdit, showHidden } from "../../../src/languageTools/editPlan.ts";
import { ToolError, type ToolErrorKind } from "../../../src/languageTools/toolError.ts";
import { createRandom } from "../predictor/randomText.ts";

const fails = (kind: ToolErrorKind, pattern: RegExp, ...edit: Parameters<typeof planEdit>) =>
  assert.throws(
    () => planEdit(...edit),
    (error: unknown) => error instanceof ToolError && error.kind === kind && pattern.test(error.message),
  );

const numbered = Array.from({ length: 12 }, (_, index) => `line ${index + 1}`).join("\n");

test("one place is replaced, and the diff shows it among three lines that stay", () => {
  const plan = planEdit(numbered, "line 6\nline 7", "line six\nline seven\nand more");
  assert.deepEqual(plan.start, { line: 5, character: 0 });
  assert.deepEqual(plan.end, { line: 6, character: 6 });
  assert.equal(
    plan.diff,
    [
      "@@ -3,8 +3,9 @@",
      " line 3",
      " line 4",
      " line 5",
      "-line 6",
      "-line 7",
      "+line six",
      "+line seven",
      "+and more",
      " line 8",
      " line 9",
      " line 10",
    ].join("\n"),
  );
  assert.deepEqual([plan.added, plan.removed], [3, 2]);
  assert.equal(plan.result, numbered.replace("line 6\nline 7", "line six\nline seven\nand more"));
});

test("lines that a model gave back as they were do not count as changed", () => {
  const plan = planEdit(numbered, "line 5\nline 6\nline 7", "line 5\nline six\nline 7");
  assert.deepEqual([plan.added, plan.removed], [1, 1]);
  assert.match(plan.diff, /^ line 5\n-line 6\n\+line six\n line 7$/m);
});

test("line ends of any kind are the same", () => {
  const plan = planEdit("a\r\nb\r\nc\r\n", "b\nc", "x\r\ny");
  assert.equal(plan.result, "a\nx\ny\n");
  assert.deepEqual(
    [plan.start, plan.end, plan.newText],
    [{ line: 1, character: 0 }, { line: 2, character: 1 }, "x\ny"],
  );
});

test("an empty oldText begins a new file, never overwrites one", () => {
  const plan = planEdit(undefined, "", "first\nsecond\n");
  assert.equal(plan.result, "first\nsecond\n");
  assert.equal(plan.diff, "@@ -0,0 +1,2 @@\n+first\n+second");
  assert.equal(planEdit("a", "a", "a\n").diff, "@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a");
  assert.equal(planEdit("", "", "x").result, "x");
  fails("exists", /has text already/, "text", "", "x");
  fails("not-found", /leave "oldText" empty/, undefined, "a", "b");
});

test("what does not fit is told in a way that helps", () => {
  fails("no-match", /does not occur.*Read it again/, numbered, "line 99", "x");
  fails("no-match", /Line 2 differs only in its blanks/, "a\n\tfoo( b );\n", "  foo(b);", "x");
  fails("ambiguous", /lines 1, 2, 3/, "x = 1\nx = 2\nx = 3", "x = ", "y = ");
  fails("ambiguous", /more than once/, "aaa", "aa", "b");
  fails("input", /the same/, numbered, "line 3", "line 3");
});

test("an edit that could not be shown whole is not planned", () => {
  fails("too-large", /at most 400 lines/, undefined, "", "x\n".repeat(500));
  fails("too-large", /1000 characters/, undefined, "", `${" ".repeat(2000)}run(evil)`);
  fails("too-large", /1000 characters/, `${"x".repeat(5000)}\nb`, "b", "c");
});

test("what cannot be seen is spelled out and told of", () => {
  const plan = planEdit("a\n", "a", "if (isAdmin\u202e \u2066) {\u200b\u3164\u0007");
  assert.ok(plan.hasHidden);
  assert.match(plan.diff, /isAdmin\\u\{202e\} \\u\{2066\}\) \{\\u\{200b\}\\u\{3164\}\\u\{7\}/);
  assert.ok(!planEdit("a\n", "a", "\tnaïve 日本語 ✓").hasHidden);
  assert.equal(showHidden("a\tb\nc"), "a\tb\nc");
});

test("whatever is replaced, start, end and new text make the result, and the diff tells every changed line", () => {
  const random = createRandom(5);
  const words = ["a", "b", "\n", "\n\n", "  ", "foo", "}\n", "é", "日"];
  const some = (length: number) => Array.from({ length: random(length) }, () => words[random(words.length)]!).join("");
  let planned = 0;
  for (let round = 0; round < 4000; round++) {
    const text = some(30);
    const from = random(text.length + 1);
    const oldText = text.slice(from, from + random(12));
    const newText = some(8);
    let plan;
    try {
      plan = planEdit(text, oldText, newText);
    } catch (error) {
      assert.ok(error instanceof ToolError);
      continue;
    }
    planned++;
    const offset = ({ line, character }: { line: number; character: number }) =>
      text.split("\n").slice(0, line).join("\n").length + (line > 0 ? 1 : 0) + character;
    assert.equal(text.slice(0, offset(plan.start)) + plan.newText + text.slice(offset(plan.end)), plan.result);
    // Undoing what the diff says gives the old text back around the same place.
    const lines = plan.diff
      .split("\n")
      .slice(1)
      .filter((line) => !line.startsWith("\\"));
    const side = (mark: string) =>
      lines
        .filter((line) => line[0] !== mark)
        .map((line) => line.slice(1))
        .join("\n");
    assert.ok(`\n${text}\n`.includes(`\n${side("+")}\n`), plan.diff);
    assert.ok(`\n${plan.result}\n`.includes(`\n${side("-")}\n`), plan.diff);
    const swapped = `\n${text}\n`.replace(`\n${side("+")}\n`, () => `\n${side("-")}\n`);
    const isSameEnd = text.endsWith("\n") === plan.result.endsWith("\n");
    if (isSameEnd && `\n${text}\n`.split(`\n${side("+")}\n`).length === 2) assert.equal(swapped, `\n${plan.result}\n`);
  }
  assert.ok(planned > 500, String(planned));
});

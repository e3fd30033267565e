import assert from "node:assert/strict";
import { test } from "node:test";
import { promptBudget, promptWindow } from "../../../src/completion/promptWindow.ts";

const lines = (count: number) => Array.from({ length: count }, (_, n) => `const value${n} = compute(${n});`).join("\n");

test("a short document goes whole", () => {
  assert.deepEqual(promptWindow("a\nb", "\nc"), { prefix: "a\nb", suffix: "\nc" });
});

test("a long document's window begins at a line and stays put while a line is typed", () => {
  const document = lines(2000);
  const { prefix } = promptWindow(document, "");
  assert.ok(prefix.length <= 9000 && prefix.length > 5000, `${prefix.length}`);
  assert.match(prefix, /^const value/);
  const start = document.length - prefix.length;
  for (let typed = 1; typed < 40; typed++) {
    const next = promptWindow(document + "x".repeat(typed), "").prefix;
    assert.equal(document.length + typed - next.length, start);
  }
});

test("a line longer than the window is cut", () => {
  const { prefix, suffix } = promptWindow("x".repeat(100_000), "y".repeat(100_000));
  assert.ok(prefix.length <= 9000 && prefix.length > 3000, `${prefix.length}`);
  assert.equal(suffix.length, 1200);
});

test("a long line right above the cursor is cut, not left out", () => {
  const { prefix } = promptWindow(`${"x".repeat(20_000)}\n`, "");
  assert.ok(prefix.length <= 9000 && prefix.length > 3000, `${prefix.length}`);
});

test("no character is cut in two", () => {
  for (const more of ["", "x"]) {
    const { prefix, suffix } = promptWindow(more + "😀".repeat(10_000), more + "😀".repeat(10_000));
    assert.ok(prefix.isWellFormed() && suffix.isWellFormed());
    assert.ok(prefix.length > 3000 && suffix.length > 1000);
  }
});

test("a long suffix ends with a whole line", () => {
  const { suffix } = promptWindow("", `\n${lines(200)}`);
  assert.ok(suffix.length <= 1200 && suffix.endsWith(";"), suffix.slice(-20));
});

test("a small context leaves room for the answer", () => {
  const { prefixUnits, suffixUnits } = promptBudget(2048, 160);
  assert.ok(prefixUnits + suffixUnits <= (2048 - 160) * 2);
  assert.ok(prefixUnits > suffixUnits * 5);
  assert.deepEqual(promptBudget(131_072, 160), promptBudget(undefined, 160));
  assert.ok(promptBudget(100, 160).prefixUnits > 0);
});
